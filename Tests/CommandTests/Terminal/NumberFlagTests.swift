// Responsible for: numbers that no flag can hold: beyond 64 bits, no numbers at all, in other scripts. Each is wrong usage.
// Must not know: what the flags do.
import Foundation
import Testing

extension CommandTests {
    @Suite("Numbers of flags")
    struct NumberFlagTests {
        static let commands = [
            "run -m $TALES -p x --seed", "run -m $TALES -p x --top-k", "run -m $TALES -p x --max-tokens",
            "run -m $TALES -p x --logprobs", "run -m $TALES -p x --threads", "run -m $TALES -p x --chunk",
            "run -m $TALES -p x --context", "run -m $TALES -p x --stop-token", "run -m $TALES --prompt-tokens",
            "generate -p x --priority", "coordinator -m $TALES --queue", "coordinator -m $TALES --wait-seconds",
            "coordinator -m $TALES --min-workers", "coordinator -m $TALES --parallel",
            "coordinator -m $TALES --max-running", "coordinator -m $TALES --chunk",
            "coordinator -m $TALES --step-milliseconds", "worker --join 127.0.0.1:1 --memory",
            "worker --join 127.0.0.1:1 --threads", "up -m $TALES --workers",
            "perplexity -m $TALES --file $TALES --context", "perplexity -m $TALES --file $TALES --chunks",
            "bench kernels --rows", "bench kernels --columns", "bench kernels --batch", "bench kernels --threads",
            "bench model -m $TALES --pp", "bench model -m $TALES --tg", "bench model -m $TALES --repetitions",
        ]

        @Test("What is no whole number of 64 bits is wrong usage, and the flag is named", arguments: commands)
        func whole(command: String) async throws {
            let flag = try #require(command.split(separator: " ").last.map(String.init))
            for value in [
                "99999999999999999999999", "-99999999999999999999999", "nan", "0x", "1_000", "\u{FF11}", "1e400",
            ] {
                let outcome = try await bash("$TANDEM \(command)='\(value)'")
                #expect(outcome.status == 2 && outcome.output.isEmpty, "\(command) \(value): \(outcome)")
                #expect(outcome.talk.contains(flag), "\(command) \(value): \(outcome.talk)")
            }
        }

        @Test(
            "What is no finite number is wrong usage, and the range is told",
            arguments: [
                ("temperature", "0 or more"), ("top-p", "over 0 and at most 1"), ("min-p", "between 0 and 1"),
                ("repeat-penalty", "over 0"), ("presence-penalty", "a number"), ("frequency-penalty", "a number"),
            ])
        func fractions(flag: String, range: String) async throws {
            for value in ["nan", "inf", "-inf", "1e400"] {
                let outcome = try await bash("$TANDEM run -m $TALES -p x --\(flag)=\(value)")
                #expect(outcome.status == 2 && outcome.output.isEmpty, "\(value): \(outcome)")
                #expect(outcome.talk.contains("--\(flag) is") && outcome.talk.contains(range), "\(outcome.talk)")
            }
        }

        @Test(
            "The largest numbers that are allowed do no harm",
            arguments: [
                "--temperature 3e38 --top-k 1", "--repeat-penalty 3e38", "--presence-penalty -3e38",
                "--frequency-penalty 3e38",
                "--seed 18446744073709551615", "--seed 0",
            ])
        func largest(flags: String) async throws {
            let outcome = try await bash("$TANDEM run -m $TALES -p Once --max-tokens 3 --json \(flags)")
            #expect(outcome.status == 0 && outcome.output.contains("\"text\""), "\(outcome)")
        }

        @Test(
            "A bias is an id and a number",
            arguments: ["5", "x:1", "1:", ":1", "-1:1", "1:x", "9999999999999999999:1", "{}"])
        func biases(value: String) async throws {
            let outcome = try await bash("$TANDEM run -m $TALES -p x --logit-bias='\(value)'")
            #expect(outcome.status == 2 && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.talk.contains("--logit-bias"), "\(outcome.talk)")
        }
    }
}
