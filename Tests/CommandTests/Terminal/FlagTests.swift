// Responsible for: flags as people write them: negative values, values with dashes, misspelt names.
// Must not know: what the values do.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Flags")
    struct FlagTests {
        @Test("A value that begins with a dash and can be no flag belongs to the flag in front of it")
        func bound() {
            #expect(Arguments.bound(["run", "--seed", "-1", "--json"]) == ["run", "--seed=-1", "--json"])
            #expect(Arguments.bound(["--presence-penalty", "-.5"]) == ["--presence-penalty=-.5"])
            #expect(Arguments.bound(["--logit-bias", "-inf", "-p", "-5 + 3"]) == ["--logit-bias=-inf", "-p=-5 + 3"])
            #expect(Arguments.bound(["--prompt", "- a list", "--stop", "---"]) == ["--prompt=- a list", "--stop=---"])
            for alone in [
                ["--json", "--seed", "1"], ["-p", "-m", "x"], ["-1"], ["x", "-1"], ["--", "-1"], ["-p", "-"],
            ] {
                #expect(Arguments.bound(alone) == alone)
            }
            #expect(Arguments.bound(["--stop", "--", "-1"]) == ["--stop", "--", "-1"])
        }

        @Test("Negative values are taken where they have a meaning")
        func negative() async throws {
            let flags = ["--temperature", "0", "--max-tokens", "12"]
            let plain = try await reference(["--prompt", "The cat and the dog"] + flags)
            let lower = try await reference(
                ["--prompt", "The cat and the dog", "--presence-penalty", "-3.5"] + flags)
            let equal = try await reference(
                ["--prompt", "The cat and the dog", "--presence-penalty=-3.5", "--frequency-penalty", "-0"] + flags)
            #expect(lower == equal && lower != plain)
            let dashed = try await reference(["--prompt", "- Once"] + flags)
            let short = try await reference(["-p", "- Once"] + flags)
            let joined = try await reference(["--prompt=- Once"] + flags)
            #expect(dashed.promptTokens.count > 1 && dashed == short && dashed == joined)
        }

        @Test(
            "Values out of range are told with the range, and are wrong usage",
            arguments: [
                ("run -m $TALES -p x --seed -1", "between 0 and 18446744073709551615"),
                ("bench --seed -1", "between 0 and 18446744073709551615"),
                ("run -m $TALES -p x --temperature -1", "--temperature is -1"),
                ("run -m $TALES -p x --top-k -1", "--top-k is -1, but must be between 0"),
                ("run -m $TALES -p x --top-p -0.1", "over 0 and at most 1"),
                ("run -m $TALES -p x --min-p -1", "between 0 and 1"),
                ("run -m $TALES -p x --repeat-penalty -1", "must be over 0"),
                ("run -m $TALES -p x --max-tokens -1", "between 1 and"),
                ("run -m $TALES -p x --logprobs -1", "between 0 and 100"),
                ("run -m $TALES -p x --threads -1", "--threads is -1"),
                ("run -m $TALES -p x --chunk -1", "between 1 and"),
                ("run -m $TALES -p x --context -1", "allows 2 to 512"),
                ("run -m $TALES --prompt-tokens -1,2", "\"-1\""),
                ("generate -p x --priority -101", "between -100 and 100"),
                ("coordinator -m $TALES --queue -1", "--queue is -1, but must be between 1"),
                ("coordinator -m $TALES --wait-seconds -1", "--wait-seconds is -1"),
                ("coordinator -m $TALES --min-workers -1", "--min-workers is -1"),
                ("worker --join 127.0.0.1:1 --memory -1GiB", "--memory is -1GiB"),
                ("worker --join 127.0.0.1:1 --simulate-stage-milliseconds -1", "between 0 and 60000"),
                ("up -m $TALES --workers -1", "--workers is -1, but must be between 1 and 64"),
                ("status --watch --interval -1", "between 0.1 and 3600"),
                ("perplexity -m $TALES --file $TALES --chunks -1", "--chunks is -1"),
                ("bench kernels --rows -1", "--rows"), ("bench --tg -1", "--tg"), ("bench --pp -1", "--pp"),
                ("bench cluster --concurrency -1", "--concurrency"), ("bench cluster --rate -1 --trace x", "x"),
            ])
        func outOfRange(command: String, words: String) async throws {
            let outcome = try await bash("$TANDEM \(command)")
            #expect([1, 2].contains(outcome.status) && outcome.output.isEmpty, "\(command): \(outcome)")
            #expect(outcome.talk.contains(words), "\(command): \(outcome.talk)")
            if !command.contains("--rate") { #expect(outcome.status == 2, "\(command): \(outcome)") }
        }

        @Test(
            "A misspelt command or flag gets a suggestion",
            arguments: [
                ("staus", "'status'"), ("statsu --json", "'status'"), ("Run -m x", "'run'"), ("tokenise", "'tokenize'"),
                ("bench kernel --batch 1", "'kernels'"), ("bench modle", "'model'"), ("cordinator", "'coordinator'"),
                ("run --modle x", "'--model'"), ("run -model x", "'--model'"),
                ("run -m x --max_tokens 3", "'--max-tokens'"),
                ("run --model x --temprature=1", "'--temperature'"), ("generate --Prompt x", "'--prompt'"),
                ("coordinator --quantise q8_0", "'--quantize'"), ("worker --joni x", "'--join'"),
                ("status --jsn", "'--json'"), ("bench kernels --thread 1", "'--threads'"),
                ("bench --workers 1 --conurrency 2", "'--concurrency'"),
            ])
        func suggestion(command: String, meant: String) async throws {
            let outcome = try await bash("$TANDEM \(command)")
            #expect(outcome.status == 2 && outcome.output.isEmpty, "\(command): \(outcome)")
            #expect(outcome.talk.hasPrefix("error: "), "\(outcome.talk)")
            #expect(
                outcome.talk.contains("Did you mean \(meant)?") && outcome.talk.contains("hint: "), "\(outcome.talk)")
        }

        @Test("What looks like nothing gets none, and what is written well is never called wrong")
        func noSuggestion() async throws {
            for (command, word) in [
                ("xyzzy", "xyzzy"), ("run --bogus", "--"), ("run -m $TALES -p x --top-k many", "--top-k"),
                ("run", "--model"), ("bench kernels --zzz", "--zzz"),
            ] {
                let outcome = try await bash("$TANDEM \(command)")
                #expect(outcome.status == 2 && outcome.talk.contains(word), "\(outcome.talk)")
                #expect(!outcome.talk.contains("Did you mean"), "\(outcome.talk)")
            }
        }
    }
}
