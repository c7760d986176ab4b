// Bytes at offsets, and folders of them: what the readers of this module see of the world, so that tests can feed them
// from memory. Knows no format.

/// A fixed number of bytes that can be read from any offset, by several threads at once.
protocol ByteSource: Sendable {
    /// The path, for messages.
    var name: String { get }
    var size: Int { get }
    /// Its state now; nil where nobody can tell.
    var state: FileState? { get }
    /// Fills the whole of `buffer` from `offset`; throws where the range is not inside the source.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError)
}

extension ByteSource {
    var state: FileState? { nil }

    /// The last component of the path.
    var lastName: String { name.split(separator: "/").last.map(String.init) ?? name }

    /// `count` bytes from `offset`; the range is checked before anything is allocated.
    func bytes(at offset: Int, count: Int) throws(ModelFileError) -> [UInt8] {
        try checkRange(at: offset, count: count)
        var failure: ModelFileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(ModelFileError) {
                try read(at: offset, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole content, which must not exceed `limit` bytes.
    func content(limit: Int) throws(ModelFileError) -> [UInt8] {
        guard size <= limit else {
            throw ModelFileError(
                .limitExceeded, file: name, field: "size", value: size, "is above the limit of \(limit) bytes")
        }
        return try bytes(at: 0, count: size)
    }

    func checkRange(at offset: Int, count: Int) throws(ModelFileError) {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
            throw ModelFileError(
                .truncated, file: name, field: "size", value: size,
                "\(count) bytes from offset \(offset) are not in the file")
        }
    }
}

/// A folder of files that belong together.
protocol ModelFolder: Sendable {
    /// The path, for messages.
    var path: String { get }
    /// Names of its entries, sorted.
    func names() throws(ModelFileError) -> [String]
    /// Opens one file; nil where there is none of that name.
    func open(_ name: String) throws(ModelFileError) -> (any ByteSource)?
}
