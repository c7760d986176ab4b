// The kernels of layers that carry a state: what they compute, and that every instruction set computes it.

import CKernels
import Testing

@Suite("Kernels of recurrences", .serialized)
struct RecurrenceTests {
    /// Some steps over a state; the outputs and the state they leave.
    private func steps(_ keys: Int, _ values: Int, hostile: Bool, seed: UInt64) -> [Float] {
        var random = RandomValues(seed: seed)
        var state = random.floats(keys * values, hostile: false)
        var outs: [Float] = []
        for _ in 0..<3 {
            let (query, key) = (random.floats(keys, hostile: hostile), random.floats(keys, hostile: false))
            let value = random.floats(values, hostile: hostile)
            var out = [Float](repeating: .nan, count: values)
            query.withUnsafeBufferPointer { query in
                key.withUnsafeBufferPointer { key in
                    value.withUnsafeBufferPointer { value in
                        var step = tk_delta_step(
                            query: query.baseAddress, key: key.baseAddress, value: value.baseAddress, decay: 0.8,
                            beta: 0.6, keys: keys)
                        tk_delta_rule(&step, &state, &out, values)
                    }
                }
            }
            outs += out
        }
        return outs + state
    }

    @Test("Delta rules and gates are equal on all levels", arguments: [1, 7, 8, 16, 19, 33, 64, 100, 128])
    func levels(values: Int) {
        for hostile in [false, true] {
            for keys in [1, 5, 16] {
                expectEqualOnAllLevels("\(keys)x\(values)") {
                    steps(keys, values, hostile: hostile, seed: UInt64(values))
                }
            }
            var random = RandomValues(seed: UInt64(values))
            let (x, gate) = (random.floats(values, hostile: hostile), random.floats(values, hostile: hostile))
            expectEqualOnAllLevels("gate of \(values)") {
                var gated = x
                tk_gate(&gated, gate, values)
                return gated
            }
        }
    }

    @Test("A delta rule is that of its paper")
    func definition() {
        let (keys, values) = (5, 19)
        let all = steps(keys, values, hostile: false, seed: 3)
        var random = RandomValues(seed: 3)
        var state = random.floats(keys * values, hostile: false).map(Double.init)
        for step in 0..<3 {
            let (query, key) = (random.floats(keys, hostile: false), random.floats(keys, hostile: false))
            let value = random.floats(values, hostile: false)
            for column in 0..<values {
                var memory = 0.0, seen = 0.0
                for row in 0..<keys {
                    state[row * values + column] *= Double(Float(0.8))
                    memory += Double(key[row]) * state[row * values + column]
                }
                let change = (Double(value[column]) - memory) * Double(Float(0.6))
                for row in 0..<keys {
                    state[row * values + column] += Double(key[row]) * change
                    seen += Double(query[row]) * state[row * values + column]
                }
                #expect(abs(Double(all[step * values + column]) - seen) < 1e-4)
            }
        }
        for (own, exact) in zip(all.suffix(keys * values), state) { #expect(abs(Double(own) - exact) < 1e-4) }
    }

    @Test("A short convolution leaves out what there is not")
    func convolution() {
        let first: [Float] = [1, 2], last: [Float] = [3, 5], weights: [Float] = [10, 100, 1000, 20, 200, 2000]
        var out = [Float](repeating: .nan, count: 2)
        first.withUnsafeBufferPointer { first in
            last.withUnsafeBufferPointer { last in
                tk_short_convolution(&out, [nil, first.baseAddress, last.baseAddress], weights, 3, 2)
                #expect(out == [3100, 10400])
                tk_short_convolution(&out, [first.baseAddress, nil, last.baseAddress], weights, 3, 2)
                #expect(out == [3010, 10040])
            }
        }
    }

    @Test("Decays are exp(rate * softplus(x))")
    func decays() {
        for x: Float in [-40, -8, -1, 0, 0.5, 3, 19.9, 20, 20.1, 80] {
            let exact = tk_power(
                2.718281828459045, -0.1 * (x > 20 ? Double(x) : tk_log(1 + tk_power(2.718281828459045, Double(x)))))
            #expect(abs(Double(tk_softplus_decay(x, -0.1)) - exact) < 1e-6)
        }
        #expect(tk_softplus_decay(.infinity, -1) == 0)
        #expect(tk_softplus_decay(-.infinity, -1) == 1)
        #expect(tk_softplus_decay(.nan, -1).isNaN)
    }
}
