// Panels hold what the file held, in the layout that kernels.h describes.

import CKernels
import Testing

@Suite("Packing")
struct PackingTests {
    static let types = (KernelMatrix.floatTypes + KernelMatrix.quantizedTypes).map(\.rawValue)

    /// Row `row` as floats, read from the file's format.
    static func decoded(_ matrix: KernelMatrix, row: Int) -> [Float] {
        let rowBytes = KernelMatrix.rowBytes(matrix.type, columns: matrix.columns)
        let bytes = Array(matrix.source[row * rowBytes..<(row + 1) * rowBytes])
        return bytes.withUnsafeBytes { bytes in
            switch matrix.type {
            case TK_F32: bytes.bindMemory(to: Float.self).map { $0 }
            case TK_F16: bytes.bindMemory(to: UInt16.self).map { Float(Float16(bitPattern: $0)) }
            case TK_BF16: bytes.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
            default: dequantized(matrix.type, bytes, columns: matrix.columns)
            }
        }
    }

    static func dequantized(_ type: tk_type, _ bytes: UnsafeRawBufferPointer, columns: Int) -> [Float] {
        var values = [Float](repeating: 99, count: columns)
        tk_dequantize_row(type, &values, bytes.baseAddress, columns)
        return values
    }

    @Test("Rows come back as they went in", arguments: types)
    func roundTrip(type: UInt32) {
        var random = RandomValues(seed: UInt64(type))
        for (rows, blocks) in [(1, 1), (16, 2), (21, 5), (15, 1)] {
            let columns = blocks * max(32, tk_block_columns(tk_type(rawValue: type)))
            let matrix = KernelMatrix(
                tk_type(rawValue: type), rows: rows, columns: columns, hostile: false, using: &random)
            let unpacked = matrix.unpacked()
            for row in 0..<rows { #expect(unpacked[row] == Self.decoded(matrix, row: row)) }
        }
    }

    @Test("Missing rows are zero", arguments: types)
    func padding(type: UInt32) {
        var random = RandomValues(seed: 1)
        let columns = max(32, tk_block_columns(tk_type(rawValue: type)))
        let matrix = KernelMatrix(tk_type(rawValue: type), rows: 5, columns: columns, hostile: true, using: &random)
        for row in 5..<16 {
            var values = [Float](repeating: 99, count: columns)
            tk_unpack_row(matrix.type, &values, matrix.panels, row, columns)
            #expect(values == Array(repeating: 0, count: columns))
        }
    }

    @Test("A transposed matrix packs to the same panel", arguments: KernelMatrix.floatTypes.map(\.rawValue))
    func transposed(type: UInt32) {
        var random = RandomValues(seed: 2)
        let type = tk_type(rawValue: type), size = type == TK_F32 ? 4 : 2
        for rows in [3, 16] {
            let matrix = KernelMatrix(type, rows: rows, columns: 20, hostile: false, using: &random)
            // [columns, 17 rows]: the panel takes the first ones.
            var source = [UInt8](repeating: 0xee, count: 20 * 17 * size)
            for row in 0..<rows {
                for column in 0..<20 {
                    for byte in 0..<size {
                        source[(column * 17 + row) * size + byte] = matrix.source[(row * 20 + column) * size + byte]
                    }
                }
            }
            var panel = [UInt8](repeating: 0xee, count: tk_panel_bytes(type, 20))
            tk_pack_panel_transposed(type, &panel, source, 17 * size, rows, 20)
            #expect(panel == matrix.panels)
        }
    }

    @Test("Every f16 value widens as the hardware's does, NaN to quiet NaN")
    func halves() {
        let columns = 65_536 / 16
        let source = (0..<65_536).map { UInt16($0) }.withUnsafeBytes(Array.init)
        let matrix = KernelMatrix(TK_F16, rows: 16, columns: columns, source: source)
        let unpacked = matrix.unpacked()
        var differences = 0
        for bits in 0..<65_536 {
            let value = unpacked[bits / columns][bits % columns]
            let expected = Float(Float16(bitPattern: UInt16(bits)))
            if !identical(value, expected) || value.isSignalingNaN { differences += 1 }
        }
        #expect(differences == 0)
    }

    @Test("Panels have the sizes and the layout of the contract")
    func layout() {
        #expect(tk_panel_bytes(TK_F32, 3) == 192)
        #expect(tk_panel_bytes(TK_F16, 3) == 96)
        #expect(tk_panel_bytes(TK_BF16, 3) == 96)
        #expect(tk_panel_bytes(TK_Q8_0, 64) == 1088)
        #expect(tk_panel_bytes(TK_Q4_0, 64) == 576)
        for type in KernelMatrix.quantizedTypes {
            #expect(tk_panel_bytes(type, 512) == 16 * KernelMatrix.rowBytes(type, columns: 512))
        }

        // A unit at byte o of a file's block lies at 16 o + its size times the row.
        var random = RandomValues(seed: 3)
        let units: [(tk_type, offset: Int, size: Int)] = [
            (TK_Q8_0, 0, 2), (TK_Q8_0, 2, 4), (TK_Q8_0, 30, 4), (TK_Q4_0, 6, 4), (TK_Q5_1, 2, 2), (TK_Q5_1, 4, 4),
            (TK_Q2_K, 82, 2), (TK_Q3_K, 104, 4), (TK_Q4_K, 2, 2), (TK_Q4_K, 12, 4), (TK_Q5_K, 172, 4),
            (TK_Q6_K, 208, 2),
            (TK_IQ4_XS, 4, 4), (TK_MXFP4, 0, 1), (TK_MXFP4, 13, 4),
        ]
        for (type, offset, size) in units {
            let columns = 2 * tk_block_columns(type), blockBytes = tk_block_bytes(type)
            let matrix = KernelMatrix(type, rows: 16, columns: columns, hostile: false, using: &random)
            for (row, block) in [(0, 0), (3, 1), (15, 1), (9, 0)] {
                let inPanel = 16 * (block * blockBytes + offset) + row * size
                let inFile = (2 * row + block) * blockBytes + offset
                #expect(
                    matrix.panels[inPanel..<(inPanel + size)].elementsEqual(matrix.source[inFile..<(inFile + size)]))
            }
        }
    }

    @Test("Keys are stored by element, values by position")
    func keyValueLayout() {
        let heads = 2, headSize = 3, width = heads * headSize
        #expect(tk_kv_block_bytes(TK_KV_F32, heads, headSize) == 4 * 2 * 32 * width)
        #expect(tk_kv_block_bytes(TK_KV_F16, heads, headSize) == 2 * 2 * 32 * width)
        #expect(tk_kv_block_bytes(TK_KV_Q8_0, heads, 40) == 2 * 32 * heads * (40 + 2 * 2))
        let key = (0..<width).map { Float($0 + 1) }, value = key.map { -$0 }
        var block = [Float](repeating: 0, count: 2 * 32 * width)
        tk_kv_store(TK_KV_F32, &block, key, value, heads, headSize, 7)
        for i in 0..<width {
            #expect(block[i * 32 + 7] == key[i])
            #expect(block[32 * width + (i / headSize * 32 + 7) * headSize + i % headSize] == value[i])
        }
        #expect(block.filter { $0 != 0 }.count == 2 * width)
    }
}
