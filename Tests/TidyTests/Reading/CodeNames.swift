// The names in Swift code: types that it declares, words that it uses. Must not know what either means: no other file, no
// scope but the file and the braces around a word.

struct CodeNames {
    /// A struct, enum, class, protocol, actor, typealias or associated type.
    struct Declaration: Equatable {
        let name: String
        let line: Int
        /// Whether it stands in no other type, and other files see it.
        let isShared: Bool
    }

    private(set) var declarations: [Declaration] = []
    /// Every word that is neither declared by its place nor a member's name after a dot, with its first line.
    private(set) var uses: [String: Int] = [:]

    /// From lines of code without comments and strings.
    init(_ code: [String]) {
        var depth = 0
        for (index, line) in code.enumerated() {
            var previous = ""
            var isPrivate = false
            Self.forEachPart(of: Array(line.utf8)) { part in
                switch part {
                case .brace(let change): depth += change
                case .word(let word, let isMember):
                    if Self.typeKeywords.contains(previous) && word != "func" && word != "var" && word != "let" {
                        let isShared = depth == 0 && !isPrivate
                        declarations.append(Declaration(name: word, line: index + 1, isShared: isShared))
                    } else if !isMember && uses[word] == nil {
                        uses[word] = index + 1
                    }
                    if word == "private" || word == "fileprivate" { isPrivate = true }
                    previous = isMember ? "" : word
                }
            }
        }
    }

    private enum Part {
        case brace(Int)
        case word(String, isMember: Bool)
    }

    private static let typeKeywords: Set = [
        "struct", "enum", "class", "protocol", "actor", "typealias", "associatedtype",
    ]

    private static func forEachPart(of line: [UInt8], _ body: (Part) -> Void) {
        var index = 0
        while index < line.count {
            let start = index
            while index < line.count && isWordByte(line[index]) { index += 1 }
            if index > start {
                // Of a range, "...Name", the name is no member.
                let isMember = start > 0 && line[start - 1] == dot && !(start > 1 && line[start - 2] == dot)
                body(.word(String(decoding: line[start..<index], as: UTF8.self), isMember: isMember))
                continue
            }
            if line[index] == UInt8(ascii: "{") { body(.brace(1)) }
            if line[index] == UInt8(ascii: "}") { body(.brace(-1)) }
            index += 1
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
            || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}

private let dot = UInt8(ascii: ".")
