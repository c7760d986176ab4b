// Responsible for: orders for blocks, cut into parts of a size that travels well. Must not know: sockets, stages, who ordered
// them.
import Wire

/// A part of an order for blocks: the compute thread copies it out of a stage.
struct BlockWish: Sendable {
    let order: CopyBlocks
    /// Of the stage that has the layers.
    let epoch: Epoch
    /// In the order of blocks, and of each in that of its layers.
    let part: Int

    /// Bytes of a part where layers are small; where they are large it is a single layer's.
    static let bytesOfPart = 256 << 10

    /// What the part holds, where a block of a layer has so many bytes; nil: there is no such part, or it is larger than a
    /// message.
    func contents(bytesOfLayer: (Int) -> Int) -> BlockContents? {
        let runs = Self.runs(of: order.layers, bytesOfLayer)
        guard !runs.isEmpty, part >= 0, part / runs.count < order.blocks.count else { return nil }
        let (extent, run) = (order.blocks[part / runs.count], runs[part % runs.count])
        guard run.bytes <= Wire.Limits.copyBytes else { return nil }
        return BlockContents(
            epoch: order.epoch, number: order.number, part: part, partCount: order.blocks.count * runs.count,
            layers: run.layers, block: extent.block, positions: extent.positions, byteCount: run.bytes)
    }

    /// Neighbouring layers whose blocks go together.
    private static func runs(
        of layers: Range<Int>, _ bytesOfLayer: (Int) -> Int
    ) -> [(layers: Range<Int>, bytes: Int)] {
        var runs: [(layers: Range<Int>, bytes: Int)] = []
        for layer in layers {
            let bytes = bytesOfLayer(layer)
            if let last = runs.last, last.bytes + bytes <= bytesOfPart {
                runs[runs.count - 1] = (last.layers.lowerBound..<layer + 1, last.bytes + bytes)
            } else {
                runs.append((layer..<layer + 1, bytes))
            }
        }
        return runs
    }
}
