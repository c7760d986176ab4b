// Every tensor type means what the `gguf` package's dequantizers say, in a file's rows and in panels.
// The fixtures are made by Tests/Reference/make_type_fixtures.py.

import CKernels
import Foundation
import Testing

@Suite("Tensor types")
struct TypeFixtureTests {
    static let names: [(name: String, type: tk_type)] = [
        ("F32", TK_F32), ("F16", TK_F16), ("BF16", TK_BF16), ("Q8_0", TK_Q8_0), ("Q4_0", TK_Q4_0), ("Q4_1", TK_Q4_1),
        ("Q5_0", TK_Q5_0), ("Q5_1", TK_Q5_1), ("Q2_K", TK_Q2_K), ("Q3_K", TK_Q3_K), ("Q4_K", TK_Q4_K),
        ("Q5_K", TK_Q5_K), ("Q6_K", TK_Q6_K), ("IQ4_NL", TK_IQ4_NL), ("IQ4_XS", TK_IQ4_XS), ("MXFP4", TK_MXFP4),
    ]

    @Test("Blocks have the values that gguf gives them, bit for bit", arguments: names.map(\.name))
    func values(name: String) throws {
        let type = try #require(Self.names.first { $0.name == name }).type
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/types/\(name).bin")
        let bytes = try [UInt8](Data(contentsOf: file))
        let blockColumns = tk_block_columns(type), blockBytes = tk_block_bytes(type)
        let blocks = bytes.count / (blockBytes + 4 * blockColumns), columns = blocks * blockColumns
        try #require(blocks > 5 && bytes.count == blocks * (blockBytes + 4 * blockColumns))
        let row = Array(bytes[..<(blocks * blockBytes)])
        let expected = bytes[(blocks * blockBytes)...].withUnsafeBytes { bytes in
            (0..<columns).map { Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
        }

        var own = [Float](repeating: 99, count: columns)
        tk_dequantize_row(type, &own, row, columns)
        #expect(own.indices.allSatisfy { identical(own[$0], expected[$0]) })

        // Three equal rows: the last one comes back from its panel.
        let matrix = KernelMatrix(
            type, rows: 19, columns: columns, source: Array(repeatElement(row, count: 19).joined()))
        let unpacked = matrix.unpacked()
        for row in [0, 15, 18] {
            #expect(unpacked[row].indices.allSatisfy { identical(unpacked[row][$0], expected[$0]) })
        }
    }
}
