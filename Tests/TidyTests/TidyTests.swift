// Reads the repository as a strict colleague would. The rules are tried on planted samples in `RuleTests`.
import Testing

@Suite("The sources are tidy") struct TidyTests {
    private static let sources = Result { try Repository.sourceFiles() }  // read once for all tests
    private let files: [SourceFile]

    init() throws {
        files = try Self.sources.get()
        // Enough to know that the walk found the repository and not an empty folder.
        try #require(files.count > 20 && files.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
    }

    @Test("Files and functions are short, but for a list that only shrinks")
    func lengths() throws {
        let exceptions = Exceptions(try Repository.text(of: "Tests/TidyTests/exceptions.txt"))
        expectNone(exceptions.apply(to: files.flatMap(LengthRules.check)))
    }

    @Test("C files and functions are short, and the folders of C include each other in one direction")
    func c() { expectNone(files.flatMap(CLengthRule.check) + CFolderRule.check(files)) }

    @Test("Modules import only what the diagram of the modules allows")
    func imports() { expectNone(files.flatMap(ImportRules.check)) }

    @Test("No try!, no fatalError, no printing outside the command line, no hidden inputs in Cluster")
    func words() { expectNone(files.flatMap(WordRules.check)) }

    @Test("Cluster never iterates over a Dictionary or a Set")
    func hashOrder() { expectNone(files.flatMap(HashOrderRule.check)) }

    @Test("Every file and every declaration seen by other modules is explained")
    func comments() { expectNone(files.flatMap(CommentRules.check)) }

    @Test("The top level holds what belongs there")
    func topLevel() throws {
        expectNone(
            TopLevelRule.check(names: try Repository.topLevel(), gitignore: try Repository.text(of: ".gitignore")))
    }

    private func expectNone(_ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation) {
        for violation in violations { Issue.record("\(violation)", sourceLocation: sourceLocation) }
    }
}
