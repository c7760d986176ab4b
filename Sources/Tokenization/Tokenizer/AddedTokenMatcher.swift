// Finds added tokens in text. Knows nothing of how the text between them is split.

import ModelFile

/// A part of a text: an added token, or a non-empty stretch of bytes between them.
enum TextPart: Equatable {
    case token(Int32)
    case text(Range<Int>)
}

/// Finds added tokens from left to right, the longest one at each place, as Hugging Face's tokenizers do.
struct AddedTokenMatcher: Sendable {
    private let tokens: [TokenizerDescription.AddedToken]
    /// The contents of `tokens`.
    private let contents: Vocabulary
    /// For each byte the lengths of the contents that begin with it, longest first; [256].
    private let lengths: [[Int]]

    /// `contents` are the texts of `tokens`; empty ones are never found.
    init(_ tokens: [TokenizerDescription.AddedToken], contents: [[UInt8]]) {
        var lengths = [Set<Int>](repeating: [], count: 256)
        for content in contents {
            if let first = content.first { lengths[Int(first)].insert(content.count) }
        }
        self.tokens = tokens
        self.contents = Vocabulary(count: tokens.count) { index, bytes in bytes += contents[index] }
        self.lengths = lengths.map { $0.sorted(by: >) }
    }

    /// Cuts `text` at the added tokens in it; special ones are left in the text where `parseSpecial` is false.
    func split(_ text: UTF8Text, parseSpecial: Bool) -> [TextPart] {
        let end = text.bytes.count
        var parts: [TextPart] = []
        var start = 0
        var index = 0
        while !tokens.isEmpty, index < end {
            guard let (token, tokenEnd) = longestMatch(in: text, at: index) else {
                index += 1
                continue
            }
            let range = index..<tokenEnd
            index = tokenEnd
            if token.isSpecial, !parseSpecial { continue }
            if token.isSingleWord, !isSingleWord(range, in: text) { continue }
            let lower =
                token.stripsLeft ? max(start, startOfSpace(before: range.lowerBound, in: text)) : range.lowerBound
            if start < lower { parts.append(.text(start..<lower)) }
            parts.append(.token(Int32(token.id)))
            start = token.stripsRight ? endOfSpace(from: range.upperBound, in: text) : range.upperBound
            index = start
        }
        if start < end { parts.append(.text(start..<end)) }
        return parts
    }

    private func longestMatch(in text: UTF8Text, at start: Int) -> (TokenizerDescription.AddedToken, end: Int)? {
        for length in lengths[Int(text.bytes[start])] where start + length <= text.bytes.count {
            if let index = contents.token(for: text.slice(start..<start + length).bytes) {
                return (tokens[Int(index)], start + length)
            }
        }
        return nil
    }

    private func isSingleWord(_ range: Range<Int>, in text: UTF8Text) -> Bool {
        if range.lowerBound > 0 {
            if isWordCharacter(text.scalar(at: text.start(before: range.lowerBound)).scalar) { return false }
        }
        if range.upperBound < text.bytes.count, isWordCharacter(text.scalar(at: range.upperBound).scalar) {
            return false
        }
        return true
    }

    private func startOfSpace(before index: Int, in text: UTF8Text) -> Int {
        var index = index
        while index > 0 {
            let start = text.start(before: index)
            if !isSpace(text.scalar(at: start).scalar) { break }
            index = start
        }
        return index
    }

    private func endOfSpace(from index: Int, in text: UTF8Text) -> Int {
        var index = index
        while index < text.bytes.count, isSpace(text.scalar(at: index).scalar) { index = text.end(of: index) }
        return index
    }

    private func isSpace(_ scalar: UInt32) -> Bool { UnicodeClasses.traits(of: scalar).contains(.whiteSpace) }
}

/// `\w` of Rust's regular expressions (UTS 18, annex C), where superscripts and fractions are no word characters.
private func isWordCharacter(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0xB2, 0xB3, 0xB9, 0xBC...0xBE: false
    case 0x200C, 0x200D: true
    default: UnicodeClasses.traits(of: scalar).contains(.word)
    }
}
