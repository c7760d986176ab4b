// Responsible for: an answer against the right one, token by token as it comes. Must not know: where it comes from, clocks.
import Sequences

/// What a request is answered with, whatever happens to the cluster.
package struct KnownAnswer: Sendable, Equatable {
    package var request: GenerationRequest
    package var tokens: [SampledToken]
    package var text: String
    /// How long it took.
    package var seconds = 0.0

    /// The answer that was given while nothing happened.
    package init(request: GenerationRequest, tokens: [SampledToken], text: String) {
        (self.request, self.tokens, self.text) = (request, tokens, text)
    }
}

/// By what an answer differs from the right one.
package struct AnswerDifference: Sendable, Equatable, Encodable {
    /// Tokens of the right answer that are missing.
    package var lost = 0
    /// Tokens in the place of others, or with other log-probabilities or another text.
    package var altered = 0
    /// Tokens that came again, or that the right answer has nowhere.
    package var doubled = 0

    /// No difference.
    package init(lost: Int = 0, altered: Int = 0, doubled: Int = 0) {
        (self.lost, self.altered, self.doubled) = (lost, altered, doubled)
    }

    package var isNone: Bool { self == AnswerDifference() }

    static func += (sum: inout AnswerDifference, more: AnswerDifference) {
        sum.lost += more.lost
        sum.altered += more.altered
        sum.doubled += more.doubled
    }
}

/// One answer on its way.
package struct AnswerCheck: Sendable {
    private let known: KnownAnswer
    private var tokens: [SampledToken] = []
    private var text = ""
    private var isWrong = false

    /// Nothing has come.
    package init(_ known: KnownAnswer) { self.known = known }

    /// So many tokens have come.
    package var count: Int { tokens.count }

    /// More of the answer. Returns what is wrong with it, the first time that something is.
    package mutating func take(_ more: [SampledToken], text part: String) -> String? {
        let first = tokens.count
        tokens += more
        text += part
        guard !isWrong else { return nil }
        for (index, token) in more.enumerated() {
            let place = first + index
            guard place < known.tokens.count else {
                isWrong = true
                return "token \(place + 1) is \(token.token), but the answer has only \(known.tokens.count)"
            }
            let right = known.tokens[place]
            if token == right { continue }
            isWrong = true
            if token.token != right.token {
                return "token \(place + 1) is \(token.token), but should be \(right.token)"
            }
            return "token \(place + 1) has other log-probabilities"
        }
        return nil
    }

    /// All that is wrong with it. `isComplete`: it has come to its end, so that what did not come is lost.
    package func difference(isComplete: Bool) -> AnswerDifference {
        if !isWrong && tokens.count == known.tokens.count {
            return AnswerDifference(altered: text == known.text ? 0 : 1)
        }
        if !isWrong { return AnswerDifference(lost: isComplete ? known.tokens.count - tokens.count : 0) }
        return alignment(isComplete)
    }

    /// The fewest changes that make the right answer of what came (Wagner and Fischer's algorithm).
    private func alignment(_ isComplete: Bool) -> AnswerDifference {
        let right = known.tokens
        /// [tokens of the right answer, from none to all] what is wrong up to the token looked at.
        var row = (0...right.count).map { AnswerDifference(lost: $0) }
        for token in tokens {
            var next = [row[0]]
            next[0].doubled += 1
            for place in right.indices {
                var same = row[place]
                if token != right[place] { same.altered += 1 }
                var doubled = row[place + 1]
                doubled.doubled += 1
                var lost = next[place]
                lost.lost += 1
                next.append([same, doubled, lost].min { $0.cost < $1.cost } ?? same)
            }
            row = next
        }
        let ends = isComplete ? [row[right.count]] : row
        return ends.min { $0.cost < $1.cost } ?? AnswerDifference()
    }
}

extension AnswerDifference {
    /// Changes; of as many those that move nothing.
    fileprivate var cost: (Int, Int) { (lost + altered + doubled, lost + doubled) }
}
