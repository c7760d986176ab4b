// Responsible for: measuring one answer. Must not know: what is in it.
import Sequences

/// Measures one answer.
package struct AnswerClock {
    private let arrival = ContinuousClock.now
    private var start = ContinuousClock.now
    private var first: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    /// Tokens so far.
    package private(set) var generated = 0

    /// The request has arrived.
    package init() {}

    /// The work begins; until now the request waited.
    package mutating func start(_ now: ContinuousClock.Instant = .now) { start = now }

    /// A token has arrived.
    package mutating func tick() {
        let now = ContinuousClock.now
        if first == nil { first = now }
        last = now
        generated += 1
    }

    /// What was measured so far.
    package func timings(promptTokens: Int) -> GenerationTimings {
        func seconds(from begin: ContinuousClock.Instant?, to end: ContinuousClock.Instant?) -> Double {
            guard let begin, let end else { return 0 }
            return begin.duration(to: end).seconds
        }
        var timings = GenerationTimings()
        timings.promptTokens = promptTokens
        timings.promptSeconds = seconds(from: start, to: first)
        timings.generatedTokens = generated
        timings.decodeSeconds = seconds(from: first, to: last)
        timings.firstTokenSeconds = seconds(from: arrival, to: first)
        return timings
    }
}
