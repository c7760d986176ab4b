// Responsible for: what a load benchmark found, as people and scripts read it; the property names are the keys of
// `tandem bench cluster --json` (in snake case). Must not know: how it is shown.
import Node

/// What a run found.
package struct ClusterBenchmarkReport: Sendable, Encodable {
    /// The figures of one load.
    package struct Row: Sendable, Encodable {
        /// "pp512+tg128", or a trace's name.
        package var test: String
        /// Requests at the same time; nil: they came at the times of a trace.
        package var concurrency: Int?
        package var trace: TraceFacts?
        package var load: LoadReport
        package var cluster: ClusterActivity
    }

    /// What was made of a trace.
    package struct TraceFacts: Sendable, Encodable, Equatable {
        package var requests: Int
        /// From the first submission to the last, as planned.
        package var seconds: Double
        package var meanPromptTokens: Int
        package var meanAnswerTokens: Int
        package var clipped: RequestTrace.Clipping
        /// What the cluster can do with requests of these mean lengths, where it was measured.
        package var capacityRequestsPerSecond: Double?
    }

    package var model: String
    /// The type of most weights; nil: not known.
    package var type: String?
    package var layerCount: Int
    package var contextLength: Int
    package var workers: Int
    /// Of each worker, in their order.
    package var threads: [Int]
    package var instructionLevels: [String]
    /// A worker pretends that a step takes so long instead of computing it; nil: it computes.
    package var simulatedStageMilliseconds: Double?
    package var rows: [Row] = []

    /// Requests of which nobody said what became.
    package var lost: Int { rows.reduce(0) { $0 + $1.load.lost } }
}
