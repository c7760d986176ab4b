// Responsible for: what a worker knows of its blocks from the steps that it computes. Must not know: the coordinator's
// machine.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct BlockDirectoryTests {
    private var directory = BlockDirectory(count: 8)
    private var step: UInt64 = 0

    /// A step with these tokens of one sequence from a position on.
    private mutating func write(
        _ tokens: [Int32], at position: Int = 0, in blocks: [Int32], restartLength: Int = 4, finishes: Bool = true
    ) {
        step += 1
        let item = ForwardItem(
            sequence: SequenceID(1), position: position, tokens: tokens, blocks: blocks, sampleCount: 0,
            restartLength: restartLength)
        directory.begin(Forward(epoch: Epoch(1), step: StepID(step), items: [item]))
        if finishes { directory.finish(StepID(step), Epoch(1)) }
    }

    private var told: [Int32: Holding.Block] {
        Dictionary(uniqueKeysWithValues: directory.blocks(limit: 8).map { ($0.block, $0) })
    }

    private static let full = (0..<32).map { Int32($0) }

    @Test("What is told by others is told on, but for what hangs on nothing, and steps go on from it")
    mutating func others() {
        let blocks = [
            Holding.Block(block: 2, parent: 5, restartLength: 4, tokens: [7, 8]),
            Holding.Block(block: 3, parent: 2, restartLength: 4, tokens: [1]),
            Holding.Block(block: 4, parent: 4, restartLength: 4, tokens: Self.full),
            Holding.Block(block: 5, parent: nil, restartLength: 4, tokens: Self.full),
            Holding.Block(block: 6, parent: 1, restartLength: 4, tokens: [1]),
        ]
        directory = BlockDirectory(blocks, count: 8)
        #expect(directory.blocks(limit: 8) == [blocks[0], blocks[3]])
        write([9], at: 34, in: [5, 2])
        #expect(told[2]?.tokens == [7, 8, 9])
        write([6], at: 0, in: [5])
        #expect(told.keys.sorted() == [5] && told[5]?.tokens == [6])
    }

    @Test("Tokens that come in pieces fill blocks, each behind the one before it")
    mutating func pieces() {
        write(Array(Self.full[..<20]), in: [5])
        #expect(told[5] == Holding.Block(block: 5, parent: nil, restartLength: 4, tokens: Array(Self.full[..<20])))
        write(Array(Self.full[20...]) + [7, 8], at: 20, in: [5, 2])
        write([9], at: 34, in: [5, 2])
        #expect(told[5]?.tokens == Self.full)
        #expect(told[2] == Holding.Block(block: 2, parent: 5, restartLength: 4, tokens: [7, 8, 9]))
        #expect(told.count == 2)
    }

    @Test("A wrong guess is written over, and what is being computed is not told")
    mutating func guesses() {
        write([1, 2, 3, 4], in: [0])
        write([5, 6], at: 2, in: [0], finishes: false)
        #expect(told[0]?.tokens == [1, 2])
        directory.finish(StepID(step), Epoch(2))
        directory.finish(StepID(99), Epoch(1))
        #expect(told[0]?.tokens == [1, 2])
        directory.finish(StepID(step), Epoch(1))
        #expect(told[0]?.tokens == [1, 2, 5, 6])
    }

    @Test("What continued a block is told no more once something else is written to that block")
    mutating func replaced() {
        write(Self.full + [7], in: [1, 3])
        // Another sequence shares the first block.
        write([8], at: 32, in: [1, 4], restartLength: 9)
        #expect(told[4]?.parent == 1)
        write([50], at: 31, in: [1])
        #expect(told.keys.sorted() == [1])
        #expect(told[1]?.tokens == Array(Self.full[..<31]) + [50])
        // Nor when the first content is back: they may have lost theirs since.
        write([31], at: 31, in: [1])
        #expect(told.keys.sorted() == [1])
    }

    @Test("What is computed again as it was stays as it is, with all that continues it")
    mutating func again() {
        write(Self.full + [7], in: [1, 3])
        write(Array(Self.full[8...]) + [7, 8], at: 8, in: [1, 3], finishes: false)
        #expect(told[1]?.tokens == Self.full && told[3]?.tokens == [7])
        directory.finish(StepID(step), Epoch(1))
        #expect(told[3]?.tokens == [7, 8])
    }

    @Test("The same tokens of a sequence that is computed for another length are others")
    mutating func lengths() {
        write(Self.full + [7], in: [1, 3])
        write([0, 1, 2], in: [1], restartLength: 40)
        #expect(told.keys.sorted() == [1])
        #expect(told[1]?.tokens == [0, 1, 2] && told[1]?.restartLength == 40)
    }

    @Test("What goes on from positions that nobody knows is not known")
    mutating func gaps() {
        write([1], at: 3, in: [0])
        write([1], at: 32, in: [1, 2])
        write([1, 2], in: [4])
        write([9], at: 5, in: [4])
        write([9], at: 0, in: [70])
        #expect(told.isEmpty)
    }
}
