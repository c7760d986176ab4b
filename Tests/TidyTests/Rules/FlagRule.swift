// Flags are spelled where they are parsed: in the command line. Other modules name the field that is wrong, and CLI says
// which flag sets it. Must not know which flags there are.

enum FlagRule {
    static func check(_ file: SourceFile) -> [Violation] {
        guard file.isInSources && file.module != "CLI" else { return [] }
        return file.literals.enumerated().compactMap { index, line in
            guard let flag = flag(in: Array(line.utf8)) else { return nil }
            let message = "\(flag): only CLI names flags; say which field is wrong"
            return Violation(path: file.path, line: index + 1, message: message)
        }
    }

    /// The first word of the form "--name".
    private static func flag(in line: [UInt8]) -> String? {
        let starts = line.indices.dropLast(2).filter { index in
            line[index] == hyphen && line[index + 1] == hyphen && isLetter(line[index + 2])
                && (index == 0 || !(line[index - 1] == hyphen || isLetter(line[index - 1])))
        }
        return starts.first.map { start in
            String(decoding: line[start...].prefix { isLetter($0) || $0 == hyphen }, as: UTF8.self)
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }
}

private let hyphen = UInt8(ascii: "-")
