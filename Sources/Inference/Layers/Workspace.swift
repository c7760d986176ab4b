// The buffers of one forward pass, allocated once for the largest batch.
//
// Responsible for: their shapes and their size.
// Must not know: what is computed in them, or in which order.

import CKernels
import ModelFile
import Sequences

/// Scratch memory of a stage. Buffers are uninitialised between uses.
final class Workspace {
    /// Rows of logits computed at once; more rows that sample take several rounds.
    static let maximumLogitRows = 16

    /// [tokens, embeddingLength]: the residual stream.
    let hidden: UnsafeMutablePointer<Float>
    /// [tokens, updateStride], embeddingLength of each row in use: what a projection adds to it.
    let update: UnsafeMutablePointer<Float>
    let updateStride: Int
    /// [tokens, qkvStride]: queries, keys and values of a token side by side, with gates before them where there are some;
    /// or what a delta net projects.
    let qkv: UnsafeMutablePointer<Float>
    let qkvStride: Int
    /// [tokens, feedForwardLength]; empty where the network is not gated. Of both only what is needed as a whole is ever
    /// touched: nothing where it is quantized piece by piece.
    let gate: UnsafeMutablePointer<Float>
    /// [tokens, feedForwardLength], or [tokens, 2 * feedForwardLength] where one matrix makes gate and up.
    let up: UnsafeMutablePointer<Float>
    /// [tokens, pairs], [tokens, pairs]: rotary angles.
    let cosines: UnsafeMutablePointer<Float>
    let sines: UnsafeMutablePointer<Float>
    /// The same for layers whose window slides; empty where these turn like the others.
    let slidingCosines: UnsafeMutablePointer<Float>
    let slidingSines: UnsafeMutablePointer<Float>
    /// [logitRows, vocabularySize]; empty where the stage has no head.
    let logits: UnsafeMutablePointer<Float>
    let logitRows: Int
    /// [tokens, embeddingLength]: normed rows, the input of q, k, v, of gate and up, and of the head.
    let normed: Activations
    /// [tokens, queryLength], or [tokens, valueLength] of a delta net: the input of the output projection.
    let attended: Activations
    /// Numbers of gate and of up that a thread computes at once, and each thread's place for them.
    let pieceNumbers: Int
    private let pieces: UnsafeMutablePointer<Float>
    /// States of attention whose segments are computed apart; for at most `apartTokens` tokens and `apartSegments`.
    let attentionStates: UnsafeMutablePointer<Float>
    let apartTokens: Int
    let apartSegments: Int
    /// [tokens, feedForwardLength] as `gate` or `up`: the quantized input of the down projection.
    let widened: UnsafeMutablePointer<tk_quantized_block>

    /// nil where no layer of the stage has experts.
    let experts: ExpertBuffers?
    /// nil where the model keeps keys and values of each head.
    let latents: LatentBuffers?

    /// Block pointers of the layer at work, for all slices of the batch.
    private(set) var blockPointers: [UnsafeRawPointer?] = []

    private let memory: AnonymousMemory

    /// Buffers for the given stage.
    init(_ configuration: StageConfiguration) throws(InferenceError) {
        let sizes = Sizes(configuration)
        memory = try AnonymousMemory(byteCount: sizes.byteCount, huge: true, purpose: "working buffers")
        var cut = BufferCutter(next: memory.base)
        hidden = cut.floats(sizes.embedding)
        update = cut.floats(sizes.update)
        (updateStride, qkvStride) = (sizes.updateStride, sizes.qkvStride)
        qkv = cut.floats(sizes.qkv)
        gate = cut.floats(sizes.gate)
        up = cut.floats(sizes.up)
        cosines = cut.floats(sizes.angles)
        sines = cut.floats(sizes.angles)
        slidingCosines = cut.floats(sizes.slidingAngles)
        slidingSines = cut.floats(sizes.slidingAngles)
        logits = cut.floats(sizes.logits)
        logitRows = sizes.logitRows
        normed = Activations(values: cut.floats(sizes.embedding), quantized: cut.quantized(sizes.embedding))
        attended = Activations(values: cut.floats(sizes.query), quantized: cut.quantized(sizes.query))
        widened = cut.quantized(sizes.feedForward)
        pieces = cut.floats(sizes.pieces)
        pieceNumbers = sizes.pieceNumbers
        attentionStates = cut.floats(sizes.attentionStates)
        (apartTokens, apartSegments) = (sizes.apartTokens, sizes.apartSegments)
        experts = try ExpertBuffers(configuration)
        latents = try LatentBuffers(configuration)
        precondition(cut.next <= memory.base + memory.byteCount, "the sizes are the sum of the buffers")
    }

    /// Bytes of the buffers of a stage.
    static func byteCount(_ configuration: StageConfiguration) -> Int {
        Sizes(configuration).byteCount + ExpertBuffers.byteCount(configuration)
            + LatentBuffers.byteCount(configuration)
    }

    /// Numbers between rows of a piece of gate or up.
    func pieceStride(columns: Int) -> Int { columns + Sizes.padding }

    /// A thread's places for its piece of gate and of up, each of `pieceNumbers`.
    func piece(ofThread thread: Int) -> (gate: UnsafeMutablePointer<Float>, up: UnsafeMutablePointer<Float>) {
        let gate = pieces + 2 * thread * pieceNumbers
        return (gate, gate + pieceNumbers)
    }

    /// Points `blockPointers` at the blocks of one layer.
    func pointAtBlocks(_ blocks: [Int], of cache: KeyValueCache, layer: Int) {
        if blockPointers.count < blocks.count {
            blockPointers = [UnsafeRawPointer?](repeating: nil, count: max(blocks.count, 2 * blockPointers.count))
        }
        for (index, block) in blocks.enumerated() {
            blockPointers[index] = UnsafeRawPointer(cache.block(block, layer: layer))
        }
    }
}

/// Elements of each buffer.
private struct Sizes {
    var embedding: Int
    var update: Int
    var updateStride: Int
    var qkv: Int
    var qkvStride: Int
    var query: Int
    var pieces: Int
    var pieceNumbers: Int
    var gate: Int
    var up: Int
    var feedForward: Int
    var angles = 0
    var slidingAngles = 0
    var logits = 0
    var logitRows = 0
    var attentionStates = 0
    var apartTokens = 0
    var apartSegments = 0

    /// Between rows whose length may be a multiple of a page: or else a column of them would share few places in the
    /// caches.
    static let padding = 16

    init(_ configuration: StageConfiguration) {
        let model = configuration.model
        let tokens = configuration.maximumBatchTokens
        embedding = tokens * model.embeddingLength
        let deltaNet = configuration.layers.lazy.compactMap { model.deltaNet(layer: $0) }.first
        query = tokens * max(model.queryLength, deltaNet?.valueLength ?? 0)
        updateStride = model.embeddingLength + Self.padding
        update = tokens * updateStride
        let qkvLength = model.queryRows + 2 * model.keyValueLength
        qkvStride = max(qkvLength, deltaNet.map(GatedDeltaNet.projectedLength) ?? 0) + Self.padding
        qkv = tokens * qkvStride
        // 2^16 are enough too for a head of a delta net: its key, its value and its output.
        pieceNumbers = max(1 << 16, tokens * (PackedMatrix.panelsAtOnce * PackedMatrix.panelRows + Self.padding))
        pieces = 2 * configuration.threads * pieceNumbers
        // A layer has a dense network, or experts and perhaps one that all tokens share.
        let lengths = configuration.layers.map { layer in
            model.experts(layer: layer).map { $0.shared?.feedForwardLength ?? 0 } ?? model.feedForwardLength
        }
        feedForward = tokens * (lengths.max() ?? 0)
        gate = model.isGated ? feedForward : 0
        up = model.hasFusedGateUp ? 2 * feedForward : feedForward
        slidingAngles = tokens * (model.slidingWindow?.rotary?.dimensions ?? 0) / 2
        if case .rotary(let rotary) = model.positions { angles = tokens * (rotary.dimensions / 2) }
        if configuration.threads > 1, model.latent == nil {
            // Fewer tokens than give each thread two KV heads.
            apartTokens = min(tokens, 2 * configuration.threads / model.keyValueHeadCount + 1)
            let positions = min(model.contextLength, configuration.blockCount * KeyValueBlock.positions)
            let segment = Int(TK_ATTENTION_SEGMENT)
            apartSegments = (positions + segment - 1) / segment
            attentionStates = apartTokens * model.headCount * (model.headSize + 2) * apartSegments
        }
        if configuration.isLast {
            logitRows = min(tokens, Workspace.maximumLogitRows)
            logits = logitRows * model.vocabularySize
        }
    }

    var byteCount: Int {
        let floats = [
            embedding, update, qkv, gate, up, angles, angles, slidingAngles, slidingAngles, logits, embedding, query,
            pieces, attentionStates,
        ]
        return floats.reduce(0) { $0 + BufferCutter.floatBytes($1) }
            + [embedding, query, feedForward].reduce(0) { $0 + BufferCutter.quantizedBytes($1) }
    }
}
