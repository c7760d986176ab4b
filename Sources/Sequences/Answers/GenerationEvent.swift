// Responsible for: what becomes of a request while its answer is made, the same for one process and for a cluster.
// Must not know: where the answer is computed, who reads it.

/// What happens to a request, in this order: accepted; any number of notices, waiting, reasoning and tokens (or scores); finished.
/// A request that fails ends with a `TandemError` instead. Texts hold complete characters.
package enum GenerationEvent: Sendable, Equatable {
    /// The prompt's tokens. `droppedMessages`: how many of the oldest messages did not fit in the context.
    case accepted(model: String, promptTokens: [Int32], droppedMessages: Int)
    /// Something of what was asked for has no effect, or another than one would think.
    case notice(Sentence)
    /// Nothing can be computed at the moment, and why.
    case waiting(Sentence)
    /// More of what the model thinks before it answers. Either may be empty.
    case reasoning([SampledToken], text: String)
    /// More of the answer. Either may be empty; a text of nil: the model has no tokenizer.
    case tokens([SampledToken], text: String?)
    /// The log-probabilities of the next tokens of a prompt that is scored.
    case scores([Float])
    case finished(FinishReason, GenerationTimings)
}
