// Responsible for: which KV blocks are free. Must not know: who holds the others.

import Wire

/// The free ones of a fixed number of KV blocks. All stages use the same ids.
package struct BlockPool: Sendable {
    package let count: Int
    /// A stack: what was freed last is used first.
    private var free: [Int32]
    private var isFree: [Bool]

    /// Blocks 0 ..< count, all free.
    package init(count: Int) {
        self.count = count
        free = (0..<Int32(count)).reversed()
        isFree = Array(repeating: true, count: count)
    }

    package var freeCount: Int { free.count }

    /// `count` blocks, or nil (and no change) where there are not so many.
    package mutating func take(_ count: Int) -> [Int32]? {
        guard count <= free.count else { return nil }
        let taken = Array(free.suffix(count).reversed())
        free.removeLast(count)
        for block in taken { isFree[Int(block)] = false }
        return taken
    }

    /// Gives blocks back. Each must be taken.
    package mutating func give(_ blocks: some BidirectionalCollection<Int32>) {
        for block in blocks.reversed() {
            precondition(!isFree[Int(block)], "KV block \(block) is freed twice")
            isFree[Int(block)] = true
            free.append(block)
        }
    }

    /// How many blocks `positions` positions need.
    package static func blocks(forPositions positions: Int) -> Int {
        (positions + Limits.blockPositions - 1) / Limits.blockPositions
    }
}
