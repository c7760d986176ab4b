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

    @Test("A float product is a chain of fma in column order", arguments: PackedMatrix.floatTypes.map(\.rawValue))
    func floatProduct(type: UInt32) {
        var random = RandomValues(seed: 1)
        let matrix = PackedMatrix(tk_type(rawValue: type), rows: 19, columns: 21, hostile: false, using: &random)
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
        for type in PackedMatrix.floatTypes + PackedMatrix.quantizedTypes {
            let columns = max(32, tk_block_columns(type))
            let matrix = PackedMatrix(type, rows: 70, columns: columns, hostile: false, using: &random)
            let x = random.floats(15 * columns)
            let together = matrix.times(x, tokens: 15)
            let few = PackedMatrix(
                type, rows: 3, columns: columns,
                source: Array(matrix.source.prefix(3 * PackedMatrix.rowBytes(type, columns: columns))))
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
        #expect(quantized.scales == [amax / 127])
        #expect(quantized.quants.map(Float.init) == x.map { ($0 * (127 / amax)).rounded(.toNearestOrEven) })
        #expect(quantized.sums[0].first == quantized.quants[..<16].reduce(0) { $0 + Int16($1) })
        #expect(quantized.sums[0].second == quantized.quants[16...].reduce(0) { $0 + Int16($1) })

        for tiny in [0, 0x1p-121, 0x1p-148] as [Float] {
            let zero = QuantizedRows(Array(repeating: tiny, count: 32), tokens: 1, columns: 32)
            #expect(zero.scales == [0] && zero.sums[0].isZero && zero.quants == Array(repeating: 0, count: 32))
        }
        for broken in [Float.nan, .infinity, -.infinity] {
            let block = QuantizedRows(Array(x[..<31]) + [broken], tokens: 1, columns: 32)
            #expect(block.scales[0].isNaN && block.sums[0].isZero && block.quants == Array(repeating: 0, count: 32))
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

    @Test("Attention goes block by block with an online softmax", arguments: [1, 32, 75])
    func attention(positions: Int) {
        var random = RandomValues(seed: 7)
        let headSize = 10
        let cache = KeyValueCache(positions: positions, heads: 2, headSize: headSize, using: &random)
        let query = random.floats(headSize)
        var acc = [Float](repeating: 0, count: headSize), maximum = -Float.infinity, sum: Float = 0
        for start in stride(from: 0, to: positions, by: 32) {
            let block = start..<min(start + 32, positions)
            let scores = block.map { position in
                (0..<headSize).reduce(Float(0)) {
                    $0.addingProduct(query[$1], cache.keys[position][headSize + $1])
                } * 0.25
            }
            let raised = max(maximum, scores.max() ?? maximum)
            let correction = start == 0 ? 0 : Self.exp(maximum - raised)
            let e = scores.map { Self.exp($0 - raised) }
            sum = Self.reduce(e, +).addingProduct(sum, correction)
            for d in 0..<headSize {
                acc[d] *= correction
                for (p, position) in block.enumerated() {
                    acc[d].addProduct(e[p], cache.values[position][headSize + d])
                }
            }
            maximum = raised
        }
        #expect(cache.attend(query, head: 1, scale: 0.25) == acc.map { $0 / sum })
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
