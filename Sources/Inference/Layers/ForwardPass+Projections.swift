// The products of several matrices with the same input.
//
// Responsible for: making one job of them.
// Must not know: what they project.

extension ForwardPass {
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
