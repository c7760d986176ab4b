// Attention of one layer: projections, positions, keys and values, the attended values and their projection.
//
// Responsible for: the order of these operations, as one straight line with shapes.
// Must not know: the residual stream, other layers, where weights come from. Families differ by data only: biases,
// one fused or three separate projections, norms of queries and keys, rotary positions or none, what a token sees,
// gates of what is put out, and how much a late query weighs.

import CKernels
import ModelFile
import Sequences

/// The weights of a layer's attention and what it computes with them.
struct Attention {
    let model: ModelConfiguration
    /// What query · key is multiplied by.
    let scale: Float
    /// q, k and v, or one matrix with the rows of all three; their outputs lie side by side.
    let queryKeyValue: [Linear]
    /// Of each `weight.count` elements of queries and keys: one head, or all of them.
    let queryNorm: Normalization?
    let keyNorm: Normalization?
    let output: Linear
    /// The same after they have turned.
    let turnedNorm: Normalization?
    /// Positions that a token sees, itself included, or of which a chunk consists; nil: all up to it.
    let window: Int?
    /// Queries and keys turn by their positions, where the model has rotary ones.
    let isRotated: Bool
    /// nil: queries are as large at every position.
    let temperature: ModelConfiguration.AttentionTemperature?
    /// [headCount]: the score of a position without a value.
    let sinks: FloatVector?

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool { queryKeyValue.contains { $0.weight.isQuantized } }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength]; keys and values of the
    /// tokens go into the cache. `index` counts layers from the stage's first one.
    func forward(_ pass: ForwardPass, index: Int) {
        let space = pass.workspace
        let dim = model.embeddingLength
        let qkvLength = model.queryRows + 2 * model.keyValueLength

        // normed [tokens, dim] -> qkv [tokens, (heads + 2 * keyValueHeads) * headSize], twice the heads with gates
        pass.project(queryKeyValue, columns: dim)
        // biases, norms and positions in place; keys and values into the cache
        pass.forEachRow(cost: 8 * qkvLength) { row in
            addBiases(space.qkv + row * space.qkvStride)
            if model.hasAttentionGate { separateGates(space, row: row) }
            let queries = queries(space, row: row)
            normalize(queries, length: model.queryLength, by: queryNorm)
            normalize(queries + model.queryLength, length: model.keyValueLength, by: keyNorm)
            rotateAndStore(pass, row: row, layer: index)
        }
        // qkv and the cache -> attended [tokens, heads * headSize]
        attend(pass, layer: index)
        if model.hasAttentionGate {
            pass.forEachRow(cost: 8 * model.queryLength) { row in
                tk_gate(
                    space.attended.values + row * model.queryLength, space.qkv + row * space.qkvStride,
                    model.queryLength)
            }
        }
        // attended [tokens, heads * headSize] -> update [tokens, dim]
        pass.project(space.attended, by: output)
    }

    /// qkv [qkvLength] of one token += the projections' biases.
    private func addBiases(_ qkv: UnsafeMutablePointer<Float>) {
        var column = 0
        for projection in queryKeyValue {
            projection.addBias(qkv + column)
            column += projection.weight.rows
        }
    }

    /// Where the queries of a token begin; its gates, if any, stand before them, its keys and values after.
    private func queries(_ space: Workspace, row: Int) -> UnsafeMutablePointer<Float> {
        space.qkv + row * space.qkvStride + model.queryRows - model.queryLength
    }

    /// One token: from the query and the gate of each head in turn to the gates of all, then the queries of all.
    private func separateGates(_ space: Workspace, row: Int) {
        let size = model.headSize
        let projected = space.qkv + row * space.qkvStride
        let gates = space.attended.values + row * model.queryLength  // not used yet
        let queries = queries(space, row: row)
        for head in (0..<model.headCount).reversed() {
            (gates + head * size).update(from: projected + (2 * head + 1) * size, count: size)
            (queries + head * size).update(from: projected + 2 * head * size, count: size)
        }
        projected.update(from: gates, count: model.queryLength)
    }

    /// x [length], the queries or the keys of one token, in place.
    private func normalize(_ x: UnsafeMutablePointer<Float>, length: Int, by norm: Normalization?) {
        guard let norm else { return }
        for start in stride(from: 0, to: length, by: norm.weight.count) { norm.apply(x + start, into: x + start) }
    }

    /// One token: queries and keys turn by its position; its key and value go into its block.
    private func rotateAndStore(_ pass: ForwardPass, row: Int, layer: Int) {
        let space = pass.workspace
        let query = queries(space, row: row)
        let key = query + model.queryLength
        let value = key + model.keyValueLength
        if isRotated, let rotary = window == nil ? pass.rotary : pass.slidingRotary {
            // Keys follow queries: one call turns the heads of both.
            rotary.rotate(
                query, row: row, heads: model.headCount + model.keyValueHeadCount, headSize: model.headSize)
        }
        normalize(query, length: model.queryLength + model.keyValueLength, by: turnedNorm)
        let position = pass.batch.positions[row]
        if let factor = temperature?.factor(position: position), factor != 1 {
            tk_scale(query, model.queryLength, factor)
        }
        pass.store(
            key: key, value: value, heads: model.keyValueHeadCount, headSize: model.headSize, row: row, layer: layer)
    }

    /// What the kernels need to know of this layer.
    private func shape(_ cache: KeyValueCache) -> tk_attention_shape {
        let isChunked = model.slidingWindow?.isChunked ?? false
        return tk_attention_shape(
            type: cache.type.kernelType, kv_heads: model.keyValueHeadCount,
            heads_per_kv_head: model.headCount / model.keyValueHeadCount, head_size: model.headSize,
            window: isChunked ? 0 : window ?? 0, chunk: isChunked ? window ?? 0 : 0,
            scale: scale, softcap: model.attentionSoftcap ?? 0, sinks: sinks.map { UnsafePointer($0.values) })
    }

    /// attended [tokens, heads * headSize] = attention of every query head over the positions up to its token's.
    private func attend(_ pass: ForwardPass, layer: Int) {
        let space = pass.workspace
        space.pointAtBlocks(pass.batch.blocks, of: pass.cache, layer: layer)
        space.blockPointers.withUnsafeBufferPointer { pointers in
            guard let blocks = pointers.baseAddress else { return }
            let isSmall = pass.batch.tokenCount <= space.apartTokens
            let segments = isSmall ? (pass.batch.positions.max() ?? 0) / Int(TK_ATTENTION_SEGMENT) + 1 : 1
            // A batch that names a block more than once can have more positions than the stage has room for.
            if segments > 1 && segments <= space.apartSegments {
                attendApart(pass, blocks: blocks, segments: segments)
            } else {
                attendTogether(pass, blocks: blocks)
            }
        }
    }

    /// Some consecutive tokens of one sequence, as the kernels take them.
    private func tokens(
        _ run: BatchLayout.Run, of pass: ForwardPass, blocks: UnsafePointer<UnsafeRawPointer?>
    ) -> tk_attention_tokens {
        tk_attention_tokens(
            queries: queries(pass.workspace, row: run.row), query_stride: pass.workspace.qkvStride,
            blocks: blocks + pass.batch.tableStarts[run.row], position: pass.batch.positions[run.row],
            count: run.count)
    }

    /// Every piece is one KV head and a run of tokens.
    private func attendTogether(_ pass: ForwardPass, blocks: UnsafePointer<UnsafeRawPointer?>) {
        let runs = pass.batch.runs
        let out = pass.workspace.attended.values
        // Pieces of one KV head follow each other: what the last tokens read is still in the cache.
        pass.pool.run(
            pieces: model.keyValueHeadCount * runs.count,
            operations: 2 * pass.batch.attendedPositions * model.queryLength
        ) { piece, _ in
            let (keyHead, index) = piece.quotientAndRemainder(dividingBy: runs.count)
            var shape = shape(pass.cache)
            var tokens = tokens(runs[index], of: pass, blocks: blocks)
            tk_attention(&shape, &tokens, keyHead, out + runs[index].row * model.queryLength, model.queryLength)
        }
    }

    /// Few tokens with long contexts: every piece is one KV head, a run and a segment, so that all threads have some.
    private func attendApart(_ pass: ForwardPass, blocks: UnsafePointer<UnsafeRawPointer?>, segments: Int) {
        let space = pass.workspace
        let runs = pass.batch.runs
        let heads = model.keyValueHeadCount
        let tokenFloats = (model.headCount / heads) * (model.headSize + 2)
        // [KV heads][runs][segments][tokens of the run, heads of the KV head, headSize + 2]
        func states(_ keyHead: Int, _ run: BatchLayout.Run) -> UnsafeMutablePointer<Float> {
            space.attentionStates + (keyHead * pass.batch.tokenCount + run.row) * segments * tokenFloats
        }
        pass.pool.run(
            pieces: heads * runs.count * segments, operations: 2 * pass.batch.attendedPositions * model.queryLength
        ) { piece, _ in
            let (place, segment) = piece.quotientAndRemainder(dividingBy: segments)
            let (keyHead, index) = place.quotientAndRemainder(dividingBy: runs.count)
            var shape = shape(pass.cache)
            var tokens = tokens(runs[index], of: pass, blocks: blocks)
            let state = states(keyHead, runs[index]) + segment * runs[index].count * tokenFloats
            tk_attention_segment(&shape, &tokens, keyHead, segment, state)
        }
        pass.pool.run(pieces: heads * runs.count, operations: pass.batch.tokenCount * model.queryLength * segments) {
            piece, _ in
            let (keyHead, index) = piece.quotientAndRemainder(dividingBy: runs.count)
            var shape = shape(pass.cache)
            var tokens = tokens(runs[index], of: pass, blocks: blocks)
            tk_attention_merge(
                &shape, &tokens, keyHead, states(keyHead, runs[index]), segments,
                space.attended.values + runs[index].row * model.queryLength, model.queryLength)
        }
    }
}

extension ModelConfiguration.AttentionTemperature {
    /// What the query at a position is multiplied by: computed in double, then rounded.
    fileprivate func factor(position: Int) -> Float {
        Float(1 + Double(scale) * tk_log(Double(1 + (position + offset) / length)))
    }
}
