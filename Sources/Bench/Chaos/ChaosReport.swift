// Responsible for: what a cluster under faults did, as people and scripts read it; the property names are the keys of
// `tandem chaos --json` (in snake case). Must not know: how it is shown.

/// What happened, and what clients noticed of it.
package struct ChaosReport: Sendable, Encodable {
    /// One fault.
    package struct FaultRecord: Sendable, Encodable, Equatable {
        package var number: Int
        package var kind: Fault.Kind
        package var what: String
        /// When it began.
        package var seconds: Double
        /// Tokens of prompts and answers whose keys and values there were then.
        package var liveTokens = 0
        /// Layers whose keys and values were at the worker that it struck.
        package var lostLayers = 0
        /// Counted by the coordinator until the next fault.
        package var rebuiltLayerTokens = 0
        /// Of each stream amid an answer: the longest time without a token from the fault to the next one.
        package var pauses: [Double] = []

        init(number: Int, kind: Fault.Kind, what: String, seconds: Double) {
            (self.number, self.kind, self.what, self.seconds) = (number, kind, what, seconds)
        }
    }

    /// All faults of a kind.
    package struct KindRow: Sendable, Encodable, Equatable {
        package var kind: Fault.Kind
        package var faults: Int
        /// Streams that were amid an answer.
        package var streams: Int
        /// nil: there was none.
        package var pauseSeconds: Percentiles?
        package var rebuiltLayerTokens: Int
        /// Live tokens times lost layers.
        package var lostLayerTokens: Int
    }

    /// How requests ended.
    package struct Requests: Sendable, Encodable, Equatable {
        package var completed = 0
        package var failed = 0
        package var lost = 0
        /// Refused, or unanswered before they were accepted; asked again.
        package var unaccepted = 0
        /// When it was over before they were.
        package var cancelled = 0
    }

    /// Tokens that came.
    package struct Tokens: Sendable, Encodable, Equatable {
        package var received = 0
        package var wrong = AnswerDifference()
    }

    /// What was answered while other plans were prepared.
    package struct Preparing: Sendable, Encodable, Equatable {
        package var changes = 0
        package var seconds = 0.0
        package var tokens = 0
        /// As many came just before, for as long.
        package var tokensBefore = 0.0
    }

    package var seed: UInt64
    package var model: String
    package var workers: Int
    package var streams: Int
    package var seconds: Double
    package var requests: Requests
    package var tokens: Tokens
    /// How many times as long as undisturbed answers took; nil: none ended.
    package var answerTimes: Percentiles?
    /// nil: none was seen.
    package var preparing: Preparing?
    package var kinds: [KindRow]
    package var faults: [FaultRecord]
    /// What went wrong, as sentences.
    package var troubles: [String]

    /// Nothing was lost, altered or doubled, and no process did what it should not.
    package var isRight: Bool {
        tokens.wrong.isNone && requests.failed == 0 && requests.lost == 0 && troubles.isEmpty
    }

    /// Of what was counted.
    init(_ tally: ChaosTally, seed: UInt64, model: String, workers: Int, streams: Int, seconds: Double) {
        (self.seed, self.model, self.workers, self.streams, self.seconds) = (seed, model, workers, streams, seconds)
        (requests, tokens, faults, troubles) = (tally.requests, tally.tokens, tally.faults, tally.reasons)
        answerTimes = Percentiles(tally.answerTimes)
        preparing = tally.preparing.preparing.changes > 0 ? tally.preparing.preparing : nil
        kinds = Fault.Kind.allCases.compactMap { [faults] kind in
            let some = faults.filter { $0.kind == kind }
            if some.isEmpty { return nil }
            return KindRow(
                kind: kind, faults: some.count, streams: some.reduce(0) { $0 + $1.pauses.count },
                pauseSeconds: Percentiles(some.flatMap(\.pauses)),
                rebuiltLayerTokens: some.reduce(0) { $0 + $1.rebuiltLayerTokens },
                lostLayerTokens: some.reduce(0) { $0 + $1.liveTokens * $1.lostLayers })
        }
    }
}
