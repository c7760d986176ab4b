// Runs a whole model, as one stage, over made-up tokens and keeps the time.
//
// Responsible for: prompts and decoding steps of a given shape, and what they read and compute at least.
// Must not know: what the times are compared with, where the model comes from.

import Inference
import ModelFile
import Sequences

/// A stage with all layers of a model, to be timed. Used by one thread at a time.
final class StageBenchmark {
    /// One thing to be timed.
    enum Test: Sendable, Hashable {
        /// A prompt of so many tokens, from an empty context.
        case prefill(tokens: Int)
        /// So many steps of one token for each of some sequences, which have `context` tokens already.
        case decode(sequences: Int, steps: Int, context: Int)
    }

    /// Tokens that go through the model at once.
    static let batchTokens = 512

    private let stage: Stage
    private let configuration: StageConfiguration
    private let tensors: [TensorDescriptor]
    private let blocksPerSequence: Int
    /// What the sequences' blocks hold; another test begins anew.
    private var prepared: Test?

    /// Loads the model for the given tests.
    init(
        model: ModelConfiguration, tensors: [TensorDescriptor], source: any TensorSource, tests: [Test], threads: Int,
        keyValueType: KeyValueType
    ) throws(InferenceError) {
        var (sequences, positions) = (1, 1)
        for test in tests {
            switch test {
            case .prefill(let tokens): positions = max(positions, tokens)
            case .decode(let count, let steps, let context):
                (sequences, positions) = (max(sequences, count), max(positions, context + steps))
            }
        }
        guard positions <= model.contextLength else {
            throw .invalidConfiguration(
                reason: "\(positions) tokens are asked for, but the model's context is \(model.contextLength)")
        }
        let block = KeyValueBlock.positions
        blocksPerSequence = (positions + block - 1) / block
        self.tensors = tensors
        configuration = StageConfiguration(
            model: model, layers: 0..<model.layerCount, blockCount: sequences * blocksPerSequence,
            maximumBatchTokens: max(Self.batchTokens, sequences), threads: threads, keyValueType: keyValueType)
        stage = try Stage(configuration, tensors: tensors, source: source)
    }

    /// Seconds that a test takes. What must stand in the context before it is computed first and not counted.
    func run(_ test: Test) throws(InferenceError) -> Double {
        switch test {
        case .prefill(let tokens):
            prepared = nil
            begin(sequences: 1, known: 0)
            let watch = Stopwatch()
            try prefill(sequence: 0, tokens: tokens)
            return watch.seconds
        case .decode(let sequences, let steps, let context):
            if prepared != test {
                begin(sequences: sequences, known: 0)
                for sequence in 0..<sequences where context > 0 { try prefill(sequence: sequence, tokens: context) }
                prepared = test
            }
            begin(sequences: sequences, known: context)
            let watch = Stopwatch()
            for step in 0..<steps {
                let slices = (0..<sequences).map { sequence in
                    slice(sequence, position: context + step, count: 1, samples: true)
                }
                _ = try stage.forward(StageBatch(slices: slices), input: nil)
            }
            return watch.seconds
        }
    }

    private func begin(sequences: Int, known: Int) {
        for sequence in 0..<sequences {
            let history = (0..<known).map { token(sequence, $0) }
            stage.begin(UInt64(sequence), parameters: .greedy, promptTokenCount: known, history: history)
        }
    }

    private func prefill(sequence: Int, tokens: Int) throws(InferenceError) {
        for first in stride(from: 0, to: tokens, by: Self.batchTokens) {
            let count = min(Self.batchTokens, tokens - first)
            let slice = slice(sequence, position: first, count: count, samples: first + count == tokens)
            _ = try stage.forward(StageBatch(slices: [slice]), input: nil)
        }
    }

    private func slice(_ sequence: Int, position: Int, count: Int, samples: Bool) -> StageBatch.Slice {
        let first = sequence * blocksPerSequence
        return StageBatch.Slice(
            sequence: UInt64(sequence), position: position,
            tokens: (position..<position + count).map { token(sequence, $0) },
            blocks: (first..<first + blocksPerSequence).map { Int32($0) }, sampleCount: samples ? 1 : 0)
    }

    /// Any token will do, but not always the same: sequences that agree would choose the same experts.
    private func token(_ sequence: Int, _ position: Int) -> Int32 {
        Int32((position * 7919 + sequence * 104_729) % configuration.model.vocabularySize)
    }
}

extension StageBenchmark {
    /// Tokens that a test computes.
    static func tokens(of test: Test) -> Int {
        switch test {
        case .prefill(let tokens): tokens
        case .decode(let sequences, let steps, _): sequences * steps
        }
    }

    /// Bytes that a test must read from memory at least: of decoding, in every step the weights once and the keys and
    /// values of all sequences. Of experts, as many as tokens that choose at random would choose among them all.
    func bytesRead(_ test: Test) -> Double {
        guard case .decode(let sequences, let steps, let context) = test else {
            return weights(tokens: 1) { Double($0.byteCount) }
        }
        // Of attention all positions are read; of a delta net the state alone, which is written too.
        let model = configuration.model
        let blocks = configuration.layers.filter { model.deltaNet(layer: $0) == nil }.reduce(0) {
            $0 + Stage.keyValueBlockBytes(of: model, layer: $1, type: configuration.keyValueType)
        }
        let states = configuration.layers.reduce(0) { $0 + (model.deltaNet(layer: $1)?.stateCount ?? 0) }
        let position = Double(blocks) / Double(KeyValueBlock.positions)
        let seen = Self.seen(steps: steps, context: context)
        return Double(steps) * weights(tokens: sequences) { Double($0.byteCount) }
            + Double(sequences) * (seen * position + Double(steps * states) * 8)
    }

    /// Multiply-adds of a test, each counting as two: every weight times every token (the output matrix times those that
    /// sample, experts times the tokens that choose them), and attention.
    func operations(_ test: Test) -> Double {
        let model = configuration.model
        let attending = (0..<model.layerCount).count { model.deltaNet(layer: $0) == nil }
        let attention = Double(4 * model.queryLength * attending)
        let each = weights(tokens: nil) { 2 * Double($0.rows) * Double($0.columns) }
        switch test {
        case .prefill(let tokens):
            let head = 2 * Double(model.vocabularySize) * Double(model.embeddingLength)
            return Double(tokens) * (each - head) + head + attention * Double(tokens) * Double(tokens + 1) / 2
        case .decode(let sequences, let steps, let context):
            return Double(sequences) * (Double(steps) * each + attention * Self.seen(steps: steps, context: context))
        }
    }

    /// Positions that the tokens of one sequence look at in all steps together.
    private static func seen(steps: Int, context: Int) -> Double {
        Double(steps) * (Double(context) + Double(steps + 1) / 2)
    }

    /// A sum over the matrices that one step passes through; of experts those of `tokens` tokens, nil: those of one token,
    /// as each token computes with no more.
    private func weights(tokens: Int?, _ value: (TensorDescriptor) -> Double) -> Double {
        let model = configuration.model
        let used = model.experts.map { Double($0.usedCount) / Double($0.count) } ?? 1
        let unchosen = (0..<(tokens ?? 1)).reduce(1.0) { left, _ in left * (1 - used) }
        return tensors.reduce(0) { sum, tensor in
            let isInput =
                tensor.name == "position_embd.weight"
                || (tensor.name == "token_embd.weight" && !model.hasTiedEmbeddings)
            guard tensor.rows > 1, !isInput else { return sum }
            return sum + value(tensor) * (Experts.stackedName(of: tensor.name) == nil ? 1 : 1 - unchosen)
        }
    }
}

extension SamplingParameters {
    /// Always the likeliest token.
    fileprivate static var greedy: SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = 0
        return parameters
    }
}
