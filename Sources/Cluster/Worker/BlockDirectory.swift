// Responsible for: what the KV blocks of a worker's stage contain, as far as its steps tell. Must not know: tensors, who asks
// for it, when steps are computed.

import Sequences
import Wire

/// The tokens in each block, and the block before it.
///
/// A block continues another by that one's number of the time when it became full: whatever is written over a full block
/// gives it another one, and what continued it continues nothing any more. So what is told as a chain of blocks is one
/// sequence of tokens, whoever wrote which part of it.
struct BlockDirectory: Sendable {
    private struct Link: Sendable, Equatable {
        let block: Int32
        let version: UInt64
    }

    private struct Entry: Sendable {
        /// nil: it begins its sequences.
        let parent: Link?
        var restartLength: Int
        var tokens: [Int32]
        /// Since it is full.
        var version: UInt64 = 0
        var isFull: Bool { tokens.count == KeyValueBlock.positions }
    }

    /// What an item writes to one block.
    private struct Write {
        let block: Int32
        /// Of the block, where the first token goes.
        let offset: Int
        let tokens: ArraySlice<Int32>
        /// nil: it is the first of its sequence.
        let before: Int32?
    }

    /// [blocks]
    private var entries: [Entry?]
    private var lastVersion: UInt64 = 0
    /// What is being computed: what it writes to is as unknown as if it were not there.
    private var pending: (epoch: Epoch, step: StepID, items: [ForwardItem])?

    /// Blocks of which nothing is known.
    init(count: Int) { entries = Array(repeating: nil, count: count) }

    /// Blocks that somebody else knows, each behind its parent; those whose parents are not full or not there are left out.
    init(_ blocks: [Holding.Block], count: Int) {
        self.init(count: count)
        /// [blocks] places of those that go on from each.
        var children: [[Int]] = Array(repeating: [], count: count)
        var due: [Int] = []
        for (place, block) in blocks.enumerated() where block.block < count {
            if let parent = block.parent {
                if parent < count { children[Int(parent)].append(place) }
            } else {
                due.append(place)
            }
        }
        while let place = due.popLast() {
            let block = blocks[place]
            let parent = block.parent.flatMap { link(to: $0) }
            guard self[block.block] == nil, (parent == nil) == (block.parent == nil) else { continue }
            var entry = Entry(parent: parent, restartLength: block.restartLength, tokens: block.tokens)
            if entry.isFull {
                lastVersion += 1
                entry.version = lastVersion
                due += children[Int(block.block)]
            }
            self[block.block] = entry
        }
    }

    /// A step that writes all layers of the stage is about to be computed.
    mutating func begin(_ forward: Forward) {
        pending = (forward.epoch, forward.step, forward.items)
        for item in forward.items {
            for write in Self.writes(of: item) { cut(write, item.restartLength) }
        }
    }

    /// It has been computed.
    mutating func finish(_ step: StepID, _ epoch: Epoch) {
        guard let pending, pending.step == step, pending.epoch == epoch else { return }
        self.pending = nil
        for item in pending.items {
            for write in Self.writes(of: item) where !has(write, item.restartLength) {
                note(write, item.restartLength)
            }
        }
    }

    /// What is known, in ascending order of the blocks, and not of more than `limit`. Blocks whose parents are not among
    /// them continue what is no more.
    func blocks(limit: Int) -> [Holding.Block] {
        var blocks: [Holding.Block] = []
        for (block, entry) in entries.enumerated() where blocks.count < limit {
            guard let entry, entry.parent.map({ isThere($0) }) ?? true else { continue }
            blocks.append(
                Holding.Block(
                    block: Int32(block), parent: entry.parent?.block, restartLength: entry.restartLength,
                    tokens: entry.tokens))
        }
        return blocks
    }

    // MARK: Single blocks

    private static func writes(of item: ForwardItem) -> [Write] {
        let end = item.position + item.tokens.count
        guard !item.tokens.isEmpty, item.blocks.count >= KeyValueBlock.count(forPositions: end) else { return [] }
        let size = KeyValueBlock.positions
        return (item.position / size...(end - 1) / size).map { place in
            let (first, last) = (max(item.position, place * size), min(end, (place + 1) * size))
            return Write(
                block: item.blocks[place], offset: first - place * size,
                tokens: item.tokens[(first - item.position)..<(last - item.position)],
                before: place == 0 ? nil : item.blocks[place - 1])
        }
    }

    private subscript(_ block: Int32) -> Entry? {
        get { entries.indices.contains(Int(block)) ? entries[Int(block)] : nil }
        set { if entries.indices.contains(Int(block)) { entries[Int(block)] = newValue } }
    }

    private func isThere(_ link: Link) -> Bool { self[link.block]?.version == link.version }

    /// What a block that continues this one continues; nil: it is not full.
    private func link(to block: Int32) -> Link? {
        self[block].flatMap { $0.isFull ? Link(block: block, version: $0.version) : nil }
    }

    /// How many of the tokens that are written to a block are in it already.
    private func presentCount(_ write: Write, _ restartLength: Int) -> Int {
        guard let entry = self[write.block], entry.parent == write.before.flatMap({ link(to: $0) }),
            (entry.parent == nil) == (write.before == nil), entry.restartLength == restartLength
        else { return 0 }
        return zip(entry.tokens.dropFirst(write.offset), write.tokens).prefix { $0 == $1 }.count
    }

    private func has(_ write: Write, _ restartLength: Int) -> Bool {
        presentCount(write, restartLength) == write.tokens.count
    }

    /// What is behind the first token that is written anew is not what it was.
    private mutating func cut(_ write: Write, _ restartLength: Int) {
        let present = presentCount(write, restartLength)
        let count = write.offset + present
        guard present < write.tokens.count, var entry = self[write.block], entry.tokens.count > count else { return }
        entry.tokens.removeLast(entry.tokens.count - count)
        entry.version = 0
        self[write.block] = count > 0 ? entry : nil
    }

    private mutating func note(_ write: Write, _ restartLength: Int) {
        let parent = write.before.flatMap { link(to: $0) }
        let isKnown = (parent == nil) == (write.before == nil)
        let entry = self[write.block]
        self[write.block] = nil
        guard isKnown else { return }
        var written = Entry(parent: parent, restartLength: restartLength, tokens: Array(write.tokens))
        if write.offset > 0 {
            // It goes on from what is there: that must be known, and have been written after the same.
            guard let entry, entry.parent == parent, entry.tokens.count >= write.offset else { return }
            written.tokens = Array(entry.tokens[..<write.offset]) + written.tokens
        }
        if written.isFull {
            lastVersion += 1
            written.version = lastVersion
        }
        self[write.block] = written
    }
}
