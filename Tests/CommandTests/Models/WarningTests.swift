// Responsible for: what commands say of models whose files were guessed at or left out in part.
import Foundation
import Testing

extension CommandTests {
    @Suite("Warnings about model files")
    struct WarningTests {
        /// A copy of a fixture's folder with a generation_config.json that is no JSON.
        private func spoiled() throws -> TemporaryFolder {
            let folder = try TemporaryFolder()
            try FileManager.default.copyItem(atPath: Place.fixture("llama-f32"), toPath: folder.path + "/model")
            try Data(#"{"eos_token_id": 2,}"#.utf8).write(
                to: URL(fileURLWithPath: folder.path + "/model/generation_config.json"))
            return folder
        }

        private func warnings(_ talk: String) -> [Substring] {
            talk.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
        }

        @Test("A file that cannot be read but is not needed is named once, and the answer is given")
        func once() async throws {
            let folder = try spoiled()
            let model = folder.path + "/model"
            for arguments in [
                ["run", "--model", model, "--prompt", "e", "--max-tokens", "2", "--temperature", "0", "--json"],
                ["inspect", model, "--json"],
            ] {
                let outcome = try await TandemProcess(arguments, cache: TemporaryFolder()).wait()
                #expect(outcome.status == 0 && !outcome.output.isEmpty)
                let lines = warnings(outcome.talk)
                #expect(lines.count == 1 && lines.first?.contains("generation_config.json") == true)
            }
        }

        @Test("A GGUF file is read as one whatever its name is, and what is guessed of its tokenizer is said")
        func gguf() async throws {
            let folder = try TemporaryFolder()
            let path = folder.path + "/x.model.gguf"
            try FileManager.default.copyItem(atPath: Place.tales, toPath: path)
            let there = try await tandem("tokenize", "--model", Place.tales, "--prompt", "Once upon")
            let here = try await tandem("tokenize", "--model", path, "--prompt", "Once upon")
            #expect(here.status == 0 && here.output == there.output && here.talk.isEmpty)
            // The same length under another name: the file no longer says how text is cut.
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            let key = Array("tokenizer.ggml.pre".utf8)
            if let place = bytes.firstRange(of: key) {
                bytes.replaceSubrange(place, with: Array("tokenizer.ggml.prx".utf8))
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let guessed = try await tandem("tokenize", "--model", path, "--prompt", "Once upon")
                #expect(guessed.status == 0 && warnings(guessed.talk).count == 1)
                let messages = folder.path + "/messages.json"
                try #"[{"role": "user", "content": "e"}]"#.write(
                    toFile: messages, atomically: true, encoding: .utf8)
                let rendered = try await tandem("tokenize", "--model", path, "--messages", messages)
                #expect(rendered.status == 0 && warnings(rendered.talk).count == 1, "\(rendered.talk)")
            }
        }
    }
}
