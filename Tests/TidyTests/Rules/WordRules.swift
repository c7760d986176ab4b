// Words that must not stand in the code, or not there. Must not know comments and strings: they are blanked before.

enum WordRules {
    /// Words that make a decision depend on more than its arguments.
    static let impureWords: Set = [
        "ContinuousClock", "SuspendingClock", "Date", "Task", "Thread", "UUID", "SystemRandomNumberGenerator", "random",
        "randomElement", "shuffled", "hashValue", "Hasher",
    ]

    static func check(_ file: SourceFile) -> [Violation] {
        file.code.enumerated().flatMap { index, line in
            messages(for: line, in: file).map { Violation(path: file.path, line: index + 1, message: $0) }
        }
    }

    private static func messages(for line: String, in file: SourceFile) -> [String] {
        var messages: [String] = []
        let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
        if line.contains("try!") { messages.append("try! turns an error into a trap; throw it on") }
        if words.contains("fatalError") {
            messages.append("fatalError: use precondition for a bug of ours and a typed error for the rest")
        }
        if file.isInSources && file.module != "CLI" && calls("print", in: line) {
            messages.append("only the command line prints; log or return it")
        }
        if file.isInSources && file.module == "Cluster" {
            for word in words where impureWords.contains(String(word)) {
                messages.append("\(word): a machine decides from its event and the time it is given, nothing else")
            }
        }
        return messages
    }

    private static func calls(_ function: String, in line: String) -> Bool {
        var rest = line[...]
        while let found = rest.firstRange(of: function + "(") {
            let before = line[..<found.lowerBound].last
            if before.map({ !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }) ?? true { return true }
            rest = rest[found.upperBound...]
        }
        return false
    }
}
