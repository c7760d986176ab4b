// Responsible for: what a client was told to be accepted outlives the coordinator, until it has ended. Must not know: how a
// journal is written.

import Wire

/// Requests that were accepted and have not ended.
struct JournalChecker {
    private var open: Set<RequestIdentity> = []

    mutating func accept(_ identity: RequestIdentity) { open.insert(identity) }

    mutating func end(_ identity: RequestIdentity) { open.remove(identity) }

    /// Another process begins with these; a violation, or nil.
    mutating func begin(with entries: [JournalState.Entry]) -> String? {
        let found = Set(entries.compactMap(\.admission.request.identity))
        let lost = open.subtracting(found).count
        open = found
        return lost == 0 ? nil : "\(lost) requests that were accepted are forgotten"
    }
}
