// Responsible for: the words of a TOML file: keys, numbers, booleans, lists, comments. Must not know: tables.

/// The bytes of a file, and how far they are read.
struct TOMLSource {
    private let bytes: [UInt8]
    private(set) var index = 0
    private(set) var line = 1

    /// Lists and tables in each other.
    static let deepest = 32

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index >= bytes.count }
    var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// The byte `offset` behind the next one.
    func peek(_ offset: Int) -> UInt8? { index + offset < bytes.count ? bytes[index + offset] : nil }

    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where index < bytes.count {
            if bytes[index] == newline { line += 1 }
            index += 1
        }
    }

    func failure(_ message: String) -> TOMLDocument.Failure { .init(line: line, message: message) }

    /// Refuses what may stand nowhere: bytes that are no UTF-8, and control characters.
    func checkCharacters() throws(TOMLDocument.Failure) {
        var line = 1
        for (index, byte) in bytes.enumerated() {
            if byte == newline { line += 1 }
            let isReturn = byte == 0x0D && index + 1 < bytes.count && bytes[index + 1] == newline
            guard byte == 0x7F || (byte < 0x20 && byte != newline && byte != 0x09 && !isReturn) else { continue }
            throw .init(line: line, message: "a control character, which may only stand in text, as \\u00\(hex(byte))")
        }
        if String(validating: bytes, as: UTF8.self) == nil { throw .init(line: 1, message: "the file is not UTF-8") }
    }

    private func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    /// Takes a character where it is the next one.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        advance()
        return true
    }

    mutating func skipBlanks() {
        while next == 0x20 || next == 0x09 { advance() }
    }

    /// Skips blanks, comments and line breaks.
    mutating func skipBlankLines() throws(TOMLDocument.Failure) {
        while let byte = next {
            switch byte {
            case 0x20, 0x09, newline, 0x0D: advance()
            case UInt8(ascii: "#"): skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() {
        while let byte = next, byte != newline { advance() }
    }

    /// Takes the end of a line and a comment in front of it.
    mutating func endLine() throws(TOMLDocument.Failure) {
        skipBlanks()
        if next == UInt8(ascii: "#") { skipComment() }
        if next == 0x0D { advance() }
        guard isAtEnd || next == newline else {
            throw failure("\"\(word())\" stands where the line should end")
        }
        advance()
    }

    /// A key: bare or in quotes, without dots.
    mutating func key() throws(TOMLDocument.Failure) -> String {
        if next == quote || next == apostrophe {
            guard !startsText(tripled: next ?? 0) else { throw failure("a key does not have three quotes") }
            return try text()
        }
        let start = index
        while let byte = next, isLetter(byte) || isDigit(byte) || byte == 0x2D || byte == 0x5F { advance() }
        guard index > start else {
            let found = word()
            throw failure(found.isEmpty ? "a key is missing" : "\"\(found)\" stands where a key should")
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// Text, a number, a boolean, or a list of those.
    mutating func value(depth: Int = 0) throws(TOMLDocument.Failure) -> TOMLValue {
        switch next {
        case quote, apostrophe: return .text(try text())
        case UInt8(ascii: "["): return .list(try list(depth: depth))
        case UInt8(ascii: "{"): throw failure("a table in a list, which no setting is")
        default: return try bare()
        }
    }

    private mutating func list(depth: Int) throws(TOMLDocument.Failure) -> [TOMLValue] {
        guard depth < Self.deepest else { throw failure("lists are nested too deep") }
        advance()
        var values: [TOMLValue] = []
        while true {
            try skipBlankLines()
            if take("]") { return values }
            values.append(try value(depth: depth + 1))
            try skipBlankLines()
            if take(",") { continue }
            guard take("]") else { throw failure("] or a comma is missing in a list") }
            return values
        }
    }

    /// What stands without quotes.
    private mutating func bare() throws(TOMLDocument.Failure) -> TOMLValue {
        let word = word()
        guard !word.isEmpty else { throw failure("a value is missing") }
        let value: TOMLValue
        if word == "true" || word == "false" {
            value = .boolean(word == "true")
        } else if let number = TOMLNumber.decimal(word) {
            value = .number(number)
        } else if word.wholeMatch(of: /[0-9]{4}-[0-9]{2}-.*|[0-9]{2}:.*/) != nil {
            throw failure("\(word) is a date or a time, which no setting is")
        } else if word.wholeMatch(of: /[+-]?[0-9].*/) != nil {
            throw failure("\(word) is not a number; text stands in quotes: \"\(word)\"")
        } else {
            throw failure("\(word) is not a value; text stands in quotes: \"\(word)\"")
        }
        advance(word.utf8.count)
        return value
    }

    /// What comes next, up to a blank or a mark.
    private func word() -> String {
        let rest = bytes[index...].prefix { byte in
            !(byte <= 0x20
                || [UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#")].contains(byte))
        }
        return String(decoding: rest, as: UTF8.self)
    }
}

/// Numbers as TOML writes them.
enum TOMLNumber {
    /// The number in decimal digits, without underscores and plus signs; nil: it is none, or beyond 64 bits.
    static func decimal(_ word: String) -> String? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
            let digits = word.dropFirst(2)
            let isWhole = digits.wholeMatch(of: /[0-9A-Fa-f](_?[0-9A-Fa-f])*/) != nil
            return isWhole ? Int64(digits.replacing("_", with: ""), radix: radix).map { "\($0)" } : nil
        }
        let plain = word.replacing("_", with: "").trimmingPrefix("+")
        if word.wholeMatch(of: /[+-]?(0|[1-9](_?[0-9])*)/) != nil { return Int64(plain).map { "\($0)" } }
        let fraction = /[+-]?(0|[1-9](_?[0-9])*)(\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?/
        return word.wholeMatch(of: fraction) != nil || word.wholeMatch(of: /[+-]?(inf|nan)/) != nil
            ? String(plain) : nil
    }
}

let newline = UInt8(ascii: "\n")
let quote = UInt8(ascii: "\"")
let apostrophe = UInt8(ascii: "'")
private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
