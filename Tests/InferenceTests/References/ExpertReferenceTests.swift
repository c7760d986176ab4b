// Mixtures of experts against Hugging Face transformers in float32 (Tests/Reference/make_expert_fixtures.py), from every
// form in which files store them.

import CKernels
import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Mixtures of experts against Hugging Face transformers")
struct ExpertReferenceTests {
    static let folder = TestFiles.root.appendingPathComponent("Tests/Fixtures/experts")
    static let floatModels = ["mixtral-bf16", "qwen3moe-bf16", "qwen3moe-bf16.gguf", "gpt-oss-bf16"]
    static let quantizedModels = ["mixtral-q8_0.gguf", "gpt-oss-mxfp4", "gpt-oss-mxfp4.gguf"]

    static func model(_ name: String) throws -> Model {
        try Model.open(path: folder.appendingPathComponent(name).path)
    }

    /// What transformers computed for a file or folder; the GGUF file of gpt-oss holds what its folder holds.
    static func golden(_ name: String) throws -> Golden {
        let path =
            name == "gpt-oss-mxfp4.gguf"
            ? "gpt-oss-mxfp4/golden.json"
            : name.hasSuffix(".gguf") ? name.dropLast(5) + ".golden.json" : name + "/golden.json"
        return try Golden(folder.appendingPathComponent(path))
    }

    @Test("Top 20 log-probabilities agree within 1e-4, 64 greedy tokens are equal", arguments: floatModels)
    func floats(name: String) throws {
        let model = try Self.model(name)
        try Self.check(model.configuration, model.tensors, model, Self.golden(name))
    }

    /// Products with quantized matrices quantize activations too, which transformers does not do; the weights are right.
    @Test("The weights of quantized models, dequantized, give the same numbers", arguments: quantizedModels)
    func dequantized(name: String) throws {
        let model = try Widened(Self.model(name))
        try Self.check(model.configuration, model.tensors, model, Self.golden(name))
    }

    @Test("Quantized models stay near the dequantized weights in float32", arguments: quantizedModels)
    func quantized(name: String) throws {
        let golden = try Self.golden(name)
        let model = try Self.model(name)
        var opened = try OpenedModel(
            model.configuration, tensors: model.tensors, source: model,
            parameters: SamplingParameters(temperature: 0, logProbabilityCount: 131))
        var sample = try #require(try opened.feed(golden.prompt_tokens))
        var squares: Float = 0
        for (token, logProbability) in zip(golden.greedy_tokens, golden.greedy_logprobs) {
            let own = try #require(sample.top.first { $0.token == token }).logProbability
            squares += (own - logProbability) * (own - logProbability)
            sample = try #require(try opened.feed([token]))
        }
        #expect((squares / 64).squareRoot() < 0.3)
    }

    @Test("Hugging Face's MXFP4 and a GGUF file of the same weights give the same bits")
    func twoForms() throws {
        let prompt = try Self.golden("gpt-oss-mxfp4").prompt_tokens
        func samples(_ name: String) throws -> [SampledToken] {
            let model = try Self.model(name)
            var opened = try OpenedModel(
                model.configuration, tensors: model.tensors, source: model,
                parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
            var samples = [try #require(try opened.feed(prompt))]
            for _ in 0..<20 { samples.append(try #require(try opened.feed([samples[samples.count - 1].token]))) }
            return samples
        }
        #expect(try samples("gpt-oss-mxfp4") == samples("gpt-oss-mxfp4.gguf"))
    }

    @Test("Cuts, chunks and threads change no bit", arguments: floatModels + quantizedModels)
    func ways(name: String) throws {
        let model = try Self.model(name)
        let layers = model.configuration.layerCount
        let tiny = try TinyModel(model)
        func run(_ way: Way) throws -> Outcome {
            try Pipeline(tiny, way).run(
                prompt: Self.golden(name).prompt_tokens, count: 30,
                parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
        }
        let reference = try run(Way())
        for way in [
            Way(name: "two stages", cuts: [1]), Way(name: "a stage for each layer", cuts: Array(1..<layers), chunk: 5),
            Way(name: "chunks of 1", chunk: 1), Way(name: "two threads", chunk: 7, threads: 2),
            Way(name: "beside others", threads: 3, companions: 20),
        ] { #expect(try run(way) == reference, "\(way.name)") }
    }

    private static func check(
        _ configuration: ModelConfiguration, _ tensors: [TensorDescriptor], _ source: any TensorSource,
        _ golden: Golden
    ) throws {
        var opened = try OpenedModel(
            configuration, tensors: tensors, source: source,
            parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
        try ReferenceTests.check(&opened, golden)
    }
}

extension TinyModel {
    /// A model of a file, read into memory.
    init(_ model: Model) throws {
        var bytes: [String: [UInt8]] = [:]
        for tensor in model.tensors {
            var content = [UInt8](repeating: 0, count: tensor.byteCount)
            try content.withUnsafeMutableBytes { try model.read(tensor, at: 0, into: $0) }
            bytes[tensor.name] = content
        }
        self.init(name: model.name, configuration: model.configuration, tensors: model.tensors, bytes: bytes)
    }
}

/// The tensors of a model, quantized ones widened to F32.
private struct Widened: TensorSource {
    let configuration: ModelConfiguration
    let tensors: [TensorDescriptor]
    private let model: TinyModel
    private let values: [String: [Float]]

    init(_ model: Model) throws {
        let stored = try TinyModel(model)
        var values: [String: [Float]] = [:]
        tensors = try model.tensors.map { tensor in
            guard tensor.type.isQuantized else { return tensor }
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try stored.read(tensor, at: 0, into: $0) }
            var row = [Float](repeating: 0, count: tensor.rows * tensor.columns)
            tk_dequantize_row(tensor.type.kernelType, &row, bytes, row.count)
            values[tensor.name] = row
            var widened = tensor
            widened.type = .f32
            widened.byteCount = row.count * 4
            return widened
        }
        configuration = model.configuration
        self.model = stored
        self.values = values
    }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard let values = values[tensor.name] else { return try model.read(tensor, at: offset, into: buffer) }
        values.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset...].prefix(buffer.count))) }
    }
}
