// The element formats of stored tensors: their names and sizes in bytes. Knows nothing of arithmetic on them.

/// How the elements of a tensor are stored.
///
/// Quantized rows are a sequence of blocks, in ggml's formats (`block_q8_0` and so on). What the bytes of a block stand
/// for is written in `CKernels/formats.h` and `formats.c`; in short, d and m being F16:
/// - blocks of 32: Q4_0, Q5_0 and Q8_0 are d * signed quant; Q4_1 and Q5_1 are d * quant + m; IQ4_NL is d * one of 16
///   uneven steps; MXFP4 is a power of two (E8M0) * one of the 16 values of E2M1;
/// - blocks of 256, with small integer scales inside: Q2_K, Q4_K and Q5_K have scales and minima (for 16 elements in
///   Q2_K, 32 in the others), Q3_K and Q6_K have scales for 16 elements, IQ4_XS is IQ4_NL with scales for 32 elements.
package enum TensorType: String, Sendable, Hashable, Codable, CaseIterable {
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case q8_0 = "Q8_0"
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q2_k = "Q2_K"
    case q3_k = "Q3_K"
    case q4_k = "Q4_K"
    case q5_k = "Q5_K"
    case q6_k = "Q6_K"
    case iq4_nl = "IQ4_NL"
    case iq4_xs = "IQ4_XS"
    case mxfp4 = "MXFP4"

    /// The name people use, e.g. "Q8_0".
    package var name: String { rawValue }

    /// Elements in one block; a row holds whole blocks only.
    package var blockElements: Int {
        switch self {
        case .f32, .f16, .bf16: 1
        case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .iq4_nl, .mxfp4: 32
        case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k, .iq4_xs: 256
        }
    }

    /// Bytes of one block.
    package var blockBytes: Int {
        switch self {
        case .f32: 4
        case .f16, .bf16: 2
        case .q4_0, .iq4_nl: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q2_k: 84
        case .q3_k: 110
        case .q4_k: 144
        case .q5_k: 176
        case .q6_k: 210
        case .iq4_xs: 136
        case .mxfp4: 17
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
