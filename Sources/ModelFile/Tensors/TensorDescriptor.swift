// Where one tensor lies and what it looks like, and the seam through which its bytes are read. Knows nothing of what
// the numbers mean.

/// One stored tensor under its canonical name (the one GGUF files use), e.g. "blk.3.attn_q.weight".
package struct TensorDescriptor: Sendable, Hashable, Codable {
    /// Canonical name, whatever the file called it.
    package var name: String
    package var type: TensorType
    /// Outputs of a weight matrix; 1 for a vector.
    package var rows: Int
    /// Inputs of a weight matrix; the length of a vector.
    package var columns: Int
    /// True where the bytes are laid out as [columns, rows] (Conv1D weights of Hugging Face GPT-2); if the type is a
    /// quantized one, its blocks are those of columns (keys of latent attention).
    package var isTransposed: Bool
    /// Size of the stored tensor; equals `type.byteCount(rows:columns:)` of what lies in the file.
    package var byteCount: Int
    /// Index of the file in `Model.fileNames`.
    package var file: Int
    /// First byte in that file; no alignment is promised.
    package var offset: Int

    package init(
        name: String, type: TensorType, rows: Int, columns: Int, isTransposed: Bool = false, byteCount: Int, file: Int,
        offset: Int
    ) {
        self.name = name
        self.type = type
        self.rows = rows
        self.columns = columns
        self.isTransposed = isTransposed
        self.byteCount = byteCount
        self.file = file
        self.offset = offset
    }

    /// Checks a descriptor that came from elsewhere (a peer): sizes positive and consistent with each other.
    package func validate() throws(ModelFileError) {
        func refuse(_ field: String, _ value: Int, _ problem: String) -> ModelFileError {
            ModelFileError(.invalidValue, file: "tensor description", field: "\(name) \(field)", value: value, problem)
        }
        let sizes = 1...FileLimits.tensorDimension
        guard sizes.contains(rows) else { throw refuse("rows", rows, "must be in \(sizes)") }
        guard sizes.contains(columns) else { throw refuse("columns", columns, "must be in \(sizes)") }
        let (stored, length) = isTransposed ? (columns, rows) : (rows, columns)
        guard let expected = type.byteCount(rows: stored, columns: length), expected == byteCount else {
            throw refuse("byteCount", byteCount, "does not belong to [\(rows), \(columns)] of type \(type.name)")
        }
        guard file >= 0 else { throw refuse("file", file, "must not be negative") }
        guard offset >= 0, !offset.addingReportingOverflow(byteCount).overflow else {
            throw refuse("offset", offset, "must not be negative, nor so large that the end overflows")
        }
    }
}

/// Something that holds the bytes of described tensors: a model on disk, or a cache filled over the network.
package protocol TensorSource: Sendable {
    /// Fills the whole of `buffer` with the bytes of `tensor` that begin at byte `offset` within the tensor.
    /// Safe to call from several threads at once.
    /// Throws when the range is not inside the tensor or the bytes cannot be read.
    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError)
}
