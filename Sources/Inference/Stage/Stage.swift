// One stage of a model: a range of layers with their keys and values, the embedding before the first layer, the head
// and the sampler after the last.
//
// Responsible for: one step of a batch through these layers.
// Must not know: workers, sockets, text, why a batch looks as it does.

import CKernels
import ModelFile
import Sequences

/// Layers `a..<b` of a model, ready to compute. Used by one thread at a time.
///
/// The result for a token depends on nothing but the tokens before it in its sequence: not on the other sequences of
/// its batch, on how a prompt is cut into batches, on which KV blocks hold it, on how the layers are split over stages,
/// on threads or on the instruction set. Equality is exact.
package final class Stage: @unchecked Sendable {
    /// What the stage was made for.
    package let configuration: StageConfiguration

    let store: WeightStore
    let pool: ThreadPool
    private let rotary: RotaryTable?
    /// Of layers whose window slides, where it differs.
    private let slidingRotary: RotaryTable?
    /// What the last `forward` scored: the log-probabilities of the targets of each slice that has some, in the order of
    /// the slices. Only on the last stage.
    package private(set) var scores: [(sequence: UInt64, logProbabilities: [Float])] = []
    /// What the last `forward` found of values that are no numbers. Look at it before using what was sampled or scored.
    package private(set) var damage = Damage()
    /// [rows] of a round of logits: whether they are no numbers.
    private var isDamaged: [Bool]
    /// What the last `forward` sampled. Its memory, and that of `scores`, serves the next one again unless others hold it.
    private var samples: [(sequence: UInt64, sample: SampledToken)] = []
    /// [targets] the log-probabilities of all slices of a batch, one after the other.
    private var scored: [Float] = []
    /// The batch at work.
    var layout: BatchLayout
    /// nil once a later stage has taken over.
    private(set) var live: Live?

    /// What a stage gives up to its successor.
    struct Live {
        let weights: StageWeights
        let cache: KeyValueCache
        /// Of the layers that it is to keep them of.
        let outputs: [OutputLog]
        let workspace: Workspace
        /// Only on the last stage.
        let sampler: Sampler?
    }

    /// Loads a stage on all its threads.
    /// - Parameters:
    ///   - tensors: at least those that the layers need (`ModelConfiguration.parts(ofLayers:)`).
    ///   - source: where their bytes are read, in windows of a few megabytes.
    ///   - previous: an earlier stage of the same model. It gives up everything: what both need moves over, the
    ///     rest is freed before anything is loaded, and its `forward` must not be called again. Sequences start anew.
    ///   - kept: what of the previous stage's keys and values goes on as it is. It has as many blocks of the same type.
    ///   - others: further stages that give up everything, as the previous one, but of which only weights move over.
    ///   - progress: gets the stored bytes done so far, those taken over included; called on this thread.
    package convenience init(
        _ configuration: StageConfiguration, tensors: [TensorDescriptor], source: any TensorSource,
        reusing previous: Stage? = nil, keeping kept: Kept = Kept(), weightsOf others: [Stage] = [],
        progress: (Int) -> Void = { _ in }
    ) throws(InferenceError) {
        let needed = try Self.check(configuration, tensors: tensors)
        let common = try previous?.share(with: configuration, tensors: tensors, keeping: kept)
        for other in others {
            try common?.store.add(other.share(with: configuration, tensors: tensors, keeping: Kept()).store)
        }
        for stage in [previous].compactMap(\.self) + others { stage.giveUp() }
        let all = common ?? Shared(pool: Self.pool(for: configuration))
        try self.init(
            configuration, needed: needed, source: source, common: all, readingOn: all.pool, progress: progress)
    }

    /// Loads a stage beside others on the calling thread alone.
    /// - Parameters:
    ///   - tensors: at least those that the layers need (`ModelConfiguration.parts(ofLayers:)`).
    ///   - source: where the bytes are read of those that `common` has not.
    ///   - common: what it has together with another stage, of `share` with this configuration. That one may compute
    ///     meanwhile; afterwards one thread computes with both.
    ///   - progress: as of a stage that takes another's place.
    package convenience init(
        _ configuration: StageConfiguration, tensors: [TensorDescriptor], source: any TensorSource,
        beside common: Shared, progress: (Int) -> Void = { _ in }
    ) throws(InferenceError) {
        let needed = try Self.check(configuration, tensors: tensors)
        try self.init(
            configuration, needed: needed, source: source, common: common,
            readingOn: ThreadPool(threads: 1, threshold: 0), progress: progress)
    }

    private init(
        _ configuration: StageConfiguration, needed: [String: TensorDescriptor], source: any TensorSource,
        common: Shared, readingOn readers: ThreadPool, progress: (Int) -> Void
    ) throws(InferenceError) {
        self.configuration = configuration
        let model = configuration.model
        (store, pool) = (common.store, common.pool)
        if case .rotary(let rotary) = model.positions { self.rotary = try RotaryTable(rotary) } else { rotary = nil }
        if let rotary = model.slidingWindow?.rotary {
            slidingRotary = try RotaryTable(rotary)
        } else {
            slidingRotary = nil
        }
        let weights = try Self.load(
            configuration, tensors: needed, store: store, source: source, pool: readers, progress: progress)
        layout = BatchLayout(capacity: configuration.maximumBatchTokens)
        isDamaged = [Bool](repeating: false, count: Workspace.maximumLogitRows)
        live = Live(
            weights: weights,
            cache: try KeyValueCache(
                type: configuration.keyValueType, blockCount: configuration.blockCount,
                blockBytes: configuration.layers.map {
                    Self.keyValueBlockBytes(of: model, layer: $0, type: configuration.keyValueType)
                }, kept: configuration.layers.map { common.keyValues[$0] }),
            outputs: try Self.outputs(configuration, common.outputs),
            workspace: try Workspace(configuration),
            sampler: configuration.isLast
                ? try Sampler(vocabularySize: model.vocabularySize, threads: pool.threads) : nil)
    }

    /// A sequence begins to sample here. Only the last stage keeps anything; others ignore it.
    /// `history`: all its tokens before the next slice (none, unless their KV is already here). It is enough to begin
    /// before the first slice that samples. What was known of the sequence is forgotten.
    /// `promptTokenCount`: so many of its first tokens are its prompt.
    package func begin(
        _ sequence: UInt64, parameters: SamplingParameters, promptTokenCount: Int = 0, history: [Int32] = []
    ) {
        live?.sampler?.begin(
            sequence, parameters: parameters, promptTokenCount: promptTokenCount, history: history)
    }

    /// The sequence is over; its KV blocks may go to others.
    package func end(_ sequence: UInt64) {
        live?.sampler?.end(sequence)
    }

    /// Runs a batch through the layers.
    ///
    /// Keys and values of its tokens (of a delta net, inputs and states) are stored in the blocks it names; those of
    /// earlier positions must be there. A sequence writes a block from its first position on before it looks at it.
    /// A batch of the same shape as the one before allocates nothing, if the caller has let go of what that returned.
    /// The counts that penalties need are the exception: where an answer is long, they grow.
    /// Values that are no numbers go through, each in its own sequence; `damage` tells of them.
    /// - Parameter input: activations [tokens, embeddingLength] of the stage before; nil on the first stage.
    /// - Throws: `invalidBatch` where the batch or its input does not fit; then nothing has changed.
    package func forward(
        _ batch: StageBatch, input: UnsafeBufferPointer<Float>?
    ) throws(InferenceError) -> StageOutput {
        guard let live else { preconditionFailure("a stage that gave up its weights computes nothing") }
        try layout.fill(batch, bounds: bounds)
        try live.sampler?.check(batch)
        try fillHidden(layout, input: input, live: live)
        let pass = pass(layout, live: live)
        damage.clear()
        var isSound = configuration.checksLayers && check(pass, live.weights.embedding == nil ? nil : "the embeddings")
        for (index, layer) in live.weights.layers.enumerated() {
            layer.forward(pass, index: index)
            keepOutputs(ofLayer: configuration.layers.lowerBound + index, live)
            if isSound { isSound = check(pass, "the output of layer \(configuration.layers.lowerBound + index)") }
        }
        guard let head = live.weights.head, let sampler = live.sampler else {
            let count = layout.tokenCount * configuration.model.embeddingLength
            return .hidden(UnsafeBufferPointer(start: live.workspace.hidden, count: count))
        }
        for slice in batch.slices { sampler.see(slice) }
        score(batch, pass: pass, head: head, sampler: sampler)
        sample(pass, head: head, sampler: sampler)
        if isSound && !damage.sequences.isEmpty { damage.origin = "the logits" }
        return .sampled(samples)
    }

    /// The activations [tokens, embeddingLength] that the last `forward` left: the last stage returns none.
    var hidden: UnsafePointer<Float>? { live.map { UnsafePointer($0.workspace.hidden) } }

    /// The raw logits [rows that may sample, vocabularySize] of the last `forward`'s last round.
    var logits: UnsafePointer<Float>? { live.map { UnsafePointer($0.workspace.logits) } }

    // MARK: One step

    /// What the batch is behind a layer is kept where that was asked for.
    func keepOutputs(ofLayer layer: Int, _ live: Live) {
        for outputs in live.outputs where outputs.layer == layer + 1 {
            outputs.store(live.workspace.hidden, of: layout)
        }
    }

    var bounds: BatchLayout.Bounds {
        BatchLayout.Bounds(
            maximumTokens: configuration.maximumBatchTokens, vocabularySize: configuration.model.vocabularySize,
            contextLength: configuration.model.contextLength, blockCount: configuration.blockCount)
    }

    /// hidden [tokens, dim] = embeddings, or the input.
    func fillHidden(
        _ batch: BatchLayout, input: UnsafeBufferPointer<Float>?, live: Live
    ) throws(InferenceError) {
        let dim = configuration.model.embeddingLength
        let space = live.workspace
        guard let embedding = live.weights.embedding else {
            guard let input, input.count == batch.tokenCount * dim else {
                throw .invalidBatch(
                    reason: "its activations are \(input?.count ?? 0) numbers, "
                        + "but \(batch.tokenCount) tokens have \(batch.tokenCount * dim)")
            }
            if let base = input.baseAddress { space.hidden.update(from: base, count: input.count) }
            return
        }
        guard input == nil else { throw .invalidBatch(reason: "the first stage takes no activations") }
        pool.run(pieces: batch.tokenCount, operations: 2 * batch.tokenCount * dim) { row, _ in
            embedding.embed(
                batch.tokens[row], position: batch.positions[row], into: space.hidden + row * dim,
                scratch: space.update + row * space.updateStride)
        }
    }

    /// What the layers share, with cosines and sines [tokens, pairs] filled.
    func pass(_ batch: BatchLayout, live: Live) -> ForwardPass {
        let space = live.workspace
        let angles = rotary.map { RotaryAngles(table: $0, cosines: space.cosines, sines: space.sines) }
        let sliding = slidingRotary.map {
            RotaryAngles(table: $0, cosines: space.slidingCosines, sines: space.slidingSines)
        }
        let pass = ForwardPass(
            batch: batch, cache: live.cache, workspace: space, pool: pool, rotary: angles,
            slidingRotary: sliding ?? angles)
        fill(angles, pass)
        fill(sliding, pass)
        return pass
    }

    private func fill(_ angles: RotaryAngles?, _ pass: ForwardPass) {
        guard let angles else { return }
        pass.forEachRow(cost: 50 * angles.table.pairCount) { row in angles.fill(row: row, of: pass.batch) }
    }

    /// Only the rows that sample go through norm and output matrix, some at a time to bound the memory of logits. Rows
    /// of guesses are among them, as only their samples tell which are true.
    private func sample(_ pass: ForwardPass, head: OutputHead, sampler: Sampler) {
        let rows = pass.batch.samplingRows
        if samples.count > rows.count { samples.removeLast(samples.count - rows.count) }
        while samples.count < rows.count { samples.append((0, SampledToken(token: 0))) }
        samples.withUnsafeMutableBufferPointer { samples in
            guard let samples = samples.baseAddress else { return }
            inRounds(rows.count, pass: pass) { first, count in
                head.logits(count: count, workspace: pass.workspace, pool: pool) { rows[first + $0].row }
                sampler.sample(
                    rows[first..<first + count], logits: pass.workspace.logits, pool: pool, into: samples + first)
                noteDamage(count, pass: pass) { index in
                    let isSampled = samples[first + index].sample.token != Sampler.notSampled
                    return isSampled ? rows[first + index].sequence : nil
                }
            }
        }
        samples.removeAll { $0.sample.token == Sampler.notSampled }
    }

    /// The log-probability of each target, rows in rounds as in `sample`.
    private func score(_ batch: StageBatch, pass: ForwardPass, head: OutputHead, sampler: Sampler) {
        let rows = pass.batch.scoringRows
        if scored.count > rows.count { scored.removeLast(scored.count - rows.count) }
        while scored.count < rows.count { scored.append(0) }
        scored.withUnsafeMutableBufferPointer { scored in
            guard let scored = scored.baseAddress else { return }
            inRounds(rows.count, pass: pass) { first, count in
                head.logits(count: count, workspace: pass.workspace, pool: pool) { rows[first + $0].row }
                sampler.score(count, logits: pass.workspace.logits, pool: pool, into: scored + first) {
                    rows[first + $0].target
                }
                noteDamage(count, pass: pass) { batch.slices[rows[first + $0].slice].sequence }
            }
        }
        // scored [targets of all slices] -> scores, slice by slice
        var (entry, first) = (0, 0)
        for slice in batch.slices where !slice.targets.isEmpty {
            if entry == scores.count { scores.append((0, [])) }
            scores[entry].sequence = slice.sequence
            scores[entry].logProbabilities.removeAll(keepingCapacity: true)
            for place in first..<first + slice.targets.count { scores[entry].logProbabilities.append(scored[place]) }
            entry += 1
            first += slice.targets.count
        }
        if scores.count > entry { scores.removeLast(scores.count - entry) }
    }

    /// Calls `body(first, count)` for as many of `count` rows at a time as there is memory for logits.
    private func inRounds(_ count: Int, pass: ForwardPass, _ body: (_ first: Int, _ count: Int) -> Void) {
        let limit = pass.workspace.logitRows
        for first in stride(from: 0, to: count, by: limit) { body(first, min(limit, count - first)) }
    }

    // MARK: Values that are no numbers

    /// Notes whose rows of the logits [count, vocabularySize] are no numbers; `sequence` nil: a row that nobody uses.
    private func noteDamage(_ count: Int, pass: ForwardPass, sequence: (_ index: Int) -> UInt64?) {
        let size = configuration.model.vocabularySize
        let logits = pass.workspace.logits
        isDamaged.withUnsafeMutableBufferPointer { isDamaged in
            guard let isDamaged = isDamaged.baseAddress else { return }
            pool.run(pieces: count, operations: count * size) { index, _ in
                isDamaged[index] = !Damage.areLogits(logits + index * size, size)
            }
        }
        for index in 0..<count where isDamaged[index] {
            if let sequence = sequence(index) { damage.note(sequence) }
        }
    }

    /// Whether the activations [tokens, embeddingLength] are finite; where they are not, `part` is where that began.
    private func check(_ pass: ForwardPass, _ part: @autoclosure () -> String?) -> Bool {
        let count = pass.batch.tokenCount * configuration.model.embeddingLength
        if Damage.areFinite(pass.workspace.hidden, count) { return true }
        damage.origin = part()
        return false
    }

    // MARK: Loading

    /// Refuses configurations and tensors that do not make a stage; the tensors it needs, by name.
    static func check(
        _ configuration: StageConfiguration, tensors: [TensorDescriptor]
    ) throws(InferenceError) -> [String: TensorDescriptor] {
        let model = configuration.model
        do { try model.validate() } catch { throw .invalidConfiguration(reason: error.description) }
        guard !configuration.layers.isEmpty, configuration.layers.lowerBound >= 0,
            configuration.layers.upperBound <= model.layerCount
        else {
            throw .invalidConfiguration(
                reason: "layers \(configuration.layers) are not among the model's \(model.layerCount)")
        }
        guard (1...1 << 20).contains(configuration.maximumBatchTokens), configuration.blockCount >= 1,
            (1...1024).contains(configuration.threads)
        else {
            throw .invalidConfiguration(
                reason: "\(configuration.maximumBatchTokens) tokens in a batch, \(configuration.blockCount) KV blocks, "
                    + "\(configuration.threads) threads")
        }
        guard model.activation != (model.isGated ? .gelu : .silu) else {
            throw .invalidConfiguration(
                reason: "a SiLU network must be gated, and one of GELU by the error function must not")
        }
        return try StageAssembler.neededTensors(configuration, among: tensors)
    }

    private static func load(
        _ configuration: StageConfiguration, tensors: [String: TensorDescriptor], store: WeightStore,
        source: any TensorSource, pool: ThreadPool, progress: (Int) -> Void
    ) throws(InferenceError) -> StageWeights {
        let result = withoutActuallyEscaping(progress) { progress in
            let reader = WeightReader(source: source, pool: pool, bytesDone: store.storedBytes, progress: progress)
            let assembler = StageAssembler(
                model: configuration.model, store: store, reader: reader, tensors: tensors)
            return Result { () throws(InferenceError) in try assembler.assemble(configuration.layers) }
        }
        return try result.get()
    }

    /// Frees everything that nobody shares.
    private func giveUp() {
        live = nil
        store.removeAll()
    }

    /// Threads for a stage; made by the one that will compute with it, whose standing with the system they have.
    static func pool(for configuration: StageConfiguration) -> ThreadPool {
        ThreadPool(threads: configuration.threads, threshold: configuration.threadingThreshold)
    }
}
