// The compiled character map of SentencePiece models: which texts are replaced by which. Knows nothing of tokenizers.
// Format: `precompiled_charsmap` of https://github.com/google/sentencepiece (a Darts double array, then the
// replacements, each ended by a zero byte).

/// A map from short texts to their replacements, which is not trusted: whatever it holds, looking up ends.
struct CharacterMap: Sendable {
    /// Real keys have up to 20 bytes; a damaged array may go in circles.
    private static let longestKey = 256

    /// Nodes of the double array.
    private var nodes: [UInt32] = []
    private var replacements: [UInt8] = []

    init(_ bytes: [UInt8]) throws(TokenizationError) {
        guard bytes.count >= 4 else { throw .damagedCharacterMap }
        let size = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard size % 4 == 0, size <= bytes.count - 4 else { throw .damagedCharacterMap }
        nodes = bytes.withUnsafeBytes { buffer in
            (0..<size / 4).map {
                UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: 4 + 4 * $0, as: UInt32.self))
            }
        }
        replacements = Array(bytes[(4 + size)...])
    }

    /// Each grapheme of fewer than six bytes is replaced whole where some beginning of it is in the map, else each
    /// scalar. (So does the `tokenizers` library, whose users' models depend on it.)
    func applyByGrapheme(to bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for grapheme in String(decoding: bytes, as: UTF8.self) {
            let whole = Array(grapheme.utf8)
            if whole.count < 6, let replacement = matches(in: whole[...]).first {
                result += text(at: replacement.value)
                continue
            }
            for scalar in grapheme.unicodeScalars {
                let part = Array(String(scalar).utf8)
                if let replacement = matches(in: part[...]).first {
                    result += text(at: replacement.value)
                } else {
                    result += part
                }
            }
        }
        return result
    }

    /// At each place the longest text of the map is replaced.
    func applyToLongest(in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let match = matches(in: bytes[index...]).last {
                result += text(at: match.value)
                index += match.length
                continue
            }
            repeat {
                result.append(bytes[index])
                index += 1
            } while index < bytes.count && bytes[index] & 0xC0 == 0x80
        }
        return result
    }

    /// The texts of the map with which `bytes` begins, shortest first: their lengths and places of replacements.
    private func matches(in bytes: ArraySlice<UInt8>) -> [(length: Int, value: Int)] {
        guard let root = nodes.first else { return [] }
        var found: [(length: Int, value: Int)] = []
        var node = Self.offset(root)
        for (index, byte) in bytes.prefix(Self.longestKey).enumerated() {
            node ^= UInt32(byte)
            guard byte != 0, node < nodes.count else { break }
            let unit = nodes[Int(node)]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { break }
            node ^= Self.offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < nodes.count else { break }
            found.append((index + 1, Int(nodes[Int(node)] & 0x7FFF_FFFF)))
        }
        return found
    }

    private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & (1 << 9)) >> 6) }

    private func text(at start: Int) -> ArraySlice<UInt8> {
        guard start < replacements.count else { return [] }
        return replacements[start...].prefix { $0 != 0 }
    }
}
