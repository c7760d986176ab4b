// Tensors that are some rows of a quantized matrix: the heads of latent attention, delta nets and grouped heads.
//
// Responsible for: the same bytes and the same answers as from the matrix that is not quantized.
// Must not know: how such matrices are laid out.

import Foundation
import Sequences
import Testing

@testable import Inference
@testable import ModelFile

@Suite("Parts of quantized matrices")
struct PackedPartsOfMatricesTests {
    static let matrices = [
        ("deepseek3", ["kv_b_proj"]), ("qwen3_next", ["in_proj_qkvz", "in_proj_ba"]), ("internlm2", ["wqkv"]),
        ("gptneox", ["query_key_value"]),
    ]

    @Test("A matrix that is taken apart may be quantized", arguments: matrices, ["fp8", "gptq"])
    func parts(_ family: (name: String, matrices: [String]), method: String) throws {
        var plain = try PackedFolder(at: TestFiles.families.appendingPathComponent(family.name))
        var packed = plain
        for base in plain.tensors.keys.sorted() where base.hasSuffix(".weight") {
            let base = String(base.dropLast(".weight".count))
            guard family.matrices.contains(where: base.hasSuffix) else { continue }
            try Self.quantize(base, &packed, plain: &plain, method: method)
        }
        packed.configuration = try Self.naming(method, packed.configuration)
        let (model, expected) = (try packed.model(), try plain.model())
        #expect(model.tensors.map(\.name) == expected.tensors.map(\.name))
        var count = 0
        for (tensor, other) in zip(model.tensors, expected.tensors) {
            count += model.packed.byName[tensor.name] == nil ? 0 : 1
            #expect(tensor.type == other.type && tensor.isTransposed == other.isTransposed, "\(tensor.name)")
            let all = 0..<tensor.byteCount
            #expect(
                try PackedFolder.bytes(of: tensor, all, model) == PackedFolder.bytes(of: other, all, expected),
                "\(tensor.name)")
        }
        #expect(count >= 2 * family.matrices.count)
        let run = FamilyTests.Run(stages: 1, chunk: 100)
        let samples = try FamilyTests.samples(model, [1, 5, 9, 3, 7], run)
        #expect(try samples == FamilyTests.samples(expected, [1, 5, 9, 3, 7], run))
    }

    /// Puts random codes into one folder, and their values, in a type that holds them, into the other.
    private static func quantize(
        _ base: String, _ packed: inout PackedFolder, plain: inout PackedFolder, method: String
    ) throws {
        let name = base + ".weight"
        let shape = try #require(plain.tensors[name]?.shape)
        let (rows, columns) = (shape[0], shape[1])
        let seed = UInt64(base.utf8.reduce(0) { ($0 * 31 + Int($1)) % 0xFFFF }) << 20
        func code(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: SplitMix64.number(at: seed + UInt64(index))) }
        var codes = (0..<rows * columns).map(code)
        let values: [Float]
        if method == "fp8" {
            codes = codes.map { $0 & 0x7F == 0x7F ? 0 : $0 }  // no number
            values = codes.map { float8($0) / 64 }
            packed.tensors[name] = .init(type: "F8_E4M3", shape: shape, data: codes)
            packed.tensors[base + ".weight_scale_inv"] = .init(type: "F32", shape: [], data: bytes(of: 1 / 64))
        } else {
            let zeros = (0..<rows).map { code(rows * columns + $0) }  // one less than what is subtracted
            values = codes.indices.map { index in
                Float(Int(codes[index]) - Int(zeros[index / columns] &+ 1)) / 256
            }
            // [words, rows], four columns in a word.
            var words: [UInt8] = []
            for word in 0..<columns / 4 {
                for row in 0..<rows {
                    let first = row * columns + 4 * word
                    words += codes[first..<first + 4]
                }
            }
            packed.tensors[name] = nil
            packed.tensors[base + ".qweight"] = .init(type: "I32", shape: [columns / 4, rows], data: words)
            packed.tensors[base + ".qzeros"] = .init(type: "I32", shape: [1, rows / 4], data: zeros)
            packed.tensors[base + ".scales"] = .init(
                type: "F16", shape: [1, rows], data: (0..<rows).flatMap { _ in [0, 0x1C] as [UInt8] })  // 1/256
        }
        // As what each is kept: the type of its scales, or the shortest that holds the values.
        plain.tensors[name] =
            method == "fp8"
            ? .init(type: "BF16", shape: shape, data: values.flatMap { bytes(of: $0).suffix(2) })
            : .init(type: "F16", shape: shape, data: values.flatMap { halfBytes(of: $0) })
    }

    private static func bytes(of value: Float) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }

    private static func halfBytes(of value: Float) -> [UInt8] {
        let bits = Float16(value).bitPattern
        return [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
    }

    /// Sign, 4 bits of exponent (bias 7), 3 bits of fraction.
    private static func float8(_ code: UInt8) -> Float {
        let (exponent, fraction) = (Int(code >> 3 & 15), Float(code & 7) / 8)
        let power = Float(sign: .plus, exponent: max(exponent, 1) - 7, significand: 1)
        return (code >> 7 == 0 ? 1 : -1) * power * (exponent == 0 ? fraction : 1 + fraction)
    }

    private static func naming(_ method: String, _ configuration: [UInt8]) throws -> [UInt8] {
        var fields = try #require(
            try JSONSerialization.jsonObject(with: Data(configuration)) as? [String: Any])
        fields["quantization_config"] =
            method == "fp8"
            ? ["quant_method": "fp8"] as [String: Any]
            : ["quant_method": "gptq", "bits": 8, "group_size": -1] as [String: Any]
        return Array(try JSONSerialization.data(withJSONObject: fields))
    }
}
