// Real models and activations from elsewhere, in ../shared/data: skipped, and reported as skipped, where it is absent.

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Conformance with data from elsewhere")
struct ConformanceTests {
    static let hasShared = TestFiles.isThere(TestFiles.shared)
    static let folder = TestFiles.shared.appendingPathComponent("conformance")

    @Test(
        "paged-infer's tiny Llama gives its golden logits at all 40 positions within 1e-5 of their scale",
        .enabled(if: hasShared, "../shared/data is absent"))
    func pagedInfer() throws {
        let folder = Self.folder.appendingPathComponent("paged-infer")
        let golden = try Data(contentsOf: folder.appendingPathComponent("tiny_llama_golden.bin")).floats
        let meta = try String(contentsOf: folder.appendingPathComponent("tiny_llama_meta.txt"), encoding: .utf8)
        let line = try #require(meta.split(separator: "\n").first { $0.hasPrefix("tokens=") })
        let tokens = line.dropFirst("tokens=".count).split(separator: ",").compactMap { Int32($0) }
        var opened = try OpenedModel(
            folder.appendingPathComponent("tiny_llama.safetensors").path,
            parameters: SamplingParameters(temperature: 0))
        let vocabulary = opened.stage.configuration.model.vocabularySize
        #expect(golden.count == tokens.count * vocabulary)
        for (index, token) in tokens.enumerated() {
            _ = try opened.feed([token])
            let logits = try #require(opened.stage.logits)
            let own = Array(UnsafeBufferPointer(start: logits, count: vocabulary))
            #expect(difference(own, golden[(index * vocabulary)...].prefix(vocabulary)) < 1e-5, "position \(index)")
        }
    }

    @Test(
        "gpt-nano-sort gives its activations after every layer, its logits and its probabilities",
        .enabled(if: hasShared, "../shared/data is absent"))
    func nanoSort() throws {
        let model = try NanoSort(Self.folder)
        let stages = try (0..<3).map { layer in
            try Stage(
                .tiny(model.model, layers: layer..<layer + 1), tensors: model.model.tensors, source: model.model)
        }
        for sequence in 0..<3 {
            let tokens = model.partial("idx")[(sequence * 11)...].prefix(11).map { Int32($0) }
            stages[2].begin(UInt64(sequence), parameters: SamplingParameters(temperature: 0, logProbabilityCount: 3))
            var activations: [Float] = []
            // One token at a time, so that every position's logits can be seen.
            for position in 0..<11 {
                let row = sequence * 11 + position
                let slice = StageBatch.Slice(
                    sequence: UInt64(sequence), position: position, tokens: [tokens[position]],
                    blocks: [Int32(sequence)], sampleCount: 1)
                for (layer, stage) in stages.enumerated() {
                    let output = try activations.withUnsafeBufferPointer {
                        try stage.forward(StageBatch(slices: [slice]), input: layer == 0 ? nil : $0)
                    }
                    activations = Array(UnsafeBufferPointer(start: stage.hidden, count: 48))
                    #expect(
                        difference(activations, model.partial("block\(layer)")[(row * 48)...].prefix(48)) < 1e-5)
                    guard case .sampled(let samples) = output, let sample = samples.first?.sample else { continue }
                    let logits = Array(UnsafeBufferPointer(start: try #require(stage.logits), count: 3))
                    #expect(difference(logits, model.partial("lm_head")[(row * 3)...].prefix(3)) < 1e-5)
                    for candidate in sample.top {
                        let probability = model.partial("probs")[row * 3 + Int(candidate.token)]
                        #expect(abs(exp(candidate.logProbability) - probability) < 1e-5)
                    }
                }
            }
        }
    }

    @Test(
        "stories260K goes on with the known story",
        .enabled(if: hasShared, "../shared/data is absent"))
    func stories() throws {
        var opened = try OpenedModel(
            TestFiles.shared.appendingPathComponent("models/stories260K.gguf").path,
            parameters: SamplingParameters(temperature: 0))
        // BOS and the SentencePiece tokens of "Once upon a time", computed by hand from the file's scores.
        var next = try #require(try opened.feed([1, 403, 407, 261, 378]))
        var tokens: [Int32] = []
        for _ in 0..<Self.story.count {
            tokens.append(next.token)
            next = try #require(try opened.feed([next.token]))
        }
        #expect(tokens == Self.story)
    }

    /// ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball."
    static let story: [Int32] = [
        432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292, 411, 322,
        265, 282, 295, 433, 426, 385, 328, 432, 358, 394, 261, 370, 432, 352, 266, 268, 388, 426,
    ]
}

/// The largest difference, relative to the size of the golden values where those exceed 1.
private func difference(_ own: [Float], _ golden: some Collection<Float>) -> Float {
    guard own.count == golden.count else { return .infinity }
    let scale = max(1, golden.map(\.magnitude).max() ?? 0)
    return zip(own, golden).map { ($0 - $1).magnitude / scale }.reduce(0) { $0 >= $1 ? $0 : $1 }
}

/// Karpathy's minGPT "sort" model as llm-viz stores it: JSON with base64 floats, matrices as [out, in].
private struct NanoSort {
    let model: TinyModel
    private let partials: [String: [Float]]

    init(_ folder: URL) throws {
        let weights = try Self.arrays(folder.appendingPathComponent("gpt-nano-sort-model.json"))
        partials = try Self.arrays(folder.appendingPathComponent("gpt-nano-sort-partials.json"))
        var configuration = ModelConfiguration.tiny(
            .gpt2, layers: 3, dim: 48, heads: 3, keyHeads: 3, headSize: 16, wide: 192, vocabulary: 3, context: 11)
        configuration.hasTiedEmbeddings = false
        var bytes: [String: [UInt8]] = [:]
        var tensors: [TensorDescriptor] = []
        for part in configuration.parts(ofLayers: 0..<3) {
            for requirement in configuration.tensors(of: part) {
                let values = try #require(weights[Self.name(of: requirement.name)], "\(requirement.name)")
                #expect(values.count == requirement.rows * requirement.columns)
                bytes[requirement.name] = values.withUnsafeBytes { Array($0) }
                tensors.append(
                    TensorDescriptor(
                        name: requirement.name, type: .f32, rows: requirement.rows, columns: requirement.columns,
                        byteCount: values.count * 4, file: 0, offset: 0))
            }
        }
        model = TinyModel(name: "gpt-nano-sort", configuration: configuration, tensors: tensors, bytes: bytes)
    }

    func partial(_ name: String) -> [Float] { partials[name] ?? [] }

    /// minGPT's name of a tensor.
    private static func name(of canonical: String) -> String {
        let fixed = [
            "token_embd.weight": "transformer.wte.weight", "position_embd.weight": "transformer.wpe.weight",
            "output.weight": "lm_head.weight", "output_norm.weight": "transformer.ln_f.weight",
            "output_norm.bias": "transformer.ln_f.bias",
        ]
        if let name = fixed[canonical] { return name }
        return [
            ("blk.", "transformer.h."), ("attn_norm", "ln_1"), ("attn_qkv", "attn.c_attn"),
            ("attn_output", "attn.c_proj"), ("ffn_norm", "ln_2"), ("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj"),
        ].reduce(canonical) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    private static func arrays(_ url: URL) throws -> [String: [Float]] {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: [String: Any]])
        return object.compactMapValues { ($0["data"] as? String).flatMap { Data(base64Encoded: $0)?.floats } }
    }
}

extension Data {
    /// Little-endian floats.
    fileprivate var floats: [Float] {
        withUnsafeBytes { bytes in
            (0..<count / 4).map { (index: Int) -> Float in
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
            }
        }
    }
}
