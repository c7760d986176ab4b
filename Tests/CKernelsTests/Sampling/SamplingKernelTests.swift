// The kernels over a whole vocabulary: the same on every level, and what kernels.h says they are.

import CKernels
import Testing

@Suite("Kernels for sampling", .serialized)
struct SamplingKernelTests {
    /// Values with many ties, infinities and NaN.
    static func values(_ count: Int, _ random: inout RandomValues) -> [Float] {
        (0..<count).map { _ in random.below(3) == 0 ? random.hostile() : (random.ordinary() * 4).rounded() }
    }

    static let counts = [1, 2, 7, 15, 16, 17, 63, 64, 65, 100, 127, 200, 1000]

    @Test(
        "Exponentials of scaled differences are equal on all levels, and their sum has 16 partials", arguments: counts)
    func expScaled(count: Int) {
        var random = RandomValues(seed: UInt64(count))
        for temperature in [1, 0.7, 1e-3, .leastNonzeroMagnitude, .greatestFiniteMagnitude] as [Float] {
            let x = Self.values(count, &random)
            let maximum = x.filter(\.isFinite).max() ?? 0
            let bounded = x.map { $0 > maximum ? -.infinity : $0 }
            expectEqualOnAllLevels("\(count) at \(temperature)") {
                var out = bounded
                let sum = tk_exp_scaled(&out, bounded, count, maximum, temperature)
                return out + sum.quarters
            }
            var out = bounded
            let sum = tk_exp_scaled(&out, bounded, count, maximum, temperature)
            var partial = [Double](repeating: 0, count: 16)
            for (i, value) in bounded.enumerated() {
                let difference = (value - maximum) / temperature
                #expect(out[i] == (difference.isNaN ? 0 : DefinitionTests.exp(difference)))
                partial[i % 16] += Double(out[i])
            }
            for width in [8, 4, 2, 1] {
                for j in 0..<width { partial[j] += partial[j + width] }
            }
            #expect(sum == partial[0])
        }
    }

    @Test(
        "The k largest come in order, the lower index first among equals, without NaN and -infinity", arguments: counts)
    func topK(count: Int) {
        var random = RandomValues(seed: UInt64(count) + 50)
        for round in 0..<6 {
            let x =
                round == 0
                ? [Float](repeating: round % 2 == 0 ? .nan : -.infinity, count: count) : Self.values(count, &random)
            let order = x.indices.filter { x[$0] > -.infinity }.sorted { x[$0] > x[$1] || (x[$0] == x[$1] && $0 < $1) }
            for k in Set([0, 1, 2, 5, count / 2, count, count + 3]).sorted() {
                expectEqualOnAllLevels("\(k) of \(count)") {
                    var indices = [UInt32](repeating: 7, count: k + 1)
                    let found = tk_top_k(&indices, k, x, count)
                    #expect(indices[..<found].map(Int.init) == Array(order.prefix(k)))
                    return [Float(found)] + indices.map { Float($0) }
                }
            }
        }
    }

    @Test("argmax of long rows is equal on all levels", arguments: counts)
    func argmax(count: Int) {
        var random = RandomValues(seed: UInt64(count) + 90)
        for _ in 0..<8 {
            let x = Self.values(count, &random)
            let largest = x.filter { !$0.isNaN }.max()
            #expect(tk_argmax(x, count) == largest.flatMap { x.firstIndex(of: $0) } ?? 0)
            expectEqualOnAllLevels("argmax of \(count)") { [Float(tk_argmax(x, count))] }
        }
    }

    @Test("Ranges of logits are in order, and their masses and members those of their values", arguments: counts)
    func ranges(count: Int) {
        var random = RandomValues(seed: UInt64(count) + 120)
        for temperature in [1, 0.01, .leastNonzeroMagnitude, .greatestFiniteMagnitude] as [Float] {
            let maximum: Float = 20
            let x = Self.values(count, &random).map { $0 > maximum ? maximum : $0 }
            let weights = random.floats(count).map(\.magnitude)
            let division = tk_logit_division(x, count, maximum, temperature)
            let lowest = x.filter { $0 > -.infinity }.min() ?? maximum
            let covered = min(maximum - min(lowest, maximum), 104 * temperature)
            #expect(division.scale == (covered > 0 ? Float(TK_LOGIT_RANGES) / covered : 0))

            var masses = [Double](repeating: -1, count: Int(TK_LOGIT_RANGES))
            var all: [Int] = []
            tk_range_masses(&masses, x, weights, count, division, 0.5)
            var last = Float.infinity
            for range in masses.indices {
                var members = [UInt32](repeating: 0, count: count)
                let found = tk_range_members(&members, x, count, division, UInt32(range))
                var mass = 0.0
                for index in members[..<found].map(Int.init) where weights[index] >= 0.5 {
                    mass += Double(weights[index])
                }
                let numbers = members[..<found].map { x[Int($0)] }
                #expect(numbers.allSatisfy { $0 <= last })
                last = numbers.min() ?? last
                all += members[..<found].map(Int.init)
                // The last range has the weights of NaN too.
                if range < masses.count - 1 { #expect(abs(masses[range] - mass) < 1e-9) }
            }
            #expect(all.sorted() == x.indices.filter { !x[$0].isNaN })
            let counted = weights.filter { $0 >= 0.5 }.reduce(0) { $0 + Double($1) }
            #expect(abs(masses.reduce(0, +) - counted) < 1e-6)
        }
    }
}
