// Responsible for: a template's source as tokens, with the white space that `trim_blocks`, `lstrip_blocks` and the
// marks `-` and `+` leave out, by the rules of jinja2's lexer. Must not know: grammar.

/// Cuts a template into tokens.
struct Lexer {
    private let source: [UInt8]
    private var position = 0
    private var line = 1
    private var tokens: [Token] = []
    /// Only white space stands between the last line break and `position`.
    private var isAtLineStart = true

    private init(_ source: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.utf8.count)
        var previous: UInt8 = 0
        for byte in source.utf8 {
            if byte == UInt8(ascii: "\r") {
                bytes.append(UInt8(ascii: "\n"))
            } else if !(byte == UInt8(ascii: "\n") && previous == UInt8(ascii: "\r")) {
                bytes.append(byte)
            }
            previous = byte
        }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        self.source = bytes
    }

    /// The tokens of `source`, an `end` last.
    static func tokens(of source: String) throws(JinjaError) -> [Token] {
        var lexer = Lexer(source)
        try lexer.scan()
        lexer.add(.end)
        return lexer.tokens
    }

    private mutating func add(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

    private func byte(_ offset: Int) -> UInt8? { offset < source.count ? source[offset] : nil }

    private func has(_ text: StaticString, at offset: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard offset + count <= source.count else { return false }
        for index in 0..<count where source[offset + index] != text.utf8Start[index] { return false }
        return true
    }

    /// Goes on to byte `end`.
    private mutating func move(to end: Int) {
        var index = position
        while index < end {
            if source[index] == UInt8(ascii: "\n") { line += 1 }
            index += 1
        }
        if end > position { isAtLineStart = source[end - 1] == UInt8(ascii: "\n") }
        position = end
    }

    private func fail(_ message: String) -> JinjaError { .syntax(line: line, message: message) }

    // MARK: Text and tags

    private mutating func scan() throws(JinjaError) {
        while position < source.count {
            guard let tag = nextTag(from: position) else {
                add(.text(Text(source[position...])))
                move(to: source.count)
                return
            }
            if let begin = rawBegin(at: tag) {
                addText(upTo: tag, sign: byte(tag + 2), isVariable: false)
                move(to: begin)
                try scanRaw()
                continue
            }
            let isVariable = source[tag + 1] == UInt8(ascii: "{")
            addText(upTo: tag, sign: byte(tag + 2), isVariable: isVariable)
            let kind = source[tag + 1]
            let isSigned = byte(tag + 2) == UInt8(ascii: "-") || byte(tag + 2) == UInt8(ascii: "+")
            if kind == UInt8(ascii: "#") {
                move(to: tag + (isSigned ? 3 : 2))
                try skipComment()
            } else {
                add(isVariable ? .variableBegin : .blockBegin)
                move(to: tag + (isSigned ? 3 : 2))
                try scanCode(isVariable: isVariable)
            }
        }
    }

    private func nextTag(from start: Int) -> Int? {
        var index = start
        while index + 1 < source.count {
            if source[index] == UInt8(ascii: "{") {
                let next = source[index + 1]
                if next == UInt8(ascii: "{") || next == UInt8(ascii: "%") || next == UInt8(ascii: "#") { return index }
            }
            index += 1
        }
        return nil
    }

    /// The text before a tag, as far as the tag leaves it.
    private mutating func addText(upTo tag: Int, sign: UInt8?, isVariable: Bool) {
        let text = Text(source[position..<tag])
        if sign == UInt8(ascii: "-") {
            let kept = text.stripped(left: false)
            if !kept.isEmpty { add(.text(kept)) }
        } else if sign != UInt8(ascii: "+"), !isVariable, let start = blankLineStart(of: text) {
            if start > 0 { add(.text(Text(text.utf8[..<start]))) }
        } else if !text.isEmpty {
            add(.text(text))
        }
        move(to: tag)
    }

    /// Where the last line of `text` begins, if it is blank and not empty.
    private func blankLineStart(of text: Text) -> Int? {
        let start = (text.utf8.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        guard start > 0 || isAtLineStart, start < text.utf8.count else { return nil }
        return Text(text.utf8[start...]).stripped().isEmpty ? start : nil
    }

    private func afterSpace(_ start: Int) -> Int {
        var index = start
        while index < source.count {
            let byte = source[index]
            if byte == 0x20 || (0x09...0x0D).contains(byte) || (0x1C...0x1F).contains(byte) {
                index += 1
            } else if byte >= 0x80 {
                let (scalar, width) = Text(source[index..<min(index + 4, source.count)]).scalar(at: 0)
                guard Text.isSpace(scalar) else { break }
                index += width
            } else {
                break
            }
        }
        return index
    }

    private mutating func skipComment() throws(JinjaError) {
        var end = position
        while end < source.count, !has("#}", at: end) { end += 1 }
        guard end < source.count else {
            if position == source.count { return }
            throw fail("Missing end of comment tag")
        }
        move(to: afterEnd(end + 2, sign: end > position ? source[end - 1] : nil))
    }

    /// Where the text after a tag begins: `end` is the byte after the tag, `sign` the one before its end mark.
    private func afterEnd(_ end: Int, sign: UInt8?, trims: Bool = true) -> Int {
        if sign == UInt8(ascii: "-") { return afterSpace(end) }
        if sign == UInt8(ascii: "+") { return end }
        return trims && byte(end) == UInt8(ascii: "\n") ? end + 1 : end
    }

    // MARK: Raw blocks

    /// The byte after `{% raw %}`, if that stands at `tag`.
    private func rawBegin(at tag: Int) -> Int? {
        guard has("{%", at: tag) else { return nil }
        let signed = byte(tag + 2) == UInt8(ascii: "-") || byte(tag + 2) == UInt8(ascii: "+")
        let word = afterSpace(tag + (signed ? 3 : 2))
        guard has("raw", at: word) else { return nil }
        let end = afterSpace(word + 3)
        if has("-%}", at: end) { return afterSpace(end + 3) }
        return has("%}", at: end) ? end + 2 : nil
    }

    private mutating func scanRaw() throws(JinjaError) {
        var tag = position
        while tag < source.count {
            if has("{%", at: tag) {
                let signed = byte(tag + 2) == UInt8(ascii: "-") || byte(tag + 2) == UInt8(ascii: "+")
                let word = afterSpace(tag + (signed ? 3 : 2))
                if has("endraw", at: word) {
                    let mark = afterSpace(word + 6)
                    let sign: UInt8? = has("-%}", at: mark) || has("+%}", at: mark) ? source[mark] : nil
                    if sign != nil || has("%}", at: mark) {
                        addText(upTo: tag, sign: byte(tag + 2), isVariable: false)
                        return move(to: afterEnd(mark + (sign == nil ? 2 : 3), sign: sign))
                    }
                }
            }
            tag += 1
        }
        if position < source.count { throw fail("Missing end of raw directive") }
    }

    // MARK: Code

    private static let closing: [UInt8: UInt8] = [
        UInt8(ascii: "("): UInt8(ascii: ")"), UInt8(ascii: "["): UInt8(ascii: "]"),
        UInt8(ascii: "{"): UInt8(ascii: "}"),
    ]

    private mutating func scanCode(isVariable: Bool) throws(JinjaError) {
        var brackets: [UInt8] = []
        while true {
            if brackets.isEmpty, let end = codeEnd(isVariable: isVariable) {
                add(isVariable ? .variableEnd : .blockEnd)
                return move(to: end)
            }
            guard position < source.count else { return }
            let next = afterSpace(position)
            if next > position {
                move(to: next)
            } else if let number = NumberLiteral(source, at: position) {
                guard let kind = number.kind else { throw fail("the number is too large") }
                add(kind)
                move(to: number.end)
            } else if let name = try scanName() {
                add(.name(name.text))
                move(to: name.end)
            } else if source[position] == UInt8(ascii: "'") || source[position] == UInt8(ascii: "\"") {
                let literal = try StringLiteral(source, at: position, line: line)
                add(.string(literal.text))
                move(to: literal.end)
            } else {
                try scanSymbol(&brackets)
            }
        }
    }

    private func codeEnd(isVariable: Bool) -> Int? {
        if isVariable {
            if has("-}}", at: position) { return afterSpace(position + 3) }
            return has("}}", at: position) ? position + 2 : nil
        }
        if has("-%}", at: position) { return afterSpace(position + 3) }
        if has("+%}", at: position) { return position + 3 }
        return has("%}", at: position) ? afterEnd(position + 2, sign: nil) : nil
    }

    private func scanName() throws(JinjaError) -> (text: String, end: Int)? {
        var end = position
        while end < source.count {
            let byte = source[end]
            if byte == UInt8(ascii: "_") || Text.isASCIIAlphanumeric(byte) {
                end += 1
            } else if byte >= 0x80 {
                let (scalar, width) = Text(source[end..<min(end + 4, source.count)]).scalar(at: 0)
                guard scalar.properties.isXIDContinue else { break }
                end += width
            } else {
                break
            }
        }
        guard end > position else { return nil }
        let name = Text(source[position..<end])
        let isPlain = source[position] > UInt8(ascii: "9") && name.isASCII
        guard isPlain || name.isIdentifier else { throw fail("Invalid character in identifier") }
        return (name.string, end)
    }

    /// The bytes of the operator at the current position; nil where there is none.
    private var symbolWidth: Int? {
        let (first, second) = (source[position], byte(position + 1))
        switch first {
        case UInt8(ascii: "/"), UInt8(ascii: "*"): return second == first ? 2 : 1
        case UInt8(ascii: "="), UInt8(ascii: ">"), UInt8(ascii: "<"): return second == UInt8(ascii: "=") ? 2 : 1
        case UInt8(ascii: "!"): return second == UInt8(ascii: "=") ? 2 : nil
        default: return "+-%~[](){}.:|,;".utf8.contains(first) ? 1 : nil
        }
    }

    private mutating func scanSymbol(_ brackets: inout [UInt8]) throws(JinjaError) {
        guard let width = symbolWidth else {
            let (scalar, _) = Text(source[position..<min(position + 4, source.count)]).scalar(at: 0)
            throw fail("unexpected char \(repr(Text(scalars: [scalar]))) at \(position)")
        }
        let symbol = String(decoding: source[position..<(position + width)], as: UTF8.self)
        let byte = source[position]
        if let closing = Self.closing[byte] {
            brackets.append(closing)
            guard brackets.count <= TemplateLimits.parseDepth else {
                let message = "brackets are nested more than \(TemplateLimits.parseDepth) levels deep"
                throw .limit(line: line, message: message)
            }
        } else if Self.closing.values.contains(byte) {
            guard let expected = brackets.popLast() else { throw fail("unexpected '\(symbol)'") }
            guard expected == byte else {
                throw fail("unexpected '\(symbol)', expected '\(Character(Unicode.Scalar(expected)))'")
            }
        }
        add(.symbol(symbol))
        move(to: position + width)
    }
}
