// Responsible for: which value counts where several say one, what is refused, and that its place is named.
// Must not know: any command's work.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Settings")
    struct SettingsTests {
        /// Files in a folder of their own: the user's, and the host's.
        private struct Files {
            let folder: TemporaryFolder

            init(user: String? = nil, host: [String: String] = [:], named: String? = nil) throws {
                folder = try TemporaryFolder()
                let manager = FileManager.default
                for path in ["/user/tandem", "/host"] {
                    try manager.createDirectory(atPath: folder.path + path, withIntermediateDirectories: true)
                }
                try user?.write(toFile: folder.path + "/user/tandem/config.toml", atomically: true, encoding: .utf8)
                for (name, text) in host {
                    try text.write(toFile: folder.path + "/host/\(name)", atomically: true, encoding: .utf8)
                }
                try named?.write(toFile: folder.path + "/named.toml", atomically: true, encoding: .utf8)
            }

            func invocation(_ words: String, _ environment: [String: String] = [:]) throws -> Invocation {
                let environment = ["XDG_CONFIG_HOME": folder.path + "/user"].merging(environment) { $1 }
                return try Invocation(
                    words.split(separator: " ").map { $0 == "NAMED" ? folder.path + "/named.toml" : String($0) },
                    of: .init(root: Tandem.self, completed: { BenchCommand.completed($0) }), environment: environment,
                    systemFolder: folder.path + "/host")
            }
        }

        @Test("Flags are stronger than variables, these than the user's file, and that than the host's")
        func precedence() throws {
            let files = try Files(
                user: "context = 2\n[coordinator]\nqueue = 2\nchunk = 2\nparallel = 2",
                host: ["coordinator.toml": "context = 1\nqueue = 1\nchunk = 1\nparallel = 1\nsplit = '1'"])
            let variables = ["TANDEM_QUEUE": "3", "TANDEM_CHUNK": "3", "TANDEM_WORKERS": "9", "TANDEM_CONTEXT": ""]
            let found = try files.invocation("coordinator --queue 4", variables)
            #expect(found.arguments.first == "coordinator" && found.arguments.suffix(2) == ["--queue", "4"])
            let added = ["--split=1", "--context=2", "--parallel=2", "--chunk=3"]
            #expect(Set(found.arguments.dropFirst().dropLast(2)) == Set(added))
            #expect(found.added.first { $0.key == "chunk" }?.origin == .environment(variable: "TANDEM_CHUNK"))
            let line = found.added.first { $0.key == "parallel" }?.origin
            #expect(line == .file(path: files.folder.path + "/user/tandem/config.toml", line: 5))
            #expect(
                try files.invocation("coordinator --queue=4", variables).arguments.filter { $0.contains("queue") } == [
                    "--queue=4"
                ])
        }

        @Test("A named file is read in the place of the others, and an empty name reads none")
        func named() throws {
            let files = try Files(user: "context = 2", host: ["up.toml": "workers = 3"], named: "context = 9")
            let path = files.folder.path + "/named.toml"
            #expect(try files.invocation("up").arguments == ["up", "--workers=3", "--context=2"])
            for words in ["--config NAMED up", "up --config NAMED", "up --config=\(path)"] {
                #expect(try files.invocation(words).arguments == ["up", "--context=9"])
            }
            #expect(try files.invocation("up", ["TANDEM_CONFIG": path]).arguments == ["up", "--context=9"])
            #expect(try files.invocation("up", ["TANDEM_CONFIG": ""]).arguments == ["up"])
            #expect(try files.invocation("up --config=").arguments == ["up"])
            #expect(throws: SettingsFailure.self) { try files.invocation("up --config") }
            #expect(throws: SettingsFailure.self) { try files.invocation("up --config /nowhere/x.toml") }
        }

        @Test("The nearest table counts, and each command takes only what it has")
        func tables() throws {
            let files = try Files(
                user: """
                    threads = 1
                    seed = 5
                    [bench]
                    threads = 2
                    [bench.kernels]
                    threads = 3
                    [generate]
                    stop = ["a", "b,c"]
                    """)
            func added(_ words: String) throws -> Set<String> {
                Set(try files.invocation(words).arguments.filter { $0.contains("=") })
            }
            #expect(try added("bench kernels") == ["--threads=3"])
            #expect(try added("bench model") == ["--threads=2", "--seed=5"])
            #expect(try added("bench --tg 1") == ["--threads=2", "--seed=5"])
            #expect(try added("bench --workers 1").contains("--threads=2"))
            #expect(try added("worker") == ["--threads=1"])
            #expect(try added("generate") == ["--seed=5", "--stop=a", "--stop=b,c"])
            #expect(try added("status").isEmpty && added("help worker").isEmpty && added("worker --help").isEmpty)
        }

        @Test("Flags are true or false, switches on or off, and each can be taken back")
        func booleans() throws {
            let files = try Files(user: "[coordinator]\ninsecure = true\nspeculate = false")
            #expect(try files.invocation("coordinator").arguments == ["coordinator", "--speculate=off", "--insecure"])
            let taken = try files.invocation("coordinator --insecure=false --speculate on").arguments
            #expect(taken == ["coordinator", "--speculate", "on"])
            let variables = ["TANDEM_INSECURE": "0", "TANDEM_SPECULATE": "1"]
            #expect(try files.invocation("coordinator", variables).arguments == ["coordinator", "--speculate=on"])
            for (text, isSet) in ["1": true, "ON": true, "yes": true, "off": false, "false": false] {
                #expect(try files.invocation("status", ["TANDEM_JSON": text]).arguments.contains("--json") == isSet)
            }
            #expect(try files.invocation("status --json=true").arguments == ["status", "--json"])
            let failure = #expect(throws: SettingsFailure.self) {
                try files.invocation("status", ["TANDEM_JSON": "maybe"])
            }
            #expect(failure?.sentences == ["TANDEM_JSON is \"maybe\", but takes true or false"])
        }

        @Test("Variables are lists with commas, and one that looks like another gets a warning")
        func variables() throws {
            let files = try Files()
            #expect(
                try files.invocation("generate", ["TANDEM_STOP": "a, b"]).arguments
                    == ["generate", "--stop=a", "--stop=b"])
            let found = try files.invocation(
                "generate", ["TANDEM_MODLE": "x", "TANDEM_COORDINATOR_PORT": "tcp://10.0.0.1:1", "TANDEM_MODELS": "/x"])
            #expect(found.warnings == ["TANDEM_MODLE is no setting; did you mean TANDEM_MODEL?"])
            #expect(found.arguments == ["generate"])
        }

        @Test(
            "What no command knows, or takes otherwise, is refused with its line",
            arguments: [
                ("contxt = 1", "line 1: no command has a setting contxt; did you mean context?"),
                ("\n[wroker]", "line 2: there is no command for the table [wroker]; did you mean worker?"),
                ("[worker]\nmemroy = 1", "line 2: `tandem worker` has no setting memroy; did you mean memory?"),
                ("[worker]\nparallel = 1", "`tandem worker` has no setting parallel; it is one of [coordinator]"),
                ("worker = 1", "worker is a command: its settings stand in a table, [worker]"),
                ("[threads]", "threads is a key, not a table"),
                ("[worker]\ncheck = 1", "check is 1, but takes true or false"),
                ("context = true", "context is true, but takes one text or number"),
                ("context = [1]", "context is a list, but takes one text or number"),
                ("stop = [true]", "stop is a list, but takes a list of texts or numbers"),
                ("help = true", "no command has a setting help"),
                ("exit-with-stdin = true", "no command has a setting"),
            ])
        func refused(text: String, words: String) throws {
            let files = try Files(user: text)
            let failure = #expect(throws: SettingsFailure.self) { try files.invocation("status") }
            let sentence = failure?.sentences.first ?? ""
            #expect(
                failure?.sentences.count == 1 && sentence.contains("config.toml line ") && sentence.contains(words),
                "\(sentence)")
        }

        @Test("A file of one command has that command's settings only")
        func owned() throws {
            let files = try Files(host: ["worker.toml": "threads = 1\nqueue = 1"])
            let failure = #expect(throws: SettingsFailure.self) { try files.invocation("worker") }
            #expect(failure?.sentences.first?.contains("line 2: `tandem worker` has no setting queue") == true)
            #expect(try files.invocation("coordinator").arguments == ["coordinator"])
        }

        @Test("A message about a value says where it is from, and never shows a token")
        func sources() throws {
            let files = try Files(user: "[worker]\nmemory = \"4 giga\"\njoin = \"h:1#key#geheim\"")
            let path = files.folder.path + "/user/tandem/config.toml"
            let found = try files.invocation("worker", ["TANDEM_THREADS": "x"])
            #expect(found.source(of: "--memory is 4 giga") == "\(path) line 2: memory = \"4 giga\"")
            #expect(found.source(of: "invalid for '--threads <threads>'; or --memory") == "TANDEM_THREADS is \"x\"")
            #expect(found.source(of: "--join is wrong") == "\(path) line 3: join = \"h:1#key#***\"")
            #expect(found.source(of: "--threadsafe and --check are wrong") == nil)
            #expect(found.source(of: "there is no 4 giga anywhere") == "\(path) line 2: memory = \"4 giga\"")
        }
    }
}
