// Responsible for: what people set of commands that work on models and texts. Must not know: how it is spelled.
import Sequences

extension Field {
    static let chunks = Field("chunks")
    static let file = Field("file")
}
