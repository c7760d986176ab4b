// Cluster must not iterate over a Dictionary or a Set: Swift seeds hashing anew in every process, so that the seed of a
// simulation would not replay it. Must not know more of types than the declarations of the same file say.

enum HashOrderRule {
    static func check(_ file: SourceFile) -> [Violation] {
        guard file.isInSources && file.module == "Cluster" else { return [] }
        let names = Set(file.code.compactMap(declaredName))
        return file.code.enumerated().compactMap { index, line in
            guard let name = names.first(where: { iterates(over: $0, in: line) }) else { return nil }
            let message =
                "iterates over \(name), a Dictionary or a Set, whose order differs from run to run; keep an array"
            return Violation(path: file.path, line: index + 1, message: message)
        }
    }

    /// The variable or parameter of a type `[K: V]`, `Dictionary<…>` or `Set<…>` that a line declares.
    private static func declaredName(_ line: String) -> String? {
        let pattern =
            /(?:\b(?:let|var)\s+|[(,]\s*)(\w+)\s*(?::|=)\s*(?:\[\s*[\w.]+\s*:\s*[^\]]*\]|\[:\]|Set\b|Dictionary\b)/
        return line.firstMatch(of: pattern).map { String($0.1) }
    }

    private static func iterates(over name: String, in line: String) -> Bool {
        let words = line.replacing("self.", with: "")
        if words.contains("\(name).keys") || words.contains("\(name).values") { return true }
        for call in [
            "map", "compactMap", "flatMap", "forEach", "reduce", "first", "min", "max", "enumerated", "popFirst",
        ]
        where words.contains("\(name).\(call)") { return true }
        guard let loop = words.firstRange(of: " in \(name)"), words[..<loop.lowerBound].contains("for ") else {
            return false
        }
        return words[loop.upperBound...].first.map { $0 == " " } ?? true
    }
}
