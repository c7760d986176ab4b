// Responsible for: the keys and values of finished requests that the next request of their session may reuse. Must not
// know: which blocks are free.

import Wire

/// Retained keys and values, oldest first.
struct RetainedSessions: Sendable {
    struct Entry: Sendable {
        let session: SessionID
        /// The tokens whose keys and values are in `blocks`, from position 0.
        let tokens: [Int32]
        let blocks: [Int32]
        /// Of the sequence that left them.
        let restartLength: Int
    }

    private var entries: [Entry] = []

    var blockCount: Int { entries.reduce(0) { $0 + $1.blocks.count } }

    /// Keeps an entry as the newest. Returns the one of the same session that it replaces.
    mutating func insert(_ entry: Entry) -> Entry? {
        let old = take(entry.session)
        entries.append(entry)
        return old
    }

    /// The entry of a session, no longer retained.
    mutating func take(_ session: SessionID) -> Entry? {
        entries.firstIndex { $0.session == session }.map { entries.remove(at: $0) }
    }

    /// The oldest entry, no longer retained.
    mutating func takeOldest() -> Entry? {
        entries.isEmpty ? nil : entries.removeFirst()
    }

    /// How many tokens two sequences have in common at their beginnings.
    static func commonPrefix(_ a: [Int32], _ b: [Int32]) -> Int {
        zip(a, b).prefix { $0 == $1 }.count
    }
}
