// Responsible for: what a person gets back while an answer is made, the same for one process and for a cluster.
// Must not know: where the answer was computed.
import Wire

/// Why an answer ended: the wire's own word for it.
package typealias FinishReason = Wire.FinishReason

/// Where the time of one answer went, in seconds: what the wire carries.
package typealias GenerationTimings = Wire.Timings

/// One token of an answer.
package struct GeneratedToken: Sendable, Equatable {
    /// An alternative that was likely at the same place.
    package struct Candidate: Sendable, Equatable {
        package var token: Int32
        package var logProbability: Float
    }

    package var token: Int32
    /// The log-softmax of the model's logits at this token; nil where it was not asked for.
    package var logProbability: Float?
    package var top: [Candidate]
}

/// What happens to a request, in this order: accepted, any number of waiting and text (or scores), then finished. A request that
/// fails ends with a thrown `NodeError` instead.
package enum GenerationEvent: Sendable, Equatable {
    /// The prompt's tokens. `droppedMessages`: how many of the oldest messages did not fit in the context.
    case accepted(model: String, promptTokens: [Int32], droppedMessages: Int)
    /// Nothing can be computed at the moment, and why.
    case waiting(String)
    /// More of the answer. `text` holds complete characters and may be empty; nil: the model has no tokenizer.
    case tokens([GeneratedToken], text: String?)
    /// The log-probabilities of the next tokens of a prompt that is scored.
    case scores([Float])
    case finished(FinishReason, GenerationTimings)
}
