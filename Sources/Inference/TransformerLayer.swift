// One transformer layer: attention, then the feed-forward network, each added to the residual stream.
//
// Responsible for: the order of operations of a layer, as one straight line with shapes.
// Must not know: other layers, sequences, where weights come from. Families differ by data only: which norms, biases
// and gates there are, one fused or three separate projections, rotary positions or none.

import CKernels
import ModelFile

/// What the layers of one forward pass share.
struct ForwardPass {
    let batch: BatchLayout
    let cache: KeyValueCache
    let workspace: Workspace
    let pool: ThreadPool
    /// nil where positions were added to the embedding.
    let rotary: RotaryTable?
}

/// The weights of a layer and what it computes with them.
final class TransformerLayer {
    /// A matrix product with its bias.
    struct Linear {
        let weight: PackedMatrix
        /// [weight.rows]
        let bias: FloatVector?
    }

    let model: ModelConfiguration
    let attentionNorm: Normalization
    /// q, k and v, or one matrix with the rows of all three; their outputs lie side by side.
    let queryKeyValue: [Linear]
    let attentionOutput: Linear
    let feedForwardNorm: Normalization
    /// Only where the network is gated.
    let gate: Linear?
    let up: Linear
    let down: Linear

    private let quantizesAttentionInput: Bool
    private let quantizesFeedForwardInput: Bool

    init(
        model: ModelConfiguration, attentionNorm: Normalization, queryKeyValue: [Linear], attentionOutput: Linear,
        feedForwardNorm: Normalization, gate: Linear?, up: Linear, down: Linear
    ) {
        self.model = model
        self.attentionNorm = attentionNorm
        self.queryKeyValue = queryKeyValue
        self.attentionOutput = attentionOutput
        self.feedForwardNorm = feedForwardNorm
        self.gate = gate
        self.up = up
        self.down = down
        quantizesAttentionInput = queryKeyValue.contains { $0.weight.isQuantized }
        quantizesFeedForwardInput = up.weight.isQuantized || gate?.weight.isQuantized == true
    }

    /// workspace.hidden [tokens, embeddingLength] becomes this layer's output; keys and values go into the cache.
    /// `index` counts layers from the stage's first one.
    ///
    /// Every loop gives whole rows, panels or heads to threads, so no result depends on how many there are.
    func forward(_ pass: ForwardPass, index: Int) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let dim = model.embeddingLength
        let wide = model.feedForwardLength
        let qkvLength = model.queryLength + 2 * model.keyValueLength

        // hidden [tokens, dim] -> normed [tokens, dim]
        pass.forEachRow(cost: 8 * dim) { row in
            attentionNorm.apply(space.hidden + row * dim, into: space.normed.values + row * dim)
            if quantizesAttentionInput { space.normed.quantizeRow(row, columns: dim) }
        }
        // normed [tokens, dim] -> qkv [tokens, (heads + 2 * keyValueHeads) * headSize]
        var column = 0
        for projection in queryKeyValue {
            projection.weight.multiply(
                space.normed, into: space.qkv + column, stride: qkvLength, tokens: tokens, pool: pass.pool)
            column += projection.weight.rows
        }
        // biases and positions in place; keys and values into the cache
        pass.forEachRow(cost: 8 * qkvLength) { row in
            addBiases(space.qkv + row * qkvLength)
            rotateAndStore(pass, row: row, layer: index)
        }
        // qkv and the cache -> attended [tokens, heads * headSize]
        attend(pass, layer: index)
        if attentionOutput.weight.isQuantized {
            pass.forEachRow(cost: 4 * model.queryLength) { row in
                space.attended.quantizeRow(row, columns: model.queryLength)
            }
        }
        // attended [tokens, heads * headSize] -> update [tokens, dim]
        attentionOutput.weight.multiply(
            space.attended, into: space.update, stride: dim, tokens: tokens, pool: pass.pool)
        // hidden += update; hidden [tokens, dim] -> normed [tokens, dim]
        pass.forEachRow(cost: 10 * dim) { row in
            addUpdate(attentionOutput.bias, space, row: row)
            feedForwardNorm.apply(space.hidden + row * dim, into: space.normed.values + row * dim)
            if quantizesFeedForwardInput { space.normed.quantizeRow(row, columns: dim) }
        }
        // normed [tokens, dim] -> gate, up [tokens, wide]
        gate?.weight.multiply(space.normed, into: space.gate, stride: wide, tokens: tokens, pool: pass.pool)
        up.weight.multiply(space.normed, into: space.up, stride: wide, tokens: tokens, pool: pass.pool)
        // activation in place: gated networks leave it in gate, others in up
        let widened = Activations(values: gate == nil ? space.up : space.gate, quantized: space.widened)
        pass.forEachRow(cost: 20 * wide) { row in
            activate(space, row: row)
            if down.weight.isQuantized { widened.quantizeRow(row, columns: wide) }
        }
        // widened [tokens, wide] -> update [tokens, dim]; hidden += update
        down.weight.multiply(widened, into: space.update, stride: dim, tokens: tokens, pool: pass.pool)
        pass.forEachRow(cost: 2 * dim) { row in addUpdate(down.bias, space, row: row) }
    }

    /// qkv [qkvLength] of one token += the projections' biases.
    private func addBiases(_ qkv: UnsafeMutablePointer<Float>) {
        var column = 0
        for projection in queryKeyValue {
            if let bias = projection.bias { tk_add(qkv + column, bias.values, bias.count) }
            column += projection.weight.rows
        }
    }

    /// One token: queries and keys turn by its position; its key and value go into its block.
    private func rotateAndStore(_ pass: ForwardPass, row: Int, layer: Int) {
        let space = pass.workspace
        let query = space.qkv + row * (model.queryLength + 2 * model.keyValueLength)
        let key = query + model.queryLength
        let value = key + model.keyValueLength
        if let rotary = pass.rotary {
            let cosines = space.cosines + row * rotary.pairCount
            let sines = space.sines + row * rotary.pairCount
            // Keys follow queries: one call turns the heads of both.
            rotary.rotate(
                query, heads: model.headCount + model.keyValueHeadCount, headSize: model.headSize, cosines: cosines,
                sines: sines)
        }
        let position = pass.batch.positions[row]
        let (blockIndex, inBlock) = position.quotientAndRemainder(dividingBy: StageConfiguration.blockPositions)
        let block = pass.batch.blocks[pass.batch.tableStarts[row] + blockIndex]
        tk_kv_store(
            pass.cache.block(block, layer: layer), key, value, model.keyValueHeadCount, model.headSize, inBlock)
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
        let scale = 1 / Float(headSize).squareRoot()
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
                        space.qkv + row * qkvLength + head * headSize, blocks + batch.tableStarts[row],
                        batch.positions[row] + 1, keyHead, model.keyValueHeadCount, headSize, scale)
                }
            }
        }
    }

    /// update [dim] of one token += bias; hidden [dim] += update.
    private func addUpdate(_ bias: FloatVector?, _ space: Workspace, row: Int) {
        let dim = model.embeddingLength
        let update = space.update + row * dim
        if let bias { tk_add(update, bias.values, dim) }
        tk_add(space.hidden + row * dim, update, dim)
    }

    /// One token: gate = activation(gate) * up, or up = activation(up).
    private func activate(_ space: Workspace, row: Int) {
        let wide = model.feedForwardLength
        let rowGate = space.gate + row * wide
        let rowUp = space.up + row * wide
        if let bias = gate?.bias { tk_add(rowGate, bias.values, wide) }
        if let bias = up.bias { tk_add(rowUp, bias.values, wide) }
        switch (model.activation, gate) {
        case (.silu, .some): tk_silu_multiply(rowGate, rowUp, wide)
        case (.geluTanh, nil): tk_gelu_tanh(rowUp, wide)
        case (.silu, nil), (.geluTanh, .some): preconditionFailure("a stage is not made with such a network")
        }
    }
}

extension ForwardPass {
    /// Calls `body` for every row of the batch; `cost`: about the operations of one row.
    func forEachRow(cost: Int, _ body: (_ row: Int) -> Void) {
        pool.run(pieces: batch.tokenCount, operations: batch.tokenCount * cost) { row, _ in body(row) }
    }
}

extension Activations {
    /// Quantizes row `row` of values [tokens, columns], once for all matrices it goes into.
    func quantizeRow(_ row: Int, columns: Int) {
        let blocks = columns / Int(TK_BLOCK)
        let out = tk_quantized(
            quants: quantized.quants + row * columns, scales: quantized.scales + row * blocks,
            sums: quantized.sums + row * blocks)
        tk_quantize(out, values + row * columns, 1, columns)
    }
}
