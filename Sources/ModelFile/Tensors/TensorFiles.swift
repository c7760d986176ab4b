// The files that hold a model's tensors. Knows nothing of what the tensors mean.

/// Reads tensors where their descriptors say they lie.
struct TensorFiles: TensorSource {
    /// The model's name, for messages.
    let name: String
    /// `TensorDescriptor.file` is an index into them.
    let files: [any ByteSource]
    /// By canonical name: tensors whose bytes are put in order when they are read.
    var forms: [String: StoredForm] = [:]
    /// By canonical name: tensors that are no range of a file.
    var packed: [String: PackedTensor] = [:]

    /// Reads through `pread`; throws for a range outside the tensor, so a peer may name it.
    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard files.indices.contains(tensor.file) else {
            throw ModelFileError(
                .invalidValue, file: name, field: "file of tensor \(tensor.name)", value: tensor.file,
                "the model has \(files.count) files")
        }
        guard packed[tensor.name] == nil else {
            throw ModelFileError(
                .unsupported, file: name, field: "tensor \(tensor.name)",
                "is quantized, and must be unpacked to be read")
        }
        let file = files[tensor.file]
        guard offset >= 0, offset <= tensor.byteCount, buffer.count <= tensor.byteCount - offset else {
            throw ModelFileError(
                .invalidValue, file: file.name, field: "offset in tensor \(tensor.name)", value: offset,
                "\(buffer.count) bytes from there are not inside its \(tensor.byteCount)")
        }
        let (start, overflow) = tensor.offset.addingReportingOverflow(offset)
        guard !overflow else {
            throw ModelFileError(
                .invalidValue, file: file.name, field: "offset of tensor \(tensor.name)", value: tensor.offset,
                "is beyond every file")
        }
        if let form = forms[tensor.name] {
            try form.read(tensor, at: offset, into: buffer, from: files)
        } else {
            try file.read(at: start, into: buffer)
        }
    }
}
