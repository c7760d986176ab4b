// What the first screen of the repository shows. Must not look inside the folders.

enum TopLevelRule {
    /// Everything that may stand at the top, beside what `.gitignore` names.
    static let allowed: Set = [
        ".ci", ".git", ".gitattributes", ".github", ".gitignore", ".swift-format", "Deploy", "LICENSE", "Package.swift",
        "README.md", "Sources", "Tests",
    ]

    static func check(names: [String], gitignore: String) -> [Violation] {
        let ignored = gitignore.split(separator: "\n").map { $0.trimmingPrefix("/") }
            .map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
        var found = names.filter { !allowed.contains($0) && !ignored.contains($0) }.map {
            Violation(path: $0, message: "does not belong at the top level; find it a folder")
        }
        // Versions are bounded in Package.swift; a committed Package.resolved would pin what users of the newest
        // patches get.
        if !ignored.contains("Package.resolved") {
            found.append(Violation(path: ".gitignore", message: "must name /Package.resolved, which is not committed"))
        }
        return found
    }
}
