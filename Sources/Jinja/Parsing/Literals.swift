// Responsible for: numbers and quoted strings in a template's code.
// Must not know: grammar.

/// A number as jinja2's lexer matches it.
struct NumberLiteral {
    /// Nil for an integer beyond 64 bits.
    let kind: Token.Kind?
    let end: Int

    /// Nil where no number begins at byte `start`.
    init?(_ source: [UInt8], at start: Int) {
        guard Self.isDigit(source, start) else { return nil }
        let isAfterDot = start > 0 && source[start - 1] == UInt8(ascii: ".")
        if !isAfterDot, let end = Self.floatEnd(source, start) {
            self.end = end
            let text = Self.withoutUnderscores(source[start..<end])
            kind = Double(text).map { .float($0) }
            return
        }
        var radix = 10
        var end = start
        if source[start] == UInt8(ascii: "0") {
            if start + 1 < source.count {
                switch source[start + 1] | 0x20 {
                case UInt8(ascii: "b"): radix = 2
                case UInt8(ascii: "o"): radix = 8
                case UInt8(ascii: "x"): radix = 16
                default: break
                }
            }
            if radix != 10 {
                end = Self.digitsEnd(source, start + 2) {
                    Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < radix } ?? false
                }
                if end == start + 2 { (radix, end) = (10, start) }
            }
            if radix == 10 { end = Self.digitsEnd(source, start) { $0 == UInt8(ascii: "0") } }
        } else {
            end = Self.digitsEnd(source, start) { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        self.end = end
        let digits = Self.withoutUnderscores(source[(radix == 10 ? start : start + 2)..<end])
        kind = Int(digits, radix: radix).map { .integer($0) }
    }

    private static func isDigit(_ source: [UInt8], _ index: Int) -> Bool {
        index < source.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[index])
    }

    private static func withoutUnderscores(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    }

    /// The end of digits, between which single underscores may stand.
    private static func digitsEnd(_ source: [UInt8], _ start: Int, _ isDigit: (UInt8) -> Bool) -> Int {
        var end = start
        while end < source.count {
            if isDigit(source[end]) {
                end += 1
            } else if source[end] == UInt8(ascii: "_"), end + 1 < source.count, isDigit(source[end + 1]) {
                end += 2
            } else {
                break
            }
        }
        return end
    }

    private static func floatEnd(_ source: [UInt8], _ start: Int) -> Int? {
        let digit: (UInt8) -> Bool = { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        var end = digitsEnd(source, start, digit)
        var isFloat = false
        if end < source.count, source[end] == UInt8(ascii: "."), isDigit(source, end + 1) {
            end = digitsEnd(source, end + 1, digit)
            isFloat = true
        }
        if end < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
            var exponent = end + 1
            if exponent < source.count, source[exponent] == UInt8(ascii: "+") || source[exponent] == UInt8(ascii: "-") {
                exponent += 1
            }
            if isDigit(source, exponent) { return digitsEnd(source, exponent, digit) }
        }
        return isFloat ? end : nil
    }
}

/// A quoted string with Python's escapes.
struct StringLiteral {
    let text: Text
    /// The byte after the closing quote.
    let end: Int

    /// A quote stands at byte `start`.
    init(_ source: [UInt8], at start: Int, line: Int) throws(JinjaError) {
        let quote = source[start]
        var bytes: [UInt8] = []
        var index = start + 1
        while index < source.count, source[index] != quote {
            guard source[index] == UInt8(ascii: "\\") else {
                bytes.append(source[index])
                index += 1
                continue
            }
            guard index + 1 < source.count else { break }
            index = try Self.unescape(source, index + 1, into: &bytes, line: line)
        }
        guard index < source.count else {
            let quoted = repr(Text(scalars: [Unicode.Scalar(quote)]))
            throw .syntax(line: line, message: "unexpected char \(quoted) at \(start)")
        }
        (text, end) = (Text(utf8: bytes), index + 1)
    }

    /// Appends what the escape with the character at `index` means, and returns the byte after it.
    private static func unescape(
        _ source: [UInt8], _ index: Int, into bytes: inout [UInt8], line: Int
    ) throws(JinjaError) -> Int {
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7,
            UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 0x5C,
            UInt8(ascii: "'"): 0x27, UInt8(ascii: "\""): 0x22,
        ]
        let character = source[index]
        if let byte = simple[character] {
            bytes.append(byte)
            return index + 1
        }
        switch character {
        case UInt8(ascii: "\n"): return index + 1
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var (value, end) = (UInt32(0), index)
            while end < min(index + 3, source.count), (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(source[end]) {
                value = value * 8 + UInt32(source[end] - UInt8(ascii: "0"))
                end += 1
            }
            bytes += String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8
            return end
        case UInt8(ascii: "x"): return try hexadecimal(source, index, digits: 2, into: &bytes, line: line)
        case UInt8(ascii: "u"): return try hexadecimal(source, index, digits: 4, into: &bytes, line: line)
        case UInt8(ascii: "U"): return try hexadecimal(source, index, digits: 8, into: &bytes, line: line)
        case UInt8(ascii: "N"):
            throw .syntax(line: line, message: "characters by name (\\N) are not supported; write \\u and four digits")
        default: break
        }
        bytes.append(UInt8(ascii: "\\"))
        guard character >= 0x80 else {
            bytes.append(character)
            return index + 1
        }
        // Python writes the character as an escape before it reads escapes, whose backslash is then taken.
        let (scalar, width) = Text(source[index..<min(index + 4, source.count)]).scalar(at: 0)
        let digits = String(scalar.value, radix: 16)
        let (letter, length) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        bytes += (letter + String(repeating: "0", count: length - digits.count) + digits).utf8
        return index + width
    }

    private static func hexadecimal(
        _ source: [UInt8], _ index: Int, digits: Int, into bytes: inout [UInt8], line: Int
    ) throws(JinjaError) -> Int {
        let end = index + 1 + digits
        guard end <= source.count,
            let value = UInt32(String(decoding: source[(index + 1)..<end], as: UTF8.self), radix: 16),
            source[index + 1] != UInt8(ascii: "+")
        else {
            let letter = Character(Unicode.Scalar(source[index]))
            throw .syntax(line: line, message: "a string has a truncated \\\(letter) escape")
        }
        guard let scalar = Unicode.Scalar(value) else {
            throw .syntax(line: line, message: "a string has an escape that is no character")
        }
        bytes += String(Character(scalar)).utf8
        return end
    }
}
