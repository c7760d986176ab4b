// The rules that look at many files at once are shown small modules that break them, and others that only look so.
import Testing

@Suite("The rules of folders and names find what they look for") struct FolderRuleTests {
    private func file(_ path: String, _ text: String = "") -> SourceFile {
        SourceFile(path: "Sources/\(path)", text: text)
    }

    @Test("Sixteen files in a folder are too many, fifteen are not, whatever lies beside and below")
    func folderSize() {
        func files(_ count: Int, _ ending: String) -> [SourceFile] {
            (0..<count).map { file("A/B/\($0)\(ending)") }
        }
        #expect(FolderSizeRule.check(files(8, ".swift") + files(8, ".c")).map(\.path) == ["Sources/A/B"])
        #expect(
            FolderSizeRule.check(files(15, ".h") + files(5, ".pb.swift") + [file("A/a.c"), file("A/B/C/a.c")]).isEmpty)
    }

    @Test("A circle of two folders is named with the file and the type that closes it")
    func circleOfTwo() {
        let files = [
            file("A/Values/Value.swift", "struct Value {}\nfinal class List {}\n"),
            file("A/Values/Number.swift", "struct Number {\n    let lexer: Lexer\n}\n"),
            file(
                "A/Parsing/Lexer.swift", "enum Lexer {\n    static var value: Value\n    static var list: [List]\n}\n"),
        ]
        let way = "Sources/A/Parsing -> Sources/A/Values -> Sources/A/Parsing"
        let expected = Violation(
            path: "Sources/A/Values/Number.swift", line: 2, message: "Lexer closes a circle of folders: \(way)")
        #expect(CircleRule.check(files) == [expected])
    }

    @Test("A circle of three folders is found, also through the module's own folder, an extension and an interpolation")
    func circleOfThree() {
        let files = [
            file("A/Top.swift", "struct Top { let b: [Bottom] }"),
            file("A/Low/Bottom.swift", "protocol Bottom {}\nextension Middle {}\n"),
            file("A/Mid/Middle.swift", "actor Middle { let a = \"\\(Top.self)\" }"),
        ]
        #expect(CircleRule.check(files).count == 1)
        #expect(CircleRule.check(Array(files.dropLast())).isEmpty)
    }

    @Test(
        "What only looks like a use closes no circle",
        arguments: [
            "// Lexer", "let a = \"Lexer\"", "let a = Text.Lexer()", "enum Lexer {}", "enum A { struct Lexer {} }",
            "protocol A { associatedtype Lexer }", "let lexer: Other", "let a: Inner",
        ])
    func noCircle(line: String) {
        let lexer = file(
            "A/Parsing/Lexer.swift",
            "struct Lexer {\n    let a: Value\n    struct Inner {}\n}\nprivate struct Other {}\n")
        #expect(CircleRule.check([lexer, file("A/Values/Value.swift", "struct Value {}\n\(line)\n")]).isEmpty)
        let text = "struct Value {}\nlet a: Lexer\n"
        #expect(CircleRule.check([lexer, file("A/Values/Value.swift", text)]).count == 1)
        #expect(CircleRule.check([lexer, file("B/Values/Value.swift", text)]).isEmpty)
        #expect(CircleRule.check([lexer, file("A/Parsing/Value.swift", text)]).isEmpty)
    }

    @Test("A circle of C folders by their includes is found")
    func circleOfIncludes() {
        let files = [
            file("C/math/a.h", "#include \"../rows/b.h\"\n"),
            file("C/rows/c.c", "#include \"b.h\"\n#include <math.h>\n"),
            file("C/rows/b.h", "//\n#include \"math/a.h\"\n"),
        ]
        #expect(CircleRule.check(files).map(\.line) == [1])
        #expect(CircleRule.check(Array(files.dropLast()) + [file("C/rows/b.h", "// \"math/a.h\"")]).isEmpty)
    }

    @Test("A name that types of two modules share is found; nested, private and repeated ones are not")
    func sharedNames() {
        let first = file("A/Limits.swift", "#if A\nenum Limits {}\n#else\nenum Limits {}\n#endif\nstruct Stage {}\n")
        let second = file("B/C/Limits.swift", "//\npackage struct Limits {}\n")
        #expect(SharedNameRule.check([first, second]).map(\.path) == ["Sources/B/C/Limits.swift"])
        #expect(SharedNameRule.check([first, second]).map(\.line) == [2])
        for text in ["private struct Limits {}", "struct B { enum Limits {} }", "let a: Limits", "extension Limits {}"]
        {
            #expect(SharedNameRule.check([first, file("B/Limits.swift", text)]).isEmpty)
        }
    }

    @Test("A file that is named but not there is found; files that are there, globs and other names are not")
    func documents() {
        let paths = ["Sources/Wire/Coding/StepCoding.swift", "Tests/Reference/make.py", "README.md"]
        func lines(_ text: String) -> [Int?] {
            DocumentRule.check(path: "a.md", text: text, against: paths).map(\.line)
        }
        #expect(lines("See `Wire/Coding/StepCoding.swift`,\n`Coding/StepCode.swift` and `Gone.swift`.") == [2, 2])
        #expect(lines("`StepCoding.swift` `../../README.md` `Wire/Coding/*Coding.swift` `make.py`").isEmpty)
        #expect(lines("`config.json` `x.swift y` StepCode.swift `.swift` `a.c()`").isEmpty)
        #expect(lines("`Wire/*Codings.swift` and `tepCoding.swift`") == [1, 1])
    }
}
