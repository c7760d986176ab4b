// Responsible for: `tandem list`, and commands that are given the name of a model instead of a path.
// Must not know: how a name is looked up.
import Foundation
import Testing

extension CommandTests {
    @Suite("Models by name")
    struct ListCommandTests {
        /// A store with the shipped model and a Hugging Face folder under other names.
        private func store() throws -> TemporaryFolder {
            let folder = try TemporaryFolder()
            for (name, path) in [("Stories.gguf", Place.tales), ("tiny-llama", Place.fixture("llama-f32"))] {
                try FileManager.default.createSymbolicLink(
                    atPath: folder.path + "/" + name, withDestinationPath: path)
            }
            return folder
        }

        private func tandem(_ command: String, in store: TemporaryFolder) async throws -> TandemProcess.Outcome {
            let folder = try TemporaryFolder()
            let outcome = try await TandemProcess(
                ["-c", command], cache: folder, environment: ["TANDEM_MODELS": store.path], program: "/bin/bash"
            ).wait()
            return withExtendedLifetime(folder) { outcome }
        }

        private struct Listing: Decodable {
            struct Model: Decodable {
                var name: String
                var path: String
                var family: String?
                var parameters: Int?
                var fileBytes: Int?
                var type: String?
                var problem: String?
            }
            var schemaVersion: Int
            var folder: String
            var models: [Model]
        }

        @Test("All models are listed with what they are, for people and for programs")
        func list() async throws {
            let store = try store()
            let text = try await tandem("$TANDEM list", in: store)
            let lines = text.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(text.status == 0 && text.talk.isEmpty, "\(text)")
            #expect(lines.first == ["name", "family", "size", "parameters", "type", "path"])
            #expect(lines.count == 4 && lines[1].first == "Stories" && lines[1].last == store.path + "/Stories.gguf")
            #expect(lines[1].contains("gpt2") && lines[1].contains("3161088") && lines[1].contains("F16"))

            let listing = try decode(Listing.self, try await tandem("$TANDEM list --json", in: store).output)
            #expect(listing.schemaVersion == 1 && listing.folder == store.path)
            #expect(listing.models.map(\.name) == ["Stories", "tandem-tales", "tiny-llama"])
            #expect(listing.models.map(\.family) == ["gpt2", "gpt2", "llama"])
            #expect(listing.models.allSatisfy { $0.problem == nil && $0.parameters != nil && $0.type != nil })
            #expect(listing.models.allSatisfy { $0.fileBytes ?? 0 > 0 && $0.path.hasPrefix("/") })
        }

        @Test("A model that cannot be used is named with the reason; an empty store says how to get one")
        func problems() async throws {
            let folder = try TemporaryFolder()
            let empty = try await tandem("$TANDEM list", in: folder)
            #expect(empty.status == 0 && empty.talk.contains("has no models; `Deploy/fetch-model smollm2`"), "\(empty)")
            try Data("version https://git-lfs".utf8).write(to: URL(fileURLWithPath: folder.path + "/broken.gguf"))
            let broken = try await tandem("$TANDEM list", in: folder)
            #expect(broken.status == 0 && !broken.output.contains("broken"))
            #expect(broken.talk.hasPrefix("warning: ") && broken.talk.contains("broken.gguf"), "\(broken.talk)")
        }

        @Test("Every command that takes a model takes a name")
        func names() async throws {
            let store = try store()
            for command in [
                "run -m stories -p x --max-tokens 1", "inspect STORIES.GGUF", "tokenize -m tiny -p e",
                "detokenize -m tiny-llama 5", "quantize stor $XDG_CACHE_HOME/x.gguf --type q8_0",
                "perplexity -m stories --file <(head -c 20000 $TANDEM_TEXT) --context 32 --chunks 1",
                "bench -m stories --pp 4 --tg 2 --repetitions 1",
            ] {
                let script = "TANDEM_TEXT=\(Place.package.path)/README.md; $TANDEM \(command)"
                let outcome = try await tandem(script, in: store)
                #expect(outcome.status == 0 && !outcome.output.isEmpty, "\(command): \(outcome)")
            }
            for command in ["coordinator -m t --listen tcp://127.0.0.1:0", "worker --join 127.0.0.1:1 -m nosuch"] {
                let outcome = try await tandem("$TANDEM \(command)", in: store)
                #expect(outcome.status == 66 && outcome.output.isEmpty && outcome.talk.contains("hint: "), "\(outcome)")
            }
        }

        @Test("`up` without a model serves the best that is here, and says which and what to ask it")
        func up() async throws {
            let store = try TemporaryFolder()
            let folder = try TemporaryFolder()
            let process = try TandemProcess(
                ["up", "--listen", "tcp://127.0.0.1:0", "--workers", "1"], cache: folder,
                environment: ["TANDEM_MODELS": store.path])
            let isUp = await eventually {
                process.talkSoFar.contains(" serves\n") && process.outputSoFar.contains("\n") || !process.isRunning
            }
            let talk = process.talkSoFar
            process.signal(SIGINT)
            let outcome = try await process.wait()
            #expect(isUp && outcome.output.hasPrefix("tandem worker --join 127.0.0.1:"), "\(outcome)")
            #expect(talk.contains("no --model: tandem-tales serves, which tells simple stories\n"))
            #expect(talk.contains("`Deploy/fetch-model smollm2` gets SmolLM2-135M-Instruct.Q4_1"))
            #expect(talk.contains("ask it: tandem generate --coordinator tcp://127.0.0.1:"))
        }
    }
}
