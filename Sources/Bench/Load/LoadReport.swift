// Responsible for: what the requests of a load came to: throughput, latencies, goodput, and how many ended how.
// Must not know: clocks, sockets, where the requests came from, how the figures are shown.
import Node
import Sequences

/// The figures of one load that ran once or several times. Rates are per second of a run, which lasts from its first
/// submission to its last end; latencies are of the requests of all runs together.
package struct LoadReport: Sendable, Codable, Equatable {
    /// Why requests were refused, failed or lost, and how many.
    package struct Reason: Sendable, Codable, Equatable {
        package var message: String
        package var requests: Int
    }

    package var requests = 0
    package var completed = 0
    package var refused = 0
    package var failed = 0
    package var cancelled = 0
    package var lost = 0
    /// The commonest first, at most `mostReasons`.
    package var reasons: [Reason] = []
    package var promptTokens = 0
    package var answerTokens = 0
    /// Of all runs together.
    package var seconds = 0.0
    /// Tokens of answers, those of requests that did not end well included.
    package var tokensPerSecond: Spread
    /// Tokens of prompts whose first token came.
    package var promptTokensPerSecond: Spread
    /// Requests that ended well.
    package var requestsPerSecond: Spread
    /// Tokens of the answers that ended well and within `limits`.
    package var goodput: Spread
    package var limits: LatencyLimits
    /// Requests that count for `goodput`.
    package var good = 0
    /// From the submission to the first token; nil where no token came.
    package var timeToFirstTokenSeconds: Percentiles?
    /// From a token to the next one of the same answer; nil where no answer had two.
    package var timeBetweenTokensMilliseconds: Percentiles?
    /// The longest that an answer which had begun stood still.
    package var longestGapSeconds = 0.0

    private static let mostReasons = 5

    /// Of the requests of each run. A run without requests counts for nothing. Throws where there is no other.
    package init(_ runs: [[RequestRecord]], limits: LatencyLimits) throws(TandemError) {
        let runs = runs.filter { !$0.isEmpty }
        guard !runs.isEmpty else { throw TandemError("no request was made, so there is nothing to report") }
        self.limits = limits
        let lengths = runs.map { run in
            max(1e-9, (run.map(\.ended).max() ?? 0) - (run.map(\.submitted).min() ?? 0))
        }
        func rate(_ amount: (RequestRecord) -> Int) -> Spread {
            Spread(zip(runs, lengths).map { run, seconds in Double(run.reduce(0) { $0 + amount($1) }) / seconds })
        }
        tokensPerSecond = rate { $0.tokenTimes.count }
        promptTokensPerSecond = rate { $0.tokenTimes.isEmpty ? 0 : $0.promptTokens }
        requestsPerSecond = rate { $0.ending == .completed ? 1 : 0 }
        goodput = rate { $0.isGood(limits) ? $0.tokenTimes.count : 0 }
        seconds = lengths.reduce(0, +)

        let all = runs.flatMap(\.self)
        requests = all.count
        good = all.count { $0.isGood(limits) }
        promptTokens = all.reduce(0) { $0 + $1.promptTokens }
        answerTokens = all.reduce(0) { $0 + $1.tokenTimes.count }
        let gaps = all.flatMap(\.gaps)
        timeToFirstTokenSeconds = Percentiles(all.compactMap(\.timeToFirstToken))
        timeBetweenTokensMilliseconds = Percentiles(gaps.map { $0 * 1000 })
        longestGapSeconds = gaps.max() ?? 0
        countEndings(of: all)
    }

    private mutating func countEndings(of records: [RequestRecord]) {
        var counts: [String: Int] = [:]
        for record in records {
            switch record.ending {
            case .completed: completed += 1
            case .cancelled: cancelled += 1
            case .refused(let why): (refused, counts[why]) = (refused + 1, counts[why, default: 0] + 1)
            case .failed(let why): (failed, counts[why]) = (failed + 1, counts[why, default: 0] + 1)
            case .lost(let why): (lost, counts[why]) = (lost + 1, counts[why, default: 0] + 1)
            }
        }
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        reasons = sorted.prefix(Self.mostReasons).map { Reason(message: $0.key, requests: $0.value) }
    }
}
