// The products with which a part of a layer begins and ends.
//
// Responsible for: making one job of several matrices with the same input, and what is added to the residual stream.
// Must not know: what they project.

extension ForwardPass {
    /// input [tokens, columns] -> workspace.update [tokens, rows], with the bias.
    func project(_ input: Activations, by linear: Linear) {
        let columns = linear.weight.columns
        if linear.weight.isQuantized {
            forEachRow(cost: 4 * columns) { row in input.quantizeRow(row, of: batch.tokenCount, columns: columns) }
        }
        linear.weight.multiply(
            input, into: workspace.update, stride: workspace.updateStride, tokens: batch.tokenCount, pool: pool)
        guard linear.bias != nil else { return }
        forEachRow(cost: linear.weight.rows) { row in linear.addBias(workspace.update + row * workspace.updateStride) }
    }

    /// workspace.normed [tokens, columns] -> workspace.qkv [tokens, rows of all]: the outputs lie side by side.
    func project(_ projections: [Linear], columns: Int) {
        let space = workspace
        let stride = space.qkvStride
        let tokens = batch.tokenCount
        let groups = projections.reduce(0) { $0 + $1.weight.groupCount }
        let pieces = PackedMatrix.pieces(ofGroups: groups, pool: pool)
        pool.run(pieces: pieces, operations: tokens * stride * columns) { piece, _ in
            var (first, end) = (groups * piece / pieces, groups * (piece + 1) / pieces)
            var column = 0
            for projection in projections {
                let weight = projection.weight
                let (from, to) = (max(0, first), min(end, weight.groupCount))
                if from < to {
                    weight.multiply(
                        space.normed, tokens: 0..<tokens, of: tokens, into: space.qkv + column, stride: stride,
                        groups: from..<to)
                }
                (first, end) = (first - weight.groupCount, end - weight.groupCount)
                column += weight.rows
            }
        }
    }
}
