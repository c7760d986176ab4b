// Responsible for: a trained model of real size, as `Deploy/demo` runs it, where the model store has it.
// Must not know: how it got there.
import Foundation
import Generation
import Testing

extension Place {
    /// SmolLM2 in the model store; nil: `Deploy/test` has said that these tests are skipped.
    static let smolLM2 = ModelStore.standard.entries.first { $0.name == StarterModel.smolLM2.name }?.path
    static let withoutSmolLM2: Comment = "SmolLM2 is not in the model store: Deploy/fetch-model smollm2"
}

extension CommandTests {
    @Suite("A trained model of real size", .enabled(if: Place.smolLM2 != nil, Place.withoutSmolLM2))
    struct SmolLM2CommandTests {
        private let model = Place.smolLM2 ?? ""

        @Test("Two workers answer the demo's question as one process does, bit for bit, with log-probabilities")
        func cluster() async throws {
            let starter = StarterModel.smolLM2
            let flags = [
                "--prompt", starter.prompt, "--seed", "\(starter.seed)", "--temperature", "\(starter.temperature)",
                "--max-tokens", "200", "--logprobs", "5",
            ]
            let alone = try await reference(model: model, flags)
            #expect(alone.finishReason == "stop" && alone.tokens.count > 40)
            let cluster = try await LocalCluster(model: model, "--context", "512")
            try await cluster.join(count: 2)
            #expect(try await cluster.answer(flags) == alone)
        }

        @Test("Raw and greedy, the capital of France is Paris")
        func paris() async throws {
            let flags = ["--raw", "--prompt", "The capital of France is", "--temperature", "0", "--max-tokens", "1"]
            #expect(try await reference(model: model, flags).text == " Paris")
        }

        @Test("A question is put into the model's own chat template")
        func template() async throws {
            let rendered = """
                <|im_start|>system
                You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
                <|im_start|>user
                What is a rainbow?<|im_end|>
                <|im_start|>assistant

                """
            let answer = try await reference(
                model: model, ["--prompt", "What is a rainbow?", "--temperature", "0", "--max-tokens", "1"])
            let outcome = try await TandemProcess(
                ["detokenize", "--model", model, "--special", "--json"] + answer.promptTokens.map { "\($0)" },
                cache: TemporaryFolder()
            ).wait()
            #expect(try decode(Detokenized.self, outcome.output).text == rendered)
        }

        private struct Detokenized: Decodable { var text: String }
    }
}
