// What becomes of a tensor between two files: another type, rows in another order, values moved by a constant. Knows no
// file format and no arithmetic.

/// A stored tensor and the one that is to be made of it.
package struct TensorConversion: Sendable, Hashable {
    /// Where the rows of the result come from.
    package enum RowOrder: Sendable, Hashable {
        case same
        /// Some consecutive rows, from this one on.
        case from(Int)
        /// Heads of `headSize` rows whose first `dimensions` rows are two halves, which the result interleaves: rows
        /// 2i and 2i + 1 are those that stood `dimensions` / 2 apart. A vector's elements are moved in the same way.
        case interleavedHalves(headSize: Int, dimensions: Int)
        /// From row `first` on `heads` heads of `size` rows, those of a group side by side: the result has one of each
        /// group in turn.
        case headsInTurn(first: Int, groups: Int, heads: Int, size: Int)

        /// The row that becomes `row`.
        package func source(of row: Int) -> Int {
            switch self {
            case .same: return row
            case .from(let first): return first + row
            case .interleavedHalves(let headSize, let dimensions):
                let place = row % headSize
                guard place < dimensions else { return row }
                return row - place + place / 2 + place % 2 * (dimensions / 2)
            case .headsInTurn(let first, let groups, let heads, let size):
                guard row >= first else { return row }
                let (head, place) = (row - first).quotientAndRemainder(dividingBy: size)
                return first + (head % groups * (heads / groups) + head / groups) * size + place
            }
        }
    }

    package var source: TensorDescriptor
    /// Transposed only where it is the source itself; rows and columns are the source's, or fewer rows.
    package var target: TensorDescriptor
    package var rowOrder = RowOrder.same
    /// The same of the elements of each row.
    package var columnOrder = RowOrder.same
    /// Each value x becomes -exp(x).
    package var negatesExponential = false
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

    /// The tensor as it is.
    package init(keeping source: TensorDescriptor) {
        self.source = source
        target = source
    }

    /// The bytes of every row of a matrix stay as they are.
    package var keepsRows: Bool {
        source.type == target.type && !source.isTransposed && columnOrder == .same && !negatesExponential && addend == 0
            && source.rows > 1
    }

    /// The bytes stay as they are.
    package var isCopy: Bool {
        source.type == target.type && source.isTransposed == target.isTransposed && rowOrder == .same
            && columnOrder == .same
            && !negatesExponential && addend == 0
    }
}
