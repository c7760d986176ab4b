// Responsible for: text in quotes of every kind that TOML has. Must not know: what it is for.

extension TOMLSource {
    /// Whether three of `mark` come next.
    func startsText(tripled mark: UInt8) -> Bool { next == mark && peek(1) == mark && peek(2) == mark }

    /// Text in the quotes that come next.
    mutating func text() throws(TOMLDocument.Failure) -> String {
        let mark = next ?? quote
        let isLong = startsText(tripled: mark)
        let start = line
        advance(isLong ? 3 : 1)
        if isLong {
            if next == 0x0D { advance() }
            if next == newline { advance() }
        }
        var bytes: [UInt8] = []
        while let byte = next {
            if byte == mark {
                guard isLong else {
                    advance()
                    return String(decoding: bytes, as: UTF8.self)
                }
                if let count = closing(mark) {
                    bytes += repeatElement(mark, count: count - 3)
                    advance(count)
                    return String(decoding: bytes, as: UTF8.self)
                }
            }
            if byte == newline && !isLong { break }
            if byte == UInt8(ascii: "\\") && mark == quote {
                bytes += try escape(isLong: isLong)
            } else {
                // A line break is one character however the file writes it.
                if !(byte == 0x0D && peek(1) == newline) { bytes.append(byte) }
                advance()
            }
        }
        throw .init(line: start, message: "text without a quote at its end")
    }

    /// How many quotes end a long text here, those that belong to it included; nil: it does not end here.
    private func closing(_ mark: UInt8) -> Int? {
        var count = 0
        while peek(count) == mark { count += 1 }
        return count >= 3 ? min(count, 5) : nil
    }

    /// What stands for another character.
    private mutating func escape(isLong: Bool) throws(TOMLDocument.Failure) -> [UInt8] {
        advance()
        let letter = next ?? 0
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "b"): 0x08, UInt8(ascii: "t"): 0x09, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "f"): 0x0C,
            UInt8(ascii: "r"): 0x0D, quote: quote, UInt8(ascii: "\\"): UInt8(ascii: "\\"),
        ]
        if let byte = plain[letter] {
            advance()
            return [byte]
        }
        if letter == UInt8(ascii: "u") || letter == UInt8(ascii: "U") {
            let length = letter == UInt8(ascii: "u") ? 4 : 8
            let digits = (1...length).compactMap { peek($0) }
            let isHex = digits.count == length && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
            let value = isHex ? UInt32(String(decoding: digits, as: UTF8.self), radix: 16) : nil
            guard let scalar = value.flatMap(Unicode.Scalar.init) else {
                throw failure("\\\(Unicode.Scalar(letter)) needs \(length) digits of a character's number behind it")
            }
            advance(length + 1)
            return Array(String(scalar).utf8)
        }
        guard isLong, skipLineBreak() else {
            throw failure("\\ stands before nothing that it changes; write \\\\, or the text in '...'")
        }
        return []
    }

    /// Skips blanks and lines up to the next character, if a line ends here.
    private mutating func skipLineBreak() -> Bool {
        let start = line
        while let byte = next, [0x20, 0x09, 0x0D, newline].contains(byte) { advance() }
        return line > start
    }
}
