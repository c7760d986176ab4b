// Responsible for: `tandem tokenize` and `tandem detokenize` as a person uses them.
import Foundation
import Testing

extension CommandTests {
    @Suite("Tokenize and detokenize")
    struct TokenizeTests {
        private struct Report: Decodable {
            let tokens: [Int32]
            let pieces: [String]
            let count: Int
        }

        private struct TextReport: Decodable {
            let text: String
        }

        private func tokens(_ arguments: String..., input: String? = nil) async throws -> Report {
            let outcome = try await TandemProcess(
                ["tokenize", "--json"] + arguments, cache: TemporaryFolder(), input: input
            ).wait()
            #expect(outcome.status == 0 && outcome.talk.isEmpty)
            return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        }

        @Test("A text comes back from its tokens, exactly")
        func roundTrip() async throws {
            let text = "Once upon a time, 日本 \u{1F600}!\n\n  two  "
            let report = try await tokens("--model", Place.tales, "--prompt", text)
            #expect(report.count == report.tokens.count && report.count == report.pieces.count && report.count > 5)
            let outcome = try await tandem(
                "detokenize", "--model", Place.tales, "--json", report.tokens.map(String.init).joined(separator: ","))
            #expect(outcome.status == 0)
            #expect(try JSONDecoder().decode(TextReport.self, from: Data(outcome.output.utf8)).text == text)
            let piped = try await tokens("--model", Place.tales, input: text)
            #expect(piped.tokens == report.tokens)
        }

        @Test("Special tokens are text unless they are asked for, and are left out of text unless they are asked for")
        func special() async throws {
            let model = Place.fixture("llama-f32")
            let plain = try await tokens("--model", model, "--prompt", "<s>e")
            let special = try await tokens("--model", model, "--prompt", "</s>e", "--special")
            #expect(!plain.tokens.contains(1))
            #expect(special.tokens.contains(2))
            let ids = special.tokens.map(String.init)
            let arguments = ["detokenize", "--model", model] + ids
            let hidden = try await TandemProcess(arguments, cache: TemporaryFolder()).wait()
            let shown = try await TandemProcess(arguments + ["--special"], cache: TemporaryFolder()).wait()
            #expect(hidden.output.hasSuffix("e\n") && !hidden.output.contains("</s>"))
            #expect(shown.output.contains("</s>"))
        }

        @Test("Lines show an id and what it stands for; a tokenizer alone is enough")
        func lines() async throws {
            let folder = Place.package.appendingPathComponent("Tests/Fixtures/tokenizers/byte-bpe-gpt2/tokenizer.json")
            let outcome = try await tandem("tokenize", "--model", folder.path, "--prompt", "a \"b\"\n")
            #expect(outcome.status == 0)
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.count >= 4 && lines.allSatisfy { $0.contains("\t\"") && $0.hasSuffix("\"") })
            #expect(lines.last?.hasSuffix("\\n\"") == true)
        }

        @Test("What cannot be done is said in one sentence")
        func refusals() async throws {
            for (arguments, word, status) in [
                (["tokenize", "--model", "/nowhere", "--prompt", "x"], "/nowhere", 66),
                (["tokenize", "--model", Place.tales, "--prompt", "x", "--prompt-file", "y"], "--prompt-file", 2),
                (["tokenize", "--model", Place.tales, "--prompt-file", "/nowhere"], "/nowhere", 1),
                (["detokenize", "--model", Place.tales, "9999999"], "9999999", 1),
                (["detokenize", "--model", Place.tales, "1,x"], "\"x\"", 1),
            ] {
                let outcome = try await TandemProcess(arguments, cache: TemporaryFolder()).wait()
                #expect(outcome.status == status && outcome.output.isEmpty)
                #expect(outcome.talk.hasPrefix("error: ") && outcome.talk.contains(word), "\(outcome.talk)")
            }
        }
    }
}
