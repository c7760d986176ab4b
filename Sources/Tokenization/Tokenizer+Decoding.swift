// Token ids to text. Knows nothing of encoding.

/// How a token appears in decoded text.
enum TokenRole: UInt8, Sendable {
    /// Its text, with spaces for "▁" where the vocabulary has them.
    case text
    /// Its text exactly as it stands in the vocabulary.
    case literal
    /// As `literal`, but left out where special tokens are skipped.
    case special
    /// The byte that "<0xNN>" names.
    case byte
}

extension Tokenizer {
    /// The bytes that a token adds to a text, without any rule about the text's beginning; empty for an id that is
    /// no token.
    package func bytes(of token: Int32) -> [UInt8] {
        guard token >= 0, Int(token) < vocabularySize else { return [] }
        let text = vocabulary.bytes(of: token)
        switch roles[Int(token)] {
        case .literal, .special: return Array(text)
        case .byte: return byteValues[token].map { [$0] } ?? Array(text)
        case .text: return description.textForm == .spaceMarker ? replacingMarkers(in: text) : Array(text)
        }
    }

    /// Whether a token is left out of text by default: BOS, EOS, "<|eot_id|>", ...
    package func isSpecial(_ token: Int32) -> Bool {
        token >= 0 && Int(token) < vocabularySize && roles[Int(token)] == .special
    }

    /// The text of a whole sequence; broken UTF-8 becomes U+FFFD. The space that encoding put before the text is
    /// taken away again.
    package func decode(_ tokens: [Int32], skipSpecial: Bool) -> String {
        var start = TextStart(self)
        var bytes: [UInt8] = []
        for token in tokens where !(skipSpecial && isSpecial(token)) {
            bytes += start.trim(self.bytes(of: token))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func replacingMarkers(in text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let first = rest.first {
            if first == UTF8Text.marker[0], rest.starts(with: UTF8Text.marker) {
                result.append(UInt8(ascii: " "))
                rest = rest.dropFirst(UTF8Text.marker.count)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}

/// Takes one space from the beginning of a decoded text where encoding puts one there.
struct TextStart: Sendable {
    private var isPending: Bool

    init(_ tokenizer: Tokenizer) {
        isPending = tokenizer.description.textForm == .spaceMarker && tokenizer.description.spacePrefix != .never
    }

    /// The next bytes of the text, without the space if they are the first.
    mutating func trim(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        guard isPending, let first = bytes.first else { return bytes[...] }
        isPending = false
        return first == UInt8(ascii: " ") ? bytes.dropFirst() : bytes[...]
    }
}
