// Latent attention of one layer: what is kept of a position are a few numbers that all heads share.
//
// Responsible for: the order of its operations, as one straight line with shapes, and its buffers.
// Must not know: the residual stream, other layers, where weights come from.

import CKernels
import ModelFile
import Sequences

/// Multi-head latent attention in the absorbed form (`LatentSizes` says what that is): one KV head, whose key of a position
/// is its latent and the part that turns, for all query heads. Its value is the latent, too, and is stored as the whole key:
/// what heads gather of the part that turns is not looked at.
struct LatentAttention {
    /// The matrices of one head.
    struct Head {
        /// [rank, plainSize]: from a query to one that latents are compared with.
        let key: PackedMatrix
        /// [valueSize, rank]: from attended latents to a value.
        let value: PackedMatrix
    }

    let model: ModelConfiguration
    let sizes: LatentSizes
    /// [queryRank, embeddingLength] and the norm of what it puts out; nil: `query` takes the input itself.
    let queryDown: PackedMatrix?
    let queryNorm: Normalization?
    /// [headCount * (plainSize + turned), queryRank or embeddingLength]
    let query: PackedMatrix
    /// [headSize = rank + turned, embeddingLength]
    let latent: PackedMatrix
    let latentNorm: Normalization
    /// [headCount]
    let heads: [Head]
    /// [embeddingLength, headCount * valueSize]
    let output: Linear

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool { (queryDown ?? query).isQuantized || latent.isQuantized }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength]; latents of the tokens go
    /// into the cache. `index` counts layers from the stage's first one.
    func forward(_ pass: ForwardPass, index: Int) {
        let space = pass.workspace
        guard let own = space.latents else { preconditionFailure("a stage with latents has their buffers") }
        let tokens = pass.batch.tokenCount
        let valueLength = model.headCount * sizes.valueSize

        // normed [tokens, dim] -> queries [tokens, heads * (plain + turned)], the end of qkv [tokens, headSize]
        project(pass, own)
        // plain parts of queries [heads, tokens, plain]; turned parts and latents in place and into the cache
        pass.forEachRow(cost: 8 * model.queryLength) { row in turnAndStore(pass, own, row: row, layer: index) }
        // plain [heads, tokens, plain] -> the first rank of each head in qkv [tokens, heads * headSize]
        forEachHead(pass, columns: sizes.plainSize * sizes.rank) { head in
            heads[head].key.multiply(
                own.plain, tokens: head * tokens..<(head + 1) * tokens, of: model.headCount * tokens,
                into: space.qkv + head * model.headSize, stride: space.qkvStride, groups: 0..<heads[head].key.groupCount
            )
        }
        // qkv and the cache -> attended [tokens, heads * headSize]
        attend(pass, layer: index)
        // attended -> gathered [heads, tokens, rank]
        pass.forEachRow(cost: 4 * model.queryLength) { row in gather(pass, own, row: row) }
        // gathered [heads, tokens, rank] -> values [tokens, heads * valueSize]
        forEachHead(pass, columns: sizes.valueSize * sizes.rank) { head in
            heads[head].value.multiply(
                own.gathered, tokens: head * tokens..<(head + 1) * tokens, of: model.headCount * tokens,
                into: own.values.values + head * sizes.valueSize, stride: valueLength,
                groups: 0..<heads[head].value.groupCount)
        }
        // values [tokens, heads * valueSize] -> update [tokens, dim]
        pass.project(own.values, by: output)
    }

    /// `columns`: about the multiplications of a head and a token.
    private func forEachHead(_ pass: ForwardPass, columns: Int, _ body: (_ head: Int) -> Void) {
        let operations = model.headCount * pass.batch.tokenCount * columns
        pass.pool.run(pieces: model.headCount, operations: operations) { head, _ in body(head) }
    }

    private func project(_ pass: ForwardPass, _ own: LatentBuffers) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        latent.multiply(
            space.normed, into: space.qkv + model.queryLength, stride: space.qkvStride, tokens: tokens, pool: pass.pool)
        var input = space.normed
        if let queryDown, let queryNorm {
            input = own.narrowed
            let rank = queryDown.rows
            queryDown.multiply(space.normed, into: input.values, stride: rank, tokens: tokens, pool: pass.pool)
            pass.forEachRow(cost: 8 * rank) { row in
                queryNorm.apply(input.values + row * rank, into: input.values + row * rank)
                if query.isQuantized { input.quantizeRow(row, of: tokens, columns: rank) }
            }
        }
        query.multiply(input, into: own.queries, stride: query.rows, tokens: tokens, pool: pass.pool)
    }

    /// One token: the parts of its queries go where they are needed, what turns does so by its position, and its latent
    /// goes into its block.
    private func turnAndStore(_ pass: ForwardPass, _ own: LatentBuffers, row: Int, layer: Int) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let (plainSize, rank, headSize) = (sizes.plainSize, sizes.rank, model.headSize)
        let turned = headSize - rank
        let absorbed = space.qkv + row * space.qkvStride
        for head in 0..<model.headCount {
            let query = own.queries + row * self.query.rows + head * (plainSize + turned)
            let place = head * tokens + row
            (own.plain.values + place * plainSize).update(from: query, count: plainSize)
            if heads[head].key.isQuantized {
                own.plain.quantizeRow(place, of: model.headCount * tokens, columns: plainSize)
            }
            (absorbed + head * headSize + rank).update(from: query + plainSize, count: turned)
        }
        let key = absorbed + model.queryLength
        latentNorm.apply(key, into: key)
        // The key follows the queries and is as long as they: one call turns the ends of all.
        pass.rotary?.rotate(absorbed + rank, row: row, heads: model.headCount + 1, headSize: headSize)
        pass.store(key: key, value: key, heads: 1, headSize: headSize, row: row, layer: layer)
    }

    /// The latent of what each head of one token has attended to, quantized too where a matrix needs it so.
    private func gather(_ pass: ForwardPass, _ own: LatentBuffers, row: Int) {
        let tokens = pass.batch.tokenCount
        for head in 0..<model.headCount {
            let place = head * tokens + row
            (own.gathered.values + place * sizes.rank).update(
                from: pass.workspace.attended.values + row * model.queryLength + head * model.headSize,
                count: sizes.rank)
            if heads[head].value.isQuantized {
                own.gathered.quantizeRow(place, of: model.headCount * tokens, columns: sizes.rank)
            }
        }
    }

    // MARK: Attention

    /// What scores are multiplied by: 1 / sqrt(length of a head's key), and with YaRN's mscale_all_dim the square of
    /// 0.1 mscale ln(factor) + 1 (`modeling_deepseek_v2.py`).
    private var scale: Float {
        let length = sizes.plainSize + model.headSize - sizes.rank
        let plain = 1 / Double(length).squareRoot()
        guard case .rotary(let rotary) = model.positions, case .yarn(let yarn) = rotary.scaling,
            let mscale = yarn.mscaleAllDimensions, mscale != 0, yarn.factor > 1
        else { return Float(plain) }
        let factor = 0.1 * mscale * tk_log(yarn.factor) + 1
        return Float(plain * factor * factor)
    }

    /// attended [tokens, heads * headSize] = attention of every query head over the positions up to its token's. Every
    /// piece is a run of tokens and some of the heads, which all look at the same keys.
    private func attend(_ pass: ForwardPass, layer: Int) {
        let space = pass.workspace
        space.pointAtBlocks(pass.batch.blocks, of: pass.cache, layer: layer)
        let runs = pass.batch.runs
        let threads = pass.pool.threads
        let groups = threads == 1 ? 1 : min(model.headCount, max(1, 4 * threads / max(1, runs.count)))
        let scale = self.scale
        space.blockPointers.withUnsafeBufferPointer { pointers in
            guard let blocks = pointers.baseAddress else { return }
            pass.pool.run(
                pieces: groups * runs.count, operations: 2 * pass.batch.attendedPositions * model.queryLength
            ) { piece, _ in
                let (index, group) = piece.quotientAndRemainder(dividingBy: groups)
                let run = runs[index]
                let own = model.headCount * group / groups..<model.headCount * (group + 1) / groups
                var shape = tk_attention_shape(
                    type: pass.cache.type.kernelType, kv_heads: 1, heads_per_kv_head: own.count,
                    head_size: model.headSize, window: 0, chunk: 0, scale: scale, softcap: 0, sinks: nil)
                let first = own.lowerBound * model.headSize
                var tokens = tk_attention_tokens(
                    queries: space.qkv + run.row * space.qkvStride + first, query_stride: space.qkvStride,
                    blocks: blocks + pass.batch.tableStarts[run.row], position: pass.batch.positions[run.row],
                    count: run.count)
                tk_attention(
                    &shape, &tokens, 0, space.attended.values + run.row * model.queryLength + first, model.queryLength)
            }
        }
    }
}

/// Scratch memory for layers with latent attention, allocated once for the largest batch.
final class LatentBuffers {
    /// [tokens, queryRank]
    let narrowed: Activations
    /// [tokens, heads * (plainSize + turned)]
    let queries: UnsafeMutablePointer<Float>
    /// [heads, tokens, plainSize]
    let plain: Activations
    /// [heads, tokens, rank]
    let gathered: Activations
    /// [tokens, heads * valueSize]
    let values: Activations

    private let memory: AnonymousMemory

    /// Buffers for a stage; nil where the model has no latent attention.
    init?(_ configuration: StageConfiguration) throws(InferenceError) {
        guard let sizes = Sizes(configuration) else { return nil }
        memory = try AnonymousMemory(byteCount: sizes.byteCount, purpose: "working buffers of latent attention")
        var cut = BufferCutter(next: memory.base)
        func activations(_ count: Int) -> Activations {
            Activations(values: cut.floats(count), quantized: cut.quantized(count))
        }
        narrowed = activations(sizes.narrowed)
        queries = cut.floats(sizes.queries)
        plain = activations(sizes.plain)
        gathered = activations(sizes.gathered)
        values = activations(sizes.values)
        precondition(cut.next <= memory.base + memory.byteCount, "the sizes are the sum of the buffers")
    }

    /// Bytes of the buffers of a stage.
    static func byteCount(_ configuration: StageConfiguration) -> Int { Sizes(configuration)?.byteCount ?? 0 }

    /// Elements of each buffer.
    private struct Sizes {
        let narrowed: Int
        let queries: Int
        let plain: Int
        let gathered: Int
        let values: Int

        init?(_ configuration: StageConfiguration) {
            let model = configuration.model
            guard let latent = model.latent else { return nil }
            let rows = configuration.maximumBatchTokens * model.headCount
            narrowed = configuration.maximumBatchTokens * (latent.queryRank ?? 0)
            queries = rows * (latent.plainSize + model.headSize - latent.rank)
            plain = rows * latent.plainSize
            gathered = rows * latent.rank
            values = rows * latent.valueSize
        }

        var byteCount: Int {
            [narrowed, plain, gathered, values].reduce(BufferCutter.floatBytes(queries)) {
                $0 + BufferCutter.floatBytes($1) + BufferCutter.quantizedBytes($1)
            }
        }
    }
}
