// One text file of the repository and the sight of it that rules need: lines, and lines of code alone. Must not judge.
import Foundation

/// A file under its path from the repository's root.
struct SourceFile {
    /// "Sources/Cluster/Worker.swift"
    let path: String
    /// The text as written.
    let lines: [String]
    /// The same lines with comments and string literals blanked out; none for C and generated code.
    let code: [String]
    /// The same lines with everything blanked out but what string literals say.
    let literals: [String]
    /// The names in the code.
    let names: CodeNames

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        // Rules leave generated code alone, and it is long.
        let isRead = path.hasSuffix(".swift") && !path.hasSuffix(".pb.swift")
        (code, literals) = isRead ? CodeText.split(text) : ([], [])
        names = CodeNames(code)
    }

    /// The number of lines, not counting the empty one after the last line's end.
    var lineCount: Int { lines.last == "" ? lines.count - 1 : lines.count }

    /// The module: "Cluster" for "Sources/Cluster/…" and "ClusterTests" for "Tests/ClusterTests/…".
    var module: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    /// "Sources/Cluster/Placement"
    var folder: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }
    /// "Planner.swift"
    var name: String { path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isGenerated: Bool { path.hasSuffix(".pb.swift") }
    var isInSources: Bool { path.hasPrefix("Sources/") }
    var isInTests: Bool { path.hasPrefix("Tests/") }
}

/// The checkout that this file belongs to.
enum Repository {
    static let root = {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        repeat { folder.deleteLastPathComponent() } while folder.lastPathComponent != "Tests"
        return folder.deletingLastPathComponent()
    }()

    /// Every Swift and C file of the package, in order of path.
    static func sourceFiles() throws -> [SourceFile] {
        var paths = ["Package.swift"]
        for folder in ["Sources", "Tests"] {
            let found = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            while let path = found?.nextObject() as? String {
                if ["swift", "c", "h"].contains(URL(fileURLWithPath: path).pathExtension) {
                    paths.append("\(folder)/\(path)")
                }
            }
        }
        return try paths.sorted().map { SourceFile(path: $0, text: try text(of: $0)) }
    }

    /// Every file that belongs to the project, in order of path.
    static func paths() -> [String] {
        let folders = ["Sources", "Tests", "Deploy", ".ci", ".github"]
        return folders.flatMap { folder -> [String] in
            let found = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            return (found?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
        }.sorted() + ["Package.swift", "README.md"]
    }

    /// The text of a file of the repository.
    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The names at the top level.
    static func topLevel() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
    }
}
