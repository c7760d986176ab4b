// The angles by which the heads of one batch turn: computed once, used by every layer.
//
// Responsible for: cosines and sines of the batch's rows.
// Must not know: frequencies, layers.

/// Cosines and sines of the rows of one batch.
struct RotaryAngles {
    let table: RotaryTable
    /// [tokens, pairs]
    let cosines: UnsafeMutablePointer<Float>
    /// [tokens, pairs]
    let sines: UnsafeMutablePointer<Float>

    /// Computes those of one row.
    func fill(row: Int, of batch: BatchLayout) {
        table.angles(
            position: batch.positions[row], length: batch.lengths[row], cosines: cosines + row * table.pairCount,
            sines: sines + row * table.pairCount)
    }

    /// Turns `heads` consecutive heads [heads, headSize] of one row in place.
    func rotate(_ x: UnsafeMutablePointer<Float>, row: Int, heads: Int, headSize: Int) {
        table.rotate(
            x, heads: heads, headSize: headSize, cosines: cosines + row * table.pairCount,
            sines: sines + row * table.pairCount)
    }
}
