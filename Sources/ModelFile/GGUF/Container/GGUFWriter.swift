// Writes a GGUF file, version 3: metadata, the list of tensors, then their data piece by piece. Knows nothing of what
// keys and tensors mean. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/// A tensor of a file to be written.
package struct GGUFTensor: Sendable, Hashable {
    package var name: String
    package var type: TensorType
    /// Outermost dimension first, one to four; rows are whole blocks of `type`.
    package var shape: [Int]

    /// Bytes of its data.
    package var byteCount: Int {
        guard let bytes = type.byteCount(shape: shape) else { preconditionFailure("rows of \(name) are no blocks") }
        return bytes
    }
}

/// What is to stand in a GGUF file, and the way to write it.
package struct GGUFWriter: Sendable {
    /// Bytes that are read and written at once.
    private static let pieceBytes = 8 << 20
    private static let alignment = 32

    let fields: [GGUFField]
    package let tensors: [GGUFTensor]

    /// Keys and names must be unique.
    package init(fields: [GGUFField], tensors: [GGUFTensor]) {
        // Where a file says nothing, its alignment is 32.
        self.fields = fields.filter { $0.key != "general.alignment" }
        self.tensors = tensors
    }

    /// Bytes of all tensors' data.
    package var tensorBytes: Int { tensors.reduce(0) { $0 + $1.byteCount } }

    /// Everything before the data, padding included.
    var header: [UInt8] {
        var bytes = GGUFFile.magic + GGUFField.littleEndian(UInt32(3))
        bytes += GGUFField.littleEndian(UInt64(tensors.count)) + GGUFField.littleEndian(UInt64(fields.count))
        for field in fields { bytes += field.bytes }
        var offset = 0
        for tensor in tensors {
            bytes += GGUFField.text(tensor.name) + GGUFField.littleEndian(UInt32(tensor.shape.count))
            for length in tensor.shape.reversed() { bytes += GGUFField.littleEndian(UInt64(length)) }
            bytes += GGUFField.littleEndian(tensor.type.ggufNumber) + GGUFField.littleEndian(UInt64(offset))
            offset += Self.padded(tensor.byteCount)
        }
        return bytes + [UInt8](repeating: 0, count: Self.padded(bytes.count) - bytes.count)
    }

    /// Writes the file; it appears under its name when it is complete.
    ///
    /// `read` fills a buffer with the bytes of a tensor (an index into `tensors`) from an offset on; the reads of one
    /// tensor follow each other. `progress` gets the bytes of data written so far and says whether to go on.
    /// Returns false where `progress` stopped it; then, and where it throws, nothing is left behind.
    package func write(
        to path: String, replacing: Bool,
        read: (_ tensor: Int, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) -> Void,
        progress: (Int) -> Bool
    ) throws(ModelFileError) -> Bool {
        let header = header
        let total = header.count + tensors.reduce(0) { $0 + Self.padded($1.byteCount) }
        let file = try NewFile(path: path, replacing: replacing, byteCount: total)
        try file.write(header)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 64)
        defer { piece.deallocate() }
        var done = 0
        for (index, tensor) in tensors.enumerated() {
            let byteCount = tensor.byteCount
            var offset = 0
            while offset < byteCount {
                guard progress(done) else { return false }
                let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, byteCount - offset)])
                try read(index, offset, part)
                try file.write(UnsafeRawBufferPointer(part))
                offset += part.count
                done += part.count
            }
            try file.write([UInt8](repeating: 0, count: Self.padded(byteCount) - byteCount))
        }
        guard progress(done) else { return false }
        try file.commit()
        return true
    }

    private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
