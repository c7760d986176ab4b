// Responsible for: what goes wrong in a chat, and what can be done in one beside talking.
import Foundation
import Testing

extension CommandTests {
    @Suite("A chat that goes on", .serialized)
    struct ChatFailureTests {
        private struct Message: Decodable, Equatable {
            var role: String
            var content: String
        }

        @Test("A full queue and an absent coordinator are told; the message is recalled, and the chat goes on")
        func failures() async throws {
            let cluster = try await LocalCluster("--queue", "1", "--max-running", "1")
            let waiting = try cluster.generate("--prompt", "The cat", "--max-tokens", "3")
            let isQueued = try await eventually { try await cluster.status().requests.count == 1 }
            #expect(isQueued)
            let chat = try await ChatTerminal(cluster, "--max-tokens", "5")
            chat.type("Hello there\r")
            try await chat.waitForPrompt(below: "error: the queue is full")
            try await cluster.join(count: 1)
            #expect(try await waiting.wait().status == 0)
            try await chat.send("/regenerate")
            cluster.coordinator.signal(SIGKILL)
            chat.type("Are you there?\r")
            // What the first error said still stands above.
            try await chat.wait("two errors and a prompt") { picture in
                picture.lines.count { $0.hasPrefix("error: ") } == 2 && picture.line == ">" && picture.column == 2
            }
            chat.type("\u{1B}[A")
            try await chat.wait("the message again") { $0.line == "> Are you there?" }
            let path = chat.folder.path + "/saved.json"
            chat.type("\u{15}/save \(path)\r")
            try await chat.waitForPrompt(below: "> /save")
            let messages = try JSONDecoder().decode([Message].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(messages.map(\.role) == ["user", "assistant"] && messages.first?.content == "Hello there")
            chat.type("/exit\r")
            #expect(try await chat.process.wait().status == 0)
        }

        @Test("Turns are taken back, answered anew, kept in a file and gone on with; settings hold")
        func commands() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let chat = try await ChatTerminal(cluster, "--max-tokens", "400", "--ignore-eos")
            try await chat.send("/set max_tokens 6")
            try await chat.send("/set temperature 0")
            try await chat.send("/set heat 3")
            try await chat.wait(for: "error: there is nothing called heat to set")
            try await chat.send("/set top_p 7")
            try await chat.wait(for: "error: top_p is 7.0, but must be")
            try await chat.send("/system Be brief.")
            try await chat.send("Once upon a time")
            try await chat.send("There was a dog")
            try await chat.send("/regenerate")
            try await chat.send("/stats")
            try await chat.wait(for: "3 answers of 18 tokens")
            let path = chat.folder.path + "/saved.json"
            try await chat.send("/undo")
            try await chat.send("/save \(path)")
            var messages = try JSONDecoder().decode([Message].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(messages.map(\.role) == ["system", "user", "assistant"])
            try await chat.send("/reset")
            try await chat.send("/load /nowhere/file")
            try await chat.wait(for: "/nowhere/file cannot be read")
            try await chat.send("/load \(path)")
            try await chat.send("And then?")
            try await chat.send("/save  \(path)")
            messages = try JSONDecoder().decode([Message].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(messages.map(\.role) == ["system", "user", "assistant", "user", "assistant"])
            try await chat.send("/reasoning on")
            try await chat.send("/nonsense")
            try await chat.wait(for: "there is no command /nonsense")
        }

        @Test("What a file or a model says gives no orders to the terminal")
        func harmless() async throws {
            let cluster = try await LocalCluster(model: Place.fixture("llama-f32"))
            try await cluster.join(count: 1)
            let chat = try await ChatTerminal(cluster, "--max-tokens", "4", "--ignore-eos")
            let path = chat.folder.path + "/evil.json"
            try #"[{"role": "system", "content": "a\u001b]0;evil\u0007b"}]"#.write(
                toFile: path, atomically: true, encoding: .utf8)
            try await chat.send("/load \(path)")
            try await chat.send("/system")
            try await chat.wait(for: "(the model is told: a^[]0;evil^Gb)")
            #expect(!chat.process.outputSoFar.contains("\u{1B}]0;"))
        }

        @Test("In a terminal that can do nothing a chat reads lines, and a backslash goes on in the next")
        func dumb() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let terminal = try PseudoTerminal(columns: 80, rows: 24)
            let folder = try TemporaryFolder()
            let process = try TandemProcess(
                [
                    "chat", "--coordinator", cluster.address, "--max-tokens", "3", "--state",
                    cluster.folder.path + "/state/tandem",
                ], cache: cluster.folder,
                terminal: terminal, ownsTerminal: true, environment: ["TERM": "dumb", "XDG_STATE_HOME": folder.path])
            func wait(for text: String) async {
                let isThere = await eventually {
                    process.outputSoFar.contains(text) && process.outputSoFar.hasSuffix("> ")
                }
                #expect(isThere, "\(text) is not in \(process.outputSoFar)")
            }
            await wait(for: "/help helps.")
            #expect(terminal.isPlain)
            process.type("Hello\\\nthere\n/stats\n")
            await wait(for: "in all: 1 answers of 3 tokens")
            process.type("\u{04}")
            let outcome = try await process.wait()
            #expect(outcome.status == 0 && !outcome.output.contains("\u{1B}"))
        }

        @Test("What a model thinks is folded in a terminal, shown where it is wanted, and whole through a pipe")
        func reasoning() async throws {
            let model = try TemporaryFolder()
            for name in ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"] {
                try FileManager.default.createSymbolicLink(
                    atPath: model.path + "/" + name, withDestinationPath: Place.fixture("llama-f32") + "/" + name)
            }
            try "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n".write(
                toFile: model.path + "/chat_template.jinja", atomically: true, encoding: .utf8)
            let cluster = try await LocalCluster(model: model.path)
            try await cluster.join(count: 1)
            let arguments = ["--max-tokens", "6", "--temperature", "0", "--ignore-eos"]
            let piped = try await TandemProcess(
                ["chat", "--coordinator", cluster.address] + arguments, cache: cluster.folder, input: "e\n"
            ).wait()
            #expect(piped.output.hasPrefix("<think>") && piped.output.count > 9 && piped.status == 0)
            let thought = String(piped.output.dropFirst("<think>".count).split(separator: "\n")[0])
            let chat = try await ChatTerminal(cluster, "--max-tokens", "6", "--temperature", "0", "--ignore-eos")
            try await chat.send("e")
            try await chat.wait(for: "thinking… (/reasoning on shows it)")
            #expect(!chat.process.outputSoFar.contains(thought))
            try await chat.send("/reasoning")
            try await chat.wait(for: thought)
            try await chat.send("/reasoning on")
            try await chat.send("/reset")
            chat.type("e\r")
            try await chat.wait("it twice") { picture in picture.lines.count { $0.contains(thought) } == 2 }
        }

        @Test("Through a pipe a failed turn is told, the next is answered, and the status says that one failed")
        func piped() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let long = String(repeating: "word ", count: 4_000)
            let outcome = try await TandemProcess(
                ["chat", "--coordinator", cluster.address, "--max-tokens", "5", "--temperature", "0"],
                cache: cluster.folder, input: long + "\nOnce upon a time\n"
            ).wait()
            #expect(outcome.status == 1 && outcome.talk.hasPrefix("error: the prompt has "), "\(outcome.talk)")
            #expect(outcome.output.count > 5)
        }

        @Test("A conversation comes from a file; `tokenize` shows what the template makes of it")
        func messageFiles() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let path = cluster.folder.path + "/messages.json"
            try #"[{"role": "system", "content": "s"}, {"role": "user", "content": "Once upon a time"}]"#
                .write(toFile: path, atomically: true, encoding: .utf8)
            let arguments = ["--temperature", "0", "--max-tokens", "8"]
            let given = try await cluster.answer(["--messages", path] + arguments)
            let spelled = try await cluster.answer(["--system", "s", "--prompt", "Once upon a time"] + arguments)
            #expect(given == spelled)
            let twice = try await cluster.generate("--messages", path, "--prompt", "x").wait()
            #expect(twice.status == 2 && twice.talk.contains("--messages"))
            let outcome = try await tandem("tokenize", "--model", Place.tales, "--messages", path, "--json")
            struct Report: Decodable {
                var tokens: [Int]
                var text: String
                var count: Int
            }
            let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
            #expect(report.tokens == given.promptTokens && report.count == report.tokens.count)
            #expect(report.text == "System: s\nUser: Once upon a time\nAssistant:")
            #expect(outcome.talk.contains("no chat template"))
        }
    }
}
