// The element formats of stored tensors: their names and sizes in bytes. Knows nothing of arithmetic on them.

/// How the elements of a tensor are stored.
///
/// Quantized rows are a sequence of blocks of 32 elements (format: ggml `block_q8_0`, `block_q4_0`):
/// Q8_0 is an F16 scale and 32 `Int8`; Q4_0 is an F16 scale and 16 bytes whose low nibbles are elements 0-15 and whose
/// high nibbles are elements 16-31, each minus 8.
package enum TensorType: String, Sendable, Hashable, Codable, CaseIterable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case q8_0 = "Q8_0"
    case q4_0 = "Q4_0"

    /// The name people use, e.g. "Q8_0".
    package var name: String { rawValue }

    /// Elements in one block; a row holds whole blocks only.
    package var blockElements: Int {
        switch self {
        case .f32, .f16, .bf16: 1
        case .q8_0, .q4_0: 32
        }
    }

    /// Bytes of one block.
    package var blockBytes: Int {
        switch self {
        case .f32: 4
        case .f16, .bf16: 2
        case .q8_0: 34
        case .q4_0: 18
        }
    }

    /// True where elements share a scale, so that a matrix of this type cannot be transposed element by element.
    package var isQuantized: Bool { blockElements > 1 }

    /// Bytes of a [rows, columns] tensor; nil where a size is negative, a row is no whole number of blocks, or the
    /// product does not fit an `Int`.
    package func byteCount(rows: Int, columns: Int) -> Int? {
        guard rows >= 0, columns >= 0, columns % blockElements == 0 else { return nil }
        let (rowBytes, rowOverflow) = (columns / blockElements).multipliedReportingOverflow(by: blockBytes)
        let (bytes, overflow) = rowBytes.multipliedReportingOverflow(by: rows)
        return rowOverflow || overflow ? nil : bytes
    }

    /// The names of all types, for messages.
    static var supportedNames: String { allCases.map(\.name).joined(separator: ", ") }
}
