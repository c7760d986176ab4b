// The order of operations that kernels.h promises, written out a second time: results must be equal bit for bit.
// Whatever level is the best one here is what runs.

import CKernels
import Testing

@Suite("Order of operations")
struct DefinitionTests {
    /// The reduction of kernels.h: 16 partials, then a tree.
    static func reduce(_ values: [Float], _ step: (Float, Float) -> Float) -> Float {
        var partial = [Float](repeating: 0, count: 16)
        for (i, value) in values.enumerated() { partial[i % 16] = step(partial[i % 16], value) }
        for width in [8, 4, 2, 1] {
            for j in 0..<width { partial[j] += partial[j + width] }
        }
        return partial[0]
    }

    static func exp(_ x: Float) -> Float {
        var value = [x]
        tk_exp(&value, 1, 0)
        return value[0]
    }

    @Test("A float product is a chain of fma in column order", arguments: KernelMatrix.floatTypes.map(\.rawValue))
    func floatProduct(type: UInt32) {
        var random = RandomValues(seed: 1)
        let matrix = KernelMatrix(tk_type(rawValue: type), rows: 19, columns: 21, hostile: false, using: &random)
        let x = random.floats(3 * 21), weights = matrix.unpacked()
        let product = matrix.times(x, tokens: 3)
        for token in 0..<3 {
            for row in 0..<19 {
                var acc: Float = 0
                for k in 0..<21 { acc.addProduct(weights[row][k], x[token * 21 + k]) }
                #expect(product[token * 19 + row] == acc)
            }
        }
    }

    @Test("A token's result does not depend on the tokens and rows computed beside it")
    func independence() {
        var random = RandomValues(seed: 3)
        for type in KernelMatrix.floatTypes + KernelMatrix.quantizedTypes {
            let columns = max(32, tk_block_columns(type))
            let matrix = KernelMatrix(type, rows: 70, columns: columns, hostile: false, using: &random)
            let x = random.floats(15 * columns)
            let together = matrix.times(x, tokens: 15)
            let few = KernelMatrix(
                type, rows: 3, columns: columns,
                source: Array(matrix.source.prefix(3 * KernelMatrix.rowBytes(type, columns: columns))))
            for token in 0..<15 {
                let row = Array(x[token * columns..<(token + 1) * columns])
                #expect(matrix.times(row, tokens: 1) == Array(together[token * 70..<(token + 1) * 70]))
                #expect(few.times(row, tokens: 1) == Array(together[token * 70..<token * 70 + 3]))
            }
        }
    }

    @Test("Quantization follows its formula, and its rules for zeros and for what is not finite")
    func quantization() {
        var random = RandomValues(seed: 4)
        let x = random.floats(32)
        let quantized = QuantizedRows(x, tokens: 1, columns: 32)
        let amax = x.map(abs).max() ?? 0
        let block = quantized.block(0, 0), sums = [block.values[..<16], block.values[16...]].map { $0.map(Int16.init) }
        #expect(block.scale == amax / 127)
        #expect(block.values.map(Float.init) == x.map { ($0 * (127 / amax)).rounded(.toNearestOrEven) })
        #expect(block.halves.0 == sums[0].reduce(0, +) && block.halves.1 == sums[1].reduce(0, +))
        #expect(block.biased_sum == -128 * (Int32(block.halves.0) + Int32(block.halves.1)))
        #expect(block.scaled_sum == block.scale * Float(block.halves.0 + block.halves.1))

        for tiny in [0, 0x1p-121, 0x1p-148] as [Float] {
            let zero = QuantizedRows(Array(repeating: tiny, count: 32), tokens: 1, columns: 32).block(0, 0)
            #expect(zero.scale == 0 && zero.scaled_sum == 0 && zero.isZero)
        }
        for broken in [Float.nan, .infinity, -.infinity] {
            let block = QuantizedRows(Array(x[..<31]) + [broken], tokens: 1, columns: 32).block(0, 0)
            #expect(block.scale.isNaN && block.scaled_sum.isNaN && block.isZero)
        }
    }

    @Test("Norms reduce over 16 partials and a tree", arguments: [1, 16, 45])
    func norms(count: Int) {
        var random = RandomValues(seed: 5)
        let x = random.floats(count), weight = random.floats(count), bias = random.floats(count)
        var out = x
        tk_rms_norm(&out, x, weight, count, 1e-5)
        let squares = Self.reduce(x) { $0.addingProduct($1, $1) }
        var r = 1 / (squares / Float(count) + 1e-5).squareRoot()
        #expect(out == (0..<count).map { (x[$0] * r) * weight[$0] })

        tk_layer_norm(&out, x, weight, bias, count, 1e-5)
        let mean = Self.reduce(x, +) / Float(count)
        let variance = Self.reduce(x.map { $0 - mean }) { $0.addingProduct($1, $1) } / Float(count)
        r = 1 / (variance + 1e-5).squareRoot()
        #expect(out == (0..<count).map { bias[$0].addingProduct((x[$0] - mean) * r, weight[$0]) })
    }

    @Test("Activations and rotations follow their formulas")
    func elementwise() {
        var random = RandomValues(seed: 6)
        let x = random.floats(40), y = random.floats(40)
        var silu = x
        tk_silu_multiply(&silu, y, 40)
        #expect(silu == zip(x, y).map { $0 / (1 + Self.exp(-$0)) * $1 })

        let cosines = random.floats(9), sines = random.floats(9)
        for pairedHalves in [false, true] {
            var turned = Array(x[..<20])  // one head, of which the last two values stay
            tk_rope(&turned, 1, 20, cosines, sines, 9, pairedHalves ? 1 : 0)
            var expected = Array(x[..<20])
            for i in 0..<9 {
                let (first, second) = pairedHalves ? (i, i + 9) : (2 * i, 2 * i + 1)
                expected[first] = (-(x[second] * sines[i])).addingProduct(x[first], cosines[i])
                expected[second] = (x[second] * cosines[i]).addingProduct(x[first], sines[i])
            }
            #expect(turned == expected)
        }
    }

    @Test(
        "Attention goes block by block with an online softmax, and merges segments", arguments: [1, 32, 75, 512, 1060])
    func attention(positions: Int) {
        var random = RandomValues(seed: 7)
        let headSize = 10
        let cache = KernelCache(positions: positions, heads: 2, headSize: headSize, using: &random)
        let query = random.floats(headSize)
        var merged = AttentionState(headSize: headSize)
        for start in stride(from: 0, to: positions, by: 512) {
            var state = AttentionState(headSize: headSize)
            for block in stride(from: start, to: min(start + 512, positions), by: 32) {
                let seen = block..<min(block + 32, positions)
                let scores = seen.map { position in
                    (0..<headSize).reduce(Float(0)) {
                        $0.addingProduct(query[$1], cache.keys[position][headSize + $1])
                    } * 0.25
                }
                state.add(scores, seen.map { Array(cache.values[$0][headSize...]) })
            }
            merged.merge(state)
        }
        #expect(cache.attend(query, head: 1, rules: .init(scale: 0.25)) == merged.acc.map { $0 / merged.sum })
    }

    /// The state of attention as the contract defines it.
    private struct AttentionState {
        var maximum = -Float.infinity
        var sum: Float = 0
        var acc: [Float]

        init(headSize: Int) { acc = Array(repeating: 0, count: headSize) }

        mutating func add(_ scores: [Float], _ values: [[Float]]) {
            let raised = max(maximum, scores.max() ?? maximum)
            let correction = maximum == -.infinity ? 0 : DefinitionTests.exp(maximum - raised)
            let e = scores.map { DefinitionTests.exp($0 - raised) }
            sum = DefinitionTests.reduce(e, +).addingProduct(sum, correction)
            for d in acc.indices {
                acc[d] *= correction
                for (weight, value) in zip(e, values) { acc[d].addProduct(weight, value[d]) }
            }
            maximum = raised
        }

        mutating func merge(_ other: AttentionState) {
            let raised = max(maximum, other.maximum)
            let a = maximum == -.infinity ? 0 : DefinitionTests.exp(maximum - raised)
            let b = other.maximum == -.infinity ? 0 : DefinitionTests.exp(other.maximum - raised)
            sum = (other.sum * b).addingProduct(sum, a)
            for d in acc.indices { acc[d] = (other.acc[d] * b).addingProduct(acc[d], a) }
            maximum = raised
        }
    }

    @Test("argmax takes the lowest index of the largest value and passes over NaN")
    func argmax() {
        func index(_ x: [Float]) -> Int { tk_argmax(x, x.count) }
        #expect(index([3]) == 0)
        #expect(index([1, 5, 2, 5]) == 1)
        #expect(index([.nan, -.infinity, .nan]) == 1)
        #expect(index([.nan, .nan]) == 0)
        #expect(index([-0.0, 0.0]) == 0)
        #expect(index(Array(repeating: .nan, count: 20) + [1, .infinity, .infinity]) == 21)
        for place in 0..<40 {
            var x = [Float](repeating: -1, count: 40)
            x[place] = 2
            #expect(index(x) == place)
        }
    }
}
