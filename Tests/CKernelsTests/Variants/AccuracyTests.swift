// How near the polynomials come to the functions they stand for, against the system's double-precision library.

import CKernels
import Foundation
import Testing

@Suite("Accuracy")
struct AccuracyTests {
    /// The distance in units of the last place of the expected value as a float.
    static func ulps(_ actual: Float, _ expected: Double) -> Double {
        let spacing = max(Double(Float(abs(expected)).ulp), Double(Float.leastNonzeroMagnitude))
        return abs(Double(actual) - expected) / spacing
    }

    @Test("exp is within 2 ulp, subnormal results included")
    func exponential() {
        var x = (0..<20_000).map { -104 + Float($0) * 0.009635 }
        let expected = x.map { Foundation.exp(Double($0)) }
        tk_exp(&x, x.count, 0)
        let worst = zip(x, expected).map(Self.ulps).max() ?? .infinity
        #expect(worst <= 2)
    }

    @Test("exp at and beyond the ends of its range")
    func exponentialEnds() {
        var x: [Float] = [-104.1, -1e30, -.infinity, 88.73, 1e30, .infinity, .nan, 0, -0.0]
        tk_exp(&x, x.count, 0)
        #expect(Array(x[..<3]) == [0, 0, 0])
        #expect(Array(x[3..<6]) == [.infinity, .infinity, .infinity])
        #expect(x[6].isNaN)
        #expect(Array(x[7...]) == [1, 1])
        var shifted: [Float] = [5]
        tk_exp(&shifted, 1, 5)
        #expect(shifted == [1])
    }

    @Test("log is within about 1 ulp of double, over its whole range")
    func logarithm() {
        var random = RandomValues(seed: 1)
        for _ in 0..<20_000 {
            let near = 1 + Double(random.ordinary()) * 0.1
            let far = Double(bitPattern: random.bits() & .max >> 1)
            for x in [near, far] where x.isFinite {
                let expected = Foundation.log(x)
                #expect(abs(tk_log(x) - expected) <= 1.1 * expected.ulp, "log(\(x))")
            }
        }
        #expect(tk_log(0) == -.infinity)
        #expect(tk_log(.infinity) == .infinity)
        #expect(tk_log(-1).isNaN && tk_log(.nan).isNaN)
        #expect(tk_log(1) == 0)
    }

    @Test("log_sum_exp neither overflows nor drowns in negative infinities")
    func logSumExp() {
        var random = RandomValues(seed: 2)
        let x = random.floats(333).map { $0 * 20 }
        let expected = Foundation.log(x.reduce(0.0) { $0 + Foundation.exp(Double($1)) })
        func logSum(_ x: [Float]) -> Double { tk_log_sum_exp(x, x.count, x[tk_argmax(x, x.count)]) }
        #expect(abs(logSum(x) - expected) < 1e-6)
        #expect(logSum([1000, 1000]) == 1000 + Foundation.log(2.0))
        #expect(logSum([-.infinity, 3, -.infinity]) == 3)
        #expect(logSum([-.infinity, -.infinity]) == -.infinity)
        #expect(logSum([1, .infinity]) == .infinity)
        #expect(logSum([1, .nan]).isNaN)
    }

    @Test("Rotary frequencies are quotients of powers rounded to float", arguments: [10_000, 500_000, 1e6, 8e6])
    func frequencies(base: Double) {
        for dimensions in [2, 12, 64, 128, 256] {
            var frequencies = [Float](repeating: 0, count: dimensions / 2)
            tk_rope_frequencies(&frequencies, dimensions, base)
            for (i, frequency) in frequencies.enumerated() {
                let power = pow(base, Double(Float(2 * i) / Float(dimensions)))
                #expect(Self.ulps(frequency, 1 / power) <= 1.51)
                #expect(frequency == 1 / Float(power) || Self.ulps(Float(power), power) > 0.49)
            }
        }
    }

    @Test("sin and cos are within 1 ulp for every position up to 2^24")
    func angles() {
        var random = RandomValues(seed: 3)
        var frequencies = [Float](repeating: 0, count: 32)
        tk_rope_frequencies(&frequencies, 64, 10_000)
        let positions: [UInt32] =
            [0, 1, 2, 3, 1 << 24, (1 << 24) - 1] + (0..<200).map { _ in UInt32(random.below(1 << 24)) }
        for position in positions {
            var cosines = frequencies, sines = frequencies
            tk_rope_angles(&cosines, &sines, frequencies, 32, position)
            for i in 0..<32 {
                let angle = Double(Float(position) * frequencies[i])
                #expect(Self.ulps(cosines[i], cos(angle)) <= 1 && Self.ulps(sines[i], sin(angle)) <= 1)
            }
        }
    }

    @Test("silu and gelu are true to a few parts in a million")
    func activations() {
        let x = (0..<10_000).map { -5 + Float($0) * 0.001 }
        var silu = x, gelu = x
        tk_silu_multiply(&silu, Array(repeating: 1, count: x.count), x.count)
        tk_gelu_tanh(&gelu, x.count)
        for (i, value) in x.enumerated() where value != 0 {
            let v = Double(value), u = (2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v)
            #expect(abs(Double(silu[i]) / (v / (1 + Foundation.exp(-v))) - 1) < 3e-7)
            #expect(abs(Double(gelu[i]) / (v / (1 + Foundation.exp(-2 * u))) - 1) < 3e-6)
        }
        var ends: [Float] = [0, 30, -30, 1e20, -1e20, .infinity]
        tk_gelu_tanh(&ends, ends.count)
        #expect(ends == [0, 30, ends[2], 1e20, -0.0, .infinity] && abs(ends[2]) < 1e-30)
    }

    @Test("The exact gelu is true to a few parts in ten million, also in its tails")
    func exactGelu() {
        let x = (0..<24_000).map { -12 + Float($0) * 0.001 }
        var gelu = x
        tk_gelu_erf(&gelu, x.count)
        for (i, value) in x.enumerated() {
            let v = Double(value), expected = v * Foundation.erfc(-v / 2.0.squareRoot()) / 2
            #expect(
                abs(Double(gelu[i]) - expected) <= 4e-7 * max(1, abs(v))
                    && abs(Double(gelu[i]) - expected) <= 1e-5 * abs(expected))
        }
        var ends: [Float] = [0, 30, -30, 1e20, -1e20, .infinity, -.infinity, .nan]
        tk_gelu_erf(&ends, ends.count)
        #expect(ends.prefix(7) == [0, 30, 0, 1e20, 0, .infinity, 0] && ends[7].isNaN)
    }

    @Test("Norms and attention agree with double precision")
    func rowsAndAttention() {
        var random = RandomValues(seed: 4)
        let x = random.floats(500), weight = random.floats(500), bias = random.floats(500)
        let wide = x.map(Double.init), mean = wide.reduce(0, +) / 500
        let variance = wide.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 500
        let squares = wide.reduce(0) { $0 + $1 * $1 } / 500
        var layer = x, rms = x
        tk_layer_norm(&layer, x, weight, bias, 500, 1e-5)
        tk_rms_norm(&rms, x, weight, 500, 1e-5)
        for i in 0..<500 {
            let w = Double(weight[i])
            let expected = (wide[i] - mean) / (variance + 1e-5).squareRoot() * w + Double(bias[i])
            #expect(abs(Double(layer[i]) - expected) < 2e-6)
            #expect(abs(Double(rms[i]) - wide[i] / (squares + 1e-5).squareRoot() * w) < 2e-6)
        }

        let cache = KernelCache(positions: 90, heads: 1, headSize: 16, using: &random)
        let query = random.floats(16)
        let weights = cache.keys.map { key in
            Foundation.exp(0.2 * zip(query, key).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
        }
        let total = weights.reduce(0, +)
        for (d, actual) in cache.attend(query, head: 0, rules: .init(scale: 0.2)).enumerated() {
            let expected = zip(weights, cache.values).reduce(0.0) { $0 + $1.0 * Double($1.1[d]) } / total
            #expect(abs(Double(actual) - expected) < 3e-6)
        }
    }

    @Test("A window, a softcap and a sink are those of the softmax over what is seen", arguments: [0, 3, 40, 70])
    func attentionRules(first: Int) {
        var random = RandomValues(seed: 8)
        let headSize = 10, positions = 75
        let cache = KernelCache(positions: positions, first: first, heads: 1, headSize: headSize, using: &random)
        let query = random.floats(headSize)
        let scores = (first..<positions).map { position in
            let product = (0..<headSize).reduce(0.0) { $0 + Double(query[$1]) * Double(cache.keys[position][$1]) }
            return 5 * tanh(product * 0.25 / 5)
        }
        let weights = scores.map { Foundation.exp($0) }
        let sum = weights.reduce(Foundation.exp(0.7), +)
        let own = cache.attend(
            query, head: 0, rules: .init(scale: 0.25, window: positions - first, softcap: 5, sink: 0.7))
        for d in 0..<headSize {
            let expected = zip(weights, first..<positions).reduce(0.0) { $0 + $1.0 * Double(cache.values[$1.1][d]) }
            #expect(abs(Double(own[d]) - expected / sum) < 1e-5)
        }
    }

    @Test("Softcap, scaling, the gated gelu and powers are what their formulas say")
    func formulas() {
        let x = stride(from: Float(-90), through: 90, by: 0.37).map { $0 }
        var capped = x, scaled = x, gated = x, gelu = x
        tk_softcap(&capped, x.count, 30)
        tk_scale(&scaled, x.count, 1.7)
        tk_gelu_tanh(&gelu, x.count)
        tk_gelu_multiply(&gated, x, x.count)
        for index in x.indices {
            #expect(abs(Double(capped[index]) - 30 * tanh(Double(x[index]) / 30)) < 1e-5)
            #expect(scaled[index] == x[index] * 1.7)
            #expect(gated[index] == gelu[index] * x[index])
        }
        for (base, exponent) in [(2.0, 0.5), (1e4, 1.0322), (1.0000305, 7), (3.5, -2.25), (1, 100)] {
            #expect(abs(tk_power(base, exponent) / pow(base, exponent) - 1) < 1e-14)
        }
    }
}
