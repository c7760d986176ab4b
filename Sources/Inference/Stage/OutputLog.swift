// What has gone out of a layer of a stage, of every position in KV blocks: what lost layers behind it are rebuilt from.
//
// Responsible for: where the activations of a position lie.
// Must not know: which sequence uses which block, who has lost what.

import Sequences

/// Activations [blocks, 32, embeddingLength] as they go into one layer.
///
/// Pages are taken from the system when a block is first written.
final class OutputLog {
    /// The layer that they go into; the stage has the one before.
    let layer: Int
    let memory: AnonymousMemory
    private let width: Int

    /// For `blockCount` blocks of rows of `width` numbers; in `kept`, where an earlier stage has them.
    init(width: Int, blockCount: Int, layer: Int, kept: AnonymousMemory?) throws(InferenceError) {
        self.width = width
        self.layer = layer
        if let kept {
            memory = kept
        } else {
            memory = try KeyValueCache.memory(
                blockCount, of: Self.blockBytes(width: width), purpose: "the outputs that a stage keeps")
        }
    }

    /// Bytes of a block.
    static func blockBytes(width: Int) -> Int { width * KeyValueBlock.positions * MemoryLayout<Float>.stride }

    /// All that is kept of a block.
    func block(_ block: Int) -> UnsafeMutableRawBufferPointer {
        let count = Self.blockBytes(width: width)
        return UnsafeMutableRawBufferPointer(start: memory.base + block * count, count: count)
    }

    /// rows [tokens, width] of a batch become what is kept of its positions.
    func store(_ rows: UnsafePointer<Float>, of batch: BatchLayout) {
        for row in 0..<batch.tokenCount { place(of: row, batch).update(from: rows + row * width, count: width) }
    }

    /// rows [tokens, width] become what is kept of the positions of a batch.
    func load(_ batch: BatchLayout, into rows: UnsafeMutablePointer<Float>) {
        for row in 0..<batch.tokenCount { (rows + row * width).update(from: place(of: row, batch), count: width) }
    }

    private func place(of row: Int, _ batch: BatchLayout) -> UnsafeMutablePointer<Float> {
        let position = batch.positions[row]
        let block = batch.blocks[batch.tableStarts[row] + position / KeyValueBlock.positions]
        let index = block * KeyValueBlock.positions + position % KeyValueBlock.positions
        return memory.base.assumingMemoryBound(to: Float.self) + index * width
    }
}
