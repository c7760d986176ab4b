// Responsible for: that a value which its command would refuse is refused wherever it is set, for every setting there is.
// Must not know: any command's work.
import Foundation
import Sequences
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Values of settings")
    struct SettingValueTests {
        /// A value that is taken and one that is not, as settings files write them.
        static let values: [String: (good: String, bad: String)] = [
            "advertise": ("'192.0.2.1'", "'host a'"), "batch": ("'1,8'", "'1;8'"), "chunk": ("128", "'many'"),
            "chunks": ("3", "'all'"), "columns": ("2048", "100"), "concurrency": ("'1,4'", "'1,x'"),
            "context": ("4096", "'long'"), "coordinator": ("'host-a:7070'", "'host-a'"), "data-port": ("7080", "70000"),
            "date": ("'March 1, 2026'", "[1]"), "drain-seconds": ("30", "-1"), "every": ("5", "0"),
            "expires": ("'12h'", "'soon'"),
            "faults": ("'kill,stop'", "'kill,flood'"), "file": ("'text'", "true"),
            "frequency-penalty": ("0.5", "'low'"), "health-file": ("'/run/x'", "[1, 2]"),
            "interval": ("2.5", "0"), "join": ("'host-a:7070'", "'host-a:7070#key'"),
            "journal": ("false", "'sometimes'"), "kv-type": ("'f16'", "'f15'"),
            "layers": ("4", "1.5"), "lease-seconds": ("600", "-1"), "level": ("'portable'", "'sse9'"),
            "listen": ("'*:7070'", "'host:port'"),
            "load": ("0.5", "'full'"), "log-format": ("'json'", "'yaml'"), "log-level": ("'debug'", "'loud'"),
            "logs": ("'logs'", "true"), "logit-bias": ("['42=-1.5']", "['42']"), "logprobs": ("5", "'x'"),
            "max-running": ("8", "0"),
            "max-tokens": ("100", "0"), "maximum-answer": ("10", "'x'"), "maximum-prompt": ("10", "'x'"),
            "memory": ("'4GiB'", "'4 giga'"), "messages": ("'m.json'", "[]"), "min-p": ("0.1", "7"),
            "minutes": ("1.5", "0"), "min-workers": ("2", "0"), "model": ("'m.gguf'", "false"),
            "output": ("'pages'", "[1]"),
            "parallel": ("4", "0"), "peer": ("'llama-cpp-python'", "'other'"), "plot": ("'x.svg'", "true"),
            "port": ("7070", "70000"), "pp": ("512", "'x'"), "prefix-cache": ("false", "'maybe'"),
            "presence-penalty": ("0.5", "'x'"), "priority": ("-5", "500"), "probe": ("'live'", "'dead'"),
            "prompt": ("'Once'", "['a', 'b']"), "prompt-file": ("'x'", "true"), "prompt-seed": ("7", "-7"),
            "prompt-tokens": ("'1,2'", "'1,x'"), "python": ("'python3'", "true"), "quantize": ("'q8_0'", "'q9'"),
            "queue": ("10", "0"), "rate": ("1.5", "'x'"), "repeat-penalty": ("1.1", "-1"), "repetitions": ("5", "'x'"),
            "requests": ("9", "'x'"), "role": ("'client'", "'boss'"), "rows": ("1024", "0"), "seed": ("1", "-1"),
            "shape": ("'llama-1b'", "[1]"), "simulate-stage-milliseconds": ("5", "-5"),
            "simulate-token-microseconds": ("5", "'x'"), "slo-tbt-milliseconds": ("200", "'x'"),
            "slo-ttft-seconds": ("10", "'x'"), "speculate": ("true", "'perhaps'"), "split": ("'0-3,4-11'", "'3-0'"),
            "standby-of": ("'host-a:7070'", "'host-a'"),
            "state": ("'/var/lib/x'", "true"), "step-milliseconds": ("100", "0"), "stop": ("['a', 'b']", "[true]"),
            "streams": ("8", "0"), "stop-token": ("[5, 6]", "['x']"), "system": ("'Be brief.'", "true"),
            "temperature": ("0.5", "-1"),
            "template-variables": ("'{\"a\": 1}'", "'{'"), "tg": ("64", "'x'"), "threads": ("2", "'many'"),
            "time-scale": ("2", "'x'"), "tools": ("'t.json'", "true"), "top-k": ("40", "-7"), "top-p": ("0.9", "7"),
            "trace": ("'t.csv'", "true"), "type": ("'q8_0'", "'q9'"), "types": ("'q8_0,q4_k'", "'q9'"),
            "reconnect-seconds": ("60", "-1"), "uses": ("3", "'x'"), "wait-seconds": ("60", "0"),
            "without": ("['host-a']", "[true]"),
            "workers": ("2", "0"),
        ]

        static let tree = CommandTree.whole(of: Tandem.self)
        private static let path = "/x/s.toml"

        /// What `config validate` says of a file.
        private func problems(_ text: String) throws -> [SettingsFile.Problem] {
            let tree = try #require(Self.tree)
            var problems: [SettingsFile.Problem] = []
            let file = SettingsFile(Self.path, bytes: Array(text.utf8), tree: tree, problems: &problems)
            return problems + ConfigValidateCommand.refusals(of: file, tree, Tandem.self)
        }

        /// Whether a sentence says what a good value is.
        private func hasExample(_ sentence: String) -> Bool {
            let words = [
                ", as ", "such as ", "use one of", "use some of", "one of '", "must be ", " between ", "write ",
            ]
            return words.contains { sentence.contains($0) }
        }

        @Test("Every setting has a value that is taken, and one that is not")
        func whole() throws {
            let options = try #require(Self.tree).allOptions
            let keys = Set(options.filter { $0.kind == .option }.compactMap(\.key))
            #expect(keys.subtracting(Self.values.keys).isEmpty && Set(Self.values.keys).subtracting(keys).isEmpty)
        }

        @Test(
            "In a file: the sentence names file, line, key, the value and a good one", arguments: values.keys.sorted())
        func file(key: String) throws {
            let (good, bad) = try #require(Self.values[key])
            #expect(try problems("\n\(key) = \(good)").isEmpty)
            let found = try problems("\n\(key) = \(bad)")
            let sentence = found.first?.description ?? ""
            #expect(found.count == 1 && sentence.hasPrefix("\(Self.path) line 2: \(key) "), "\(found)")
            let value = bad.trimmingCharacters(in: CharacterSet(charactersIn: "[']"))
            #expect(sentence.contains(value) || sentence.contains("is a list"), "\(sentence)")
            #expect(hasExample(sentence), "\(sentence)")
            #expect(!sentence.contains("\u{1}") && !sentence.contains("\n"))
        }

        @Test("Flags are true or false", arguments: ["check", "json", "insecure", "force"])
        func flag(key: String) throws {
            #expect(try problems("\(key) = true").isEmpty)
            #expect(
                try problems("\(key) = 'maybe'").map(\.message) == [
                    "\(key) is the text \"maybe\", but takes true or false"
                ])
        }

        @Test(
            "In the environment: the sentence names the variable, the value and a good one",
            arguments: values.keys.sorted())
        func variable(key: String) throws {
            let bad = try #require(Self.values[key]).bad
            // A text may be any; lists are texts with commas.
            guard !bad.hasPrefix("["), !["true", "false"].contains(bad) else { return }
            let tree = try #require(Self.tree)
            let leaf = try #require(
                tree.leaves().first { leaf in tree.command(at: leaf)?.options.contains { $0.key == key } == true })
            let text = bad.trimmingCharacters(in: CharacterSet(charactersIn: "'"))
            let lacking = tree.command(at: leaf)?.requiredKeys.filter { $0 != key } ?? []
            let invocation = try Invocation(
                leaf + lacking.map { "--\($0)=x" }, of: .init(root: Tandem.self),
                environment: [Settings.variable(of: key): text, "TANDEM_CONFIG": ""])
            let sentence = ConfigValidateCommand.refusal(of: invocation.arguments, Tandem.self) ?? ""
            let source = invocation.source(of: sentence) ?? ""
            #expect(source.hasPrefix("\(Settings.variable(of: key)) is ") && source.contains(text), "\(sentence)")
            #expect(hasExample(sentence), "\(sentence)")
        }

        @Test(
            "Settings that contradict each other are told at the one that its command names; several are told at once")
        func together() throws {
            let found = try problems("[worker]\nmemory = '1KiB'\nthreads = 0\ndata-port = 7\n[up]\nworkers = 0\n")
            #expect(found.map(\.line).sorted() == [2, 3, 6], "\(found)")
            #expect(try problems("[coordinator]\nlisten = 'host:1'\nport = 2\n").map(\.line) == [2])
        }

        @Test("A level of logs in the environment is one")
        func logs() throws {
            let cases: [(flag: String?, variable: String?, level: String)] = [
                (nil, nil, "info"), (nil, "", "info"), (nil, "Debug", "debug"), ("error", "loud", "error"),
            ]
            for (flag, variable, level) in cases { #expect(try "\(LogFlags.level(flag, variable))" == level) }
            let failure = #expect(throws: SettingsFailure.self) { try LogFlags.level(nil, "loud") }
            #expect(
                failure?.sentences.first?.hasPrefix("TANDEM_LOG is \"loud\", but takes a level: one of trace, ") == true
            )
        }
    }
}
