// A priority queue of merges. Knows nothing of what is merged.

/// A binary heap of (rank, position), least rank first, then least position; both fit in 32 bits.
struct MergeQueue: Sendable {
    private var entries: [UInt64] = []

    mutating func push(rank: UInt32, position: Int) {
        let entry = UInt64(rank) << 32 | UInt64(position)
        entries.append(entry)
        entries.withUnsafeMutableBufferPointer { entries in
            var index = entries.count - 1
            while index > 0 {
                let parent = (index - 1) / 2
                if entries[parent] <= entry { break }
                entries[index] = entries[parent]
                index = parent
            }
            entries[index] = entry
        }
    }

    mutating func popFirst() -> (rank: UInt32, position: Int)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        if !entries.isEmpty {
            entries.withUnsafeMutableBufferPointer { Self.sink(last, in: $0) }
        }
        return (UInt32(first >> 32), Int(first & 0xFFFF_FFFF))
    }

    /// Puts `entry` where the first one was and restores the order.
    private static func sink(_ entry: UInt64, in entries: UnsafeMutableBufferPointer<UInt64>) {
        var index = 0
        while true {
            var child = 2 * index + 1
            if child >= entries.count { break }
            if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
            if entry <= entries[child] { break }
            entries[index] = entries[child]
            index = child
        }
        entries[index] = entry
    }
}
