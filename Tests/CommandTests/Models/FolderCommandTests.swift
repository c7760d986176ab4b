// Responsible for: folders on disk in which a name is no file that can be read: links to nowhere, pipes, folders.
// Must not know: what the files mean.
import Foundation
import Testing

extension CommandTests {
    @Suite("Folders on disk")
    struct FolderCommandTests {
        private static let flags = "--prompt-tokens 1,2,3 --temperature 0 --max-tokens 3 --raw"

        /// What stands where a file is looked for.
        static let obstacles = [
            "ln -s /nowhere/x", "ln -s $F", "mkdir", "mkfifo", "truncate -s 8G", "touch", "ln -s /dev/zero",
            "ln -s /dev/null",
        ]

        private func run(_ script: String, in folder: TemporaryFolder) async throws -> TandemProcess.Outcome {
            try await bash(
                "cp -r \(Place.fixture("llama-f32")) \(folder.path)/model && chmod -R u+w \(folder.path)/model && "
                    + "cd \(folder.path)/model && \(script) && timeout 60 $TANDEM run -m . \(Self.flags)")
        }

        @Test(
            "What stands in the place of a file that nobody needs does no harm",
            arguments: [
                "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                "chat_template.jinja", "chat_template.json", "adapter_config.json", "quantize_config.json",
                "model.safetensors.index.json", "preprocessor_config.json", "vocab.json",
            ])
        func needless(file: String) async throws {
            let expected = try await run("true", in: TemporaryFolder())
            #expect(expected.status == 0, "\(expected)")
            for obstacle in Self.obstacles {
                let script = "rm -f \(file) && F=\(file) && \(obstacle) \(file)"
                let outcome = try await run(script, in: TemporaryFolder())
                #expect(outcome.status == 0 && outcome.output == expected.output, "\(script): \(outcome)")
            }
        }

        @Test(
            "What stands in the place of a file that is needed is told",
            arguments: ["config.json", "model.safetensors"])
        func needed(file: String) async throws {
            for obstacle in Self.obstacles {
                let script = "rm -f \(file) && F=\(file) && \(obstacle) \(file)"
                let outcome = try await run(script, in: TemporaryFolder())
                #expect([1, 66].contains(outcome.status) && outcome.output.isEmpty, "\(script): \(outcome)")
                let errors = outcome.talk.split(separator: "\n").filter { $0.hasPrefix("error: ") }
                #expect(errors.count == 1 && errors[0].contains(file), "\(script): \(outcome.talk)")
            }
        }

        @Test("Where a model cannot be a stream, that is said", arguments: ["<(cat $TALES)", "/dev/zero", "/dev/null"])
        func streams(model: String) async throws {
            for command in ["run -p x -m", "inspect", "tokenize -p x -m"] {
                let outcome = try await bash("$TANDEM \(command) \(model)")
                #expect(outcome.status == 1 && outcome.talk.contains("neither a file nor a folder"), "\(outcome)")
            }
        }

        @Test(
            "Where no file can be written, `quantize` says so",
            arguments: ["/tmp", "/dev/null", "/dev/full", "/nowhere/x", "/proc/x", "$TALES"])
        func places(path: String) async throws {
            let outcome = try await bash("$TANDEM quantize $TALES \(path) --type q8_0")
            #expect(outcome.status == 1 && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.talk.split(separator: "\n").count { $0.hasPrefix("error: ") } == 1, "\(outcome.talk)")
        }

        @Test(
            "Messages come from a pipe as from a file, and what is none is told",
            arguments: ["[]", "{}", "[1]", "", #"[{"role": "user"}]"#, #"[{"role": 5, "content": "x"}]"#, "\\xff"])
        func messages(text: String) async throws {
            for command in ["run -m $TALES", "tokenize -m $TALES"] {
                let outcome = try await bash("$TANDEM \(command) --messages <(printf '\(text)')")
                #expect(outcome.status == 1 && outcome.output.isEmpty, "\(text): \(outcome)")
                #expect(outcome.talk.contains("message") && outcome.talk.contains("error: "), "\(outcome.talk)")
            }
            let right = #"[{"role": "user", "content": "Once"}]"#
            let piped = try await bash("$TANDEM tokenize -m $TALES --json --messages <(printf '\(right)')")
            let read = try await bash("printf '\(right)' | $TANDEM tokenize -m $TALES --json --messages /dev/stdin")
            #expect(piped.status == 0 && piped.output == read.output && !piped.output.isEmpty, "\(piped)")
        }
    }
}
