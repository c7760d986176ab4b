// How many files a folder may hold: what one takes in at a glance. Must not know what the files are about.

enum FolderSizeRule {
    static let limit = 15
    static func check(_ files: [SourceFile]) -> [Violation] {
        let written = files.filter { ($0.isInSources || $0.isInTests) && !$0.isGenerated }
        return Dictionary(grouping: written, by: \.folder).filter { $0.value.count > limit }.map { folder, files in
            let message =
                "the folder has \(files.count) files; \(limit) are the limit: group them by what they are about"
            return Violation(path: folder, message: message)
        }.sorted { $0.path < $1.path }
    }
}
