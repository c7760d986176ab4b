// One name, one type: whoever reads a type's name need not ask of which module. Must not know nested types, whose names
// are read with those around them, nor private ones, which nobody else reads.

enum SharedNameRule {
    static func check(_ files: [SourceFile]) -> [Violation] {
        var first: [String: SourceFile] = [:]
        return files.filter(\.isInSources).flatMap { file in
            file.names.declarations.filter(\.isShared).compactMap { declaration in
                let name = declaration.name
                guard let other = first[name] else {
                    first[name] = file
                    return nil
                }
                guard other.module != file.module else { return nil }
                let message = "\(name) is also the name of a type in \(other.path); one of the two needs another"
                return Violation(path: file.path, line: declaration.line, message: message)
            }
        }
    }
}
