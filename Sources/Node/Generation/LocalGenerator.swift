// Responsible for: answering requests in one process with one stage that holds all layers: the reference for clusters.
// Must not know: workers, sockets.
import Inference
import ModelFile
import Synchronization
import Tokenization
import Transport
import Wire

/// A request on its way: its events, and the way to end it early.
package struct Generation: Sendable {
    /// Ends after `.finished`, or by throwing a `NodeError`.
    package let events: AsyncThrowingStream<GenerationEvent, any Error>
    /// Asks for the end; `.finished(.cancelled)` follows.
    package let cancel: @Sendable () -> Void
}

/// `tandem run`: one stage, one request at a time.
package final class LocalGenerator: Sendable {
    /// Tokens of a prompt computed at once where nobody says otherwise.
    package static let defaultChunk = 512

    /// The most tokens computed at once.
    package static let maximumChunk = 4096

    private let loaded: LoadedModel
    private let stage: Stage
    private let chunk: Int
    private let busy = Mutex(())

    /// Opens the model at a path and loads all of it. `quantization`: the name of the type that weights get; nil: their
    /// own. `keyValueType`: that of keys and values; nil: f16.
    package convenience init(
        modelPath: String, contextLength: Int?, threads: Int?, chunk: Int = LocalGenerator.defaultChunk,
        quantization: String? = nil, keyValueType: String? = nil,
        progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws(NodeError) {
        let loaded = try LoadedModel(
            path: modelPath, contextLength: contextLength, quantization: quantization, threads: threads)
        try self.init(loaded, threads: threads, chunk: chunk, keyValueType: keyValueType, progress: progress)
    }

    /// Loads all weights of a model. `threads` nil: one per core. `keyValueType`: its name; nil: f16. `progress` gets
    /// bytes done and in all.
    package init(
        _ loaded: LoadedModel, threads: Int?, chunk: Int = LocalGenerator.defaultChunk, keyValueType: String? = nil,
        progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws(NodeError) {
        try NodeError.checked(chunk, flag: "--chunk", in: 1...Self.maximumChunk)
        let model = loaded.model
        let total = model.tensors.reduce(0) { $0 + $1.byteCount }
        let configuration = StageConfiguration(
            model: model.configuration, layers: 0..<model.configuration.layerCount,
            blockCount: loaded.blocksPerSequence, maximumBatchTokens: chunk,
            threads: try MachineDescription.threadCount(threads), keyValueType: try KeyValueType.named(keyValueType))
        do {
            stage = try Stage(configuration, tensors: model.tensors, source: model) { progress($0, total) }
        } catch { throw NodeError(error) }
        self.loaded = loaded
        self.chunk = chunk
    }

    /// Answers a request on a thread of its own; requests wait for each other.
    package func generate(_ request: GenerationRequest) -> Generation {
        let isCancelled = Cancellation()
        let events = AsyncThrowingStream<GenerationEvent, any Error> { continuation in
            continuation.onTermination = { _ in isCancelled.set() }
            let work: @Sendable () -> Void = { [self] in
                do {
                    try busy.withLock { _ in
                        try answer(request, isCancelled: isCancelled) { continuation.yield($0) }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            do throws(TransportError) { _ = try LoopThread(name: "answer", work) } catch {
                continuation.finish(throwing: NodeError(error))
            }
        }
        return Generation(events: events, cancel: { isCancelled.set() })
    }

    /// Prompt to tokens, tokens through the stage in chunks, one sampled token at a time, tokens to text.
    private func answer(
        _ request: GenerationRequest, isCancelled: Cancellation, emit: (GenerationEvent) -> Void
    ) throws {
        try request.validate()
        var clock = AnswerClock()
        let prompt = try loaded.encoder.encode(request)
        emit(
            .accepted(
                model: loaded.model.name, promptTokens: prompt.tokens, droppedMessages: prompt.droppedMessages))
        if let start = request.scoringStart {
            let isWhole = try score(prompt.tokens, from: start, isCancelled: isCancelled) { emit(.scores($0)) }
            return emit(.finished(isWhole ? .length : .cancelled, clock.timings(promptTokens: prompt.tokens.count)))
        }
        var assembler = loaded.assembler(for: request, prompt: prompt)
        let limit = min(request.maximumTokens, loaded.contextLength - prompt.tokens.count)

        let sequence: UInt64 = 1
        stage.begin(
            sequence,
            parameters: SamplingParameters(
                Wire.SamplingParameters(request.sampling), promptTokenCount: prompt.tokens.count),
            history: [])
        defer { stage.end(sequence) }
        var tokens = prompt.tokens
        var fed = 0
        var restartLength = tokens.count
        var reason = FinishReason.length
        while clock.generated < limit {
            if isCancelled.isSet { reason = .cancelled; break }
            let next = fed..<min(fed + chunk, tokens.count)
            let output = try stage.forward(
                slice(sequence, next, of: tokens, samples: next.upperBound == tokens.count, restartLength), input: nil)
            fed = next.upperBound
            guard case .sampled(let samples) = output, let sampled = samples.first?.sample else { continue }
            clock.tick()
            let step = assembler.append(sampled.token)
            emit(.tokens([GeneratedToken(sampled, wanted: request.sampling.logProbabilities)], text: step.text))
            if step.isFinished { reason = .stop; break }
            tokens.append(sampled.token)
            if loaded.lengthRule.needsReplay(restartLength: restartLength, tokenCount: tokens.count) {
                (restartLength, fed) = (tokens.count, 0)
            }
        }
        if reason != .stop, let rest = assembler.finish(), !rest.isEmpty { emit(.tokens([], text: rest)) }
        emit(.finished(reason, clock.timings(promptTokens: prompt.tokens.count)))
    }

    /// Emits the log-probabilities of the tokens from `start` on; nothing follows the last one, so it is not fed.
    /// False: it was cancelled before the last.
    private func score(
        _ tokens: [Int32], from start: Int, isCancelled: Cancellation, emit: ([Float]) -> Void
    ) throws -> Bool {
        for first in stride(from: 0, to: tokens.count - 1, by: chunk) {
            if isCancelled.isSet { return false }
            let next = first..<min(first + chunk, tokens.count - 1)
            let targets = tokens[min(max(first + 1, start), next.upperBound + 1)..<next.upperBound + 1]
            let batch = slice(1, next, of: tokens, samples: false, tokens.count, targets: Array(targets))
            _ = try stage.forward(batch, input: nil)
            if let scores = stage.scores.first { emit(scores.logProbabilities) }
        }
        return true
    }

    /// A batch of one slice of the only sequence, whose blocks lie in order.
    private func slice(
        _ sequence: UInt64, _ positions: Range<Int>, of tokens: [Int32], samples: Bool, _ restartLength: Int,
        targets: [Int32] = []
    ) -> StageBatch {
        let blocks = LoadedModel.blocks(forPositions: positions.upperBound)
        return StageBatch(slices: [
            .init(
                sequence: sequence, position: positions.lowerBound, tokens: Array(tokens[positions]),
                blocks: Array(0..<Int32(blocks)), sampleCount: samples ? 1 : 0, restartLength: restartLength,
                targets: targets)
        ])
    }
}

/// Set once, from any thread.
package final class Cancellation: Sendable {
    private let value = Atomic(false)

    /// Nothing is cancelled yet.
    package init() {}

    /// True once `set` was called.
    package var isSet: Bool { value.load(ordering: .relaxed) }

    /// Cancels.
    package func set() { value.store(true, ordering: .relaxed) }
}

/// Measures one answer.
struct AnswerClock {
    private let arrival = ContinuousClock.now
    private var start = ContinuousClock.now
    private var first: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    private(set) var generated = 0

    /// The work begins; until now the request waited.
    mutating func start(_ now: ContinuousClock.Instant = .now) { start = now }

    /// A token has arrived.
    mutating func tick() {
        let now = ContinuousClock.now
        if first == nil { first = now }
        last = now
        generated += 1
    }

    /// What was measured so far.
    func timings(promptTokens: Int) -> GenerationTimings {
        func seconds(from begin: ContinuousClock.Instant?, to end: ContinuousClock.Instant?) -> Double {
            guard let begin, let end else { return 0 }
            return begin.duration(to: end).seconds
        }
        var timings = GenerationTimings()
        timings.promptTokens = promptTokens
        timings.promptSeconds = seconds(from: start, to: first)
        timings.generatedTokens = generated
        timings.decodeSeconds = seconds(from: first, to: last)
        timings.firstTokenSeconds = seconds(from: arrival, to: first)
        return timings
    }
}
