// Every rule is shown a sample that breaks it and one that only looks so: a rule that cannot fail is worth nothing.
import Testing

@Suite("The rules of tidiness find what they look for") struct RuleTests {
    private func file(_ text: String, _ path: String = "Sources/Cluster/Sample.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test("Comments and strings are not code; interpolations are")
    func codeText() {
        let lines = [
            #"a // "b"#, "/* c /* d */ e */ f", #"g("h\"i") + "\(j("k")) l""#, ##"m + #"n"o"# + #"\#(p)q\(r)"#"##,
            #"s = """"#, #"t "u" \(v)"#, #"""" + w"#,
        ]
        let letters = SourceFile(path: "a.swift", text: lines.joined(separator: "\n")).code.joined().filter(\.isLetter)
        #expect(letters == "afgjmpsvw")
        let literals = SourceFile(path: "a.swift", text: lines.joined(separator: "\n")).literals.joined()
        #expect(literals.filter(\.isLetter) == "hiklnoqrtu")
    }

    @Test("A file of 401 lines is too long, one of 400 is not, a generated one never")
    func fileLength() {
        let line = "//\n"
        #expect(LengthRules.check(file(String(repeating: line, count: 401))).count == 1)
        #expect(LengthRules.check(file(String(repeating: line, count: 400))).isEmpty)
        #expect(LengthRules.check(file(String(repeating: line, count: 401), "Sources/Wire/a.pb.swift")).isEmpty)
    }

    @Test("A function of 71 lines is too long, one of 70 is not")
    func functionLength() {
        func function(_ lines: Int) -> String {
            "func f<T>(_ a: [T] = { [] }(), b: (Int) -> Void) throws\n    -> Int {"
                + String(repeating: "\n", count: lines - 2) + "}\n"
        }
        #expect(LengthRules.check(file(function(71))).map(\.length) == [.init(subject: "f<T>", lines: 71)])
        #expect(LengthRules.check(file(function(70))).isEmpty)
    }

    @Test("Functions are found with their lines, nested and in protocols, and calls are not taken for them")
    func functions() {
        let text = """
            protocol P {
                func required(a: Int) -> Int
                init()
                func last()
            }
            struct S: P {
                init() { self.init(1) }
                func outer() {
                    func inner() {
                        S.init()
                    }
                    inner()
                }
                subscript(index: Int) -> Int {
                    0
                }
                deinit {}
            }
            """
        let found = LengthRules.functions(in: file(text).code)
        #expect(
            found == [
                .init(name: "init", line: 7, lines: 1), .init(name: "outer", line: 8, lines: 6),
                .init(name: "inner", line: 9, lines: 3), .init(name: "subscript", line: 14, lines: 3),
                .init(name: "deinit", line: 17, lines: 1),
            ])
    }

    @Test("An exception holds for exactly what it says; a stale, wrong or unreadable one fails")
    func exceptions() {
        let violation = Violation(path: "a.swift", message: "", length: .init(subject: "f", lines: 80))
        #expect(Exceptions("# why\na.swift f 80\n").apply(to: [violation]).isEmpty)
        #expect(Exceptions("a.swift f 79").apply(to: [violation]).count == 2)
        #expect(Exceptions("a.swift f 81").apply(to: [violation]).count == 2)
        #expect(Exceptions("b.swift f 80").apply(to: []).count == 1)
        #expect(Exceptions("a.swift f").apply(to: []).count == 1)
        #expect(Exceptions("a.swift f 80\na.swift f 80").apply(to: [violation]).count == 1)
    }

    @Test(
        "Imports against the diagram are found",
        arguments: [
            ("import Foundation", "Sources/Cluster/A.swift", false),
            ("import Foundation", "Sources/Wire/A.swift", false),
            ("import Foundation", "Sources/Wire/a.pb.swift", true),
            ("import Foundation", "Sources/Node/A.swift", true),
            ("import struct Foundation.Data", "Sources/Cluster/A.swift", false),
            ("import Synchronization", "Sources/Cluster/A.swift", false),
            ("import CZeroMQ", "Sources/Node/A.swift", false),
            ("import CZeroMQ", "Sources/Transport/A.swift", true),
            ("import CZeroMQ", "Tests/NodeTests/A.swift", false),
            ("@preconcurrency import Transport", "Sources/Cluster/A.swift", false),
            ("package import Wire", "Sources/Cluster/A.swift", true),
            ("import Inference", "Sources/CLI/A.swift", false),
            ("import Node", "Sources/Gateway/A.swift", false),
            ("@testable import Node", "Tests/ClusterSimulation/A.swift", false),
            ("@testable import Cluster", "Tests/ClusterSimulation/A.swift", true),
            ("// import CZeroMQ", "Sources/Node/A.swift", true),
            ("let sentence = \"import CZeroMQ\"", "Sources/Node/A.swift", true),
        ])
    func imports(line: String, path: String, isAllowed: Bool) {
        #expect(ImportRules.check(file("//\n\(line)\n", path)).isEmpty == isAllowed)
    }

    @Test(
        "Forbidden words are found in code and only there",
        arguments: [
            ("try! f()", "Tests/NodeTests/A.swift", false),
            ("fatalError()", "Sources/CLI/A.swift", false),
            ("print(1)", "Sources/Node/A.swift", false),
            ("x.map { print($0) }", "Sources/Node/A.swift", false),
            ("print(1)", "Sources/CLI/A.swift", true),
            ("fingerprint(1); logger.print(1)", "Sources/Node/A.swift", true),
            ("let a = \"try! fatalError() print(1)\"  // try! print(1)", "Sources/Node/A.swift", true),
            ("let a = \"\\(print(1))\"", "Sources/Node/A.swift", false),
            ("let now = Date()", "Sources/Cluster/A.swift", false),
            ("let id = UInt64.random(in: 1...2)", "Sources/Cluster/A.swift", false),
            ("var generationTask: GenerationTask", "Sources/Cluster/A.swift", true),
            ("Task { }", "Sources/Node/A.swift", true),
        ])
    func words(line: String, path: String, isAllowed: Bool) {
        #expect(WordRules.check(file("//\n\(line)\n", path)).isEmpty == isAllowed)
    }

    @Test(
        "Iteration over a Dictionary or a Set is found in Cluster",
        arguments: [
            ("for (key, value) in workers {", false), ("for id in self.workers.keys {", false),
            ("let a = workers.values.reduce(0, +)", false), ("workers.forEach { f($0) }", false),
            ("for id in lost where id > 1 {", false), ("for a in cache {", false),
            ("let worker = workers[id]", true), ("if lost.contains(id) {", true), ("for id in order {", true),
            ("for id in workersInOrder {", true), ("workers.removeValue(forKey: id)", true),
        ])
    func hashOrder(line: String, isAllowed: Bool) {
        let declarations =
            "//\nvar workers: [WorkerID: Worker] = [:]\nvar lost = Set<Int>()\nvar cache = [:]\nvar order: [Int]\n"
        #expect(HashOrderRule.check(file(declarations + line)).isEmpty == isAllowed)
        #expect(HashOrderRule.check(file(declarations + line, "Sources/Node/A.swift")).isEmpty)
    }

    @Test("A file without an opening comment and a declaration without a doc comment are found")
    func comments() {
        #expect(CommentRules.check(file("import Wire\n")).count == 1)
        #expect(CommentRules.check(file("int a;", "Sources/CKernels/a.c")).count == 1)
        #expect(CommentRules.check(file("//\npackage struct A {\n    package func b() {}\n}\n")).count == 2)
        let good = """
            // What it is for.
            package import Wire
            /// Shape.
            @frozen
            package struct A {
                package var name: String
                /// Unit.
                package mutating func b() {}
                package static func == (a: A, b: A) -> Bool { true }
                func c() {}
            }
            """
        #expect(CommentRules.check(file(good)).isEmpty)
    }

    @Test(
        "Flags are found in strings of every form outside the command line, and only there",
        arguments: [
            (#"throw TandemError("--split names a layer twice")"#, "Sources/Node/A.swift", false),
            (#"let a = "use \(name ?? "--type") here""#, "Sources/Node/A.swift", false),
            (##"let a = #"(--kv-type)"#"##, "Sources/Wire/A.swift", false),
            ("let a = \"\"\"\n    one of --a and --b\n    \"\"\"", "Sources/Node/A.swift", false),
            (#"throw TandemError("--split names a layer twice")"#, "Sources/CLI/A.swift", true),
            (#"throw TandemError("--split names a layer twice")"#, "Tests/NodeTests/A.swift", true),
            (#"let a = "\(b --c) -- d --- e a--b -f --1""#, "Sources/Node/A.swift", true),
            ("f()  // the value of \"--split\"", "Sources/Node/A.swift", true),
        ])
    func flags(text: String, path: String, isAllowed: Bool) {
        #expect(FlagRule.check(file("//\n\(text)\n", path)).count == (isAllowed ? 0 : 1))
    }

    @Test("A feature that is not enabled and a target without the strict settings are found")
    func package() {
        func messages(_ manifest: String) -> [String] {
            PackageRule.check(manifest: manifest, modules: ["A", "ATests"], features: ["MemberImportVisibility"])
                .map(\.message)
        }
        let enabled = #"let strict: [SwiftSetting] = [.enableUpcomingFeature("MemberImportVisibility")]"#
        let targets = """
            .target(name: "C", cSettings: flags), .target(name: "A", swiftSettings: strict + optimized),
            .testTarget(
                name: "ATests", dependencies: ["A"],
                swiftSettings: strict),
            """
        #expect(messages("\(enabled)\n\(targets)").isEmpty)
        #expect(
            messages("let strict: [SwiftSetting] = []\n// \(enabled)\n\(targets)")
                == ["the setting `strict` must enable MemberImportVisibility"])
        #expect(
            messages("\(enabled)\n\(targets.replacing(" strict + optimized", with: " optimized"))")
                == ["the target A must have `swiftSettings: strict`"])
        #expect(
            messages("\(enabled)\n\(targets.replacing("\"ATests\"", with: "\"BTests\""))")
                == ["the target ATests must have `swiftSettings: strict`"])
    }

    @Test("A stray entry at the top level and a committed list of versions are found")
    func topLevel() {
        let gitignore = "/.build/\n/Package.resolved\n"
        #expect(TopLevelRule.check(names: ["Sources", ".build", "Package.resolved"], gitignore: gitignore).isEmpty)
        #expect(TopLevelRule.check(names: ["Sources", "notes.txt"], gitignore: gitignore).map(\.path) == ["notes.txt"])
        #expect(TopLevelRule.check(names: ["Sources"], gitignore: "/.build/\n").count == 1)
    }
}
