// How long a C file, a function and a macro may be: as long as in Swift. Must not know other rules.

enum CLengthRule {
    static func check(_ file: SourceFile) -> [Violation] {
        guard file.path.hasSuffix(".c") || file.path.hasSuffix(".h") else { return [] }
        var found: [Violation] = []
        if file.lineCount > LengthRules.fileLimit {
            let message = "the file has \(file.lineCount) lines; \(LengthRules.fileLimit) are the limit: split it"
            found.append(Violation(path: file.path, message: message))
        }
        for piece in pieces(of: file.lines) where piece.lines > LengthRules.functionLimit {
            let message = "\(piece.name) has \(piece.lines) lines; \(LengthRules.functionLimit) are the limit"
            found.append(Violation(path: file.path, line: piece.line, message: message))
        }
        return found
    }

    /// A function with a body, or a macro.
    struct Piece: Equatable {
        let name: String
        let line: Int
        let lines: Int
    }

    /// The macros and the functions of a file, in order of their ends. A function begins where its paragraph does, or after
    /// the declaration before it.
    static func pieces(of lines: [String]) -> [Piece] {
        var found: [Piece] = []
        var depth = 0
        var macro: (name: String, line: Int)?
        var signature: (text: String, line: Int) = ("", 0)
        var function: (name: String, line: Int)?
        for (index, line) in CCode.blankingCommentsAndStrings(lines).enumerated() {
            if macro == nil && line.first(where: { $0 != " " }) == "#" {
                let words = line.split { $0 == " " || $0 == "(" || $0 == "#" }
                macro = (words.dropFirst().first.map(String.init) ?? "", index + 1)
            }
            if let (name, start) = macro {
                if line.hasSuffix("\\") { continue }
                if index + 1 > start { found.append(Piece(name: name, line: start, lines: index + 2 - start)) }
                macro = nil
                continue
            }
            if depth == 0 && line.allSatisfy({ $0 == " " }) { signature = ("", 0) }
            for character in line {
                if depth == 0 && signature.line == 0 && character != " " { signature.line = index + 1 }
                switch character {
                case "{":
                    if depth == 0 { function = nameOfFunction(signature.text).map { ($0, signature.line) } }
                    depth += 1
                case "}":
                    depth -= 1
                    guard depth == 0 else { continue }
                    if let (name, start) = function {
                        found.append(Piece(name: name, line: start, lines: index + 2 - start))
                    }
                    (function, signature) = (nil, ("", 0))
                case ";" where depth == 0: signature = ("", 0)
                default: if depth == 0 { signature.text.append(character) }
                }
            }
            signature.text.append(" ")
        }
        return found
    }

    /// The name before the parameters that end a signature; nil where something else is in braces.
    private static func nameOfFunction(_ signature: String) -> String? {
        var rest = Substring(signature)
        while rest.last == " " { rest.removeLast() }
        guard rest.last == ")" else { return nil }
        var depth = 0
        repeat {
            guard let character = rest.popLast() else { return nil }
            depth += character == ")" ? 1 : character == "(" ? -1 : 0
        } while depth > 0
        while rest.last == " " { rest.removeLast() }
        let isPartOfName = { (character: Character) in character.isLetter || character.isNumber || character == "_" }
        let name = rest.reversed().prefix(while: isPartOfName)
        return name.isEmpty ? nil : String(name.reversed())
    }
}

/// The sight of C that rules need.
enum CCode {
    /// The same lines with comments and the insides of string and character literals blanked out.
    static func blankingCommentsAndStrings(_ lines: [String]) -> [String] {
        var isInComment = false
        return lines.map { line in
            var out = ""
            var literal: UInt8?
            let bytes = Array(line.utf8)
            var index = 0
            while index < bytes.count {
                let byte = bytes[index], next = index + 1 < bytes.count ? bytes[index + 1] : 0
                let isPair: Bool
                if isInComment {
                    isPair = byte == UInt8(ascii: "*") && next == UInt8(ascii: "/")
                    if isPair { isInComment = false }
                } else if let end = literal {
                    isPair = byte == UInt8(ascii: "\\") && index + 1 < bytes.count
                    if byte == end { literal = nil }
                } else if byte == UInt8(ascii: "/") && next == UInt8(ascii: "/") {
                    break
                } else if byte == UInt8(ascii: "/") && next == UInt8(ascii: "*") {
                    (isPair, isInComment) = (true, true)
                } else {
                    isPair = false
                    let isQuote = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
                    if isQuote { literal = byte } else { out.unicodeScalars.append(Unicode.Scalar(byte)) }
                }
                index += isPair ? 2 : 1
            }
            return out
        }
    }
}
