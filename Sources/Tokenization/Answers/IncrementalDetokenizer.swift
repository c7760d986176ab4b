// Text from token ids that arrive one by one. Knows nothing of stop strings.

/// Gives the text of a sequence as it grows; all parts together are what `Tokenizer.decode` gives for the whole.
///
/// A part never ends inside a character: bytes that may be the beginning of one are held back until it is complete or
/// cannot become one (then it is U+FFFD). Characters are Unicode scalars; an emoji of several may come in parts.
package struct IncrementalDetokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecial: Bool
    private var decoder: TokenDecoder
    /// The beginning of a character that is not complete yet.
    private var held: [UInt8] = []

    /// `prompt` is what the tokens to come continue. It is not shown again, but if there is text in it, then a space
    /// at the beginning of what follows is a space and not the mark of a text's beginning.
    package init(_ tokenizer: Tokenizer, after prompt: [Int32] = [], skipSpecial: Bool = true) {
        self.tokenizer = tokenizer
        self.skipSpecial = skipSpecial
        decoder = TokenDecoder(tokenizer.decoding)
        for token in prompt { _ = decode(token) }
        _ = decoder.endBytes()
    }

    private mutating func decode(_ token: Int32) -> [UInt8] {
        if skipSpecial, tokenizer.isSpecial(token) { return [] }
        guard let text = tokenizer.decoding.text(of: token) else { return [] }
        return decoder.append(text, isLiteral: tokenizer.decoding.isLiteral(token))
    }

    /// Takes the next token; gives the characters that are complete now.
    package mutating func append(_ token: Int32) -> String {
        held += decode(token)
        let complete = held.count - Self.incompleteSuffix(of: held)
        defer { held.removeFirst(complete) }
        return String(decoding: held.prefix(complete), as: UTF8.self)
    }

    /// Ends the text: U+FFFD for a character that stayed incomplete.
    package mutating func finish() -> String {
        held += decoder.finish()
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// How many bytes at the end are the beginning of a character that can still become complete.
    static func incompleteSuffix(of bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let suffix = bytes.suffix(length)
            guard let first = suffix.first, first & 0xC0 != 0x80 else { continue }
            return isIncomplete(Array(suffix)) ? length : 0
        }
        return 0
    }

    /// Whether a lead byte and what follows it begin a character (Unicode standard, table 3-7), but do not end it.
    private static func isIncomplete(_ bytes: [UInt8]) -> Bool {
        let needed: Int
        switch bytes[0] {
        case 0xC2...0xDF: needed = 2
        case 0xE0...0xEF: needed = 3
        case 0xF0...0xF4: needed = 4
        default: return false
        }
        if bytes.count >= needed { return false }
        if bytes.count == 1 { return true }
        switch bytes[0] {
        case 0xE0: return bytes[1] >= 0xA0
        case 0xED: return bytes[1] < 0xA0
        case 0xF0: return bytes[1] >= 0x90
        case 0xF4: return bytes[1] < 0x90
        default: return true
        }
    }
}
