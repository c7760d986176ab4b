// What becomes of a tensor between two files: another type, rows in another order, values moved by a constant. Knows no
// file format and no arithmetic.

/// A stored tensor and the one that is to be made of it.
package struct TensorConversion: Sendable, Hashable {
    /// Where the rows of the result come from.
    package enum RowOrder: Sendable, Hashable {
        case same
        /// Heads of `headSize` rows whose first `dimensions` rows are two halves, which the result interleaves: rows
        /// 2i and 2i + 1 are those that stood `dimensions` / 2 apart. A vector's elements are moved in the same way.
        case interleavedHalves(headSize: Int, dimensions: Int)

        /// The row that becomes `row`.
        package func source(of row: Int) -> Int {
            switch self {
            case .same: return row
            case .interleavedHalves(let headSize, let dimensions):
                let place = row % headSize
                guard place < dimensions else { return row }
                return row - place + place / 2 + place % 2 * (dimensions / 2)
            }
        }
    }

    package var source: TensorDescriptor
    /// Never transposed; rows and columns are the source's.
    package var target: TensorDescriptor
    package var rowOrder = RowOrder.same
    /// Added to every value.
    package var addend: Float = 0

    /// The same tensor in another type. Rows must be whole blocks of it.
    package init(_ source: TensorDescriptor, to type: TensorType) {
        self.source = source
        target = source
        target.type = type
        target.isTransposed = false
        guard let bytes = type.byteCount(rows: source.rows, columns: source.columns) else {
            preconditionFailure("rows of \(source.name) are no whole blocks of \(type.name)")
        }
        target.byteCount = bytes
    }

    /// The bytes of every row of a matrix stay as they are.
    package var keepsRows: Bool {
        source.type == target.type && !source.isTransposed && addend == 0 && source.rows > 1
    }

    /// The bytes stay as they are.
    package var isCopy: Bool {
        source.type == target.type && !source.isTransposed && rowOrder == .same && addend == 0
    }
}
