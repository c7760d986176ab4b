// What the layers of one forward pass share.
//
// Responsible for: handing batch, memory and threads down, and where the keys and values of a token go.
// Must not know: what layers compute.

import CKernels
import Sequences

/// One step of a batch on its way through the layers.
struct ForwardPass {
    let batch: BatchLayout
    let cache: KeyValueCache
    let workspace: Workspace
    let pool: ThreadPool
    /// By which queries and keys turn; nil where positions were added to the embedding.
    let rotary: RotaryAngles?
    /// The same in layers whose window slides.
    let slidingRotary: RotaryAngles?
}

extension ForwardPass {
    /// Calls `body` for every row of the batch; `cost`: about the operations of one row.
    func forEachRow(cost: Int, _ body: (_ row: Int) -> Void) {
        pool.run(pieces: batch.tokenCount, operations: batch.tokenCount * cost) { row, _ in body(row) }
    }

    /// Puts the key and the value [heads, headSize] of one row's token into the cache.
    func store(
        key: UnsafePointer<Float>, value: UnsafePointer<Float>, heads: Int, headSize: Int, row: Int, layer: Int
    ) {
        let (blockIndex, inBlock) = batch.positions[row].quotientAndRemainder(dividingBy: KeyValueBlock.positions)
        let block = batch.blocks[batch.tableStarts[row] + blockIndex]
        tk_kv_store(cache.type.kernelType, cache.block(block, layer: layer), key, value, heads, headSize, inBlock)
    }
}
