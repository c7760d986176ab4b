// What the documentation says of files: those that it names exist. Must not know what it says of them.

enum DocumentRule {
    private static let endings: Set = ["swift", "c", "h", "proto", "py", "md"]

    /// One violation for each name of a source file in backticks that no path of the repository ends with. A `*` stands
    /// for any characters of a name.
    static func check(path: String, text: String, against paths: [String]) -> [Violation] {
        let known = Set(paths.flatMap(suffixes))
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { index, line in
            names(in: line).filter { !exists($0, among: known) }.map {
                Violation(path: path, line: index + 1, message: "there is no file \($0)")
            }
        }
    }

    /// "a/b/c.swift" ends with itself, "b/c.swift" and "c.swift".
    private static func suffixes(of path: String) -> [String] {
        let parts = path.split(separator: "/")
        return parts.indices.map { parts[$0...].joined(separator: "/") }
    }

    /// What stands in backticks and looks like the name of a source file.
    private static func names(in line: Substring) -> [String] {
        let pieces = line.split(separator: "`", omittingEmptySubsequences: false)
        return pieces.indices.filter { $0 % 2 == 1 }.map { String(pieces[$0]) }.filter { name in
            guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
            return endings.contains(String(name[name.index(after: dot)...])) && name.allSatisfy(isPartOfName)
        }
    }

    private static func isPartOfName(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "/._+-*".contains(character))
    }

    private static func exists(_ name: String, among known: Set<String>) -> Bool {
        var name = name[...]
        while name.hasPrefix("../") { name = name.dropFirst(3) }
        guard let star = name.firstIndex(of: "*") else { return known.contains(String(name)) }
        let (before, after) = (name[..<star], name[name.index(after: star)...])
        return known.contains { $0.hasPrefix(before) && $0.hasSuffix(after) && $0.count >= name.count - 1 }
    }
}
