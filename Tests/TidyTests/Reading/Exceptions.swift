// The committed list of what is too long and may stay so for now. It may only shrink.

/// Reads `exceptions.txt`: a line is "PATH SUBJECT LINES", the subject being "file" or a function's name; "#" begins a
/// comment.
struct Exceptions {
    struct Entry: Hashable {
        let path: String
        let length: Violation.Length
    }

    let entries: [Entry]
    /// Lines that are neither entries nor comments.
    let unreadable: [String]

    init(_ text: String) {
        var entries: [Entry] = []
        var unreadable: [String] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            if parts.count == 3, let lines = Int(parts[2]) {
                entries.append(Entry(path: String(parts[0]), length: .init(subject: String(parts[1]), lines: lines)))
            } else {
                unreadable.append(String(line))
            }
        }
        self.entries = entries
        self.unreadable = unreadable
    }

    /// The violations that remain: those without an entry, and an entry that no longer says exactly what is there.
    func apply(to violations: [Violation]) -> [Violation] {
        var left = entries
        var remaining = violations.filter { violation in
            let index = left.firstIndex { $0.path == violation.path && $0.length == violation.length }
            guard let index else { return true }
            left.remove(at: index)
            return false
        }
        for entry in left {
            let (subject, lines) = (entry.length.subject, entry.length.lines)
            let message =
                "exceptions.txt says that \(subject) has \(lines) lines; remove or correct the entry (only downwards)"
            remaining.append(Violation(path: entry.path, message: message))
        }
        for line in unreadable {
            remaining.append(Violation(path: "Tests/TidyTests/exceptions.txt", message: "cannot be read: \(line)"))
        }
        return remaining
    }
}
