// Stages one behind the other, as a cluster would run them, in one process.
//
// Responsible for: feeding sequences through stages in any cut the tests want.
// Must not know: what the tests compare.

import ModelFile
import Sequences
import Testing

@testable import Inference

/// How a sequence is run; no choice may change the result.
struct Way: CustomTestStringConvertible {
    var name = "plain"
    /// First layers of the stages after the first one.
    var cuts: [Int] = []
    /// Tokens of the prompt in one batch.
    var chunk = 1000
    var threads = 1
    /// The block that holds positions 32 i ..< 32 i + 32.
    var blocks: [Int32] = [0, 1, 2, 3]
    /// Tokens of another sequence in the same batches.
    var companions = 0

    var testDescription: String { name }
}

/// What a run leaves: tokens with log-probabilities, and the last activations of the last stage.
struct Outcome: Equatable {
    var samples: [SampledToken] = []
    /// Bit patterns of the residual stream of each prompt token after the last layer.
    var hidden: [UInt32] = []
}

/// All layers of a model in one or more stages.
final class Pipeline {
    let model: TinyModel
    let stages: [Stage]
    let way: Way

    init(_ model: TinyModel, _ way: Way = Way()) throws {
        self.model = model
        self.way = way
        let bounds = [0] + way.cuts + [model.configuration.layerCount]
        stages = try zip(bounds, bounds.dropFirst()).map { first, last in
            try Stage(
                .tiny(model, layers: first..<last, threads: way.threads), tensors: model.tensors, source: model)
        }
    }

    /// One batch through all stages; hidden [tokens, dim] after the last layer.
    func step(_ slices: [StageBatch.Slice]) throws -> (samples: [(UInt64, SampledToken)], hidden: [Float]) {
        let batch = StageBatch(slices: slices)
        let count = batch.tokenCount * model.configuration.embeddingLength
        let samples = try stages.step(batch)
        return (samples, Array(UnsafeBufferPointer(start: stages.last?.hidden, count: count)))
    }

    /// Prompt in chunks, then `count` tokens one by one.
    func run(prompt: [Int32], count: Int, parameters: SamplingParameters) throws -> Outcome {
        let sequence: UInt64 = 7
        stages.last?.begin(sequence, parameters: parameters, promptTokenCount: prompt.count)
        defer { stages.last?.end(sequence) }
        var outcome = Outcome()
        var pending = prompt[...]
        var position = 0
        while outcome.samples.count < count {
            let tokens = Array(pending.prefix(way.chunk))
            pending = pending.dropFirst(tokens.count)
            let (samples, hidden) = try step(
                companion(position, first: true)
                    + [
                        .init(
                            sequence: sequence, position: position, tokens: tokens, blocks: way.blocks,
                            sampleCount: pending.isEmpty ? 1 : 0)
                    ] + companion(position, first: false))
            if position < prompt.count {
                let own = way.companions > 0 ? min(way.companions, 96 - position) : 0
                let dim = model.configuration.embeddingLength
                outcome.hidden += hidden[(own * dim)...].prefix(tokens.count * dim).map(\.bitPattern)
            }
            position += tokens.count
            guard let sample = samples.first(where: { $0.0 == sequence })?.1 else { continue }
            outcome.samples.append(sample)
            pending = [sample.token]
        }
        return outcome
    }

    /// Slices of other sequences in blocks of their own, before and after the one that is looked at.
    private func companion(_ position: Int, first: Bool) -> [StageBatch.Slice] {
        guard way.companions > 0, position < 96 else { return [] }
        let count = min(way.companions, 96 - position)
        let offset = first ? 1 : 2
        let tokens = (0..<count).map { (index: Int) -> Int32 in Int32((index * 5 + offset) % 50) }
        return [
            .init(
                sequence: first ? 1 : 2, position: position, tokens: tokens,
                blocks: first ? [9, 8, 7, 6] : [10, 11, 12, 13], sampleCount: 0)
        ]
    }
}

extension StageConfiguration {
    /// A stage of a tiny model that uses all its threads even for small work.
    static func tiny(_ model: TinyModel, layers: Range<Int>? = nil, threads: Int = 1) -> StageConfiguration {
        StageConfiguration(
            model: model.configuration, layers: layers ?? 0..<model.configuration.layerCount, blockCount: 32,
            maximumBatchTokens: 256, threads: threads, threadingThreshold: 0)
    }
}

extension [Stage] {
    /// One batch through all stages, activations handed from each to the next; what the last one sampled.
    func step(_ batch: StageBatch) throws -> [(UInt64, SampledToken)] {
        var activations: [Float]?
        for stage in self {
            let output =
                if let input = activations {
                    try input.withUnsafeBufferPointer { try stage.forward(batch, input: $0) }
                } else {
                    try stage.forward(batch, input: nil)
                }
            switch output {
            case .hidden(let hidden): activations = Array<Float>(hidden)
            case .sampled(let samples): return samples.map { ($0.sequence, $0.sample) }
            }
        }
        return []
    }
}
