// Reads little-endian values one after the other from a file, through a small buffer. Knows no format.

import Sequences

/// A forward reader: every count is compared with what the file still has before anything is allocated.
struct ByteReader {
    private static let bufferBytes = 64 << 10

    let source: any ByteSource
    /// Offset of the next byte.
    private(set) var position = 0
    /// No byte from this offset on is read.
    let end: Int
    private var buffer: [UInt8] = []
    /// Offset of the buffer's first byte.
    private var bufferStart = 0

    init(_ source: any ByteSource, limit: Int) {
        self.source = source
        end = min(source.size, limit)
    }

    var remaining: Int { end - position }

    mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type, field: String
    ) throws(ModelFileError) -> Value {
        let size = MemoryLayout<Value>.size
        let start = try advance(by: size, field: field)
        return buffer.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: Value.self)) }
    }

    /// A count or size of 64 bits that must be at most `limit`, where each item takes at least `itemBytes` of what
    /// the file still has.
    mutating func count(field: String, limit: Int, itemBytes: Int) throws(ModelFileError) -> Int {
        let value = try integer(UInt64.self, field: field)
        guard value <= UInt64(limit) else {
            throw ModelFileError(
                .limitExceeded, file: source.name, field: field, value: value, "is above the limit of \(limit)")
        }
        let count = Int(value)
        guard count <= remaining / itemBytes else {
            throw ModelFileError(
                .truncated, file: source.name, field: field, value: value,
                "is more than the \(max(0, remaining)) bytes that follow can hold")
        }
        return count
    }

    mutating func bytes(_ count: Int, field: String) throws(ModelFileError) -> [UInt8] {
        let start = try advance(by: count, field: field)
        return Array(buffer[start..<start + count])
    }

    /// A 64-bit length and that many bytes of UTF-8; nil where they are not UTF-8 and `repairing` is false.
    mutating func string(field: String, limit: Int, repairing: Bool) throws(ModelFileError) -> String? {
        let count = try count(field: "\(field) length", limit: limit, itemBytes: 1)
        let start = try advance(by: count, field: field)
        let content = buffer[start..<start + count]
        return repairing ? String(decoding: content, as: UTF8.self) : String(validating: content, as: UTF8.self)
    }

    /// Makes the next `count` bytes available in the buffer and moves past them; returns their place in the buffer.
    private mutating func advance(by count: Int, field: String) throws(ModelFileError) -> Int {
        guard count <= remaining else {
            throw ModelFileError(
                .truncated, file: source.name, field: field, value: "at byte \(position)",
                "the file ends before it (or its header is larger than the limit of \(FileLimits.metadataBytes) bytes)",
                hint: "the file is damaged or was not downloaded completely")
        }
        if position + count > bufferStart + buffer.count {
            buffer = try source.bytes(at: position, count: min(remaining, max(count, Self.bufferBytes)))
            bufferStart = position
        }
        defer { position += count }
        return position - bufferStart
    }
}
