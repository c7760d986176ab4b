// The folders of a C module include each other in one direction. Must not know what they are for.

enum CFolderRule {
    /// One violation for each circle that is found among the folders of a C module: `#include "Folder/file.h"` leads from
    /// the file's folder to that one.
    static func check(_ files: [SourceFile]) -> [Violation] {
        var includes: [String: [String: Violation]] = [:]  // from, to, the first line that does so
        for file in files where file.isInSources && (file.path.hasSuffix(".c") || file.path.hasSuffix(".h")) {
            let parts = file.path.split(separator: "/")
            guard parts.count > 3 else { continue }
            let from = "\(file.module)/\(parts[2])"
            for (index, line) in file.lines.enumerated() where line.hasPrefix("#include \"") {
                let target = line.split(separator: "\"")[1].split(separator: "/")
                guard target.count > 1 else { continue }
                let to = "\(file.module)/\(target[0])"
                guard to != from, includes[from]?[to] == nil else { continue }
                let message = "\(to) includes \(from), if by others: let one of the two not need the other"
                includes[from, default: [:]][to] = Violation(path: file.path, line: index + 1, message: message)
            }
        }
        func reachable(from start: String) -> Set<String> {
            var seen: Set<String> = []
            var next = [start]
            while let folder = next.popLast() {
                for to in (includes[folder] ?? [:]).keys where seen.insert(to).inserted { next.append(to) }
            }
            return seen
        }
        return includes.keys.sorted().flatMap { from in
            (includes[from] ?? [:]).sorted { $0.key < $1.key }.filter { reachable(from: $0.key).contains(from) }.map(
                \.value)
        }
    }
}
