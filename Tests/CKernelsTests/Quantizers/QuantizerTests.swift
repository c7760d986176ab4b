// Rows become blocks of a file as well as ggml makes them (Tests/Reference/make_quantization_fixtures.py).
// Must not know: how blocks are searched.

import CKernels
import Foundation
import Testing

@Suite("Quantizers")
struct QuantizerTests {
    /// What ggml's quantizer makes of the fixture's rows.
    struct Reference: Decodable {
        var gaussian: Double
        var model: Double
        var fnv1a: String
    }

    static let names: [(name: String, type: tk_type)] = [
        ("Q8_0", TK_Q8_0), ("Q4_0", TK_Q4_0), ("Q4_1", TK_Q4_1), ("Q5_0", TK_Q5_0), ("Q5_1", TK_Q5_1),
        ("MXFP4", TK_MXFP4), ("Q2_K", TK_Q2_K), ("Q3_K", TK_Q3_K), ("Q4_K", TK_Q4_K), ("Q5_K", TK_Q5_K),
        ("Q6_K", TK_Q6_K), ("IQ4_NL", TK_IQ4_NL), ("IQ4_XS", TK_IQ4_XS),
    ]
    static let columns = 1024

    /// [64 rows][1024]: 32 Gaussian rows, 32 of a model.
    static func weights() throws -> [Float] {
        let data = try Data(contentsOf: fixtures.appendingPathComponent("weights.f16"))
        return stride(from: 0, to: data.count, by: 2).map { index in
            Float(Float16(bitPattern: UInt16(data[index]) | UInt16(data[index + 1]) << 8))
        }
    }

    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures/quantization")

    static func quantized(_ type: tk_type, _ values: [Float]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: values.count / tk_block_columns(type) * tk_block_bytes(type))
        tk_quantize_row(type, &bytes, values, values.count)
        return bytes
    }

    static func dequantized(_ type: tk_type, _ bytes: [UInt8], count: Int) -> [Float] {
        var values = [Float](repeating: 99, count: count)
        tk_dequantize_row(type, &values, bytes, count)
        return values
    }

    private func error(_ values: ArraySlice<Float>, _ others: ArraySlice<Float>) -> Double {
        let sum = zip(values, others).reduce(0.0) { sum, pair in
            let difference = Double(pair.0) - Double(pair.1)
            return sum + difference * difference
        }
        return (sum / Double(values.count)).squareRoot()
    }

    private func fnv1a(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test("The error is at most 1.02 times ggml's, and simple types are ggml's bytes", arguments: names.indices)
    func quality(index: Int) throws {
        let (name, type) = Self.names[index]
        let data = try Data(contentsOf: Self.fixtures.appendingPathComponent("rows.json"))
        let reference = try #require(JSONDecoder().decode([String: Reference].self, from: data)[name])
        let values = try Self.weights()
        let bytes = Self.quantized(type, values)
        let read = Self.dequantized(type, bytes, count: values.count)
        let half = values.count / 2
        #expect(error(values[..<half], read[..<half]) <= 1.02 * reference.gaussian)
        #expect(error(values[half...], read[half...]) <= 1.02 * reference.model)
        if index < 6 { #expect(fnv1a(bytes) == reference.fnv1a) }
    }

    @Test("A row is its blocks, one after the other", arguments: names.indices)
    func blocks(index: Int) throws {
        let type = Self.names[index].type
        let values = try Array(Self.weights()[..<Self.columns])
        let block = tk_block_columns(type)
        let single = stride(from: 0, to: values.count, by: block).flatMap { start in
            Self.quantized(type, Array(values[start..<start + block]))
        }
        #expect(single == Self.quantized(type, values))
    }

    @Test(
        "Zeros, huge, tiny and equal numbers are harmless; what is not finite counts as zero", arguments: names.indices)
    func hostile(index: Int) {
        let type = Self.names[index].type
        var random = RandomValues(seed: 77)
        for kind in 0..<60 {
            var values = random.floats(512, hostile: kind % 3 == 0)
            switch kind % 6 {
            case 1: values = values.map { $0 * 0x1p-140 }
            case 2: values = values.map { $0 * 1e37 }
            case 4: values = Array(repeating: values[0], count: 512)
            case 5: values = Array(repeating: 0, count: 512)
            default: break
            }
            let finite = values.map { $0.isFinite ? $0 : 0 }
            let bytes = Self.quantized(type, values)
            #expect(bytes == Self.quantized(type, finite))
            let read = Self.dequantized(type, bytes, count: 512)
            #expect(read.allSatisfy { !$0.isNaN })
            if kind % 6 == 5 { #expect(read.allSatisfy { $0 == 0 }) }
        }
    }

    @Test("What MXFP4 or Q8_0 holds is written again as it was", arguments: [TK_MXFP4, TK_Q8_0].map(\.rawValue))
    func lossless(type: UInt32) throws {
        let type = tk_type(rawValue: type)
        let once = Self.dequantized(type, Self.quantized(type, try Self.weights()), count: 64 * Self.columns)
        #expect(Self.dequantized(type, Self.quantized(type, once), count: once.count) == once)
    }

    @Test("F16 and BF16 are rounded to nearest even")
    func halves() {
        var random = RandomValues(seed: 5)
        let ties = (0..<2000).map { Float(bitPattern: UInt32($0) << 12 | 0x3800_0000) }
        let values = random.floats(200_000, hostile: true).map { $0 * 3e4 } + random.floats(1000) + ties
        var half = [UInt16](repeating: 0, count: values.count), bfloat = half
        tk_quantize_row(TK_F16, &half, values, values.count)
        tk_quantize_row(TK_BF16, &bfloat, values, values.count)
        for (index, value) in values.enumerated() {
            if value.isNaN {
                #expect(Float16(bitPattern: half[index]).isNaN)
                #expect(Float(bitPattern: UInt32(bfloat[index]) << 16).isNaN)
            } else {
                #expect(half[index] == Float16(value).bitPattern)
                let bits = UInt64(value.bitPattern), low = bits & 0xFFFF
                let roundsUp = low > 0x8000 || (low == 0x8000 && bits >> 16 & 1 == 1)
                #expect(UInt64(bfloat[index]) == bits >> 16 + (roundsUp ? 1 : 0))
            }
        }
    }

    @Test("Infinities and NaN are found wherever they stand")
    func finite() {
        var values = [Float](repeating: 1, count: 100)
        #expect(tk_all_finite(values, 100) == 1)
        for (place, value) in [(0, Float.nan), (50, .infinity), (99, -.infinity)] {
            values[place] = value
            #expect(tk_all_finite(values, 100) == 0)
            values[place] = .greatestFiniteMagnitude
        }
        #expect(tk_all_finite(values, 100) == 1)
    }
}
