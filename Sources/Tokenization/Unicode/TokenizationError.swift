// Why a tokenizer cannot be built from its description. Encoding and decoding themselves never fail.

/// A description that no tokenizer can follow; each message says what is wrong and what to do.
package enum TokenizationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A part of the tokenizer is of a kind that is not known here.
    case unsupported(String)
    /// A regular expression that is wrong, or uses what is not known here.
    case unsupportedExpression(String, reason: String)
    /// The compiled map of characters is not one.
    case damagedCharacterMap
    /// A list that must have one entry a token has another length.
    case wrongCount(field: String, count: Int, tokens: Int)
    /// An id outside the vocabulary.
    case tokenOutOfRange(field: String, token: Int, tokens: Int)
    /// A merge of texts that are no tokens, or into one that is none.
    case unknownMerge(index: Int, left: String, right: String)

    package var description: String {
        switch self {
        case .unsupported(let name):
            "the tokenizer's \(name) is not supported; the model can be used with token ids"
        case .unsupportedExpression(let expression, let reason):
            "the tokenizer's expression \"\(expression.prefix(80))\" cannot be used: \(reason); the model can be used "
                + "with token ids"
        case .damagedCharacterMap:
            "the tokenizer's map of characters is not one; the model file is damaged"
        case .wrongCount(let field, let count, let tokens):
            "the tokenizer has \(count) \(field) for \(tokens) tokens; the model file is damaged"
        case .tokenOutOfRange(let field, let token, let tokens):
            "the tokenizer's \(field) is token \(token), but there are \(tokens) tokens; the model file is damaged"
        case .unknownMerge(let index, let left, let right):
            "merge \(index) of the tokenizer joins \"\(left)\" and \"\(right)\", but not all of these and what they "
                + "make are tokens; the model file is damaged"
        }
    }
}
