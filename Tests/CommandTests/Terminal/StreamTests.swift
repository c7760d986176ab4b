// Responsible for: what commands read and write: streams that fail, that never end, that are pipes.
// Must not know: what any command computes.
import Foundation
import Testing

extension CommandTests {
    @Suite("Streams")
    struct StreamTests {
        private func expectOneError(_ outcome: TandemProcess.Outcome, _ word: String, _ what: String) {
            #expect(outcome.status == 1 && outcome.output.isEmpty, "\(what): \(outcome)")
            let errors = outcome.talk.split(separator: "\n").filter { $0.hasPrefix("error: ") }
            #expect(errors.count == 1 && errors[0].contains(word), "\(what): \(outcome.talk)")
            #expect(outcome.talk.contains("hint: "), "\(what): \(outcome.talk)")
        }

        @Test(
            "Standard input that cannot be read is an error of every command that reads it",
            arguments: [
                "run -m $TALES", "run -m $TALES --prompt -", "generate", "tokenize -m $TALES", "detokenize -m $TALES",
            ], ["<&-", "< /tmp", "0> /dev/null"])
        func unreadableInput(command: String, redirection: String) async throws {
            let outcome = try await bash("$TANDEM \(command) \(redirection)")
            expectOneError(outcome, "standard input", command + redirection)
        }

        @Test(
            "Input without an end is refused when it exceeds what a request may have",
            arguments: [
                "yes | $TANDEM generate", "yes | $TANDEM tokenize -m $TALES", "yes 1 | $TANDEM detokenize -m $TALES",
                "$TANDEM run -m $TALES --prompt-file /dev/zero", "$TANDEM run -m $TALES --prompt-file <(yes)",
                "$TANDEM tokenize -m $TALES --prompt-file /dev/zero",
                "$TANDEM run -m $TALES -p x --tools /dev/zero",
            ])
        func endlessInput(script: String) async throws {
            expectOneError(try await bash(script), "\(16 << 20) bytes", script)
        }

        @Test(
            "Output that is lost is an error of every command",
            arguments: [
                "run -m $TALES -p Once --max-tokens 2 --json", "run -m $TALES -p Once --max-tokens 2",
                "tokenize -m $TALES -p Once", "tokenize -m $TALES -p Once --json", "detokenize -m $TALES 5",
                "inspect $TALES", "inspect $TALES --json", "quantize $TALES $XDG_CACHE_HOME/x.gguf --type q8_0",
                "perplexity -m $TALES --file <(head -c 9000 $TALES) --context 16 --chunks 1",
                "coordinator -m $TALES --listen tcp://127.0.0.1:0", "--help", "run --help", "--version",
                "bench kernels --types f32 --batch 1 --threads 1 --rows 16 --columns 256 --context 8 --repetitions 1",
            ], ["/dev/full", "&-"])
        func lostOutput(command: String, sink: String) async throws {
            expectOneError(try await bash("$TANDEM \(command) >\(sink)"), "output", command + sink)
        }

        @Test("Only a reader that went away ends a command in silence")
        func closedPipe() async throws {
            for command in ["inspect $TALES", "tokenize -m $TALES -p Once", "--help"] {
                let outcome = try await bash("$TANDEM \(command) | true; exit ${PIPESTATUS[0]}")
                #expect(outcome.status == 0 && outcome.talk.isEmpty, "\(command): \(outcome)")
            }
        }

        @Test("Nothing that is meant for a closed stream gets into a file")
        func closedStreams() async throws {
            let folder = try TemporaryFolder()
            let file = folder.path + "/q8.gguf"
            let closed = try await bash("$TANDEM quantize $TALES \(file) --type q8_0 >&- 2>&-", cache: folder)
            let open = try await bash("$TANDEM quantize $TALES \(file).2 --type q8_0 >/dev/null", cache: folder)
            #expect(closed.status == 1 && open.status == 0)
            let contents = [file, file + ".2"].map { FileManager.default.contents(atPath: $0) }
            #expect(contents[0] != nil && contents[0] == contents[1])
        }

        @Test("Pipes, named pipes and devices are read as files are")
        func pipes() async throws {
            let flags = "--temperature 0 --max-tokens 6"
            let given = try await bash("$TANDEM run -m $TALES -p Once \(flags)")
            #expect(given.status == 0 && !given.output.isEmpty)
            for script in [
                "$TANDEM run -m $TALES --prompt-file <(printf Once) \(flags)",
                "printf Once | $TANDEM run -m $TALES --prompt-file /dev/stdin \(flags)",
                "mkfifo $XDG_CACHE_HOME/p; printf Once > $XDG_CACHE_HOME/p & "
                    + "$TANDEM run -m $TALES --prompt-file $XDG_CACHE_HOME/p \(flags)",
            ] {
                let outcome = try await bash(script)
                #expect(outcome.status == 0 && outcome.output == given.output, "\(script): \(outcome)")
            }
            let tokens = try await bash("$TANDEM tokenize -m $TALES --prompt-file <(printf Once) --json")
            let same = try await bash("$TANDEM tokenize -m $TALES -p Once --json")
            #expect(tokens.output == same.output && tokens.status == 0)
            let text = try await bash(
                "$TANDEM perplexity -m $TALES --file <(head -c 9000 $TALES) --context 16 --chunks 2")
            #expect(text.status == 0 && text.output.contains("Final estimate"), "\(text)")
            let tools = try await bash("$TANDEM run -m $TALES -p Once --tools <(printf '[x')")
            #expect(tools.status == 1 && tools.talk.contains("JSON list"), "\(tools)")
        }

        @Test("A folder where a file is meant is told as one")
        func folders() async throws {
            for command in [
                "run -m $TALES --prompt-file /tmp", "tokenize -m $TALES --prompt-file /tmp",
                "run -m $TALES -p x --tools /tmp", "perplexity -m $TALES --file /tmp", "bench --trace /tmp",
            ] {
                expectOneError(try await bash("$TANDEM \(command)"), "/tmp", command)
            }
        }
    }
}
