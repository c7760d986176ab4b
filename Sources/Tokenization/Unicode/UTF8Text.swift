// Valid UTF-8 in memory, read one scalar at a time. Knows nothing of what is looked for.

/// Valid UTF-8 text, read one scalar at a time.
struct UTF8Text {
    let bytes: UnsafeRawBufferPointer

    /// The scalar that begins at `index`, and where the next one begins.
    @inline(__always)
    func scalar(at index: Int) -> (scalar: UInt32, next: Int) {
        let first = UInt32(bytes[index])
        switch first {
        case 0..<0x80: return (first, index + 1)
        case 0..<0xE0: return ((first & 0x1F) << 6 | continuation(index + 1), index + 2)
        case 0..<0xF0:
            return ((first & 0x0F) << 12 | continuation(index + 1) << 6 | continuation(index + 2), index + 3)
        default:
            let upper = (first & 0x07) << 18 | continuation(index + 1) << 12
            return (upper | continuation(index + 2) << 6 | continuation(index + 3), index + 4)
        }
    }

    @inline(__always)
    private func continuation(_ index: Int) -> UInt32 { UInt32(bytes[index] & 0x3F) }

    /// Part of the text, from one character's beginning to another's.
    func slice(_ range: Range<Int>) -> UTF8Text {
        UTF8Text(bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    /// The end of the character that begins at `index`.
    @inline(__always)
    func end(of index: Int) -> Int {
        switch bytes[index] {
        case 0..<0x80: index + 1
        case 0..<0xE0: index + 2
        case 0..<0xF0: index + 3
        default: index + 4
        }
    }

    /// Where the character before `index` begins.
    @inline(__always)
    func start(before index: Int) -> Int {
        var index = index - 1
        while bytes[index] & 0xC0 == 0x80 { index -= 1 }
        return index
    }

    /// Where `wanted` stands first at or after `start`.
    func firstIndex(of wanted: [UInt8], from start: Int) -> Int? {
        guard let first = wanted.first, bytes.count >= wanted.count else { return nil }
        var index = start
        while index <= bytes.count - wanted.count {
            if bytes[index] == first, matches(wanted, at: index) { return index }
            index += 1
        }
        return nil
    }

    private func matches(_ wanted: [UInt8], at start: Int) -> Bool {
        for offset in wanted.indices where bytes[start + offset] != wanted[offset] { return false }
        return true
    }
}

/// Appends a scalar as UTF-8. What is no scalar becomes U+FFFD.
func appendUTF8(_ value: UInt32, to bytes: inout [UInt8]) {
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
}
