// How long a file and a function may be, and the committed list of those that are longer. Must not know other rules.

enum LengthRules {
    static let fileLimit = 400
    static let functionLimit = 70

    static func check(_ file: SourceFile) -> [Violation] {
        guard file.isSwift && !file.isGenerated else { return [] }
        var found: [Violation] = []
        if file.lineCount > fileLimit {
            let message = "the file has \(file.lineCount) lines; \(fileLimit) are the limit: split it by responsibility"
            found.append(
                Violation(path: file.path, message: message, length: .init(subject: "file", lines: file.lineCount)))
        }
        for function in functions(in: file.code) where function.lines > functionLimit {
            let message = "\(function.name) has \(function.lines) lines; \(functionLimit) are the limit"
            let length = Violation.Length(subject: function.name, lines: function.lines)
            found.append(Violation(path: file.path, line: function.line, message: message, length: length))
        }
        return found
    }

    /// A function, initializer or subscript with a body.
    struct Function: Equatable {
        let name: String
        let line: Int
        let lines: Int
    }

    /// The functions of a file, nested ones too, from lines of code without comments and strings.
    static func functions(in code: [String]) -> [Function] {
        let bytes = Array(code.joined(separator: "\n").utf8)
        var found: [Function] = []
        var line = 1
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
            guard isWordByte(bytes[index]) else {
                index += 1
                continue
            }
            let start = index
            while index < bytes.count && isWordByte(bytes[index]) { index += 1 }
            let isMember = start > 0 && bytes[start - 1] == UInt8(ascii: ".")
            guard !isMember, let word = keywords.first(where: { bytes[start..<index].elementsEqual($0.utf8) }),
                let body = bodyAfterSignature(bytes, from: index)
            else { continue }
            let lineBreaks = bytes[start...body.end].count { $0 == UInt8(ascii: "\n") }
            let name = word == "func" ? nameOfFunction(bytes, from: index) : word
            found.append(Function(name: name, line: line, lines: lineBreaks + 1))
        }
        return found
    }

    private static let keywords = ["func", "init", "deinit", "subscript"]

    private static func nameOfFunction(_ bytes: [UInt8], from start: Int) -> String {
        let name = bytes[start...].drop { $0 == UInt8(ascii: " ") }
        return String(decoding: name.prefix { $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: " ") }, as: UTF8.self)
    }

    /// The braces of the body that follows a signature; nil for a requirement of a protocol, which has none.
    private static func bodyAfterSignature(_ bytes: [UInt8], from start: Int) -> (start: Int, end: Int)? {
        var depth = 0
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "{") where depth == 0:
                return closingBrace(bytes, from: index).map { (index, $0) }
            case UInt8(ascii: "}") where depth <= 0: return nil
            case UInt8(ascii: "\n") where depth == 0 && nextLineDeclares(bytes, after: index): return nil
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func nextLineDeclares(_ bytes: [UInt8], after newline: Int) -> Bool {
        let line = bytes[(newline + 1)...].prefix { $0 != UInt8(ascii: "\n") }
        let words = String(decoding: line, as: UTF8.self).split { !($0.isLetter || $0 == "@") }
        let declaring: Set = [
            "func", "init", "subscript", "var", "let", "static", "mutating", "associatedtype", "case",
        ]
        return words.first.map { declaring.contains(String($0)) || $0.hasPrefix("@") } ?? false
    }

    private static func closingBrace(_ bytes: [UInt8], from start: Int) -> Int? {
        var depth = 0
        for index in start..<bytes.count {
            if bytes[index] == UInt8(ascii: "{") { depth += 1 }
            if bytes[index] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
            || byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}
