// The rule of headers is shown files that know what they say they do not, and others that only look so.
import Testing

@Suite("The rule of headers finds what a file should not know") struct HeaderRuleTests {
    private func file(_ text: String, _ path: String = "Sources/Node/Bench/Sample.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test("What a header says that the file must not know is read out of its sentences")
    func phrases() {
        func phrases(_ header: String) -> [String] { HeaderRule.disclaimed(by: file(header + "\nimport A\n")) }

        #expect(
            phrases("// Responsible for: a.\n// Must not know: sockets, the network,\n// time.") == [
                "sockets", "network", "time",
            ])
        #expect(
            phrases("// For a, b. Must not know: flags' syntax and files; text. More, time.") == [
                "flags' syntax", "files",
            ])
        #expect(phrases("// Must not know: time, tensors: threads carry them.") == ["time", "tensors"])
        #expect(phrases("// Must not know sockets.") == ["sockets"])
        #expect(phrases("// Does a. Knows nothing of text or tokens.") == ["text", "tokens"])
        #expect(phrases("// Does a. Knows no arithmetic.") == ["arithmetic"])
        #expect(phrases("// Must not know: who asks.") == ["who asks"])
        #expect(phrases("//\n\n// Must not know: sockets.").isEmpty)
    }

    @Test(
        "An import, a type, a name of the system and a C header against the file's header are found",
        arguments: [
            ("sockets", "import CZeroMQ", false), ("sockets", "let socket: RouterSocket", false),
            ("sockets", "import Transport", true), ("the network", "@preconcurrency import Transport", false),
            ("wire", "package import Wire", false), ("flags", "import ArgumentParser", false),
            ("time", "let start = ContinuousClock.now", false), ("clocks", "clock_gettime(CLOCK_MONOTONIC, &t)", false),
            ("threads", "import Synchronization", false), ("threads", "pool: ThreadPool", false),
            ("text", "import Tokenization", false), ("tensors", "import struct ModelFile.Model", false),
            ("models", "import ModelFile", true), ("models", "let model: Model", false),
            ("files", "FileManager.default", false), ("files", "a.fopen(); case .mmap: return", true),
            ("workers", "let ids: [WorkerID]", false), ("workers", "let ids: [Other.Worker]", true),
            ("sockets", "// a RouterSocket", true), ("sockets", "let a = \"RouterSocket\"", true),
            ("how sockets work", "let socket: RouterSocket", true),
        ])
    func knowledge(phrase: String, line: String, isAllowed: Bool) {
        let text = "// Responsible for: a. Must not know: b, \(phrase).\n\(line)\n"
        #expect(HeaderRule.check(file(text)).map(\.line) == (isAllowed ? [] : [2]))
        #expect(HeaderRule.check(file(text, "Tests/NodeTests/Sample.swift")).isEmpty)
        #expect(HeaderRule.check(file("// Responsible for: a.\n\(line)\n")).isEmpty)
    }

    @Test("A C header against the file's header is found")
    func includes() {
        let text = "// Must not know: time, instruction sets.\n#include <time.h>\n#include \"../math_avx2.h\"\n"
        #expect(HeaderRule.check(file(text, "Sources/CKernels/a.c")).map(\.line) == [2, 3])
        #expect(HeaderRule.check(file("// Must not know: time.\n#include <math.h>\n", "Sources/CKernels/a.c")).isEmpty)
    }

    @Test("What the table of modules says of a module holds for each of its files")
    func modules() {
        let architecture = """
            | Module | Responsible for | Must never know |
            |---|---|---|
            | `Node` | shells, time | HTTP, sockets |
            | `CKernels` (C) | arithmetic | tensors, models |
            | `--flag` | sockets |
            """
        let modules = HeaderRule.disclaimedByModules(architecture)
        #expect(modules == ["Node": ["HTTP", "sockets"], "CKernels": ["tensors", "models"]])
        let text = "// Responsible for: a.\nlet clock: ContinuousClock\nlet socket: RouterSocket\n"
        #expect(HeaderRule.check(file(text), modules: modules).map(\.line) == [3])
        #expect(HeaderRule.check(file(text, "Sources/Transport/A.swift"), modules: modules).isEmpty)
    }

    @Test("A type in the table that nothing declares is found")
    func table() {
        let declared = file("struct Mailbox {\n    struct Poller {}\n}\n")
        let messages = HeaderRule.checkTable([declared]).map(\.message)
        #expect(messages.contains { $0.hasPrefix("nothing declares RouterSocket;") })
        #expect(!messages.contains { $0.hasPrefix("nothing declares Mailbox;") })
    }
}
