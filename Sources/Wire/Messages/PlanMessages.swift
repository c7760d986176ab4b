// Responsible for: asking which plan there would be, and what is answered. Must not know: sockets, time, how plans are
// chosen.

import Sequences

/// Client -> coordinator: which plan would there be? Answered by `ClientReply.planPreview`, or by
/// `.failed` of `PlanQuery.request`.
package struct PlanQuery: Equatable, Sendable {
    /// What failures of a query name, as there is no request of this number.
    package static let request = ClientRequestID(0)

    package var version: UInt32 = protocolVersion
    package var build = ""
    /// Workers that are left out, each by its host's name, its id, or both as "host/pid".
    package var without: [String] = []
    /// As many as if there were: further ones are imagined, and the last to join are left out; nil: those that are there.
    package var workerCount: Int?
    /// What each imagined one offers; 0: as much as the others.
    package var memoryBytes: UInt64 = 0
    /// The plan is to be carried out.
    package var isApplied = false
    package init() {}
}

/// Coordinator -> client: the plan that there would be, what it would give, and what would move for it.
package struct PlanPreview: Equatable, Sendable {
    /// One stage, in order.
    package struct Stage: Equatable, Sendable {
        /// nil: an imagined one.
        package var worker: WorkerID?
        /// For people.
        package var name = ""
        package var layers: Range<Int>
        /// What its worker offers, and what it needs in all, for weights, for keys and values.
        package var memoryBytes: UInt64 = 0
        package var plannedBytes: UInt64 = 0
        package var weightBytes: UInt64 = 0
        package var keyValueBytes: UInt64 = 0
        /// Weights that its worker does not hold now.
        package var fetchedBytes: UInt64 = 0
        /// Of a step of one answer, and of a piece of a prompt.
        package var decodingMicroseconds = 0.0
        package var promptMicroseconds = 0.0
        package init(worker: WorkerID?, layers: Range<Int>) { (self.worker, self.layers) = (worker, layers) }
    }

    /// What a plan is thought to give, in tokens per second.
    package struct Figures: Equatable, Sendable {
        package var oneAnswer = 0.0
        package var manyAnswers = 0.0
        /// So many they are.
        package var answers = 0
        package var prompt = 0.0
        /// In a step.
        package var promptTokens = 0
        /// The stages that decide, from 0.
        package var decodingBottleneck = 0
        package var promptBottleneck = 0
        package init() {}
    }

    /// What goes from where it is to where the plan wants it, and how long that is thought to take.
    package struct Move: Equatable, Sendable {
        package var weightBytes: UInt64 = 0
        package var weightSeconds = 0.0
        /// KV blocks in use, and the bytes of them in layers that change hands.
        package var blocks = 0
        package var keyValueBytes: UInt64 = 0
        package var keyValueSeconds = 0.0
        package init() {}
    }

    package var stages: [Stage] = []
    /// Names of workers that would have no layers.
    package var idle: [String] = []
    package var blockCount = 0
    package var figures = Figures()
    /// Of the plan that serves now; nil: none does.
    package var serving: Figures?
    package var move = Move()
    /// It is the plan that serves.
    package var isServing = false
    /// It is carried out as soon as it can be.
    package var isApplied = false
    package init() {}
}
