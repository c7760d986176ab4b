// Responsible for: a coordinator's journal as people and scripts read it; the property names are keys of
// `tandem status --json` (in snake case). Must not know: how it is shown.
import Wire

extension ClusterStatus {
    /// Where what is accepted is written down.
    package struct Journal: Sendable, Encodable, Equatable {
        package var folder: String
        package var segments: Int
        package var bytes: Int
        /// That were accepted and have not ended.
        package var requests: Int
        /// How often something was made safe, in what time on average, and how long ago last; nil: never.
        package var commits: Int
        package var meanCommitMicroseconds: Int?
        package var secondsSinceCommit: Double?
        /// Why nothing can be written, so that new requests are refused, and for how long; nil: all is well.
        package var problem: String?
        package var problemSeconds: Double?
    }
}

extension ClusterStatus.Journal {
    init(_ journal: JournalStatus) {
        folder = journal.folder
        segments = journal.segments
        bytes = Int(clamping: journal.bytes)
        requests = journal.requests
        commits = Int(clamping: journal.commits)
        meanCommitMicroseconds = commits > 0 ? Int(clamping: journal.meanCommitMicroseconds) : nil
        secondsSinceCommit = journal.sinceCommitMilliseconds.map { Double($0) / 1000 }
        problem = journal.problem?.why
        problemSeconds = journal.problem.map { Double($0.milliseconds) / 1000 }
    }
}
