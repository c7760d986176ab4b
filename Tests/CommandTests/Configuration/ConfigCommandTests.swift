// Responsible for: `tandem config` and settings of the real executable. Must not know: how they are read.
import Foundation
import Testing

extension CommandTests {
    @Suite("tandem config")
    struct ConfigCommandTests {
        private struct Shown: Decodable {
            struct Row: Decodable {
                var command: String
                var key: String
                var variable: String
                var origin: String
                var file: String?
                var line: Int?
            }
            var files: [String]
            var settings: [Row]
        }

        /// Of the forms that keys and tokens have.
        private static let (key, token) = (String(repeating: "A", count: 43), String(repeating: "B", count: 21) + "A")

        private static func file(_ text: String) throws -> (folder: TemporaryFolder, path: String) {
            let folder = try TemporaryFolder()
            try text.write(toFile: folder.path + "/s.toml", atomically: true, encoding: .utf8)
            return (folder, folder.path + "/s.toml")
        }

        @Test("show tells each value with its origin, and what it prints is a settings file")
        func show() async throws {
            let (folder, path) = try Self.file(
                "context = 64\n[worker]\njoin = \"h:1#\(Self.key)#\(Self.token)\"\ncheck = true\n")
            let shown = try await bash("TANDEM_MEMORY=4GiB $TANDEM --config \(path) config show worker --origin")
            #expect(shown.status == 0 && shown.talk.isEmpty)
            for line in [
                "\\[worker\\]", "join = \"h:1#\(Self.key)#\\*\\*\\*\" +# \(path) line 3",
                "memory = \"4GiB\" +# TANDEM_MEMORY",
                "check = true +# \(path) line 4", "# threads = +# not set", "# insecure = false +# default",
            ] {
                #expect(try shown.output.contains(Regex("(?m)^\(line)$")), "\(line): \(shown.output)")
            }
            let open = try await bash("$TANDEM --config \(path) config show --secrets > \(folder.path)/all.toml")
            #expect(open.status == 0)
            let again = try await bash("$TANDEM config validate \(folder.path)/all.toml && cat \(folder.path)/all.toml")
            #expect(again.status == 0 && again.output.contains("join = \"h:1#\(Self.key)#\(Self.token)\""), "\(again)")
            let json = try await bash("TANDEM_MEMORY=4GiB $TANDEM --config \(path) config show --json")
            let report = try decode(Shown.self, json.output)
            #expect(report.files == [path])
            let context = report.settings.first { $0.command == "coordinator" && $0.key == "context" }
            #expect(context?.origin == "file" && context?.line == 1 && context?.variable == "TANDEM_CONTEXT")
            #expect(report.settings.first { $0.key == "memory" }?.origin == "environment")
            #expect(
                report.settings.contains { $0.command == "bench cluster" && $0.key == "tg" && $0.origin == "default" })
        }

        @Test("validate names all that is wrong, each with its line, and ends with 78")
        func validate() async throws {
            let (folder, path) = try Self.file(
                "contxt = 1\n[worker]\nthreads = \"many\"\ncheck = 3\nmemory = \"1GiB\"\n")
            let outcome = try await tandem("config", "validate", path, cache: folder)
            let errors = outcome.talk.split(separator: "\n").filter { $0.hasPrefix("error: \(path) line ") }
            #expect(outcome.status == 78 && outcome.output.isEmpty && errors.count == 3, "\(outcome)")
            #expect(errors.map { $0.dropFirst("error: \(path) line ".count).first } == ["1", "3", "4"])
            #expect(outcome.talk.contains("The value 'many' is invalid for '--threads <threads>'"))
            #expect(try await tandem("config", "validate", folder.path + "/none").status == 1)
        }

        @Test(
            "A value that its command refuses is told with the place that it is from",
            arguments: [
                ("worker --config FILE", "FILE line 2: memory = \"4 giga\": --memory is 4 giga"),
                ("worker --config FILE --memory 1GiB --threads 0", "--threads is 0"),
                ("run --config FILE -p x -m $TALES", "FILE line 5: top-k = -7: --top-k is -7, but must be"),
                ("TANDEM_MEMORY=x|worker --config FILE", "TANDEM_MEMORY is \"x\": --memory is x"),
                ("TANDEM_TOP_K=many|run -p x -m $TALES", "TANDEM_TOP_K is \"many\": The value 'many' is invalid"),
                ("TANDEM_CONFIG=/nowhere/x|status", "/nowhere/x"),
            ])
        func places(command: String, message: String) async throws {
            let (folder, path) = try Self.file("[worker]\nmemory = '4 giga'\njoin = '127.0.0.1:1'\n[run]\ntop-k = -7\n")
            let parts = command.split(separator: "|")
            let script = (parts.count > 1 ? "\(parts[0]) " : "") + "$TANDEM \(parts.last ?? "")"
            let outcome = try await bash(script.replacing("FILE", with: path), cache: folder)
            #expect(
                outcome.talk.contains("error: " + message.replacing("FILE", with: path)) || command.contains("nowhere"))
            #expect(outcome.talk.contains(message.replacing("FILE", with: path)), "\(outcome)")
            #expect(outcome.status == (command.contains("--threads 0") ? 2 : 78), "\(outcome)")
        }

        @Test("A file and variables are as good as flags")
        func isUsed() async throws {
            let (folder, path) = try Self.file("[run]\nmodel = '\(Place.tales)'\ntemperature = 0\nmax-tokens = 8\n")
            let flags = try await bash("$TANDEM run -m $TALES --temperature 0 --max-tokens 8 -p Once")
            let file = try await bash("TANDEM_PROMPT=Once $TANDEM run --config \(path)", cache: folder)
            #expect(flags.status == 0 && flags.output == file.output && !flags.output.isEmpty, "\(file)")
        }

        @Test("A family of processes takes its parent's settings, each once")
        func family() async throws {
            let (folder, path) = try Self.file(
                "context = 64\nsplit = '0-1,2-5'\n[worker]\nthreads = 0\n[coordinator]\nmin-workers = 64\nparallel = 0\n"
            )
            let process = try TandemProcess(
                ["up", "--config", path], cache: folder,
                environment: [
                    "TANDEM_LISTEN": "tcp://127.0.0.1:0", "TANDEM_WORKERS": "1", "TANDEM_THREADS": "1",
                    "TANDEM_SPLIT": "0-5", "TANDEM_JOIN": "127.0.0.1:1", "TANDEM_MODEL": Place.tales,
                ])
            _ = await eventually { process.outputSoFar.contains("\n") || !process.isRunning }
            let address = try #require(
                process.outputSoFar.split(whereSeparator: \.isWhitespace).dropFirst(3).first, "\(process.talkSoFar)")
            let isServing = try await eventually {
                let status = try await tandem("status", "--coordinator", String(address), "--json", cache: folder)
                return status.status == 0 || !process.isRunning
            }
            #expect(isServing && process.isRunning, "\(process.talkSoFar)")
            process.signal(SIGTERM)
            #expect(try await process.wait().status == 0)
        }
    }
}
