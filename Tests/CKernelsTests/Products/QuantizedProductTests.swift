// Products of quantized matrices: the order of operations that kernels.h promises, written out a second time for one
// type of each kind, and the value of the product for every type. Whatever level is the best one here is what runs.

import CKernels
import Testing

@Suite("Quantized products")
struct QuantizedProductTests {
    /// 32 columns of a row as kernels.h describes them.
    struct Part {
        var scale: Float
        var sub = [1, 1]
        var offsets: [Float] = []
        var quants: [Int]
    }

    @Test(
        "A product adds exact sums, then offsets, in block order",
        arguments: [TK_Q8_0, TK_Q4_0, TK_Q4_1, TK_Q2_K, TK_Q4_K, TK_Q6_K].map(\.rawValue))
    func order(type: UInt32) {
        var random = RandomValues(seed: 2)
        let type = tk_type(rawValue: type), columns = 3 * tk_block_columns(type), parts = columns / 32
        let matrix = KernelMatrix(type, rows: 18, columns: columns, hostile: false, using: &random)
        let x = random.floats(2 * columns)
        let quantized = QuantizedRows(x, tokens: 2, columns: columns), product = matrix.times(x, tokens: 2)
        for token in 0..<2 {
            for row in 0..<18 {
                var acc: Float = 0
                for index in 0..<parts {
                    let part = Self.part(index, row: row, of: matrix)
                    let block = quantized.block(token, index), values = block.values.map(Int.init)
                    let sum = (0..<32).reduce(0) { $0 + part.sub[$1 / 16] * part.quants[$1] * values[$1] }
                    let scale = block.scale
                    acc.addProduct(Float(sum), part.scale * scale)
                    let halves = [values[..<16].reduce(0, +), values[16...].reduce(0, +)]
                    let sums = part.offsets.count == 1 ? [halves[0] + halves[1]] : halves
                    for (offset, sum) in zip(part.offsets, sums) { acc.addProduct(offset, scale * Float(sum)) }
                }
                #expect(product[token * 18 + row] == acc)
            }
        }
    }

    @Test(
        "Tokens from any one on give the products that they give among all",
        arguments: KernelMatrix.quantizedTypes.map(\.rawValue))
    func slices(type: UInt32) {
        var random = RandomValues(seed: 12)
        let type = tk_type(rawValue: type), columns = tk_block_columns(type)
        let matrix = KernelMatrix(type, rows: 50, columns: columns, hostile: false, using: &random)
        let x = random.floats(45 * columns), together = matrix.times(x, tokens: 45)
        for (first, count) in [(0, 3), (3, 1), (5, 9), (7, 2), (8, 16), (3, 40), (44, 1)] {
            var out = [Float](repeating: 7, count: count * 50)
            var quantized = QuantizedRows(x, tokens: 45, columns: columns)
            quantized.withQuantized {
                tk_matmul_quantized(type, &out, 50, matrix.panels, $0, first, count, 50, columns)
            }
            #expect(out == Array(together[first * 50..<(first + count) * 50]))
        }
    }

    @Test(
        "A product is near that of the dequantized weights in double",
        arguments: KernelMatrix.quantizedTypes.map(\.rawValue))
    func value(type: UInt32) {
        var random = RandomValues(seed: 9)
        let type = tk_type(rawValue: type), columns = 512, parts = columns / 32
        let matrix = KernelMatrix(type, rows: 21, columns: columns, hostile: false, using: &random)
        let x = random.floats(11 * columns), weights = matrix.unpacked()
        let quantized = QuantizedRows(x, tokens: 11, columns: columns), product = matrix.times(x, tokens: 11)
        for token in 0..<11 {
            let blocks = (0..<parts).map { quantized.block(token, $0) }, values = blocks.map(\.values)
            for row in 0..<21 {
                let terms = (0..<columns).map { column in
                    Double(weights[row][column]) * Double(blocks[column / 32].scale)
                        * Double(values[column / 32][column % 32])
                }
                let size = terms.reduce(0) { $0 + abs($1) }
                #expect(abs(Double(product[token * 21 + row]) - terms.reduce(0, +)) <= 3e-7 * size)
            }
        }
    }

    /// Part `index` of a row, read from the file's format.
    static func part(_ index: Int, row: Int, of matrix: KernelMatrix) -> Part {
        let partsOfBlock = tk_block_columns(matrix.type) / 32, size = tk_block_bytes(matrix.type)
        let start = row * KernelMatrix.rowBytes(matrix.type, columns: matrix.columns) + index / partsOfBlock * size
        let block = Array(matrix.source[start..<(start + size)])
        func half(_ at: Int) -> Float { Float(Float16(bitPattern: UInt16(block[at]) | UInt16(block[at + 1]) << 8)) }
        func nibbles(_ at: Int) -> [Int] {
            block[at..<(at + 16)].map { Int($0 & 15) } + block[at..<(at + 16)].map { Int($0 >> 4) }
        }
        let p = index % partsOfBlock
        switch matrix.type {
        case TK_Q8_0: return Part(scale: half(0), quants: block[2...].map { Int(Int8(bitPattern: $0)) })
        case TK_Q4_0: return Part(scale: half(0), quants: nibbles(2).map { $0 - 8 })
        case TK_Q4_1: return Part(scale: half(0), offsets: [half(2)], quants: nibbles(4))
        case TK_Q2_K:
            let scales = block[(2 * p)..<(2 * p + 2)]
            return Part(
                scale: half(80), sub: scales.map { Int($0 & 15) }, offsets: scales.map { -half(82) * Float($0 >> 4) },
                quants: (0..<32).map { Int(block[16 + p / 4 * 32 + $0] >> (2 * UInt8(p % 4)) & 3) })
        case TK_Q4_K:
            let bytes = block[4..<16].map { Int($0) }
            let scale = p < 4 ? bytes[p] % 64 : bytes[p + 4] % 16 + bytes[p - 4] / 64 * 16
            let minimum = p < 4 ? bytes[p + 4] % 64 : bytes[p + 4] / 16 + bytes[p] / 64 * 16
            return Part(
                scale: half(0) * Float(scale), offsets: [-half(2) * Float(minimum)],
                quants: (0..<32).map { Int(block[16 + p / 2 * 32 + $0] >> (4 * UInt8(p % 2)) & 15) })
        default:  // Q6_K: 64 nibbles hold the parts 0 and 2 (low and high) or 1 and 3 of a half
            let low = p / 4 * 64 + p % 2 * 32, high = 128 + p / 4 * 32, quarter = UInt8(p % 4)
            return Part(
                scale: half(208), sub: (0..<2).map { Int(Int8(bitPattern: block[192 + 2 * p + $0])) },
                quants: (0..<32).map { i in
                    Int(block[low + i] >> (quarter / 2 * 4) & 15 | (block[high + i] >> (2 * quarter) & 3) << 4) - 32
                })
        }
    }
}
