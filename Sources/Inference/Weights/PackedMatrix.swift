// A weight matrix in the kernels' panel layout.
//
// Responsible for: the bytes of one matrix [rows, columns], its products and its rows.
// Must not know: where the weights come from or what they mean.

import CKernels
import ModelFile

/// Activations of a batch as matrix products need them.
package struct Activations {
    /// [tokens, columns]
    package var values: UnsafeMutablePointer<Float>
    /// The same quantized, for quantized matrices; filled by `quantizeRow`. Its layout depends on the number of tokens.
    var quantized: UnsafeMutablePointer<tk_quantized_block>

    /// Room for both forms.
    package init(values: UnsafeMutablePointer<Float>, quantized: UnsafeMutablePointer<tk_quantized_block>) {
        (self.values, self.quantized) = (values, quantized)
    }
}

extension Activations {
    /// Quantizes row `row` of values [tokens, columns], once for all matrices it goes into.
    package func quantizeRow(_ row: Int, of tokens: Int, columns: Int) {
        tk_quantize(
            tk_quantized(blocks: quantized, tokens: tokens), columns, row, 0, values + row * columns, columns)
    }
}

/// A matrix [rows = outputs, columns = inputs] as ceil(rows / 16) panels.
package final class PackedMatrix {
    let type: tk_type
    let rows: Int
    let columns: Int
    /// Bytes from one panel to the next.
    package let panelBytes: Int

    private let memory: AnonymousMemory
    /// Where the first panel begins in it.
    private let offset: Int

    /// Rows of a panel.
    package static let panelRows = Int(TK_PANEL_ROWS)
    /// Panels that a product takes at once where it can; work is divided into such groups.
    static let panelsAtOnce = 4

    /// Room for a matrix of this shape in memory of its own.
    convenience init(type: tk_type, rows: Int, columns: Int, name: String) throws(InferenceError) {
        guard let bytes = Self.byteCount(type: type, rows: rows, columns: columns) else {
            throw .wrongTensor(name: name, reason: "[\(rows), \(columns)] is no possible shape for its type")
        }
        let memory = try AnonymousMemory(byteCount: bytes, huge: true, purpose: "the weights \"\(name)\"")
        self.init(type: type, rows: rows, columns: columns, memory: memory, offset: 0)
    }

    /// A matrix of a possible shape in memory that it shares with others; `offset` is a multiple of 64 and leaves room.
    package init(type: tk_type, rows: Int, columns: Int, memory: AnonymousMemory, offset: Int) {
        self.type = type
        self.rows = rows
        self.columns = columns
        panelBytes = tk_panel_bytes(type, columns)
        self.memory = memory
        self.offset = offset
    }

    /// Packed bytes of a matrix, the last panel's missing rows included; nil: impossible shape.
    package static func byteCount(type: tk_type, rows: Int, columns: Int) -> Int? {
        // Within these bounds the size of one panel cannot overflow; the product with their number can.
        guard rows > 0, columns > 0, rows <= 1 << 31, columns <= 1 << 31,
            columns % tk_block_columns(type) == 0
        else { return nil }
        let panels = (rows + panelRows - 1) / panelRows
        let (bytes, overflow) = panels.multipliedReportingOverflow(by: tk_panel_bytes(type, columns))
        return overflow ? nil : bytes
    }

    /// Panels of 16 rows.
    package var panelCount: Int { (rows + Self.panelRows - 1) / Self.panelRows }

    /// Products need the activations quantized.
    package var isQuantized: Bool { tk_block_columns(type) > 1 }

    /// Where panel `index` begins.
    func panel(_ index: Int) -> UnsafeMutableRawPointer { memory.base + offset + index * panelBytes }

    /// Reads one row back as floats: out [columns].
    func unpackRow(_ row: Int, into out: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows)
        tk_unpack_row(type, out, panel(row / Self.panelRows), row % Self.panelRows, columns)
    }

    /// Groups of panels, by which work is divided.
    var groupCount: Int { (panelCount + Self.panelsAtOnce - 1) / Self.panelsAtOnce }

    /// The rows of some groups (none of no groups).
    func rows(ofGroups groups: Range<Int>) -> Range<Int> {
        let rowsOfGroup = Self.panelsAtOnce * Self.panelRows
        return min(groups.lowerBound * rowsOfGroup, rows)..<min(groups.upperBound * rowsOfGroup, rows)
    }

    /// out[t * stride + r] = row r · x[t], work divided over panels.
    ///
    /// `x` holds [tokens, columns], quantized too where `isQuantized`. No output element depends on the division.
    package func multiply(
        _ x: Activations, into out: UnsafeMutablePointer<Float>, stride: Int, tokens: Int, pool: ThreadPool
    ) {
        let pieces = Self.pieces(ofGroups: groupCount, pool: pool)
        pool.run(pieces: pieces, operations: tokens * rows * columns) { piece, _ in
            let groups = groupCount * piece / pieces..<groupCount * (piece + 1) / pieces
            multiply(x, tokens: 0..<tokens, of: tokens, into: out, stride: stride, groups: groups)
        }
    }

    /// Pieces of a job over groups of panels: enough that a slow core does not hold the others.
    static func pieces(ofGroups groups: Int, pool: ThreadPool) -> Int {
        pool.threads == 1 ? 1 : min(groups, pool.threads * 8)
    }

    /// The elements of out [tokens.count, stride] that belong to some groups of panels, for some rows of x [all, columns].
    func multiply(
        _ x: Activations, tokens: Range<Int>, of all: Int, into out: UnsafeMutablePointer<Float>, stride: Int,
        groups: Range<Int>
    ) {
        let rows = rows(ofGroups: groups)
        guard !rows.isEmpty else { return }
        let first = panel(groups.lowerBound * Self.panelsAtOnce)
        if isQuantized {
            tk_matmul_quantized(
                type, out + rows.lowerBound, stride, first, tk_quantized(blocks: x.quantized, tokens: all),
                tokens.lowerBound, tokens.count, rows.count, columns)
        } else {
            tk_matmul_float(
                type, out + rows.lowerBound, stride, first, x.values + tokens.lowerBound * columns, tokens.count,
                rows.count, columns)
        }
    }
}

extension TensorDescriptor {
    /// The type of the packed matrix: F32 where columns are quantized, whose blocks rows cannot keep.
    var packedType: tk_type { isTransposed && type.isQuantized ? TK_F32 : type.kernelType }
}

extension TensorType {
    /// The kernels' name of this type.
    package var kernelType: tk_type {
        switch self {
        case .f32: TK_F32
        case .f16: TK_F16
        case .bf16: TK_BF16
        case .q8_0: TK_Q8_0
        case .q4_0: TK_Q4_0
        case .q4_1: TK_Q4_1
        case .q5_0: TK_Q5_0
        case .q5_1: TK_Q5_1
        case .q2_k: TK_Q2_K
        case .q3_k: TK_Q3_K
        case .q4_k: TK_Q4_K
        case .q5_k: TK_Q5_K
        case .q6_k: TK_Q6_K
        case .iq4_nl: TK_IQ4_NL
        case .iq4_xs: TK_IQ4_XS
        case .mxfp4: TK_MXFP4
        }
    }
}
