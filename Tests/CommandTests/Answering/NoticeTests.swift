// Responsible for: what made an answer as it is, and was not asked for, is said on stderr. Must not know: how it is found.
import Foundation
import Testing

extension CommandTests {
    @Suite("Notices")
    struct NoticeTests {
        @Test("A seed that was drawn is told, and gives the same answer again")
        func seed() async throws {
            let arguments = ["run", "--model", Place.tales, "--prompt", "The cat", "--max-tokens", "12"]
            let first = try await TandemProcess(arguments, cache: TemporaryFolder()).wait()
            let match = try #require(first.talk.firstMatch(of: /the same answer again with --seed (\d+)/))
            let again = try await TandemProcess(
                arguments + ["--seed", String(match.1)], cache: TemporaryFolder()
            ).wait()
            #expect(again.output == first.output && !again.talk.contains("--seed"), "\(again.talk)")
            let greedy = try await TandemProcess(arguments + ["--temperature", "0"], cache: TemporaryFolder()).wait()
            #expect(!greedy.talk.contains("--seed"))
            let json = try await TandemProcess(arguments + ["--json"], cache: TemporaryFolder()).wait()
            let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect(object?["seed"] is Int)
        }

        @Test("An answer that ended at a limit says at which")
        func limits() async throws {
            let flags = ["run", "--model", Place.tales, "--prompt", "Once upon a time", "--ignore-eos", "--seed", "1"]
            let short = try await TandemProcess(flags + ["--max-tokens", "3"], cache: TemporaryFolder()).wait()
            #expect(
                short.talk.contains("ended at its limit of 3 tokens, which is that of --max-tokens"), "\(short.talk)")
            let full = try await TandemProcess(flags + ["--context", "16"], cache: TemporaryFolder()).wait()
            #expect(full.talk.contains("ended because the context is full"), "\(full.talk)")
            let ended = try await TandemProcess(flags + ["--stop", "e"], cache: TemporaryFolder()).wait()
            #expect(!ended.talk.contains("limit") && !ended.talk.contains("full"), "\(ended.talk)")
        }

        @Test("Log-probabilities that nobody will see are told of")
        func logProbabilities() async throws {
            let flags = ["run", "--model", Place.tales, "--prompt", "Once", "--max-tokens", "1", "--logprobs", "2"]
            let text = try await TandemProcess(flags, cache: TemporaryFolder()).wait()
            #expect(text.status == 0 && text.talk.contains("--logprobs are reported with --json only"))
            let json = try await TandemProcess(flags + ["--json"], cache: TemporaryFolder()).wait()
            #expect(!json.talk.contains("--logprobs"))
        }

        @Test("A larger context is only advised where the model allows one")
        func context() async throws {
            let long = ["--prompt-tokens", (0..<600).map { "\($0 % 9 + 1)" }.joined(separator: ",")]
            let run = ["run", "--model", Place.tales]
            let limited = try await TandemProcess(run + long + ["--context", "64"], cache: TemporaryFolder()).wait()
            #expect(limited.status == 1 && limited.talk.contains("a larger --context: the model allows 512"))
            let whole = try await TandemProcess(run + long, cache: TemporaryFolder()).wait()
            #expect(whole.status == 1 && whole.talk.contains("the model allows no larger context"), "\(whole.talk)")
        }
    }
}
