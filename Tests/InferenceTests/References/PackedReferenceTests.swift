// Quantized folders against the formulas of their methods and against Hugging Face transformers
// (Tests/Reference/make_packed_fixtures.py).

import CKernels
import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Quantized folders against the methods' formulas", .serialized)
struct PackedReferenceTests {
    /// A folder, and the types in which its quantized matrices are kept.
    struct Case: CustomTestStringConvertible {
        var name: String
        var types: [String]
        var testDescription: String { name }
        var path: String { TestFiles.packed.appendingPathComponent(name).path }
    }

    static let cases = [
        Case(name: "fp8-block", types: ["Q8_0 rounded"]), Case(name: "fp8-powers", types: ["BF16"]),
        Case(name: "fp8-tensor", types: ["BF16", "F16"]), Case(name: "fp8-experts", types: ["BF16"]),
        Case(name: "compressed-float", types: ["Q8_0 rounded"]),
        Case(name: "compressed-int4", types: ["Q4_0", "Q8_0"]),
        Case(name: "compressed-order", types: ["Q8_0 rounded"]), Case(name: "compressed-int8", types: ["Q8_0"]),
        Case(name: "gptq", types: ["Q4_0"]), Case(name: "gptq-asymmetric", types: ["Q4_0", "Q8_0"]),
        Case(name: "gptq-order", types: ["Q8_0 rounded"]), Case(name: "gptq-8-bits", types: ["Q8_0"]),
        Case(name: "awq", types: ["Q8_0"]), Case(name: "mlx", types: ["Q4_1", "Q5_1"]),
        Case(name: "mlx-8-bits", types: ["Q8_0 rounded"]),
        Case(name: "mlx-experts", types: ["F32", "Q4_1"]),
    ]

    /// What transformers computed, and a hash of every matrix' values by its name in transformers.
    struct PackedGolden: Decodable {
        var is_exact: Bool
        var values: [String: String]

        init(_ url: URL) throws { self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url)) }
    }

    @Test("Every matrix has the values of the formula; those that are kept are the same, or half a step away")
    func values() throws {
        for one in Self.cases {
            let model = try Model.load(path: one.path)
            let golden = try PackedGolden(TestFiles.packed.appendingPathComponent("\(one.name)/golden.json"))
            var types: Set<String> = []
            for tensor in model.tensors {
                guard let packed = model.packed.byName[tensor.name] else { continue }
                types.insert(tensor.type.name + (packed.isExact ? "" : " rounded"))
                let exact = try Self.floats(of: tensor, as: .f32, model)
                let name = Self.transformersName(of: tensor.name)
                #expect(Self.hash(exact) == golden.values[name], "\(one.name): \(name)")
                let kept = try Self.floats(of: tensor, as: tensor.type, model)
                #expect(kept.count == exact.count)
                if packed.isExact {
                    #expect(kept == exact, "\(one.name): \(name)")
                } else {
                    #expect(Self.isNear(kept, exact), "\(one.name): \(name)")
                }
            }
            #expect(types.sorted() == one.types, "\(one.name)")
            #expect(golden.is_exact == !types.contains { $0.hasSuffix("rounded") }, "\(one.name)")
            #expect(model.notices.count == 1 && model.notices[0].description.contains("are quantized by"))
        }
    }

    @Test("On the exact values top 20 log-probabilities agree within 1e-4 and 64 greedy tokens are equal")
    func golden() throws {
        for one in Self.cases {
            let golden = try Golden(TestFiles.packed.appendingPathComponent("\(one.name)/golden.json"))
            let loaded = try Model.load(path: one.path)
            // Where the kept types hold the values, through them; else read as F32.
            let conversions = loaded.tensors.map { tensor in
                let isRounded = loaded.packed.byName[tensor.name]?.isExact == false
                return TensorConversion(isRounded ? Self.described(tensor, as: .f32) : tensor, to: .f32)
            }
            let model = loaded.replacing(
                tensors: conversions.map(\.target),
                source: ConvertedTensors(conversions, source: loaded, threads: 1), variant: "f32")
            let samples = try FamilyTests.samples(model, golden.prompt_tokens, .init(stages: 1, chunk: 100))
            #expect(samples.map(\.token) == golden.greedy_tokens, "\(one.name)")
            for (sample, logProbability) in zip(samples, golden.greedy_logprobs) {
                #expect(abs(try #require(sample.logProbability) - logProbability) <= 1e-4)
            }
            ReferenceTests.compare(try #require(samples.first).top, golden.prompt_top20, tolerance: 1e-4)
            ReferenceTests.compare(try #require(samples.last).top, golden.greedy_top20_last, tolerance: 1e-4)
        }
    }

    @Test("As it is kept, a model stays near that, and no division of the work changes a bit")
    func kept() throws {
        for one in Self.cases {
            let golden = try Golden(TestFiles.packed.appendingPathComponent("\(one.name)/golden.json"))
            let model = try Model.load(path: one.path)
            let samples = try FamilyTests.samples(model, golden.prompt_tokens, .init(stages: 1, chunk: 100))
            let own = Dictionary(uniqueKeysWithValues: try #require(samples.first).top.map { ($0.token, $0) })
            for candidate in golden.prompt_top20.prefix(5) {
                let logProbability = try #require(own[candidate.token]).logProbability
                #expect(abs(logProbability - candidate.logprob) < 0.5, "\(one.name)")
            }
            for run in [
                FamilyTests.Run(stages: 2, chunk: 7), .init(stages: 1, chunk: 5, level: TK_LEVEL_PORTABLE),
            ] {
                #expect(try FamilyTests.samples(model, golden.prompt_tokens, run) == samples, "\(one.name) \(run)")
            }
        }
    }

    // MARK: Values

    /// A tensor read as one type and widened.
    private static func floats(of tensor: TensorDescriptor, as type: TensorType, _ model: Model) throws -> [Float] {
        let described = described(tensor, as: type)
        var bytes = [UInt8](repeating: 0, count: described.byteCount)
        try bytes.withUnsafeMutableBytes { try model.read(described, at: 0, into: $0) }
        var values = [Float](repeating: 0, count: tensor.rows * tensor.columns)
        tk_dequantize_row(type.kernelType, &values, bytes, values.count)
        return values
    }

    private static func described(_ tensor: TensorDescriptor, as type: TensorType) -> TensorDescriptor {
        var result = tensor
        result.type = type
        result.byteCount = type.byteCount(rows: tensor.rows, columns: tensor.columns) ?? 0
        return result
    }

    /// Half a step of Q8_0, and what rounding its scale to F16 moves a code of 127.
    private static func isNear(_ kept: [Float], _ exact: [Float]) -> Bool {
        stride(from: 0, to: exact.count, by: 32).allSatisfy { block in
            let step = (exact[block..<block + 32].map(abs).max() ?? 0) / 127
            return (block..<block + 32).allSatisfy { abs(kept[$0] - exact[$0]) <= step * (0.5 + 127 / 2048 + 1e-4) }
        }
    }

    /// FNV-1a of 64 bits over the words.
    private static func hash(_ values: [Float]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for value in values { hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3 }
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    private static func transformersName(of name: String) -> String {
        let outside = [
            "token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight",
        ]
        if let name = outside[name] { return name }
        let modules = [
            "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj", "ffn_gate_inp": "mlp.gate",
        ]
        let pieces = name.split(separator: ".").map(String.init)
        let module = modules[pieces[2]] ?? ""
        if pieces.count == 5 {
            let matrix = module.split(separator: ".").last.map(String.init) ?? ""
            return "model.layers.\(pieces[1]).mlp.experts.\(pieces[3]).\(matrix).weight"
        }
        return "model.layers.\(pieces[1]).\(module).weight"
    }
}
