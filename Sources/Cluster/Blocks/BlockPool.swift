// Responsible for: which KV blocks are held and by how many, which contents are worth keeping, and which go first. Must
// not know: sequences.
//
// Blocks may be given back while steps that write them are in flight: steps pass every stage in their order, so what a
// later step writes or reads comes after.

import Sequences
import Wire

/// A fixed number of KV blocks. All stages use the same ids.
///
/// A block is held (by one sequence or more that share it), or nobody holds it and its content is kept for reuse, or it
/// is empty. Kept ones are given up when blocks run short, the least recently held first.
package struct BlockPool: Sendable {
    package let count: Int
    /// A stack: what was freed last is used first.
    private var empty: [Int32]
    /// [blocks] how many hold each.
    private var holders: [Int32]
    private var kept: LeastRecentlyUsed
    private var index: PrefixIndex
    /// [blocks] the epoch in which the first position of each was last computed by all layers.
    private var epochs: [Epoch]

    /// Blocks 0 ..< count, all empty.
    package init(count: Int) {
        self.count = count
        empty = (0..<Int32(count)).reversed()
        holders = Array(repeating: 0, count: count)
        kept = LeastRecentlyUsed(count: count)
        index = PrefixIndex(blockCount: count)
        epochs = Array(repeating: .none, count: count)
    }

    /// Blocks that can be had: empty ones, and those kept only for their content.
    package var availableCount: Int { empty.count + kept.count }
    /// Blocks kept only for their content.
    package var keptCount: Int { kept.count }

    /// A block to write, held once; nil: all are held.
    package mutating func take() -> Int32? {
        let block: Int32
        if let last = empty.popLast() {
            block = last
        } else if let oldest = kept.removeOldest() {
            index.remove(oldest)
            block = oldest
        } else {
            return nil
        }
        holders[Int(block)] = 1
        return block
    }

    /// `count` blocks to write, or nil (and no change) where there are not so many.
    package mutating func take(_ count: Int) -> [Int32]? {
        guard count <= availableCount else { return nil }
        return (0..<count).compactMap { _ in take() }
    }

    /// Gives up blocks that the caller holds, in the order of their positions: the last are the first to lose their
    /// content.
    package mutating func release(_ blocks: some BidirectionalCollection<Int32>) {
        for block in blocks.reversed() {
            precondition(holders[Int(block)] > 0, "KV block \(block) is given back, but nobody holds it")
            holders[Int(block)] -= 1
            if holders[Int(block)] > 0 { continue }
            if index.contains(block) { kept.append(block) } else { empty.append(block) }
        }
    }

    /// How many blocks nobody but these holders has: what would be available without them. [holders] the blocks of each.
    func heldOnly(by holders: [[Int32]]) -> Int {
        var counts: [Int32: Int32] = [:]
        for block in holders.joined() { counts[block, default: 0] += 1 }
        return counts.count { self.holders[Int($0.key)] == $0.value }
    }

    private mutating func hold(_ block: Int32) {
        if holders[Int(block)] == 0 { kept.remove(block) }
        holders[Int(block)] += 1
    }

    // MARK: Age

    /// The first position of these is computed now.
    mutating func noteBegun(_ blocks: some Sequence<Int32>, in epoch: Epoch) {
        for block in blocks { epochs[Int(block)] = epoch }
    }

    /// The epoch since which all that is in these blocks was computed.
    func epoch(of blocks: some Sequence<Int32>) -> Epoch { blocks.lazy.map { epochs[Int($0)] }.min() ?? .none }

    // MARK: Contents

    /// How many positions of each block are known by their contents. [blocks]
    var knownPositions: [Int] { (0..<Int32(count)).map { index.positionCount(of: $0) } }

    /// The full block with these tokens after `parent`, now held by the caller too.
    mutating func share(after parent: PrefixIndex.Prefix, tokens: ArraySlice<Int32>) -> (Int32, PrefixIndex.Prefix)? {
        guard let found = index.fullBlock(after: parent, tokens: tokens) else { return nil }
        hold(found.block)
        return (found.block, found.prefix)
    }

    /// A block that nobody holds with the first `count` of these tokens after `parent`: the caller's alone from now on, to
    /// be written from there.
    mutating func takeOver(after parent: PrefixIndex.Prefix, tokens: ArraySlice<Int32>) -> (block: Int32, count: Int)? {
        guard let found = index.tail(after: parent, tokens: tokens, isUsable: { holders[Int($0)] == 0 }) else {
            return nil
        }
        index.remove(found.block)
        hold(found.block)
        return found
    }

    /// A block that the caller holds, and will not write to again, contains these tokens after `parent`.
    mutating func note(
        _ block: Int32, after parent: PrefixIndex.Prefix, tokens: ArraySlice<Int32>
    ) -> PrefixIndex.Prefix {
        precondition(holders[Int(block)] > 0)
        return index.insert(block, after: parent, tokens: tokens)
    }

    /// Nobody holds anything yet, and these blocks contain what is said of them; each stands behind its parent. Returns how
    /// many positions can be found.
    mutating func adopt(_ blocks: [Holding.Block], _ rule: LengthRule) -> Int {
        /// [blocks] the prefix that ends with each; nil: it is none of these.
        var prefixes: [PrefixIndex.Prefix?] = Array(repeating: nil, count: count)
        let parents = Set(blocks.compactMap(\.parent))
        for var block in blocks where block.block < count {
            // Whoever goes on with the last block may know less of it than stages do: one that is not full can be had in part.
            if block.tokens.count == KeyValueBlock.positions, !parents.contains(block.block) {
                block.tokens.removeLast()
            }
            let root = PrefixIndex.Prefix.root(rule.lengthClass(restartLength: block.restartLength))
            guard let parent = block.parent.map({ prefixes[Int($0)] }) ?? root else { continue }
            prefixes[Int(block.block)] = index.insert(block.block, after: parent, tokens: block.tokens[...])
        }
        // The last of a sequence are the first to lose their content.
        let found = blocks.filter { $0.block < count && index.contains($0.block) }
        for block in found.reversed() { kept.append(block.block) }
        empty.removeAll { index.contains($0) }
        return found.reduce(0) { $0 + index.positionCount(of: $1.block) }
    }

    /// What is there of a sequence with these tokens, the first `limit` of which may be found, is the last to be given up,
    /// its beginning after its end.
    mutating func touch(_ tokens: [Int32], after root: PrefixIndex.Prefix, limit: Int) {
        var (prefix, found) = (root, [Int32]())
        var start = 0
        while start + KeyValueBlock.positions <= tokens.count,
            let next = index.fullBlock(after: prefix, tokens: tokens[start..<start + KeyValueBlock.positions])
        {
            found.append(next.block)
            (prefix, start) = (next.prefix, start + KeyValueBlock.positions)
        }
        if start < limit, let tail = index.tail(after: prefix, tokens: tokens[start..<limit], isUsable: { _ in true }) {
            found.append(tail.block)
        }
        for block in found.reversed() where holders[Int(block)] == 0 {
            kept.remove(block)
            kept.append(block)
        }
    }

    /// What is known of blocks that can be found, each behind a block that is known too; `restartLength` of the class of
    /// their sequences, where there is one.
    func knownContents(restartLength: (UInt64) -> Int?) -> [Holding.Block] {
        (0..<Int32(count)).compactMap { block in
            guard let content = index.content(of: block),
                let length = index.lengthClass(of: block).flatMap(restartLength)
            else { return nil }
            return Holding.Block(
                block: block, parent: content.parent, restartLength: length, tokens: content.tokens)
        }
    }

    /// Forgets the contents of blocks that stages do not have any more; `isLost` is given a block and how many of its
    /// positions it is known by. Blocks stay with those who hold them.
    mutating func forgetContents(where isLost: (Int32, Int) -> Bool) {
        for block in 0..<Int32(count) where index.contains(block) {
            guard isLost(block, index.positionCount(of: block)) else { continue }
            index.remove(block)
            if holders[Int(block)] > 0 { continue }
            kept.remove(block)
            empty.append(block)
        }
    }
}

/// Some of the numbers 0 ..< count in the order in which they were added, any of which can be taken out: a doubly linked
/// list in two arrays.
struct LeastRecentlyUsed: Sendable {
    private static let none: Int32 = -1
    private var next: [Int32]
    private var previous: [Int32]
    private var oldest = none
    private var newest = none
    private(set) var count = 0

    init(count: Int) {
        next = Array(repeating: Self.none, count: count)
        previous = next
    }

    /// Adds what is not there.
    mutating func append(_ number: Int32) {
        previous[Int(number)] = newest
        next[Int(number)] = Self.none
        if newest == Self.none { oldest = number } else { next[Int(newest)] = number }
        newest = number
        count += 1
    }

    /// Takes out what is there.
    mutating func remove(_ number: Int32) {
        let (before, after) = (previous[Int(number)], next[Int(number)])
        if before == Self.none { oldest = after } else { next[Int(before)] = after }
        if after == Self.none { newest = before } else { previous[Int(after)] = before }
        count -= 1
    }

    mutating func removeOldest() -> Int32? {
        guard oldest != Self.none else { return nil }
        let number = oldest
        remove(number)
        return number
    }
}
