// Responsible for: orders for blocks, cut into parts of a size that travels well. Must not know: sockets, stages, who ordered
// them.
import Wire

/// A part of an order for blocks: the compute thread copies it out of a stage.
struct BlockWish: Sendable {
    /// What of a block goes in one message.
    private struct Piece {
        var layers: Range<Int>
        var isOutputs = false
        /// Of the one layer, where its block is larger than a message.
        var offset = 0
        var bytes: Int
    }

    let order: CopyBlocks
    /// Of the stage that has the layers.
    let epoch: Epoch
    /// In the order of blocks, and of each in that of its layers, with what was kept of outputs behind.
    let part: Int

    /// Bytes of a part where layers are small; where they are large it is a single layer's, or a piece of that.
    static let bytesOfPart = 256 << 10

    /// What the part holds, where a block of a layer, and of what goes from layer to layer, has so many bytes; nil: there is
    /// no such part.
    func contents(bytesOfLayer: (Int) -> Int, bytesOfOutputs: Int) -> BlockContents? {
        let pieces =
            Self.runs(of: order.layers, bytesOfLayer).flatMap(Self.cut)
            + order.outputs.flatMap { Self.cut(Piece(layers: $0 - 1..<$0, isOutputs: true, bytes: bytesOfOutputs)) }
        guard !pieces.isEmpty, part >= 0, part / pieces.count < order.blocks.count else { return nil }
        let (extent, piece) = (order.blocks[part / pieces.count], pieces[part % pieces.count])
        var contents = BlockContents(
            epoch: order.epoch, number: order.number, part: part, partCount: order.blocks.count * pieces.count,
            layers: piece.layers, block: extent.block, positions: extent.positions, byteCount: piece.bytes)
        (contents.isOutputs, contents.offset) = (piece.isOutputs, piece.offset)
        return contents
    }

    /// Neighbouring layers whose blocks go together.
    private static func runs(of layers: Range<Int>, _ bytesOfLayer: (Int) -> Int) -> [Piece] {
        var runs: [Piece] = []
        for layer in layers {
            let bytes = bytesOfLayer(layer)
            if let last = runs.last, last.bytes + bytes <= bytesOfPart {
                runs[runs.count - 1] = Piece(layers: last.layers.lowerBound..<layer + 1, bytes: last.bytes + bytes)
            } else {
                runs.append(Piece(layers: layer..<layer + 1, bytes: bytes))
            }
        }
        return runs
    }

    /// What is larger than a message goes in several.
    private static func cut(_ piece: Piece) -> [Piece] {
        stride(from: 0, to: piece.bytes, by: Wire.Limits.copyBytes).map { offset in
            var part = piece
            (part.offset, part.bytes) = (offset, min(Wire.Limits.copyBytes, piece.bytes - offset))
            return part
        }
    }
}
