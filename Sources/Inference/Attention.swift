// Attention of one layer: projections, positions, keys and values, the attended values and their projection.
//
// Responsible for: the order of these operations, as one straight line with shapes.
// Must not know: the residual stream, other layers, where weights come from. Families differ by data only: biases,
// one fused or three separate projections, norms of queries and keys, rotary positions or none, what a token sees.

import CKernels
import ModelFile

/// The weights of a layer's attention and what it computes with them.
struct Attention {
    let model: ModelConfiguration
    /// q, k and v, or one matrix with the rows of all three; their outputs lie side by side.
    let queryKeyValue: [Linear]
    /// Of each `weight.count` elements of queries and keys: one head, or all of them.
    let queryNorm: Normalization?
    let keyNorm: Normalization?
    let output: Linear
    /// Positions that a token sees, itself included; nil: all up to it.
    let window: Int?
    /// [headCount]: the score of a position without a value.
    let sinks: FloatVector?

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool { queryKeyValue.contains { $0.weight.isQuantized } }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength]; keys and values of the
    /// tokens go into the cache. `index` counts layers from the stage's first one.
    func forward(_ pass: ForwardPass, index: Int) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let dim = model.embeddingLength
        let qkvLength = model.queryLength + 2 * model.keyValueLength

        // normed [tokens, dim] -> qkv [tokens, (heads + 2 * keyValueHeads) * headSize]
        var column = 0
        for projection in queryKeyValue {
            projection.weight.multiply(
                space.normed, into: space.qkv + column, stride: qkvLength, tokens: tokens, pool: pass.pool)
            column += projection.weight.rows
        }
        // biases, norms and positions in place; keys and values into the cache
        pass.forEachRow(cost: 8 * qkvLength) { row in
            addBiases(space.qkv + row * qkvLength)
            normalize(space.qkv + row * qkvLength, length: model.queryLength, by: queryNorm)
            normalize(space.qkv + row * qkvLength + model.queryLength, length: model.keyValueLength, by: keyNorm)
            rotateAndStore(pass, row: row, layer: index)
        }
        // qkv and the cache -> attended [tokens, heads * headSize]
        attend(pass, layer: index)
        if output.weight.isQuantized {
            pass.forEachRow(cost: 4 * model.queryLength) { row in
                space.attended.quantizeRow(row, columns: model.queryLength)
            }
        }
        // attended [tokens, heads * headSize] -> update [tokens, dim]
        output.weight.multiply(space.attended, into: space.update, stride: dim, tokens: tokens, pool: pass.pool)
        if output.bias != nil { pass.forEachRow(cost: dim) { row in output.addBias(space.update + row * dim) } }
    }

    /// qkv [qkvLength] of one token += the projections' biases.
    private func addBiases(_ qkv: UnsafeMutablePointer<Float>) {
        var column = 0
        for projection in queryKeyValue {
            projection.addBias(qkv + column)
            column += projection.weight.rows
        }
    }

    /// x [length], the queries or the keys of one token, in place.
    private func normalize(_ x: UnsafeMutablePointer<Float>, length: Int, by norm: Normalization?) {
        guard let norm else { return }
        for start in stride(from: 0, to: length, by: norm.weight.count) { norm.apply(x + start, into: x + start) }
    }

    /// One token: queries and keys turn by its position; its key and value go into its block.
    private func rotateAndStore(_ pass: ForwardPass, row: Int, layer: Int) {
        let space = pass.workspace
        let query = space.qkv + row * (model.queryLength + 2 * model.keyValueLength)
        let key = query + model.queryLength
        let value = key + model.keyValueLength
        if let rotary = window == nil ? pass.rotary : pass.slidingRotary {
            // Keys follow queries: one call turns the heads of both.
            rotary.rotate(
                query, row: row, heads: model.headCount + model.keyValueHeadCount, headSize: model.headSize)
        }
        let position = pass.batch.positions[row]
        let (blockIndex, inBlock) = position.quotientAndRemainder(dividingBy: StageConfiguration.blockPositions)
        let block = pass.batch.blocks[pass.batch.tableStarts[row] + blockIndex]
        tk_kv_store(
            pass.cache.block(block, layer: layer), key, value, model.keyValueHeadCount, model.headSize, inBlock)
    }

    /// What one token's query of a head sees.
    private func rules(position: Int, head: Int) -> tk_attention_rules {
        tk_attention_rules(
            first: window.map { max(0, position + 1 - $0) } ?? 0,
            positions: position + 1,
            scale: model.attentionScale ?? 1 / Float(model.headSize).squareRoot(),
            softcap: model.attentionSoftcap ?? 0,
            sink: sinks.map { $0.values[head] } ?? -.infinity)
    }

    /// attended [tokens, heads * headSize] = attention of every query head over the positions up to its token's.
    private func attend(_ pass: ForwardPass, layer: Int) {
        let space = pass.workspace
        let batch = pass.batch
        let tokens = batch.tokenCount
        let queryLength = model.queryLength
        let headSize = model.headSize
        let qkvLength = queryLength + 2 * model.keyValueLength
        let headsPerKey = model.headCount / model.keyValueHeadCount
        space.pointAtBlocks(batch.blocks, of: pass.cache, layer: layer)
        space.blockPointers.withUnsafeBufferPointer { pointers in
            guard let blocks = pointers.baseAddress else { return }
            // Pieces of one KV head follow each other: what the last token read is still in the cache.
            pass.pool.run(
                pieces: model.keyValueHeadCount * tokens, operations: 2 * batch.attendedPositions * queryLength
            ) { piece, _ in
                let (keyHead, row) = piece.quotientAndRemainder(dividingBy: tokens)
                for head in keyHead * headsPerKey..<(keyHead + 1) * headsPerKey {
                    tk_attention(
                        space.attended.values + row * queryLength + head * headSize,
                        space.qkv + row * qkvLength + head * headSize, blocks + batch.tableStarts[row], keyHead,
                        model.keyValueHeadCount, headSize, rules(position: batch.positions[row], head: head))
                }
            }
        }
    }
}
