// The pre-tokenization of GPT-2 and its descendants: hand-written scanners that cut text as their regular expressions
// do. Knows nothing of tokens.

/// One family of regular expressions, tried in this order at each place:
/// contraction, word, number, other characters, line breaks, white space.
///
/// The differences between the members are data; `gpt2` and `llama3` give the expressions.
struct WordPattern: Sendable {
    /// `'s` and its like also in upper case. U+017F folds to "s" and so belongs to them.
    var ignoresCase: Bool
    /// What may stand before the letters of a word: any character but a line break, letter or number; else a space.
    var takesAnyPrefix: Bool
    /// Digits in one number; nil: any count, and a space may stand before them.
    var maximumDigits: Int?
    /// Line breaks stick to what is before them: `[\r\n]*` after other characters, and `\s*[\r\n]+`.
    var collectsLineBreaks: Bool

    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    static let gpt2 = WordPattern(
        ignoresCase: false, takesAnyPrefix: false, maximumDigits: nil, collectsLineBreaks: false)

    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|`
    /// `\s+(?!\S)|\s+`
    static let llama3 = WordPattern(
        ignoresCase: true, takesAnyPrefix: true, maximumDigits: 3, collectsLineBreaks: true)

    /// As `llama3` with `\p{N}` for `\p{N}{1,3}`.
    static let qwen2 = WordPattern(
        ignoresCase: true, takesAnyPrefix: true, maximumDigits: 1, collectsLineBreaks: true)

    /// The end of the word that begins at `start`; the text ends at `end`, which is behind `start`.
    func endOfWord(in text: UTF8Text, from start: Int, to end: Int) -> Int {
        let byte = text.bytes[start]
        if byte == UInt8(ascii: "'"), let contraction = endOfContraction(in: text, from: start + 1, to: end) {
            return contraction
        }
        let (first, second) = text.character(at: start)
        if first.contains(.letter) { return text.endOfRun(of: .letter, from: second, to: end) }
        if first.contains(.number) { return endOfNumber(in: text, from: start, to: end) }
        // The first character may be a prefix of what follows.
        let isSpace = byte == UInt8(ascii: " ")
        if second < end, isSpace || takesAnyPrefix && !first.contains(.lineBreak) {
            let (follower, third) = text.character(at: second)
            if follower.contains(.letter) { return text.endOfRun(of: .letter, from: third, to: end) }
            if isSpace, follower.contains(.number), maximumDigits == nil {
                return text.endOfRun(of: .number, from: third, to: end)
            }
            if isSpace, follower.isEmpty { return endOfOthers(in: text, from: third, to: end) }
        }
        if first.isEmpty { return endOfOthers(in: text, from: second, to: end) }
        return endOfSpace(in: text, from: start, to: end)
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d` after the apostrophe.
    private func endOfContraction(in text: UTF8Text, from start: Int, to end: Int) -> Int? {
        func letter(at index: Int) -> UInt8 {
            if index >= end { return 0 }
            let byte = text.bytes[index]
            return ignoresCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        }
        switch (letter(at: start), letter(at: start + 1)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 1
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 2
        case (0xC5, 0xBF) where ignoresCase:  // U+017F
            return start + 2
        default: return nil
        }
    }

    /// `\p{N}{1,n}`
    private func endOfNumber(in text: UTF8Text, from start: Int, to end: Int) -> Int {
        guard let maximumDigits else { return text.endOfRun(of: .number, from: start, to: end) }
        var index = start
        for _ in 0..<maximumDigits where index < end {
            let (found, next) = text.character(at: index)
            if !found.contains(.number) { break }
            index = next
        }
        return index
    }

    /// `[^\s\p{L}\p{N}]*`, with `[\r\n]*` where line breaks are collected.
    private func endOfOthers(in text: UTF8Text, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end {
            let (found, next) = text.character(at: index)
            if !found.isEmpty { break }
            index = next
        }
        return collectsLineBreaks ? text.endOfRun(of: .lineBreak, from: index, to: end) : index
    }

    /// `\s*[\r\n]+` where line breaks are collected, else `\s+(?!\S)|\s+`: a run of white space leaves its last
    /// character to what follows.
    private func endOfSpace(in text: UTF8Text, from start: Int, to end: Int) -> Int {
        var index = start
        var afterLineBreak = start
        while index < end {
            let (found, next) = text.character(at: index)
            if !found.contains(.space) { break }
            index = next
            if found.contains(.lineBreak) { afterLineBreak = next }
        }
        if collectsLineBreaks, afterLineBreak > start { return afterLineBreak }
        if index == end { return end }
        let last = text.start(before: index)
        return last > start ? last : index
    }
}
