// The way out of the model: activations to logits.
//
// Responsible for: final norm and output matrix over the rows that sample.
// Must not know: how a token is chosen.

import CKernels

/// Final norm and output matrix.
struct OutputHead {
    let norm: Normalization
    /// [vocabularySize, embeddingLength]
    let output: PackedMatrix
    /// c: logits l become c tanh(l / c); nil: they stay.
    let softcap: Float?

    /// workspace.logits [rows.count, vocabularySize] of the given rows of workspace.hidden.
    func logits(ofRows rows: [Int], workspace: Workspace, pool: ThreadPool) {
        let dim = output.columns
        // hidden [tokens, dim] -> normed [rows, dim]
        pool.run(pieces: rows.count, operations: 8 * rows.count * dim) { index, _ in
            norm.apply(workspace.hidden + rows[index] * dim, into: workspace.normed.values + index * dim)
            if output.isQuantized { workspace.normed.quantizeRow(index, of: rows.count, columns: dim) }
        }
        // normed [rows, dim] -> logits [rows, vocabularySize]
        output.multiply(
            workspace.normed, into: workspace.logits, stride: output.rows, tokens: rows.count, pool: pool)
        guard let softcap else { return }
        pool.run(pieces: rows.count, operations: 20 * rows.count * output.rows) { index, _ in
            tk_softcap(workspace.logits + index * output.rows, output.rows, softcap)
        }
    }
}
