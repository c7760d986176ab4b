// Responsible for: what people set about files that are written. Must not know: how it is spelled.
import Sequences

extension Field {
    static let force = Field("force")
    static let allowRequantize = Field("allow_requantize")
    package static let type = Field("type")
}
