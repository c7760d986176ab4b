// A weight matrix as a file would hold it, its panels, and products with it.
// Must not know: expected results.

import CKernels

/// Activations quantized by `tk_quantize`.
struct QuantizedRows {
    let tokens: Int
    let columns: Int
    /// In groups of 8 tokens, [columns / 32][tokens of the group].
    private(set) var blocks: [tk_quantized_block]

    init(_ x: [Float], tokens: Int, columns: Int) {
        self.tokens = tokens
        self.columns = columns
        blocks = Array(repeating: tk_quantized_block(), count: tokens * columns / 32)
        withQuantized { quantized in
            for token in 0..<tokens {
                // In two parts, where there are any.
                let half = columns / 64 * 32, row = Array(x[token * columns..<(token + 1) * columns])
                tk_quantize(quantized, columns, token, 0, row, half)
                tk_quantize(quantized, columns, token, half, Array(row[half...]), columns - half)
            }
        }
    }

    mutating func withQuantized(_ body: (tk_quantized) -> Void) {
        let tokens = tokens
        blocks.withUnsafeMutableBufferPointer { body(tk_quantized(blocks: $0.baseAddress, tokens: tokens)) }
    }

    /// The 32 columns from 32 `part` on of one token.
    func block(_ token: Int, _ part: Int) -> tk_quantized_block {
        let first = token / 8 * 8
        let width = min(8, tokens - first)
        return blocks[first * columns / 32 + part * width + token - first]
    }
}

extension tk_quantized_block {
    /// The 32 quants.
    var values: [Int8] { withUnsafeBytes(of: quants) { $0.map { Int8(bitPattern: $0) } } }
    /// Nothing but the scales.
    var isZero: Bool { values.allSatisfy { $0 == 0 } && biased_sum == 0 && halves.0 == 0 && halves.1 == 0 }
    /// All fields.
    var fields: [Float] {
        values.map(Float.init) + [scale, Float(biased_sum), scaled_sum, Float(halves.0), Float(halves.1)]
    }
}

struct KernelMatrix {
    static let floatTypes = [TK_F32, TK_F16, TK_BF16]
    static let quantizedTypes = [
        TK_Q8_0, TK_Q4_0, TK_Q4_1, TK_Q5_0, TK_Q5_1, TK_Q2_K, TK_Q3_K, TK_Q4_K, TK_Q5_K, TK_Q6_K, TK_IQ4_NL, TK_IQ4_XS,
        TK_MXFP4,
    ]

    let type: tk_type
    let rows: Int
    let columns: Int
    /// Row after row, as in a file.
    let source: [UInt8]
    /// ceil(rows / 16) panels.
    let panels: [UInt8]

    static func rowBytes(_ type: tk_type, columns: Int) -> Int {
        columns / tk_block_columns(type) * tk_block_bytes(type)
    }

    /// Where the F16 scales and minima lie in a block of a quantized type.
    static func halves(_ type: tk_type) -> [Int] {
        switch type {
        case TK_Q4_1, TK_Q5_1, TK_Q4_K, TK_Q5_K: [0, 2]
        case TK_Q2_K: [80, 82]
        case TK_Q3_K: [108]
        case TK_Q6_K: [208]
        case TK_MXFP4: []
        default: [0]
        }
    }

    init(_ type: tk_type, rows: Int, columns: Int, source: [UInt8]) {
        let rowBytes = Self.rowBytes(type, columns: columns)
        let panelBytes = tk_panel_bytes(type, columns)
        var panels = [UInt8](repeating: 0xee, count: (rows + 15) / 16 * panelBytes)
        panels.withUnsafeMutableBytes { panels in
            source.withUnsafeBytes { source in
                for row in stride(from: 0, to: rows, by: 16) {
                    guard let to = panels.baseAddress, let from = source.baseAddress else { return }
                    tk_pack_panel(
                        type, to + row / 16 * panelBytes, from + row * rowBytes, rowBytes, min(16, rows - row), columns)
                }
            }
        }
        self.type = type
        self.rows = rows
        self.columns = columns
        self.source = source
        self.panels = panels
    }

    /// Random weights. Ordinary ones are finite and at most about 3 in magnitude; hostile ones may be anything.
    init(_ type: tk_type, rows: Int, columns: Int, hostile: Bool, using random: inout RandomValues) {
        var source = random.bytes(rows * Self.rowBytes(type, columns: columns))
        switch type {
        case TK_F32:
            source = random.floats(rows * columns, hostile: hostile).withUnsafeBytes(Array.init)
        case TK_BF16:
            let values = random.floats(rows * columns, hostile: hostile)
            source = values.map { UInt16($0.bitPattern >> 16) }.withUnsafeBytes(Array.init)
        case TK_F16 where !hostile:
            // The exponent's top bit only together with none of the others: magnitudes below 4.
            for i in stride(from: 1, to: source.count, by: 2) where source[i] & 0x40 != 0 { source[i] &= 0xc3 }
        case _ where Self.quantizedTypes.contains(type):
            Self.shapeBlocks(&source, type, hostile: hostile, using: &random)
        default: break
        }
        self.init(type, rows: rows, columns: columns, source: source)
    }

    /// Gives ordinary blocks small scales, and some hostile ones quants and integer scales of the largest magnitude.
    private static func shapeBlocks(
        _ source: inout [UInt8], _ type: tk_type, hostile: Bool, using random: inout RandomValues
    ) {
        for block in stride(from: 0, to: source.count, by: tk_block_bytes(type)) {
            if !hostile {
                for half in halves(type) { source[block + half + 1] = source[block + half + 1] & 0x83 | 0x20 }  // 0.01
                if type == TK_MXFP4 { source[block] = 120 + UInt8(random.below(6)) }
            } else if random.below(3) == 0 {
                let extreme: [UInt8] = [0x80, 0x7f, 0x00, 0xff]
                let (one, other) = (extreme[random.below(4)], extreme[random.below(4)])
                let kept = halves(type).flatMap { [$0, $0 + 1] }
                for i in 0..<tk_block_bytes(type) where !kept.contains(i) {
                    source[block + i] = random.below(2) == 0 ? one : other
                }
            }
        }
    }

    /// The weights as floats: [rows, columns].
    func unpacked() -> [[Float]] {
        let panelBytes = tk_panel_bytes(type, columns)
        return (0..<rows).map { row in
            var values = [Float](repeating: 99, count: columns)
            panels.withUnsafeBytes {
                tk_unpack_row(type, &values, $0.baseAddress.map { $0 + row / 16 * panelBytes }, row % 16, columns)
            }
            return values
        }
    }

    /// The product with x [tokens, columns] on the current level: [tokens, rows + padding], the padding still 7.
    func times(_ x: [Float], tokens: Int, padding: Int = 0) -> [Float] {
        var out = [Float](repeating: 7, count: tokens * (rows + padding))
        if Self.floatTypes.contains(type) {
            tk_matmul_float(type, &out, rows + padding, panels, x, tokens, rows, columns)
        } else {
            var quantized = QuantizedRows(x, tokens: tokens, columns: columns)
            quantized.withQuantized {
                tk_matmul_quantized(type, &out, rows + padding, panels, $0, 0, tokens, rows, columns)
            }
        }
        return out
    }
}
