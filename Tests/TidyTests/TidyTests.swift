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

    @Test("C files and functions are short")
    func c() { expectNone(files.flatMap(CLengthRule.check)) }

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

    @Test("A file does not know what its header, or the table of modules, says that it must not know")
    func headers() throws {
        let modules = HeaderRule.disclaimedByModules(
            try Repository.text(of: "Sources/Documentation.docc/Architecture.md"))
        // Enough to know that the table was found.
        try #require(modules["Wire"]?.contains("sockets") == true)
        expectNone(files.flatMap { HeaderRule.check($0, modules: modules) } + HeaderRule.checkTable(files))
    }

    @Test("Files that the documentation names exist")
    func documents() throws {
        let paths = Repository.paths()
        let documents = paths.filter { $0.hasSuffix(".md") }
        try #require(documents.count > 10)
        for path in documents {
            expectNone(DocumentRule.check(path: path, text: try Repository.text(of: path), against: paths))
        }
    }

    @Test("Only the command line names flags")
    func flags() {
        expectNone(files.flatMap(FlagRule.check))
    }

    @Test("No folder holds too many files")
    func folderSizes() {
        expectNone(FolderSizeRule.check(files))
    }

    @Test("No circles between the folders of a module")
    func circles() { expectNone(CircleRule.check(files)) }

    @Test("No two modules have types of one name")
    func sharedNames() { expectNone(SharedNameRule.check(files)) }

    @Test("Every Swift target is compiled strictly")
    func package() throws {
        let modules = Set(files.filter { $0.isSwift && ($0.isInSources || $0.isInTests) }.map(\.module))
        expectNone(PackageRule.check(manifest: try Repository.text(of: "Package.swift"), modules: modules))
    }

    private func expectNone(_ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation) {
        for violation in violations { Issue.record("\(violation)", sourceLocation: sourceLocation) }
    }
}
