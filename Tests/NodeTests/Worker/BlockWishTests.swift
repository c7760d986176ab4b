// Responsible for: orders for blocks, cut into parts. Must not know: sockets, stages.
import Testing
import Wire

@testable import Node

@Suite("Orders for blocks")
struct BlockWishTests {
    private static let order = CopyBlocks(
        epoch: Epoch(4), number: 9, target: WorkerID(2), endpoint: "tcp://192.0.2.1:1", key: nil, layers: 3..<10,
        blocks: [BlockExtent(block: 5, positions: 32), BlockExtent(block: 1, positions: 7)])

    private static func parts(_ order: CopyBlocks = order, bytesOfLayer: (Int) -> Int) -> [BlockContents] {
        var parts: [BlockContents] = []
        while let part = BlockWish(order: order, epoch: Epoch(3), part: parts.count).contents(
            bytesOfLayer: bytesOfLayer, bytesOfOutputs: 3 << 19)
        { parts.append(part) }
        return parts
    }

    @Test("Small layers of a block go together, large ones alone, and nothing is left out or said twice")
    func parts() {
        // Three of 80 KiB, one of 300, three of 100.
        let bytes = [3: 80, 4: 80, 5: 80, 6: 300, 7: 100, 8: 100, 9: 100].mapValues { $0 << 10 }
        let parts = Self.parts { bytes[$0] ?? 0 }
        #expect(parts.map(\.part) == Array(0..<8) && parts.allSatisfy { $0.partCount == 8 })
        #expect(parts.map(\.layers) == [3..<6, 6..<7, 7..<9, 9..<10, 3..<6, 6..<7, 7..<9, 9..<10])
        #expect(parts.map { $0.byteCount >> 10 } == [240, 300, 200, 100, 240, 300, 200, 100])
        #expect(parts.map(\.block) == [5, 5, 5, 5, 1, 1, 1, 1])
        #expect(parts.map(\.positions) == [32, 32, 32, 32, 7, 7, 7, 7])
        #expect(parts.allSatisfy { $0.epoch == Epoch(4) && $0.number == 9 } && parts.last?.isLast == true)
    }

    @Test("A layer whose block is larger than a message goes in pieces, and so does what was kept of outputs")
    func large() {
        #expect(Self.parts { _ in Limits.copyBytes }.count == 14)
        let parts = Self.parts { _ in Limits.copyBytes + 1 }
        #expect(parts.count == 28 && parts.allSatisfy { $0.layers.count == 1 && $0.partCount == 28 })
        #expect(parts.prefix(2).map(\.offset) == [0, Limits.copyBytes])
        #expect(parts.prefix(2).map(\.byteCount) == [Limits.copyBytes, 1])
        var order = Self.order
        order.outputs = [4, 10]
        let all = Self.parts(order) { _ in 1 }
        #expect(all.map(\.isOutputs) == [false, true, true, true, true, false, true, true, true, true])
        #expect(all.prefix(5).map(\.layers) == [3..<10, 3..<4, 3..<4, 9..<10, 9..<10])
        #expect(all.prefix(5).map(\.offset) == [0, 0, 1 << 20, 0, 1 << 20])
        #expect(all.prefix(5).map(\.byteCount) == [7, 1 << 20, 1 << 19, 1 << 20, 1 << 19])
    }
}
