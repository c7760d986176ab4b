// Responsible for: chat templates as a person meets them on the command line.
// Must not know: what templates can do.
import Foundation
import Testing

extension CommandTests {
    @Suite("Chat templates on the command line")
    struct ChatTemplateCommandTests {
        /// A small Llama with this chat template.
        private func model(_ template: String) throws -> TemporaryFolder {
            let folder = try TemporaryFolder()
            for name in ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"] {
                try FileManager.default.createSymbolicLink(
                    atPath: folder.path + "/" + name, withDestinationPath: Place.fixture("llama-f32") + "/" + name)
            }
            try template.write(toFile: folder.path + "/chat_template.jinja", atomically: true, encoding: .utf8)
            return folder
        }

        private func promptTokens(_ model: TemporaryFolder, _ arguments: String...) async throws -> Int {
            let outcome = try await TandemProcess(
                ["run", "--model", model.path, "--max-tokens", "1", "--json"] + arguments, cache: TemporaryFolder()
            ).wait()
            #expect(outcome.status == 0, "\(outcome.talk)")
            let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            return (object?["prompt_tokens"] as? [Int])?.count ?? 0
        }

        @Test("A prompt goes through the template with the system message and the tools, unless it is raw")
        func template() async throws {
            let model = try model(
                "{{ bos_token }}{% for m in messages %}eeee{{ m.content }}{% endfor %}{% if tools %}eeeeeeee{% endif %}"
            )
            let tools = model.path + "/tools.json"
            try #"[{"name": "f"}]"#.write(toFile: tools, atomically: true, encoding: .utf8)
            let raw = try await promptTokens(model, "--prompt", "e", "--raw")
            let one = try await promptTokens(model, "--prompt", "e")
            let two = try await promptTokens(model, "--prompt", "e", "--system", "e")
            let all = try await promptTokens(model, "--prompt", "e", "--system", "e", "--tools", tools)
            #expect((one - raw, two - one, all - two) == (4, 5, 8))
        }

        @Test("What the template makes of a conversation is shown, weights or not: its text, and its tokens")
        func rendered() async throws {
            struct Report: Decodable {
                var tokens: [Int]
                var pieces: [String]
                var text: String
            }
            let model = try model(
                "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                    + "{% if tools %}{{ tools[0].name }}{% endif %}")
            let (messages, tools) = (model.path + "/messages.json", model.path + "/tools.json")
            try #"[{"role": "system", "content": "e"}, {"role": "user", "content": [{"type": "text", "text": "a"}]}]"#
                .write(toFile: messages, atomically: true, encoding: .utf8)
            try #"[{"name": "weather"}]"#.write(toFile: tools, atomically: true, encoding: .utf8)
            let arguments = ["tokenize", "--model", model.path, "--messages", messages]
            for weights in [true, false] {
                if !weights {
                    for name in ["model.safetensors", "config.json"] {
                        try FileManager.default.removeItem(atPath: model.path + "/" + name)
                    }
                }
                let outcome = try await TandemProcess(arguments + ["--json"], cache: TemporaryFolder()).wait()
                #expect(outcome.status == 0 && outcome.talk.isEmpty, "\(outcome.talk)")
                let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
                #expect(report.text == "<system>e<user>a" && report.tokens.first == 1)
                #expect(report.tokens.count == report.pieces.count)
                let withTools = try await TandemProcess(
                    arguments + ["--tools", tools], cache: TemporaryFolder()
                ).wait()
                #expect(withTools.output.hasPrefix("<system>e<user>aweather\n\n1\t"), "\(withTools)")
            }
            for (more, word) in [
                (["--prompt", "x"], "--messages"),
                (["--tools", messages, "--template-variables", "[]"], "JSON object"),
            ] {
                let outcome = try await TandemProcess(arguments + more, cache: TemporaryFolder()).wait()
                #expect(outcome.status != 0 && outcome.talk.contains(word), "\(outcome.talk)")
            }
        }

        @Test("Tools that a template does not look at are told of, alone and on a cluster; others are not")
        func ignoredTools() async throws {
            let notice = "the model's chat template says nothing of --tools"
            let deaf = try model("{% for m in messages %}{{ m.content }}{% endfor %}")
            let tools = deaf.path + "/tools.json"
            try #"[{"name": "f"}]"#.write(toFile: tools, atomically: true, encoding: .utf8)
            let flags = ["--prompt", "e", "--max-tokens", "1", "--tools"]
            let outcome = try await TandemProcess(
                ["run", "--model", deaf.path] + flags + [tools], cache: TemporaryFolder()
            ).wait()
            #expect(outcome.status == 0 && outcome.talk.contains(notice), "\(outcome.talk)")
            let none = try await bash("$TANDEM run -m \(deaf.path) \(flags.joined(separator: " ")) <(echo '[]')")
            #expect(none.status == 0 && !none.talk.contains(notice), "\(none.talk)")
            let cluster = try await LocalCluster(model: deaf.path)
            try await cluster.join(count: 1)
            let client = try cluster.generate("--prompt", "e", "--max-tokens", "1", "--tools", tools)
            let answer = try await client.wait()
            #expect(answer.status == 0 && answer.talk.contains(notice), "\(answer.talk)")
            let hearing = try model("{% for m in messages %}{{ m.content }}{% endfor %}{{ tools | length }}")
            let heard = try await TandemProcess(
                ["run", "--model", hearing.path] + flags + [tools], cache: TemporaryFolder()
            ).wait()
            #expect(heard.status == 0 && !heard.talk.contains(notice), "\(heard.talk)")
        }

        @Test("A broken template is one sentence that names --raw, and --raw works")
        func broken() async throws {
            let model = try model("{% if %}")
            let outcome = try await tandem("run", "--model", model.path, "--prompt", "e", "--max-tokens", "1")
            #expect(outcome.status == 1 && outcome.output.isEmpty)
            #expect(outcome.talk.contains("line 1") && outcome.talk.contains("--raw"), "\(outcome.talk)")
            #expect(try await promptTokens(model, "--prompt", "e", "--raw") > 0)
        }
    }
}
