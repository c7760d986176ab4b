// The way out of the model: activations to logits.
//
// Responsible for: final norm and output matrix over the rows that sample.
// Must not know: how a token is chosen.

import CKernels

/// Final norm and output matrix.
struct OutputHead {
    let norm: Normalization
    /// [vocabularySize, embeddingLength]
    let output: Linear
    /// What logits are multiplied by.
    let scale: Float
    /// c: logits l become c tanh(l / c); nil: they stay.
    let softcap: Float?

    /// workspace.logits [count, vocabularySize] of `count` rows of workspace.hidden; `row` names them.
    func logits(count: Int, workspace: Workspace, pool: ThreadPool, row: (_ index: Int) -> Int) {
        let (dim, vocabulary) = (output.weight.columns, output.weight.rows)
        // hidden [tokens, dim] -> normed [count, dim]
        pool.run(pieces: count, operations: 8 * count * dim) { index, _ in
            norm.apply(workspace.hidden + row(index) * dim, into: workspace.normed.values + index * dim)
            if output.weight.isQuantized { workspace.normed.quantizeRow(index, of: count, columns: dim) }
        }
        // normed [count, dim] -> logits [count, vocabularySize]
        output.weight.multiply(
            workspace.normed, into: workspace.logits, stride: vocabulary, tokens: count, pool: pool)
        guard output.bias != nil || scale != 1 || softcap != nil else { return }
        pool.run(pieces: count, operations: (softcap == nil ? 1 : 20) * count * vocabulary) { index, _ in
            let row = workspace.logits + index * vocabulary
            output.addBias(row)
            if scale != 1 { tk_scale(row, vocabulary, scale) }
            if let softcap { tk_softcap(row, vocabulary, softcap) }
        }
    }
}
