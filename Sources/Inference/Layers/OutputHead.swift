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
    /// What logits are multiplied by.
    let scale: Float
    /// c: logits l become c tanh(l / c); nil: they stay.
    let softcap: Float?

    /// workspace.logits [count, vocabularySize] of `count` rows of workspace.hidden; `row` names them.
    func logits(count: Int, workspace: Workspace, pool: ThreadPool, row: (_ index: Int) -> Int) {
        let dim = output.columns
        // hidden [tokens, dim] -> normed [count, dim]
        pool.run(pieces: count, operations: 8 * count * dim) { index, _ in
            norm.apply(workspace.hidden + row(index) * dim, into: workspace.normed.values + index * dim)
            if output.isQuantized { workspace.normed.quantizeRow(index, of: count, columns: dim) }
        }
        // normed [count, dim] -> logits [count, vocabularySize]
        output.multiply(
            workspace.normed, into: workspace.logits, stride: output.rows, tokens: count, pool: pool)
        guard scale != 1 || softcap != nil else { return }
        pool.run(pieces: count, operations: 20 * count * output.rows) { index, _ in
            let row = workspace.logits + index * output.rows
            if scale != 1 { tk_scale(row, output.rows, scale) }
            if let softcap { tk_softcap(row, output.rows, softcap) }
        }
    }
}
