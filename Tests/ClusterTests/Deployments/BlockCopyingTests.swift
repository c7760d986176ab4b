// Responsible for: which blocks are copied when, and when steps must wait for the rest. Must not know: requests, workers.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct BlockCopyingTests {
    private let pair = BlockCopying.Pair(source: WorkerID(1), target: WorkerID(2), layers: 3..<6, bytesPerBlock: 30)

    /// Orders of two blocks; one block is little enough to wait.
    private func copying(blocks: Int = 8) -> BlockCopying {
        var rules = CopyRules()
        rules.firstOrderBytes = 60
        rules.orderBytes = 30...60
        rules.smallBytes = 10
        rules.mostVainOrders = 3
        return BlockCopying(Epoch(7), [pair], blockCount: blocks, rules)
    }

    private func full(_ blocks: Int32...) -> [BlockExtent] {
        blocks.map { BlockExtent(block: $0, positions: KeyValueBlock.positions) }
    }

    private func copied(_ number: Int, _ copying: inout BlockCopying, at milliseconds: Int) {
        copying.note(
            Copied(epoch: Epoch(7), number: number, source: WorkerID(1)), at: WorkerID(2), .milliseconds(milliseconds))
    }

    @Test(
        "Full blocks are copied, those written longest ago first, with a rest after each order, and the others at the end"
    )
    func rounds() {
        var copying = copying()
        copying.noteWritten([2])
        let contents = full(0, 1, 2, 3) + [BlockExtent(block: 5, positions: 4)]
        #expect(copying.orders(contents, isDrained: false, .start).map(\.blocks) == [full(0, 1)])
        #expect(copying.orders(contents, isDrained: false, .milliseconds(5)).isEmpty)
        #expect(!copying.isDue(.milliseconds(5)))
        copied(1, &copying, at: 10)
        #expect(!copying.isDue(.milliseconds(29)))
        #expect(copying.nextTurn == .milliseconds(30))
        #expect(copying.orders(contents, isDrained: false, .milliseconds(30)).map(\.blocks) == [full(3, 2)])
        #expect(!copying.wantsFence)
        copied(2, &copying, at: 31)
        #expect(copying.orders(contents, isDrained: false, .milliseconds(40)).isEmpty)
        #expect(copying.wantsFence)
        copying.fence(.milliseconds(40))
        #expect(!copying.isComplete(contents))
        let rest = copying.orders(contents, isDrained: true, .milliseconds(41))
        #expect(rest.map(\.blocks) == [[BlockExtent(block: 5, positions: 4)]])
        #expect(!copying.isComplete(contents))
        copied(rest[0].number, &copying, at: 42)
        #expect(copying.isComplete(contents))
        #expect(copying.copiedBlocks == 5)
        #expect(copying.copiedBytes == 150)
    }

    @Test("What a step writes is copied again, also where it is under way just then")
    func writtenAgain() {
        var copying = copying()
        _ = copying.orders(full(0, 1), isDrained: false, .start)
        copying.noteWritten([1])
        copied(1, &copying, at: 1)
        copying.fence(.milliseconds(1))
        #expect(!copying.isComplete(full(0, 1)))
        #expect(copying.orders(full(0, 1), isDrained: true, .milliseconds(1)).map(\.blocks) == [full(1)])
        copied(2, &copying, at: 2)
        #expect(copying.isComplete(full(0, 1)))
    }

    @Test("Where as much is written as is copied, orders follow each other without rest, and then steps wait")
    func vain() {
        var copying = copying()
        let contents = full(0, 1, 2, 3, 4, 5)
        var now = 0
        var orders = 0
        while !copying.wantsFence, orders < 20 {
            let order = copying.orders(contents, isDrained: false, .milliseconds(now))
            #expect(order.count == 1)
            now += 10
            copying.noteWritten(order[0].blocks.map(\.block))
            copied(order[0].number, &copying, at: now)
            now += 20
            orders += 1
        }
        #expect(orders == 4)
    }

    @Test("Steps do not wait for what would take long")
    func slowLink() {
        var copying = copying(blocks: 4096)
        let contents = (0..<4096).map { BlockExtent(block: $0, positions: KeyValueBlock.positions) }
        for number in 1...10 {
            let order = copying.orders(contents, isDrained: false, .milliseconds(number * 100_000))
            copying.noteWritten(order.first?.blocks.map(\.block) ?? [])
            copied(number, &copying, at: number * 100_000 + 1_000)
        }
        #expect(!copying.wantsFence)
    }

    @Test("An order that is not answered, and a fence that does not end, are told; answers to others count for nothing")
    func stalls() {
        var copying = copying()
        _ = copying.orders(full(0, 1), isDrained: false, .start)
        copied(2, &copying, at: 1)
        #expect(copying.copiedBlocks == 0)
        #expect(copying.stalled(.milliseconds(4_999)) == nil)
        #expect(copying.stalled(.milliseconds(5_000)) == pair)
        copying.excuse(.seconds(5), .milliseconds(5_000))
        #expect(copying.stalled(.milliseconds(5_000)) == nil)
        copied(1, &copying, at: 5_000)
        copying.fence(.milliseconds(5_000))
        #expect(copying.stalled(.milliseconds(14_999)) == nil)
        #expect(copying.stalled(.milliseconds(15_000)) == pair)
    }

    @Test("Where nothing is to be copied, steps wait at once, and nothing more")
    func nothing() {
        let copying = BlockCopying(Epoch(7), [], blockCount: 8)
        #expect(copying.isDue(.start))
        #expect(copying.wantsFence)
        #expect(copying.isComplete(full(0, 1)))
    }
}
