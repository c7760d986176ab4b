// Every instruction set computes the same bits, over odd shapes and values that are hardly numbers.

import CKernels
import Testing

@Suite("Instruction sets", .serialized)
struct LevelEqualityTests {
    @Test(
        "This processor runs every variant there is",
        .enabled(
            if: tk_level.available.count == tk_level.all.count,
            "some variant (AVX-512, AVX-VNNI or another) is NOT TESTED on this machine"))
    func everyVariantIsTested() {
        #expect(tk_level.available == tk_level.all)
    }

    @Test("A level that the processor lacks is refused, one that it has is used")
    func forcing() {
        #expect(tk_set_level(tk_level(rawValue: 5)) == -1)
        for level in tk_level.all where tk_supports_level(level) == 0 { #expect(tk_set_level(level) == -1) }
        for level in tk_level.available {
            #expect(level.forced { tk_current_level() } == level)
        }
        tk_set_level(tk_best_level())
    }

    @Test("Products of float matrices are equal", arguments: KernelMatrix.floatTypes.map(\.rawValue), [false, true])
    func floatProducts(type: UInt32, hostile: Bool) {
        var random = RandomValues(seed: UInt64(type) + (hostile ? 100 : 0))
        for (rows, columns, tokens) in [
            (0, 5, 3), (1, 0, 1), (1, 1, 1), (15, 7, 2), (16, 33, 1), (17, 9, 3), (64, 20, 1), (100, 12, 1),
            (33, 8, 4), (40, 5, 5), (48, 11, 6), (31, 4, 7), (20, 3, 8), (65, 6, 9), (35, 6, 17), (16, 5, 0),
        ] {
            let matrix = KernelMatrix(
                tk_type(rawValue: type), rows: rows, columns: columns, hostile: hostile, using: &random)
            let x = random.floats(tokens * columns, hostile: hostile)
            expectEqualOnAllLevels("\(rows)x\(columns), \(tokens) tokens") {
                matrix.times(x, tokens: tokens, padding: 3)
            }
        }
    }

    @Test(
        "Products of quantized matrices are equal", arguments: KernelMatrix.quantizedTypes.map(\.rawValue),
        [false, true])
    func quantizedProducts(type: UInt32, hostile: Bool) {
        var random = RandomValues(seed: UInt64(type) + (hostile ? 100 : 0))
        for (rows, blocks, tokens) in [
            (0, 1, 1), (3, 0, 2), (1, 1, 1), (16, 3, 2), (17, 2, 3), (35, 1, 4), (8, 2, 5), (20, 1, 6),
            (16, 2, 7), (16, 1, 8), (33, 1, 9), (15, 1, 17), (16, 2, 0), (16, 9, 1), (17, 11, 70), (100, 9, 21),
            (64, 2, 36),
        ] {
            let columns = blocks * tk_block_columns(tk_type(rawValue: type))
            let matrix = KernelMatrix(
                tk_type(rawValue: type), rows: rows, columns: columns, hostile: hostile, using: &random)
            // Largest quants everywhere in one of three: the sums inside must not saturate.
            let isExtreme = random.below(3) == 0
            let x = random.floats(tokens * columns, hostile: hostile).map { isExtreme ? ($0 < 0 ? -1 : 1) : $0 }
            expectEqualOnAllLevels("\(rows)x\(columns), \(tokens) tokens") {
                matrix.times(x, tokens: tokens, padding: 2)
            }
        }
    }

    @Test("Quantized activations are equal")
    func quantization() {
        var random = RandomValues(seed: 1)
        for round in 0..<60 {
            var x = random.floats(96, hostile: round % 2 == 1)
            if round % 5 == 0 { x = x.map { $0 * 0x1p-120 } }
            expectEqualOnAllLevels("round \(round)") {
                QuantizedRows(x, tokens: 1, columns: 96).blocks.flatMap(\.fields)
            }
        }
    }

    @Test("Kernels over rows are equal", arguments: [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100])
    func rows(count: Int) {
        var random = RandomValues(seed: UInt64(count))
        for hostile in [false, true] {
            let x = random.floats(count, hostile: hostile), y = random.floats(count, hostile: hostile)
            let z = random.floats(count, hostile: hostile)
            expectEqualOnAllLevels("rms_norm of \(count)") {
                var out = x
                tk_rms_norm(&out, x, y, count, 1e-5)
                return out
            }
            expectEqualOnAllLevels("layer_norm of \(count)") {
                var out = x
                tk_layer_norm(&out, x, y, z, count, 1e-5)
                return out
            }
            expectEqualOnAllLevels("add, silu, gelu, exp of \(count)") {
                var sum = x, silu = x, gelu = x, exact = x, exp = x
                tk_add(&sum, y, count)
                tk_silu_multiply(&silu, y, count)
                tk_gelu_tanh(&gelu, count)
                tk_gelu_erf(&exact, count)
                tk_exp(&exp, count, 0.25)
                return sum + silu + gelu + exact + exp
            }
            expectEqualOnAllLevels("scale, softcap and gated gelu of \(count)") {
                var scaled = x, capped = x, gelu = x
                tk_scale(&scaled, count, 3.7)
                tk_softcap(&capped, count, 30)
                tk_gelu_multiply(&gelu, y, count)
                return scaled + capped + gelu
            }
            guard count > 0 else { continue }
            expectEqualOnAllLevels("argmax and log_sum_exp of \(count)") {
                let best = tk_argmax(x, count)
                let sum = tk_log_sum_exp(x, count, x[best])
                return [Float(best)] + (sum.isNaN ? [.nan] : sum.quarters)
            }
        }
    }

    @Test("Norms in place give what they give elsewhere")
    func normsInPlace() {
        var random = RandomValues(seed: 3)
        let x = random.floats(37), weight = random.floats(37), bias = random.floats(37)
        for level in tk_level.available {
            level.forced {
                var elsewhere = x, inPlace = x
                tk_rms_norm(&elsewhere, x, weight, 37, 1e-6)
                inPlace.withUnsafeMutableBufferPointer {
                    tk_rms_norm($0.baseAddress, $0.baseAddress, weight, 37, 1e-6)
                }
                #expect(elsewhere == inPlace)
                inPlace = x
                tk_layer_norm(&elsewhere, x, weight, bias, 37, 1e-6)
                inPlace.withUnsafeMutableBufferPointer {
                    tk_layer_norm($0.baseAddress, $0.baseAddress, weight, bias, 37, 1e-6)
                }
                #expect(elsewhere == inPlace)
            }
        }
        tk_set_level(tk_best_level())
    }

    @Test("exp is equal for floats of every magnitude, subnormal results included")
    func exponential() {
        var x = (0..<4096).map { Float(bitPattern: UInt32($0) << 20 | 0x5_1234) }
        x += (0..<2048).map { -104.2 + Float($0) * 0.01 } + (0..<512).map { 87.5 + Float($0) * 0.005 }
        expectEqualOnAllLevels("exp") {
            var out = x
            tk_exp(&out, out.count, 0)
            return out
        }
    }

    @Test("Rotary positions are equal", arguments: [0, 1] as [Int32])
    func rope(pairedHalves: Int32) {
        var random = RandomValues(seed: 9)
        for (heads, headSize, count) in [(1, 2, 1), (2, 6, 3), (3, 16, 8), (2, 40, 18), (1, 64, 32), (2, 70, 35)] {
            let x = random.floats(heads * headSize, hostile: true)
            let cosines = random.floats(count), sines = random.floats(count)
            expectEqualOnAllLevels("\(heads) heads of \(headSize), \(count) pairs") {
                var out = x
                tk_rope(&out, heads, headSize, cosines, sines, count, pairedHalves)
                return out
            }
        }
    }
}
