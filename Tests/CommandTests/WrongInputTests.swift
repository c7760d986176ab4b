// Responsible for: wrong input on the command line: one clear sentence, a non-zero status, nothing else.
import Foundation
import Testing

extension CommandTests {
    @Suite("Wrong input")
    struct WrongInputTests {
        /// Of the form of a coordinator's key.
        private static let key = String(repeating: "A", count: 43)

        /// Arguments, and a word the error must hold.
        static let cases: [([String], String)] = [
            (["run"], "--model"),
            (["nonsense"], "nonsense"),
            (["run", "--model", "/nowhere/model.gguf", "--prompt", "x"], "/nowhere/model.gguf"),
            (["run", "--model", "/dev/null", "--prompt", "x"], "/dev/null"),
            (["run", "--model", Place.tales, "--prompt", "x", "--temperature", "-1"], "--temperature"),
            (["run", "--model", Place.tales, "--prompt", "x", "--top-p", "nan"], "--top-p"),
            (["run", "--model", Place.tales, "--prompt", "x", "--top-k", "many"], "--top-k"),
            (["run", "--model", Place.tales, "--prompt", "x", "--max-tokens", "0"], "--max-tokens"),
            (["run", "--model", Place.tales, "--prompt", "x", "--context", "100000000"], "--context"),
            (["run", "--model", Place.tales, "--prompt", "x", "--threads", "0"], "--threads"),
            (["run", "--model", Place.tales, "--prompt", "x", "--chunk", "0"], "--chunk"),
            (["run", "--model", Place.tales, "--prompt", "x", "--stop", ""], "--stop"),
            (["run", "--model", Place.tales, "--prompt", "x", "--logprobs", "1000"], "--logprobs"),
            (["run", "--model", Place.tales, "--prompt", "x", "--logit-bias", "5"], "--logit-bias"),
            (["run", "--model", Place.tales, "--prompt-tokens", "1,x"], "--prompt-tokens"),
            (["run", "--model", Place.tales, "--prompt-tokens", "99999999"], "99999999"),
            (["run", "--model", Place.tales, "--prompt-file", "/nowhere/prompt"], "/nowhere/prompt"),
            (["run", "--model", Place.tales, "--prompt", "x", "--prompt-tokens", "1"], "more than one prompt"),
            (["run", "--model", Place.tales, "--prompt", "x", "--tools", "/nowhere/tools"], "/nowhere/tools"),
            (["run", "--model", Place.tales, "--prompt", "x", "--tools", Place.tales], "JSON list"),
            (["run", "--model", Place.tales, "--prompt", "x", "--template-variables", "[]"], "JSON object"),
            (["run", "--model", Place.tales, "--prompt", "x", "--raw", "--system", "x"], "--system"),
            (["inspect", "/nowhere"], "/nowhere"),
            (["inspect", Place.tales, "--template"], "no chat template"),
            (["inspect", Place.tales, "--context", "100000000"], "--context"),
            (["perplexity", "--model", Place.tales, "--file", "/nowhere/text"], "/nowhere/text"),
            (["perplexity", "--model", Place.tales, "--file", "/dev/null"], "/dev/null"),
            (["perplexity", "--model", Place.tales, "--file", Place.tales, "--context", "100000"], "--context"),
            (["perplexity", "--model", Place.tales, "--file", Place.tales, "--chunks", "0"], "--chunks"),
            (["coordinator", "--model", Place.tales, "--listen", "nonsense"], "nonsense"),
            (["coordinator", "--model", Place.tales, "--listen", "tcp://0.0.0.0:65534"], "two further ports"),
            (["coordinator", "--model", Place.tales, "--listen", "127.0.0.1:7", "--port", "7"], "--port"),
            (["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0", "--split", "0-1"], "--split"),
            (["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0", "--split", "1-5"], "--split"),
            (["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0", "--split", "a"], "--split"),
            (
                ["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0", "--min-workers", "0"],
                "--min-workers"
            ),
            (["coordinator", "--listen", "tcp://127.0.0.1:0"], "--simulate"),
            (["coordinator", "--listen", "tcp://127.0.0.1:0", "--simulate", "--model", Place.tales], "--model"),
            (["coordinator", "--listen", "tcp://127.0.0.1:0", "--simulate", "--quantize", "q8_0"], "--quantize"),
            (["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0", "--kv-type", "q1"], "--kv-type"),
            (["run", "--model", Place.tales, "--prompt", "x", "--kv-type", "f64"], "--kv-type"),
            (["up", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0", "--kv-type", "f64"], "--kv-type"),
            (
                ["perplexity", "--model", Place.tales, "--file", Place.tales, "--kv-type", "f64", "--chunks", "1"],
                "--kv-type"
            ),
            (
                [
                    "perplexity", "--model", Place.tales, "--file", Place.tales, "--kv-type", "f32", "--coordinator",
                    "127.0.0.1:1",
                ], "--coordinator"
            ),
            (
                ["worker", "--join", "127.0.0.1:1", "--simulate-stage-milliseconds", "5", "--model", Place.tales],
                "--model"
            ),
            (["worker", "--join", "127.0.0.1:1", "--simulate-stage-milliseconds", "61000"], "between 0 and 60000"),
            (["worker", "--join", "127.0.0.1:1", "--simulate-token-microseconds", "5"], "--simulate-stage"),
            (["coordinator", "--model", Place.tales, "--queue", "0"], "--queue"),
            (["coordinator", "--model", Place.tales, "--max-running", "1025"], "--max-running"),
            (["coordinator", "--model", Place.tales, "--step-milliseconds", "0"], "--step-milliseconds"),
            (["coordinator", "--model", Place.tales, "--speculate", "often"], "--speculate"),
            (["up", "--model", Place.tales, "--prefix-cache", "often"], "--prefix-cache"),
            (["up", "--model", Place.tales, "--queue", "100000"], "--queue"),
            (["worker", "--join", "nonsense"], "nonsense"),
            (["worker", "--join", "192.0.2.1:7070"], "token create"),
            (["worker", "--join", "192.0.2.1:7070#key"], "43 characters"),
            (["worker", "--join", "192.0.2.1:7070##token"], "--join has no key"),
            (["worker", "--join", "192.0.2.1:7070#\(key)#"], "--join has no token"),
            (["worker", "--join", "192.0.2.1:7070#\(key)#short"], "22 characters"),
            (["worker", "--join", "\"192.0.2.1:7070#\(key)\""], "--join has quotes"),
            (["worker", "--join", "192.0.2.1:7070 #\(key)"], "--join has a blank"),
            (["worker", "--join", "http://192.0.2.1:7070#\(key)"], "'http' is not a transport"),
            (["worker", "--join", "2001:db8::1:7070#\(key)"], "must stand in brackets"),
            (["worker", "--join", "192.0.2.1:70700#\(key)"], "'70700' is not a number"),
            (["worker", "--join", ""], "--join is empty"),
            (["worker", "--join", "192.0.2.1:7070", "--data-port", "70000"], "--data-port"),
            (["generate", "--coordinator", "192.0.2.1:7070", "--prompt", "x"], "token create"),
            (["token", "create", "--expires", "soon"], "--expires"),
            (["token", "create", "--uses", "0"], "--uses"),
            (["token", "revoke", "00000000"], "00000000"),
            (["remove", "nobody"], "nobody"),
            (["worker", "--join", "127.0.0.1:7070", "--memory", "much"], "--memory"),
            (["worker", "--join", "127.0.0.1:7070", "--memory", "1B"], "--memory"),
            (["worker", "--join", "127.0.0.1:7070", "--model", "/nowhere"], "/nowhere"),
            (["generate", "--coordinator", "127.0.0.1:1", "--prompt", "x"], "127.0.0.1:1"),
            (["generate", "--coordinator", "127.0.0.1:1", "--prompt", "x", "--priority", "-5"], "127.0.0.1:1"),
            (["generate", "--prompt", "x", "--priority", "-101"], "--priority"),
            (["chat", "--priority", "101"], "--priority"),
            (["status", "--coordinator", "127.0.0.1:1"], "127.0.0.1:1"),
            (["bench", "--shape", "nope"], "nope"),
            (["bench", "--type", "q9"], "q9"),
            (["bench", "--layers", "17"], "--layers"),
            (["bench", "--model", Place.tales, "--type", "q8_0"], "--model"),
            (["bench", "--batch", "1,x"], "--batch"),
            (["bench", "--model", "/nowhere.gguf"], "/nowhere.gguf"),
            (["bench", "--shape", "gpt2-124m", "--layers", "1", "--kv-type", "q1"], "--kv-type"),
            (["bench", "--shape", "gpt2-124m", "--layers", "1", "--peer", "other"], "--peer"),
            (["bench", "model", "--pp", "0", "--tg", "0"], "--pp"),
            (["bench", "kernels", "--types", "q8_0,q9"], "q9"),
            (["bench", "kernels", "--batch", "1,x"], "--batch"),
            (["bench", "kernels", "--batch", "0"], "--batch"),
            (["bench", "kernels", "--threads", "1,"], "--threads"),
            (["bench", "kernels", "--threads", "2000"], "--threads"),
            (["bench", "kernels", "--rows", "0"], "--rows"),
            (["bench", "kernels", "--columns", "300"], "multiple of 256"),
            (["bench", "kernels", "--rows", "131072", "--columns", "65536"], "too large"),
            (["bench", "kernels", "--context", "0"], "--context"),
            (["bench", "kernels", "--repetitions", "0"], "--repetitions"),
            (["bench", "kernels", "--level", "mmx"], "mmx"),
            (["up", "--model", Place.tales, "--workers", "0"], "--workers"),
            (["up", "--model", "/nowhere", "--workers", "1", "--listen", "tcp://127.0.0.1:0"], "/nowhere"),
        ]

        @Test("An error is one sentence with a hint at most, and the status is not zero", arguments: cases.indices)
        func refused(index: Int) async throws {
            let (arguments, word) = Self.cases[index]
            let outcome = try await TandemProcess(arguments, cache: TemporaryFolder()).wait()
            #expect([1, 2, 66, 69, 77].contains(outcome.status), "\(arguments)")
            #expect(outcome.output.isEmpty, "\(arguments)")
            let lines = outcome.talk.split(separator: "\n").filter { $0.hasPrefix("error:") }
            #expect(lines.count == 1 && outcome.talk.contains(word), "\(arguments): \(outcome.talk)")
        }

        @Test("The hint names the help of the command at fault, also below another one")
        func hint() async throws {
            for command in [["bench", "kernels"], ["status"]] {
                let outcome = try await TandemProcess(command + ["--bogus"], cache: TemporaryFolder()).wait()
                #expect(outcome.status == 2)
                #expect(outcome.talk.contains("`tandem \(command.joined(separator: " ")) --help`"), "\(outcome.talk)")
            }
        }

        @Test("A port in use is told at once")
        func portInUse() async throws {
            let cluster = try await LocalCluster()
            let outcome = try await tandem(
                "coordinator", "--model", Place.tales, "--listen", "tcp://" + cluster.address)
            #expect(outcome.status == 1)
            #expect(outcome.talk.contains(cluster.address))
        }

        @Test("A truncated model file is refused with a sentence")
        func truncated() async throws {
            let folder = try TemporaryFolder()
            let data = try #require(FileManager.default.contents(atPath: Place.tales))
            for count in [0, 3, 100, 5_000, data.count / 2, data.count - 1] {
                let path = folder.path + "/cut.gguf"
                try data.prefix(count).write(to: URL(fileURLWithPath: path))
                let outcome = try await tandem("run", "--model", path, "--prompt", "x")
                #expect(outcome.status == 1)
                #expect(outcome.talk.hasPrefix("error: \(path)"), "\(outcome.talk)")
            }
        }

        @Test(
            "Help is printed on stdout, with examples",
            arguments: [
                "run", "coordinator", "worker", "generate", "chat", "up", "status", "inspect", "config", "doctor",
                "perplexity", "tokenize", "detokenize", "bench",
            ])
        func help(command: String) async throws {
            let outcome = try await tandem(command, "--help")
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("tandem \(command)"))
        }

        @Test("What inspect tells is one JSON object too")
        func inspect() async throws {
            struct Report: Decodable {
                struct Memory: Decodable { var totalBytes: Int }
                struct Configuration: Decodable { var contextLength: Int }
                var name: String
                var memory: Memory
                var configuration: Configuration
                var specialTokens: [[String: AnyValue]]
            }
            struct AnyValue: Decodable { init(from decoder: any Decoder) throws {} }
            let outcome = try await tandem("inspect", Place.tales, "--context", "128", "--json")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let report = try decoder.decode(Report.self, from: Data(outcome.output.utf8))
            #expect(report.name == "Tandem Tales" && report.configuration.contextLength == 512)
            #expect(report.memory.totalBytes > 1 << 20 && report.specialTokens.count == 1)
        }

        @Test("A prompt comes from a pipe, and ids work without text")
        func prompts() async throws {
            let piped = try await tandem(
                "run", "--model", Place.tales, "--temperature", "0", "--max-tokens", "8", input: "Once upon a time")
            let given = try await tandem(
                "run", "--model", Place.tales, "--temperature", "0", "--max-tokens", "8", "--prompt", "Once upon a time"
            )
            #expect(piped.status == 0 && piped.output == given.output)
            let ids = try await reference(
                model: Place.fixture("llama-mha-sharded"), "--prompt-tokens", "1,2,3", "--temperature", "0",
                "--max-tokens", "5"
            )
            #expect(ids.promptTokens == [1, 2, 3] && ids.text == nil)
        }
    }
}
