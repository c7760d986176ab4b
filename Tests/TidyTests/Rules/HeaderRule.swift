// What a file's first lines say that it must not know is not to be found in it. Must not know prose: a phrase that
// `HeaderSubjects` does not list is for a reader to judge.

enum HeaderRule {
    /// `modules` says of modules what headers say of files; see `disclaimedByModules`.
    static func check(_ file: SourceFile, modules: [String: [String]] = [:]) -> [Violation] {
        guard file.isInSources && !file.isGenerated else { return [] }
        let imports = ImportRules.imports(of: file)
        let phrases = Set(disclaimed(by: file) + modules[file.module, default: []])
        return phrases.flatMap { phrase -> [Violation] in
            guard let subject = HeaderSubjects.all[phrase] else { return [] }
            let words = subject.types.union(subject.words)
            let names = file.names.uses.filter { words.contains($0.key) }.map { (name: $0.key, line: $0.value) }
            let found =
                imports.filter { subject.modules.contains($0.name) } + names
                + includes(of: file).filter { subject.headers.contains($0.name) }
            return found.map { name, line in
                let message = "\(name): the file's header, or the table of modules, says that it knows no \(phrase)"
                return Violation(path: file.path, line: line, message: message)
            }
        }.sorted { ($0.line, $0.message) < ($1.line, $1.message) }
    }

    /// Types in the table that no file declares any more: under a new name they would go unnoticed.
    static func checkTable(_ files: [SourceFile]) -> [Violation] {
        let declared = Set(files.filter(\.isInSources).flatMap { $0.names.declarations.map(\.name) })
        return HeaderSubjects.all.flatMap { phrase, subject in
            subject.types.subtracting(declared).map { type in
                Violation(
                    path: "Tests/TidyTests/Rules/HeaderSubjects.swift",
                    message: "nothing declares \(type); correct the entry \"\(phrase)\"")
            }
        }.sorted { $0.message < $1.message }
    }

    /// The phrases of "Must not know: a, b and c." and "Knows nothing of a." in the comment at the file's head.
    static func disclaimed(by file: SourceFile) -> [String] {
        let header =
            file.lines.prefix { $0.hasPrefix("//") }.map { $0.trimmingPrefix("//").trimmingPrefix(" ") }
            .joined(separator: " ") + " "
        return ["Must not know", "Must never know", "Knows nothing of", "Knows no "].flatMap { opening -> [String] in
            guard let range = header.firstRange(of: opening) else { return [] }
            let rest = header[range.upperBound...].trimmingPrefix(":")
            let sentence = rest[..<(rest.firstRange(of: ". ")?.lowerBound ?? rest.endIndex)]
            return phrases(in: sentence.prefix { !";:(".contains($0) })
        }
    }

    /// The same for each module, from the last column of the table of modules in Architecture.md.
    static func disclaimedByModules(_ architecture: String) -> [String: [String]] {
        let rows = architecture.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { $0.split(separator: "|") }
        let modules = rows.compactMap { cells -> (String, [String])? in
            let names = cells[0].split(separator: "`")
            return cells.count == 3 && names.count > 1 ? (String(names[1]), phrases(in: cells[2])) : nil
        }
        return Dictionary(modules, uniquingKeysWith: +)
    }

    private static func phrases(in list: Substring) -> [String] {
        list.replacing(" and ", with: ",").replacing(" or ", with: ",").split(separator: ",").map { item in
            let words = item.split(separator: " ")
            return words.drop { ["the", "any", "no"].contains($0) }.joined(separator: " ")
        }
    }

    private static func includes(of file: SourceFile) -> [(name: String, line: Int)] {
        guard !file.isSwift else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            guard line.hasPrefix("#include") else { return nil }
            let path = line.split { $0 == "<" || $0 == ">" || $0 == "\"" }.dropFirst().first
            return path.map { (String($0.split(separator: "/").last ?? $0), index + 1) }
        }
    }
}
