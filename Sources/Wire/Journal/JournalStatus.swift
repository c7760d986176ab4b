// Responsible for: how a coordinator's journal is, as people are shown it, and the bytes of that. Must not know: files, time.

/// Coordinator -> client, in `StatusReply`: the journal; absent where nothing is written down.
package struct JournalStatus: Equatable, Sendable {
    /// Why nothing can be written now, and since when.
    package struct Problem: Equatable, Sendable {
        package var why: String
        package var milliseconds: UInt64
        package init(why: String, milliseconds: UInt64) { (self.why, self.milliseconds) = (why, milliseconds) }
    }

    package var folder = ""
    package var segments = 0
    /// Of all files.
    package var bytes: UInt64 = 0
    /// That have not ended.
    package var requests = 0
    /// How often something was made safe, how long that took on average, and how long ago it last was; nil: it never was.
    package var commits: UInt64 = 0
    package var meanCommitMicroseconds: UInt64 = 0
    package var sinceCommitMilliseconds: UInt64?
    /// nil: all is well.
    package var problem: Problem?
    package init() {}
}

extension JournalStatus {
    var proto: PJournalStatus {
        var p = PJournalStatus()
        p.folder = clipped(folder)
        p.segments = UInt32(clamping: min(segments, Limits.journalSegments))
        p.bytes = min(bytes, Limits.memoryBytes)
        p.requests = UInt32(clamping: requests)
        p.commits = min(commits, Limits.total)
        p.meanCommitMicroseconds = min(meanCommitMicroseconds, Limits.total)
        if let sinceCommitMilliseconds { p.sinceCommitMilliseconds = min(sinceCommitMilliseconds, Limits.total) }
        if let problem {
            p.problem = clipped(problem.why, to: Limits.reasonBytes)
            p.problemMilliseconds = min(problem.milliseconds, Limits.total)
        }
        return p
    }

    init(_ p: PJournalStatus) throws(WireError) {
        let check = Check("JournalStatus")
        self.init()
        folder = try check.text(p.folder, "folder")
        segments = try check.count(p.segments, "segments", to: Limits.journalSegments)
        bytes = try check.number(p.bytes, "bytes", to: Limits.memoryBytes)
        requests = try check.count(p.requests, "requests", to: Int(UInt32.max))
        commits = try check.number(p.commits, "commits", to: Limits.total)
        meanCommitMicroseconds = try check.number(p.meanCommitMicroseconds, "meanCommitMicroseconds", to: Limits.total)
        if p.hasSinceCommitMilliseconds {
            sinceCommitMilliseconds = try check.number(
                p.sinceCommitMilliseconds, "sinceCommitMilliseconds", to: Limits.total)
        }
        if !p.problem.isEmpty {
            problem = Problem(
                why: try check.text(p.problem, "problem", atMost: Limits.reasonBytes),
                milliseconds: try check.number(p.problemMilliseconds, "problemMilliseconds", to: Limits.total))
        }
    }
}
