// What the layers of one forward pass share.
//
// Responsible for: handing batch, memory and threads down.
// Must not know: arithmetic.

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
}
