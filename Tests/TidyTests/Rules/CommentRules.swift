// What must be explained: every file by its first line, every declaration that another module sees.

enum CommentRules {
    static func check(_ file: SourceFile) -> [Violation] {
        let first = file.lines.first ?? ""
        if !first.hasPrefix("//") {
            let message = "opens with a comment: what it is responsible for and must not know"
            return [Violation(path: file.path, line: 1, message: message)]
        }
        guard file.isInSources else { return [] }
        return file.code.indices.compactMap { index in
            guard declares(file.code[index]), !isDocumented(file, index) else { return nil }
            let text = file.lines[index].split(separator: " ").joined(separator: " ")
            return Violation(path: file.path, line: index + 1, message: "needs a doc comment: \(text)")
        }
    }

    /// Whether the line begins a `package` or `public` type or function. Properties and initializers need a comment
    /// only where their names do not say everything; that is for a reader to judge.
    private static func declares(_ line: String) -> Bool {
        guard line.contains("package") || line.contains("public") else { return false }
        let words = line.split { $0 == " " || $0 == "(" || $0 == "<" || $0 == ":" }.filter { !$0.hasPrefix("@") }
        guard let access = words.first, access == "package" || access == "public" else { return false }
        guard let keyword = words.first(where: { explained.contains(String($0)) }) else { return false }
        if keyword != "func" { return true }
        return !line.contains("func <") && !words.contains { witnesses.contains(String($0)) }
    }

    /// Requirements of protocols that are explained elsewhere.
    private static let witnesses: Set = ["==", "hash", "encode", "override"]
    private static let explained: Set = ["struct", "class", "enum", "protocol", "actor", "func", "typealias", "macro"]

    private static func isDocumented(_ file: SourceFile, _ index: Int) -> Bool {
        var above = index - 1
        while above >= 0 {
            let line = file.lines[above].drop { $0 == " " }
            if line.hasPrefix("///") { return true }
            // Attributes of the declaration, and comments between them, may stand in between.
            guard line.hasPrefix("@") || line.hasPrefix("//") else { return false }
            above -= 1
        }
        return false
    }
}
