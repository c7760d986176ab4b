// Responsible for: finding KV blocks by what they contain. Must not know: who holds them, when they were used.

import Sequences
import Wire

/// The contents of KV blocks as a tree: a block continues the prefix that ends with its parent.
///
/// Found by a hash over (prefix, tokens), and taken only if all tokens are equal. A prefix has a number of its own that
/// is never used again, so equality of one block's tokens and of its prefix's number is equality of everything before.
struct PrefixIndex: Sendable {
    /// A whole prefix: the tokens of a block and of all blocks before it.
    struct Prefix: Sendable, Hashable {
        fileprivate let value: UInt64
        private static let rootBit: UInt64 = 1 << 63
        fileprivate var isRoot: Bool { value & Self.rootBit != 0 }
        /// Of a root.
        fileprivate var lengthClass: UInt64 { value & ~Self.rootBit }

        /// Nothing yet, of sequences whose keys and values depend alike on their length.
        static func root(_ lengthClass: UInt64) -> Prefix { Prefix(value: rootBit | lengthClass) }
    }

    private struct Content: Sendable, Hashable {
        var parent: Prefix
        var tokens: [Int32]
    }

    private struct Entry: Sendable {
        var content: Content
        var prefix: Prefix
        /// Of its sequences; nil: a block before it was gone already.
        var lengthClass: UInt64?
    }

    /// [blocks] what each contains, as far as it can be found.
    private var entries: [Entry?]
    /// Full blocks.
    private var full: [Content: Int32] = [:]
    /// Blocks that are not full, by what they continue, in the order of their entering.
    private var tails: [Prefix: [Int32]] = [:]
    private var lastPrefix: UInt64 = 0
    /// Blocks by the prefixes that end with them.
    private var blocks: [Prefix: Int32] = [:]

    init(blockCount: Int) { entries = Array(repeating: nil, count: blockCount) }

    func contains(_ block: Int32) -> Bool { entries[Int(block)] != nil }

    /// How many of its positions a block is known by; 0: it cannot be found.
    func positionCount(of block: Int32) -> Int { entries[Int(block)]?.content.tokens.count ?? 0 }

    /// The tokens of a block and the block before it, nil: it begins its sequences. nil: it cannot be found, or not any more
    /// because one before it cannot.
    func content(of block: Int32) -> (parent: Int32?, tokens: [Int32])? {
        guard let content = entries[Int(block)]?.content else { return nil }
        if content.parent.isRoot { return (nil, content.tokens) }
        guard let parent = blocks[content.parent] else { return nil }
        return (parent, content.tokens)
    }

    /// Of the sequences that a block belongs to; nil: it cannot be found.
    func lengthClass(of block: Int32) -> UInt64? { entries[Int(block)]?.lengthClass }

    private func lengthClass(of prefix: Prefix) -> UInt64? {
        prefix.isRoot ? prefix.lengthClass : blocks[prefix].flatMap { lengthClass(of: $0) }
    }

    /// The full block with these tokens after `parent`, and the prefix that ends with it.
    func fullBlock(after parent: Prefix, tokens: ArraySlice<Int32>) -> (block: Int32, prefix: Prefix)? {
        guard let block = full[Content(parent: parent, tokens: Array(tokens))], let entry = entries[Int(block)] else {
            return nil
        }
        return (block, entry.prefix)
    }

    /// Among the blocks after `parent` that are not full and that `isUsable` admits, the one that has most of `tokens`
    /// at its beginning, and how many.
    func tail(
        after parent: Prefix, tokens: ArraySlice<Int32>, isUsable: (Int32) -> Bool
    ) -> (block: Int32, count: Int)? {
        var best: (block: Int32, count: Int)?
        for block in tails[parent, default: []] where isUsable(block) {
            guard let entry = entries[Int(block)] else { continue }
            let count = zip(entry.content.tokens, tokens).prefix { $0 == $1 }.count
            if count > best?.count ?? 0 { best = (block, count) }
        }
        return best
    }

    /// Notes what a block contains: 1 ... `KeyValueBlock.positions` tokens after `parent`. Where a full block has the same
    /// content already this one stays unknown. What it was known by before is forgotten. Returns the prefix that ends with
    /// the content.
    mutating func insert(_ block: Int32, after parent: Prefix, tokens: ArraySlice<Int32>) -> Prefix {
        precondition(!tokens.isEmpty && tokens.count <= KeyValueBlock.positions)
        let content = Content(parent: parent, tokens: Array(tokens))
        if let same = full[content], let entry = entries[Int(same)] { return entry.prefix }
        remove(block)
        lastPrefix += 1
        let prefix = Prefix(value: lastPrefix)
        entries[Int(block)] = Entry(content: content, prefix: prefix, lengthClass: lengthClass(of: parent))
        blocks[prefix] = block
        if tokens.count == KeyValueBlock.positions {
            full[content] = block
        } else {
            tails[parent, default: []].append(block)
        }
        return prefix
    }

    /// Forgets what a block contains.
    mutating func remove(_ block: Int32) {
        guard let entry = entries[Int(block)] else { return }
        entries[Int(block)] = nil
        blocks[entry.prefix] = nil
        if entry.content.tokens.count == KeyValueBlock.positions {
            full[entry.content] = nil
        } else {
            tails[entry.content.parent]?.removeAll { $0 == block }
            if tails[entry.content.parent]?.isEmpty == true { tails[entry.content.parent] = nil }
        }
    }
}
