// Responsible for: a worker's cache of weights as its shell keeps it: parts and wholes by their hash, outliving
// processes. Must not know: what is fetched next.

import Wire

/// Contents on a disk.
struct SimulatedCache {
    private struct Entry {
        let content: ContentHash
        var bytes: [UInt8]
        var isWhole: Bool
    }

    private var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    private func index(_ content: ContentHash) -> Int? { entries.firstIndex { $0.content == content } }

    /// nil: there is not all of it.
    func whole(_ content: ContentHash) -> [UInt8]? {
        index(content).flatMap { entries[$0].isWhole ? entries[$0].bytes : nil }
    }

    /// How many bytes there are of what is not whole.
    func partLength(_ content: ContentHash) -> Int {
        index(content).map { entries[$0].isWhole ? 0 : entries[$0].bytes.count } ?? 0
    }

    /// A part's bytes; false: it leaves a gap.
    mutating func write(_ bytes: [UInt8], at offset: Int, of content: ContentHash) -> Bool {
        let index = index(content) ?? entries.count
        if index == entries.count { entries.append(Entry(content: content, bytes: [], isWhole: false)) }
        guard offset <= entries[index].bytes.count, !entries[index].isWhole else { return false }
        let end = min(offset + bytes.count, entries[index].bytes.count)
        entries[index].bytes.replaceSubrange(offset..<end, with: bytes)
        return true
    }

    /// A part becomes a whole.
    mutating func complete(_ content: ContentHash) {
        if let index = index(content) { entries[index].isWhole = true }
    }

    func bytes(_ content: ContentHash) -> [UInt8] { index(content).map { entries[$0].bytes } ?? [] }

    mutating func remove(_ content: ContentHash) { entries.removeAll { $0.content == content } }

    /// One bit of one content is wrong from now on.
    mutating func damage(_ random: inout SeededRandom) {
        let index = random.below(entries.count)
        guard !entries[index].bytes.isEmpty else { return }
        entries[index].bytes[random.below(entries[index].bytes.count)] ^= 1 << UInt8(random.below(8))
    }
}
