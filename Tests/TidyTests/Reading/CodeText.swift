// Tells code from comments and string literals in Swift text, well enough for rules about words. Must not know rules.

/// A scanner over the text's bytes. Regular expression literals are not known to it: a quotation mark in one of them
/// would be taken for the beginning of a string.
struct CodeText {
    private let text: [UInt8]
    private var code: [UInt8]
    private var literals: [UInt8]
    private var index = 0

    /// The lines of `text` twice: with everything in comments and string literals replaced by spaces, and with
    /// everything but what string literals say. Interpolations are code.
    static func split(_ text: String) -> (code: [String], literals: [String]) {
        var scanner = CodeText(Array(text.utf8))
        scanner.scanCode(untilClosingParenthesis: false)
        return (lines(scanner.code), lines(scanner.literals))
    }

    private static func lines(_ text: [UInt8]) -> [String] {
        text.split(separator: newline, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    private init(_ text: [UInt8]) {
        self.text = text
        code = text
        literals = text.map { $0 == newline ? newline : space }
    }

    private mutating func scanCode(untilClosingParenthesis: Bool) {
        var depth = 0
        while index < text.count {
            switch text[index] {
            case slash where starts(with: [slash, slash]):
                while index < text.count && text[index] != newline { blank() }
            case slash where starts(with: [slash, star]): scanBlockComment()
            case quote: scanString()
            case hash where isRawStringStart(): scanString()
            case UInt8(ascii: "("):
                depth += 1
                index += 1
            case UInt8(ascii: ")"):
                depth -= 1
                index += 1
                if untilClosingParenthesis && depth < 0 { return }
            default: index += 1
            }
        }
    }

    private mutating func scanBlockComment() {
        var depth = 0
        repeat {
            if starts(with: [slash, star]) {
                depth += 1
                blank(2)
            } else if starts(with: [star, slash]) {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && index < text.count
    }

    private mutating func scanString() {
        var hashes = 0
        while text[index] == hash {
            hashes += 1
            blank()
        }
        let pounds = [UInt8](repeating: hash, count: hashes)
        let quotes = [UInt8](repeating: quote, count: starts(with: [quote, quote, quote]) ? 3 : 1)
        let interpolation = [UInt8(ascii: "\\")] + pounds + [UInt8(ascii: "(")]
        blank(quotes.count)
        while index < text.count {
            if starts(with: quotes + pounds) {
                blank(quotes.count + hashes)
                return
            }
            if starts(with: interpolation) {
                blank(interpolation.count)
                scanCode(untilClosingParenthesis: true)
            } else if hashes == 0 && text[index] == UInt8(ascii: "\\") {
                keepLiteral(2)
            } else if quotes.count == 1 && text[index] == newline {
                return  // no string of one line goes further
            } else {
                keepLiteral()
            }
        }
    }

    private func isRawStringStart() -> Bool {
        let next = text[index...].first { $0 != hash }
        return next == quote
    }

    private func starts(with word: [UInt8]) -> Bool {
        guard index + word.count <= text.count else { return false }
        for offset in word.indices where text[index + offset] != word[offset] { return false }
        return true
    }

    private mutating func keepLiteral(_ count: Int = 1) {
        for offset in index..<min(index + count, text.count) { literals[offset] = text[offset] }
        blank(count)
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where index < text.count {
            if text[index] != newline { code[index] = space }
            index += 1
        }
    }
}

private let newline = UInt8(ascii: "\n")
private let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")
private let slash = UInt8(ascii: "/")
private let star = UInt8(ascii: "*")
private let hash = UInt8(ascii: "#")
