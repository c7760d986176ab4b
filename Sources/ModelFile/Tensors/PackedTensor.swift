// A matrix that files store as numbers of few bits with their scales apart: where the parts lie and how they belong
// together. Knows no arithmetic: `Inference` makes the tensor of them while it is read.

/// A quantized matrix [rows, columns] in several parts. The weight in row r and column c, of group g = group(c), is
///   (code[r, c] - zero[r, g]) * scale[r, g]   or, where there is an addend,   code[r, c] * scale[r, g] + addend[r, g].
package struct PackedTensor: Sendable, Hashable {
    /// A tensor of the files that holds a part.
    package struct Part: Sendable, Hashable {
        /// Its name in the file, for messages.
        package var name: String
        var file: Int
        var offset: Int
    }

    /// What a code stands for.
    package enum Number: Sendable, Hashable {
        case unsigned(bits: Int)
        /// Two's complement of 8 bits.
        case signed
        /// float8_e4m3fn: sign, 4 bits of exponent (bias 7), 3 bits of fraction; no infinities.
        case float8
    }

    /// How the codes lie in their part.
    package enum Layout: Sendable, Hashable {
        /// [rows, ...]: the codes of a row one behind the other, the lowest bits first; a row begins on a byte, and the
        /// next one `rowBytes` later.
        case rows(rowBytes: Int)
        /// [words, rows] of 32 bits: the words of a row, one below the other, hold its codes, lowest bits first (GPTQ).
        case words(count: Int)
        /// [columns, rows / 8] of 32 bits: eight rows of one column, rows 0, 2, 4, 6, 1, 3, 5, 7 from the lowest four
        /// bits on (AWQ's GEMM).
        case nibblesOfRows
    }

    /// Numbers of which one belongs to `matrixRows` rows and a group of columns.
    package struct Grid: Sendable, Hashable {
        package var part: Part
        /// F32, F16 or BF16.
        package var type: TensorType
        /// Rows of the grid: matrix rows / `matrixRows`, rounded up.
        package var rows: Int
        /// Groups.
        package var columns: Int
        /// Stored as [columns, rows].
        package var isTransposed = false
        package var matrixRows = 1
    }

    /// The whole numbers that are subtracted from codes.
    package enum Zero: Sendable, Hashable {
        case constant(Int)
        /// [groups, words]: those of the rows one behind the other, lowest bits first; `addend` is added within the bits
        /// (1 in GPTQ's first format).
        case alongRows(Part, bits: Int, addend: Int)
        /// [groups, rows / 8], in the order of `Layout.nibblesOfRows`.
        case nibblesOfRows(Part)
        /// [words, groups] of 32 bits: those of 32 / bits rows in a word, lowest bits first (compressed-tensors).
        case wordsOfRows(Part, bits: Int)
        /// [rows, groups], two's complement of 8 bits.
        case bytes(Part)
    }

    /// Which group a column belongs to.
    package enum Groups: Sendable, Hashable {
        /// So many columns each, the last one perhaps fewer.
        case even(Int)
        /// [columns], 32 bits each: the number of the group.
        case listed(Part)
    }

    /// How the tensor is kept.
    package enum Keeping: Sendable, Hashable {
        /// The codes go into blocks of the type, the values are the same.
        case codes
        /// The values are written in the type, rounded where it cannot hold them.
        case values(isExact: Bool)
    }

    /// Of the matrix in the files.
    package var rows: Int
    package var columns: Int
    /// The rows that are the tensor's, one run after the other; nil: all of them.
    package var runs: [Range<Int>]?
    package var number: Number
    package var layout: Layout
    package var codes: Part
    package var scales: Grid
    package var zero = Zero.constant(0)
    package var addends: Grid?
    package var groups: Groups
    /// Decided by `keep`.
    package var type = TensorType.f32
    package var keeping = Keeping.values(isExact: true)

    /// False where the kept type holds other values than the files.
    package var isExact: Bool { keeping != .values(isExact: false) }

    /// The same with some of its rows only, which are all there.
    func taking(_ runs: [Range<Int>]) -> PackedTensor {
        var result = self
        result.runs = runs
        return result
    }
}

/// The packed tensors of a model, by canonical name, and the files that hold their parts.
package struct PackedTensors: Sendable {
    package var byName: [String: PackedTensor] = [:]
    let files: [any ByteSource]

    /// Fills the whole of `buffer` with bytes of a part from byte `offset` of it on. Safe to call from several threads.
    package func read(
        _ part: PackedTensor.Part, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        try files[part.file].read(at: part.offset + offset, into: buffer)
    }
}
