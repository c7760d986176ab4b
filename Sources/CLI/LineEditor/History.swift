// Responsible for: what was sent before, to be recalled and changed. Must not know: files, keys.

/// Entries, oldest first, and where in them somebody is.
struct History {
    private(set) var entries: [String]
    /// Where we are; `entries.count`: at what is being written.
    private(set) var position: Int
    /// What became of recalled entries, and what was written before something was recalled.
    private var changed: [Int: String] = [:]

    /// More are forgotten, oldest first.
    static let longest = 1_000

    /// Of `entries` the newest.
    init(_ entries: [String] = []) {
        self.entries = entries.suffix(Self.longest)
        position = self.entries.count
    }

    /// Adds what was sent, unless it is what was sent last. True where it is new.
    @discardableResult
    mutating func add(_ entry: String) -> Bool {
        let isNew = !entry.isEmpty && entries.last != entry
        if isNew { entries.append(entry) }
        if entries.count > Self.longest { entries.removeFirst(entries.count - Self.longest) }
        leave()
        return isNew
    }

    /// Back to what is being written, which is nothing yet.
    mutating func leave() {
        changed = [:]
        position = entries.count
    }

    /// The entry before; nil where there is none. `current` is what stands there now.
    mutating func older(than current: String) -> String? { move(by: -1, current) }

    /// The entry behind.
    mutating func newer(than current: String) -> String? { move(by: 1, current) }

    private mutating func move(by step: Int, _ current: String) -> String? {
        let next = position + step
        return (0...entries.count).contains(next) ? recall(next, leaving: current) : nil
    }

    /// What stands at `place`, where we are from now on.
    mutating func recall(_ place: Int, leaving current: String) -> String {
        changed[position] = current
        position = place
        return changed[place] ?? (place < entries.count ? entries[place] : "")
    }
}
