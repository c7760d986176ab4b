// Responsible for: answering requests in one process with one stage that holds all layers: the reference for clusters.
// Must not know: wire, workers, sockets.
import Foundation
import Inference
import ModelFile
import Sequences
import Synchronization
import Tokenization

/// `tandem run`: one stage, one request at a time.
package final class LocalGenerator: Generator {
    private let loaded: LoadedModel
    private let stage: Stage
    private let chunk: Int
    private let busy = Mutex(())

    /// Opens the model at a path and loads all of it. `quantization`: the name of the type that weights get; nil: their
    /// own. `keyValueType`: that of keys and values; nil: f16.
    package convenience init(
        modelPath: String, contextLength: Int?, threads: Int?, chunk: Int = PromptChunk.standard,
        quantization: String? = nil, keyValueType: String? = nil, checksLayers: Bool = false,
        progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws(TandemError) {
        let loaded = try LoadedModel(
            path: modelPath, contextLength: contextLength, quantization: quantization, threads: threads)
        try self.init(
            loaded, threads: threads, chunk: chunk, keyValueType: keyValueType, checksLayers: checksLayers,
            progress: progress)
    }

    /// Loads all weights of a model. `threads` nil: one per core. `keyValueType`: its name; nil: f16. `progress` gets
    /// bytes done and in all. `checksLayers`: a failure for values that are no numbers says where they begin.
    package init(
        _ loaded: LoadedModel, threads: Int?, chunk: Int = PromptChunk.standard, keyValueType: String? = nil,
        checksLayers: Bool = false, progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws(TandemError) {
        try TandemError.checked(chunk, .chunk, in: 1...PromptChunk.largest)
        let model = loaded.model
        let total = model.tensors.reduce(0) { $0 + $1.byteCount }
        let configuration = StageConfiguration(
            model: model.configuration, layers: 0..<model.configuration.layerCount,
            blockCount: loaded.blocksPerSequence, maximumBatchTokens: chunk,
            threads: try MachineDescription.threadCount(threads), keyValueType: try KeyValueType.named(keyValueType),
            checksLayers: checksLayers)
        do {
            stage = try Stage(configuration, tensors: model.tensors, source: model) { progress($0, total) }
        } catch { throw TandemError(error) }
        self.loaded = loaded
        self.chunk = chunk
    }

    /// What of the model's files was guessed or left out: a sentence each.
    package var notices: [Sentence] { loaded.notices }

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
            let thread = Thread(block: work)
            thread.name = "answer"
            thread.start()
        }
        return Generation(events: events, cancel: { isCancelled.set() })
    }

    /// Prompt to tokens, tokens through the stage in chunks, one sampled token at a time, tokens to text.
    private func answer(
        _ request: GenerationRequest, isCancelled: Cancellation, emit: (GenerationEvent) -> Void
    ) throws {
        try request.validate()
        var clock = AnswerClock()
        let prompt: PromptEncoder.Encoded
        do { prompt = try loaded.encoder.encode(request, isCancelled: isCancelled) } catch {
            guard isCancelled.isSet else { throw error }
            return emit(.finished(.cancelled, clock.timings(promptTokens: 0)))
        }
        emit(
            .accepted(
                model: loaded.model.name, promptTokens: prompt.tokens, droppedMessages: prompt.droppedMessages))
        for notice in prompt.notices { emit(.notice(notice)) }
        if let start = request.scoringStart {
            let isWhole = try score(prompt.tokens, from: start, isCancelled: isCancelled) { emit(.scores($0)) }
            return emit(.finished(isWhole ? .length : .cancelled, clock.timings(promptTokens: prompt.tokens.count)))
        }
        var assembler = loaded.assembler(for: request, prompt: prompt)
        let limit = loaded.answerLimit(for: request, prompt: prompt)

        let sequence: UInt64 = 1
        stage.begin(
            sequence, parameters: loaded.sampling(of: request), promptTokenCount: prompt.tokens.count)
        defer { stage.end(sequence) }
        var tokens = prompt.tokens + request.answered
        var fed = 0
        var restartLength = loaded.lengthRule.restartLength(
            promptLength: prompt.tokens.count, tokenCount: tokens.count)
        var reason = assembler.take(request.answered) ? FinishReason.stop : .length
        while reason != .stop, tokens.count - prompt.tokens.count < limit {
            if isCancelled.isSet { reason = .cancelled; break }
            let next = fed..<min(fed + chunk, tokens.count)
            let output = try stage.forward(
                slice(sequence, next, of: tokens, samples: next.upperBound == tokens.count, restartLength), input: nil)
            fed = next.upperBound
            try checkValues()
            guard case .sampled(let samples) = output, let sampled = samples.first?.sample else { continue }
            clock.tick()
            let step = assembler.append(sampled)
            for event in step.events { emit(event) }
            if step.isFinished { reason = .stop; break }
            tokens.append(sampled.token)
            if loaded.lengthRule.needsReplay(restartLength: restartLength, tokenCount: tokens.count) {
                (restartLength, fed) = (tokens.count, 0)
            }
        }
        if reason != .stop { for event in assembler.finish() { emit(event) } }
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
            try checkValues()
            if let scores = stage.scores.first { emit(scores.logProbabilities) }
        }
        return true
    }

    /// Throws where what the stage has computed last are no numbers.
    private func checkValues() throws(TandemError) {
        if !stage.damage.sequences.isEmpty { throw .notNumbers(origin: stage.damage.origin) }
    }

    /// A batch of one slice of the only sequence, whose blocks lie in order.
    private func slice(
        _ sequence: UInt64, _ positions: Range<Int>, of tokens: [Int32], samples: Bool, _ restartLength: Int,
        targets: [Int32] = []
    ) -> StageBatch {
        let blocks = KeyValueBlock.count(forPositions: positions.upperBound)
        return StageBatch(slices: [
            .init(
                sequence: sequence, position: positions.lowerBound, tokens: Array(tokens[positions]),
                blocks: Array(0..<Int32(blocks)), sampleCount: samples ? 1 : 0, restartLength: restartLength,
                targets: targets)
        ])
    }
}
