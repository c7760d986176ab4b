// Responsible for: KV blocks are neither lost nor given twice. Must not know: sequences.

import Testing

@testable import Cluster

@Suite struct BlockPoolTests {
    @Test("Blocks taken are distinct, and all come back")
    func takeAndGive() {
        var pool = BlockPool(count: 5)
        let a = pool.take(2) ?? []
        let b = pool.take(3) ?? []
        #expect(Set(a + b) == [0, 1, 2, 3, 4])
        #expect(pool.take(1) == nil)
        pool.give(a)
        #expect(pool.freeCount == 2)
        #expect(pool.take(3) == nil)
        #expect(pool.freeCount == 2)
        pool.give(b)
        #expect(pool.freeCount == 5)
    }

    @Test("A block of positions is begun with its first position")
    func counting() {
        #expect([0, 1, 32, 33, 64].map { BlockPool.blocks(forPositions: $0) } == [0, 1, 1, 2, 2])
    }
}
