// Log-probabilities and greedy tokens against Hugging Face transformers in float32 (Tests/Reference).

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

/// A model with the values that transformers computed for it.
struct Golden: Decodable {
    struct Candidate: Decodable {
        var token: Int32
        var logprob: Float
    }

    var prompt_tokens: [Int32]
    var prompt_top20: [Candidate]
    var prompt_last_logits: [Float]
    var greedy_tokens: [Int32]
    var greedy_logprobs: [Float]
    var greedy_top20_last: [Candidate]

    init(_ url: URL) throws {
        self = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    }
}

/// One model file or folder, alone in one stage, one sequence.
struct OpenedModel {
    let stage: Stage
    private var position = 0

    init(_ path: String, parameters: SamplingParameters) throws {
        let model = try Model.load(path: path)
        try self.init(model.configuration, tensors: model.tensors, source: model, parameters: parameters)
    }

    init(
        _ model: ModelConfiguration, tensors: [TensorDescriptor], source: any TensorSource,
        parameters: SamplingParameters
    ) throws {
        stage = try Stage(
            StageConfiguration(
                model: model, layers: 0..<model.layerCount, blockCount: 8, maximumBatchTokens: 64, threads: 1),
            tensors: tensors, source: source)
        stage.begin(1, parameters: parameters)
    }

    /// Feeds tokens; the sample that follows them.
    mutating func feed(_ tokens: [Int32]) throws -> SampledToken? {
        let slice = StageBatch.Slice(
            sequence: 1, position: position, tokens: tokens, blocks: Array(0..<8), sampleCount: 1)
        position += tokens.count
        guard case .sampled(let samples) = try stage.forward(StageBatch(slices: [slice]), input: nil) else {
            return nil
        }
        return samples.first?.sample
    }
}

@Suite("Models against Hugging Face transformers")
struct ReferenceTests {
    static let exact: [(model: String, golden: String)] =
        ["gpt2-f32", "gpt2-bf16", "llama-f32", "llama-bf16-tied", "llama-mha-sharded"].map {
            ($0, "\($0)/golden.json")
        } + ["gpt2-f16", "llama-f32", "llama-bf16-tied"].map { ("gguf/\($0).gguf", "gguf/\($0).golden.json") }

    @Test("Top 20 log-probabilities agree within 1e-4, 64 greedy tokens are equal", arguments: exact)
    func floats(model: String, golden: String) throws {
        let golden = try Golden(TestFiles.models.appendingPathComponent(golden))
        let greedy = SamplingParameters(temperature: 0, logProbabilityCount: 20)
        var opened = try OpenedModel(TestFiles.models.appendingPathComponent(model).path, parameters: greedy)
        try Self.check(&opened, golden)
    }

    /// Top 20 log-probabilities within 1e-4 after the prompt and at the end, the same 64 greedy tokens between.
    /// `opened` takes the likeliest token and tells 20 log-probabilities.
    static func check(_ opened: inout OpenedModel, _ golden: Golden) throws {
        var sample = try #require(try opened.feed(golden.prompt_tokens))
        compare(sample.top, golden.prompt_top20, tolerance: 1e-4)
        var tokens: [Int32] = []
        for logProbability in golden.greedy_logprobs {
            tokens.append(sample.token)
            #expect(abs(try #require(sample.logProbability) - logProbability) <= 1e-4)
            if tokens.count == golden.greedy_tokens.count { break }
            sample = try #require(try opened.feed([sample.token]))
        }
        #expect(tokens == golden.greedy_tokens)
        #expect(tokens.count == 64)
        compare(sample.top, golden.greedy_top20_last, tolerance: 1e-4)
    }

    /// Activations are quantized too, which transformers does not do: along the same tokens the log-probabilities
    /// stay near (a simulation with quantized activations differs from transformers as much), and nearly all choices
    /// are the same.
    @Test("Quantized models stay near the dequantized weights in float32", arguments: quantizedModels)
    func quantized(file: String, golden: String) throws {
        let folder = TestFiles.models.appendingPathComponent("gguf")
        let golden = try Golden(folder.appendingPathComponent(golden))
        let greedy = SamplingParameters(temperature: 0, logProbabilityCount: 300)
        var opened = try OpenedModel(folder.appendingPathComponent(file).path, parameters: greedy)
        var sample = try #require(try opened.feed(golden.prompt_tokens))
        let logProbabilities = Dictionary(uniqueKeysWithValues: sample.top.map { ($0.token, $0.logProbability) })
        for candidate in golden.prompt_top20 {
            let own = try #require(logProbabilities[candidate.token])
            #expect(abs(own - candidate.logprob) < 0.3)
        }
        var sameChoices = 0
        var squares: Float = 0
        for (token, logProbability) in zip(golden.greedy_tokens, golden.greedy_logprobs) {
            let own = try #require(sample.top.first { $0.token == token }).logProbability
            squares += (own - logProbability) * (own - logProbability)
            sameChoices += sample.token == token ? 1 : 0
            sample = try #require(try opened.feed([token]))
        }
        #expect((squares / 64).squareRoot() < 0.1)
        #expect(sameChoices >= 58)
    }

    @Test("The weights of quantized models, dequantized by hand, give the same numbers", arguments: quantizedModels)
    func dequantized(file: String, golden: String) throws {
        let folder = TestFiles.models.appendingPathComponent("gguf")
        let golden = try Golden(folder.appendingPathComponent(golden))
        let model = try Dequantized(Model.open(path: folder.appendingPathComponent(file).path))
        var opened = try OpenedModel(
            model.configuration, tensors: model.tensors, source: model,
            parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
        let sample = try #require(try opened.feed(golden.prompt_tokens))
        Self.compare(sample.top, golden.prompt_top20, tolerance: 1e-4)
    }

    static let quantizedModels: [(file: String, golden: String)] = [
        ("llama-q8_0.gguf", "llama-q8_0.golden.json"), ("llama-q4_0.gguf", "llama-q4_0.golden.json"),
        ("llama-q8_0-split-00001-of-00002.gguf", "llama-q8_0.golden.json"),
    ]

    static func compare(_ own: [TokenProbability], _ golden: [Golden.Candidate], tolerance: Float) {
        #expect(own.count == 20 && golden.count == 20)
        for (own, golden) in zip(own, golden) {
            #expect(abs(own.logProbability - golden.logprob) <= tolerance)
            // Candidates closer together than the tolerance may change places.
            #expect(own.token == golden.token || abs(own.logProbability - golden.logprob) <= tolerance)
        }
        #expect(Set(own.dropLast(2).map(\.token)).isSubset(of: Set(golden.map(\.token))))
    }
}

/// The tensors of a model as F32, by the definition of Q8_0 and Q4_0 and without the kernels: a block of 32 is an f16
/// scale and 32 int8, or 16 bytes whose low nibbles are elements 0..<16 and high nibbles 16..<32, stored as value + 8.
private struct Dequantized: TensorSource {
    let configuration: ModelConfiguration
    let tensors: [TensorDescriptor]
    private let values: [String: [Float]]

    init(_ model: Model) throws {
        configuration = model.configuration
        var values: [String: [Float]] = [:]
        tensors = try model.tensors.map { tensor in
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try model.read(tensor, at: 0, into: $0) }
            values[tensor.name] = Self.widen(bytes, tensor.type)
            var widened = tensor
            widened.type = .f32
            widened.byteCount = tensor.rows * tensor.columns * 4
            return widened
        }
        self.values = values
    }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        values[tensor.name]?.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(buffer.count)))
        }
    }

    private static func widen(_ bytes: [UInt8], _ type: TensorType) -> [Float] {
        bytes.withUnsafeBytes { bytes in
            if type == .f32 { return Array(bytes.bindMemory(to: Float.self)) }
            var values: [Float] = []
            for block in stride(from: 0, to: bytes.count, by: type.blockBytes) {
                let scale = Float(bytes.loadUnaligned(fromByteOffset: block, as: Float16.self))
                let quants = bytes[(block + 2)..<(block + type.blockBytes)]
                if type == .q8_0 {
                    values += quants.map { Float(Int8(bitPattern: $0)) * scale }
                } else {
                    values += quants.map { (Float($0 & 15) - 8) * scale }
                    values += quants.map { (Float($0 >> 4) - 8) * scale }
                }
            }
            return values
        }
    }
}
