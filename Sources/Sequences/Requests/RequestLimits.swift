// Responsible for: the largest request that anybody may make. Must not know: messages, models.

/// The largest values of a request. A model's context and vocabulary limit it further.
package enum RequestLimits {
    /// Bytes of a prompt, or of all messages of a conversation together.
    package static let promptBytes = 16 << 20
    /// Messages of a conversation.
    package static let chatMessages = 4096
    /// Stop strings of a request, stop tokens of it, and bytes in one of them.
    package static let stops = 64
    package static let stopBytes = 4096
    /// Tokens of a sequence: prompt and answer.
    package static let sequenceTokens = 1 << 20
    /// Log-probabilities reported for a token beside the chosen one.
    package static let topLogProbabilities = 100
    /// Tokens in a logit bias.
    package static let biasedTokens = 1 << 16
    /// A request's priority is from minus this to this.
    package static let priority = 100
}
