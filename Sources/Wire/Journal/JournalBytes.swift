// Responsible for: records in a row of bytes, each with its length and a check, and where such a row ends that was not
// written to its end. Must not know: files, what records are for.

/// Records as they lie on a disk: the length of each and the CRC-32C of its bytes, little-endian, then these.
package enum JournalBytes {
    /// Bytes before each record.
    package static let headBytes = 8

    /// A record with what stands before it.
    package static func framed(_ record: JournalRecord) -> [UInt8] {
        let body = record.encode()
        return littleEndian(UInt32(body.count)) + littleEndian(checksum(body)) + body
    }

    /// The records at the beginning of some bytes, and how many bytes they take. The first one that is not whole, or not as
    /// it was written, and all behind it count for nothing.
    package static func records(in bytes: [UInt8]) -> (records: [JournalRecord], byteCount: Int) {
        var records: [JournalRecord] = []
        var offset = 0
        while bytes.count - offset >= headBytes {
            let length = Int(number(bytes, offset))
            let (start, check) = (offset + headBytes, number(bytes, offset + 4))
            guard length > 0, length <= JournalRecord.mostBytes, length <= bytes.count - start else { break }
            let body = Array(bytes[start..<start + length])
            guard checksum(body) == check, let record = try? JournalRecord(decoding: body) else { break }
            records.append(record)
            offset = start + length
        }
        return (records, offset)
    }

    private static func littleEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }

    // MARK: CRC-32C (Castagnoli), as iSCSI has it (RFC 3720, appendix B.4)

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value = UInt32.max
        for byte in bytes { value = table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8) }
        return ~value
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
    }
}
