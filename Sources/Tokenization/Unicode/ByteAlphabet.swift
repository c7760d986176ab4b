// GPT-2's table of one printable character for each byte, in which byte-level vocabularies are written.
// Knows nothing of tokens.

/// The table of GPT-2's `bytes_to_unicode`: the printable Latin-1 characters stand for themselves, the other 68 bytes
/// for U+0100, U+0101, ... in order ("Ġ", U+0120, is the space).
enum ByteAlphabet {
    /// The scalar of each byte; [256].
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256).map { byte in
            if isPrintable(byte) { return UInt32(byte) }
            defer { next += 1 }
            return next
        }
    }()

    /// The byte of each scalar below `bytes.count`; -1 where there is none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    private static func isPrintable(_ byte: Int) -> Bool {
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
    }

    /// Appends the bytes that `text` stands for; text with a character outside the table stands for itself, and then
    /// the answer is false.
    @discardableResult
    static func append(_ text: String, to result: inout [UInt8]) -> Bool {
        let start = result.count
        for scalar in text.unicodeScalars {
            let value = Int(scalar.value)
            guard value < bytes.count, bytes[value] >= 0 else {
                result.removeSubrange(start...)
                result.append(contentsOf: text.utf8)
                return false
            }
            result.append(UInt8(bytes[value]))
        }
        return true
    }
}
