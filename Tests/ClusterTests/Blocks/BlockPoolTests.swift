// Responsible for: KV blocks are neither lost nor given twice, and found only by what they contain. Must not know:
// sequences.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct BlockPoolTests {
    private let root = PrefixIndex.Prefix.root(0)
    private let full: [Int32] = Array(0..<Int32(KeyValueBlock.positions))

    @Test("Blocks taken are distinct, and all come back")
    func takeAndRelease() {
        var pool = BlockPool(count: 5)
        let a = pool.take(2) ?? []
        let b = pool.take(3) ?? []
        #expect(Set(a + b) == [0, 1, 2, 3, 4])
        let found1 = pool.take(1)
        #expect(found1 == nil)
        pool.release(a)
        #expect(pool.availableCount == 2)
        let found2 = pool.take(3)
        #expect(found2 == nil)
        #expect(pool.availableCount == 2)
        pool.release(b)
        #expect(pool.availableCount == 5)
    }

    @Test("What is asked for is the last to be given up, its beginning after its end")
    func touch() {
        var pool = BlockPool(count: 4)
        let blocks = pool.take(4) ?? []
        let prefix = pool.note(blocks[0], after: root, tokens: full[...])
        _ = pool.note(blocks[1], after: prefix, tokens: [7, 8, 9])
        _ = pool.note(blocks[2], after: root, tokens: [1, 2])
        _ = pool.note(blocks[3], after: root, tokens: [3])
        for block in blocks { pool.release([block]) }
        pool.touch(full + [7, 8], after: root, limit: 33)
        #expect((0..<4).map { _ in pool.take() } == [blocks[2], blocks[3], blocks[1], blocks[0]])
    }

    @Test("Known blocks are told with what they continue, as long as that can be found")
    func known() {
        var pool = BlockPool(count: 3)
        let blocks = pool.take(3) ?? []
        let prefix = pool.note(blocks[0], after: root, tokens: full[...])
        _ = pool.note(blocks[1], after: prefix, tokens: [7, 8, 9])
        let rule = LengthRule(replayLength: 20)
        func known() -> [Int32: Holding.Block] {
            let blocks = pool.knownContents { rule.restartLength(ofClass: $0) }
            return Dictionary(uniqueKeysWithValues: blocks.map { ($0.block, $0) })
        }
        #expect(known().count == 2 && known()[blocks[0]]?.parent == nil && known()[blocks[0]]?.tokens == full)
        #expect(known()[blocks[1]]?.parent == blocks[0] && known()[blocks[1]]?.tokens == [7, 8, 9])
        pool.forgetContents { block, _ in block == blocks[0] }
        #expect(known().isEmpty)
    }

    @Test("To each class of lengths belongs one that sequences of it can have")
    func lengthClasses() {
        for rule in [LengthRule(), LengthRule(replayLength: 20), LengthRule(dynamicLength: 30)] {
            for length in [1, 19, 20, 21, 29, 30, 31, 500] {
                let lengthClass = rule.lengthClass(restartLength: length)
                let other = rule.restartLength(ofClass: lengthClass)
                #expect(other.map { rule.lengthClass(restartLength: $0) } == lengthClass)
            }
        }
    }

    @Test("A shared block is free when the last holder gives it back")
    func sharing() {
        var pool = BlockPool(count: 2)
        let block = pool.take() ?? -1
        let prefix = pool.note(block, after: root, tokens: full[...])
        let found = pool.share(after: root, tokens: full[...])
        #expect(found?.0 == block)
        #expect(found?.1 == prefix)
        pool.release([block])
        #expect(pool.availableCount == 1)
        pool.release([block])
        #expect(pool.availableCount == 2)
        #expect(pool.keptCount == 1)
    }

    @Test("The same tokens after another prefix, or of another length class, are another content")
    func prefixes() {
        var pool = BlockPool(count: 4)
        let block = pool.take() ?? -1
        let prefix = pool.note(block, after: root, tokens: full[...])
        let found3 = pool.share(after: prefix, tokens: full[...])
        #expect(found3 == nil)
        let found4 = pool.share(after: .root(1), tokens: full[...])
        #expect(found4 == nil)
        let found5 = pool.share(after: root, tokens: full.reversed()[...])
        #expect(found5 == nil)
    }

    @Test("A prefix that was given up does not come back with other blocks' contents")
    func reusedBlocks() {
        var pool = BlockPool(count: 2)
        let a = pool.take() ?? -1
        let b = pool.take() ?? -1
        let first = pool.note(a, after: root, tokens: full[...])
        _ = pool.note(b, after: first, tokens: full[...])
        pool.release([b])
        pool.release([a])
        // The block of the beginning gets another content; what followed the old one does not follow the new one.
        let found6 = pool.take()
        #expect(found6 == b)
        let found7 = pool.take()
        #expect(found7 == a)
        let second = pool.note(a, after: root, tokens: full.map { $0 + 1 }[...])
        #expect(first != second)
        let found8 = pool.share(after: second, tokens: full[...])
        #expect(found8 == nil)
        let found9 = pool.share(after: root, tokens: full[...])
        #expect(found9 == nil)
    }

    @Test("The least recently held goes first, and of one sequence its end")
    func order() {
        var pool = BlockPool(count: 3)
        let blocks = pool.take(3) ?? []
        var prefix = root
        for (place, block) in blocks.enumerated() {
            prefix = pool.note(block, after: prefix, tokens: full.map { $0 + Int32(place) }[...])
        }
        pool.release(blocks)
        let found10 = pool.share(after: root, tokens: full[...])
        #expect(found10?.0 == blocks[0])
        pool.release([blocks[0]])
        let found11 = pool.take(3)
        #expect(found11 == [blocks[2], blocks[1], blocks[0]])
    }

    @Test("A block that is not full is taken over by one only, from where the tokens differ")
    func tails() {
        var pool = BlockPool(count: 3)
        let block = pool.take() ?? -1
        _ = pool.note(block, after: root, tokens: [1, 2, 3, 4])
        let found12 = pool.takeOver(after: root, tokens: [1, 2, 3, 4])
        #expect(found12 == nil)  // still held
        pool.release([block])
        let found13 = pool.takeOver(after: root, tokens: [9, 2])
        #expect(found13 == nil)
        let found = pool.takeOver(after: root, tokens: [1, 2, 3, 9, 9])
        #expect(found?.block == block)
        #expect(found?.count == 3)
        let found14 = pool.takeOver(after: root, tokens: [1, 2, 3])
        #expect(found14 == nil)
        pool.release([block])
        #expect(pool.availableCount == 3)
        #expect(pool.keptCount == 0)
    }

    @Test("A block of positions is begun with its first position")
    func counting() {
        #expect([0, 1, 32, 33, 64].map { KeyValueBlock.count(forPositions: $0) } == [0, 1, 1, 2, 2])
    }
}
