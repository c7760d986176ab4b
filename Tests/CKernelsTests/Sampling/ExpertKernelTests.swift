// The kernels of mixtures of experts: what they compute by their formulas, and the same bits on every instruction set.

import CKernels
import Foundation
import Testing

@Suite("Kernels of experts", .serialized)
struct ExpertKernelTests {
    @Test("Every level computes the same", arguments: [0, 1, 7, 8, 9, 15, 16, 17, 33, 100])
    func levels(count: Int) {
        var random = RandomValues(seed: UInt64(40 + count))
        for hostile in [false, true] {
            let x = random.floats(count, hostile: hostile), y = random.floats(count, hostile: hostile)
            expectEqualOnAllLevels("clamped_swiglu and add_scaled of \(count)") {
                var gate = x, sum = x
                tk_clamped_swiglu(&gate, y, count, 1.702, 1.5)
                tk_add_scaled(&sum, y, 0.37, count)
                return gate + sum
            }
            guard count > 0 else { continue }
            expectEqualOnAllLevels("softmax of \(count)") {
                var out = x
                tk_softmax(&out, count)
                return out
            }
        }
    }

    @Test("The clamped activation follows its formula, also beyond its limit")
    func clampedActivation() {
        let gates = (0..<400).map { -10 + Float($0) * 0.05 }, ups = gates.map { -1.3 * $0 + 0.4 }
        var actual = gates
        tk_clamped_swiglu(&actual, ups, 400, 1.702, 7)
        for (value, (gate, up)) in zip(actual, zip(gates, ups)) {
            let g = min(Double(gate), 7), u = max(min(Double(up), 7), -7)
            let expected = (u + 1) * g / (1 + exp(-1.702 * g))
            #expect(abs(Double(value) - expected) <= 2e-6 * max(1, abs(expected)))
        }
        var broken: [Float] = [.nan, 1, -.infinity, .infinity]
        tk_clamped_swiglu(&broken, [0, .nan, 0, 0], 4, 1.702, 7)
        #expect(broken[0].isNaN && broken[1].isNaN && broken[2].isNaN && broken[3] > 6.9)
    }

    @Test("Adding a multiple rounds once")
    func scaledAddition() {
        var random = RandomValues(seed: 12)
        let x = random.floats(21), y = random.floats(21)
        var sum = x
        tk_add_scaled(&sum, y, 0.3, 21)
        #expect(sum == zip(x, y).map { $0.addingProduct(0.3, $1) })
    }

    @Test("softmax is true to a few parts in ten million and sums up to 1", arguments: [1, 5, 16, 128])
    func softmax(count: Int) {
        var random = RandomValues(seed: UInt64(count))
        let x = random.floats(count)
        var actual = x
        tk_softmax(&actual, count)
        let powers = x.map { exp(Double($0)) }
        let sum = powers.reduce(0, +)
        for (actual, power) in zip(actual, powers) { #expect(abs(Double(actual) / (power / sum) - 1) < 1e-6) }
        #expect(abs(actual.reduce(0, +) - 1) < 1e-5)
        for broken in [Float.nan, .infinity] {
            var out = x
            out[count - 1] = broken
            tk_softmax(&out, count)
            #expect(!out.contains { !$0.isNaN })
        }
    }

    @Test("The largest are chosen, the lower index first on a tie, NaN last, and listed by index")
    func choice() {
        func chosen(_ x: [Float], _ count: Int) -> [UInt32] {
            var out = [UInt32](repeating: 99, count: count)
            tk_choose_largest(&out, count, x, x.count)
            return out
        }
        #expect(chosen([3], 1) == [0])
        #expect(chosen([1, 5, 2, 5], 1) == [1])
        #expect(chosen([1, 5, 2, 5], 2) == [1, 3])
        #expect(chosen([1, 5, 2, 5], 3) == [1, 2, 3])
        #expect(chosen([0, -0.0, 0, 0], 2) == [0, 1])
        #expect(chosen([.nan, -.infinity, .nan, 2], 3) == [0, 1, 3])
        #expect(chosen([.nan, .nan, .nan], 2) == [0, 1])
        var random = RandomValues(seed: 8)
        for _ in 0..<200 {
            // Few different values: many ties.
            let x = (0..<(1 + random.below(40))).map { _ in Float(random.below(6)) }
            let count = 1 + random.below(x.count)
            let ranked = x.indices.sorted { x[$0] == x[$1] ? $0 < $1 : x[$0] > x[$1] }
            #expect(chosen(x, count) == ranked.prefix(count).sorted().map { UInt32($0) })
        }
    }
}
