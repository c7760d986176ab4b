// Responsible for: a trace made to fit: fewer requests, another pace, lengths that a context holds.
// Must not know: how traces are written, who plays them.
import Node
import Sequences

extension RequestTrace {
    /// How many requests were made shorter.
    package struct Clipping: Sendable, Equatable, Codable {
        package var prompts = 0
        package var answers = 0
    }

    /// From the first request to the last, in seconds.
    package var duration: Double { entries.last?.time ?? 0 }

    /// Requests per second, on average: the intervals between requests divided by the time they take. nil where all come
    /// at once.
    package var rate: Double? { duration > 0 ? Double(entries.count - 1) / duration : nil }

    /// The mean lengths, in tokens and rounded up.
    package var meanPromptTokens: Int { mean(\.promptTokens) }
    package var meanAnswerTokens: Int { mean(\.answerTokens) }

    private func mean(_ length: (Entry) -> Int) -> Int {
        (entries.reduce(0) { $0 + length($1) } + entries.count - 1) / max(1, entries.count)
    }

    /// Only the first `count` requests.
    package mutating func keepFirst(_ count: Int) { entries = Array(entries.prefix(count)) }

    /// Makes time pass `factor` times as fast.
    package mutating func speedUp(by factor: Double) {
        for index in entries.indices { entries[index].time /= factor }
    }

    /// Makes time pass such that `rate` is so many requests per second. Throws where all requests come at once.
    package mutating func setRate(_ wanted: Double) throws(TandemError) {
        guard let rate else {
            throw TandemError(
                "all requests of the trace come at the same time, so they have no rate",
                hint: "take more of them with \(.requests)")
        }
        speedUp(by: wanted / rate)
    }

    /// Shortens what is longer than allowed: answers to `maximumAnswer`, prompts to `maximumPrompt`, and both together to
    /// `context`, where an answer that is longer than half of it leaves at least half to the prompt. An answer without any
    /// token gets one. A prompt keeps its beginning, and so what it has in common with others.
    package mutating func clip(maximumPrompt: Int?, maximumAnswer: Int?, context: Int) -> Clipping {
        precondition(context >= 2)
        var clipping = Clipping()
        for index in entries.indices {
            let entry = entries[index]
            var prompt = min(entry.promptTokens, maximumPrompt ?? .max)
            let answer = max(1, min(entry.answerTokens, maximumAnswer ?? .max, max(context / 2, context - prompt)))
            prompt = min(prompt, context - answer)
            if answer < entry.answerTokens { clipping.answers += 1 }
            if prompt < entry.promptTokens { clipping.prompts += 1 }
            (entries[index].promptTokens, entries[index].answerTokens) = (prompt, answer)
        }
        return clipping
    }

    /// The smallest context in which `clip` shortens nothing but to the same two limits.
    package func wantedContext(maximumPrompt: Int?, maximumAnswer: Int?) -> Int {
        let lengths = entries.map { entry in
            min(entry.promptTokens, maximumPrompt ?? .max) + max(1, min(entry.answerTokens, maximumAnswer ?? .max))
        }
        return max(2, lengths.max() ?? 2)
    }
}
