// Responsible for: what became of one request of a load, with the times at which a client saw it happen.
// Must not know: sockets, how requests are made, what is reckoned from them.

/// One request of a load. Times are seconds since the load began.
package struct RequestRecord: Sendable, Equatable {
    /// How a request ended.
    package enum Ending: Sendable, Equatable {
        /// With all the tokens it asked for.
        case completed
        /// The coordinator said no before the first token, and why.
        case refused(String)
        /// The coordinator gave up after the first token, or gave fewer tokens than were asked for, and why.
        case failed(String)
        /// We wanted no more of it.
        case cancelled
        /// Nobody said what became of it: the coordinator was not there, went away or fell silent.
        case lost(String)
    }

    package var submitted: Double
    /// Of each token of the answer, in their order.
    package var tokenTimes: [Double] = []
    package var ended: Double
    package var promptTokens: Int
    package var ending: Ending

    /// A request without any token yet.
    package init(submitted: Double, ended: Double, promptTokens: Int, ending: Ending) {
        (self.submitted, self.ended, self.promptTokens, self.ending) = (submitted, ended, promptTokens, ending)
    }

    /// Seconds from its submission to its first token; nil where none came.
    package var timeToFirstToken: Double? { tokenTimes.first.map { $0 - submitted } }

    /// Seconds between each token and the one before.
    package var gaps: [Double] { zip(tokenTimes.dropFirst(), tokenTimes).map { $0 - $1 } }

    /// The mean of `gaps`; nil where there are fewer than two tokens.
    package var meanGap: Double? {
        guard tokenTimes.count > 1, let first = tokenTimes.first, let last = tokenTimes.last else { return nil }
        return (last - first) / Double(tokenTimes.count - 1)
    }

    /// Whether it ended well and within `limits`. A lone token has no time between tokens.
    package func isGood(_ limits: LatencyLimits) -> Bool {
        guard ending == .completed, let first = timeToFirstToken else { return false }
        return first <= limits.firstTokenSeconds && (meanGap ?? 0) * 1000 <= limits.betweenTokensMilliseconds
    }
}

/// What a request must keep to for its tokens to count as goodput.
package struct LatencyLimits: Sendable, Equatable, Codable {
    /// The longest time to the first token.
    package var firstTokenSeconds = 10.0
    /// The longest mean time between tokens.
    package var betweenTokensMilliseconds = 200.0

    /// The defaults of the command line.
    package init() {}
}
