// Responsible for: failures of the modules below as a person is told about them. Must not know: sockets.
import Inference
import ModelFile
import Sequences
import Tokenization

extension TandemError {
    /// A model that cannot be used.
    package init(_ error: ModelFileError) {
        let kind: Kind =
            switch error.code {
            case .notFound: .notFound
            case .forbidden: .forbidden
            case .unreadable, .unwritable: .internal
            default: .invalid
            }
        self.init(Sentence(error.description), kind: kind, hint: error.hint)
    }

    /// A stage that cannot be made, or cannot compute.
    package init(_ error: InferenceError) { self.init(Sentence(error.description), kind: .internal) }

    /// A tokenizer that cannot be used.
    package init(_ error: TokenizationError) {
        self.init("\(error)", hint: "send token ids with \(.promptTokens) 1,2,3")
    }
}
