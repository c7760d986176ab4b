// Responsible for: the first greedy tokens of a trained model of real size, beside llama.cpp's: made by
// Tests/Reference/compare_with_llama_cpp.py. Must not know: how the model got into the store.
import Foundation
import Sequences
import Testing

@testable import Generation

/// SmolLM2 in the model store.
private let smolLM2 = ModelStore.standard.entries.first { $0.name == StarterModel.smolLM2.name }?.path

@Suite(
    "A trained model beside llama.cpp",
    .enabled(if: smolLM2 != nil, "SmolLM2 is not in the model store: Deploy/fetch-model smollm2"))
struct SmolLM2Tests {
    /// What llama.cpp answered to a question.
    private struct Answer: Decodable {
        var question: String
        var prompt_tokens: [Int32]
        /// The first 16, or all with the token that ends them.
        var tokens: [Int32]
        /// How far each token's logit was above that of the next best.
        var margins: [Float]
    }

    private func answers() throws -> [Answer] {
        let path = TestFiles.root.appendingPathComponent("Tests/Fixtures/smollm2/answers.json")
        return try JSONDecoder().decode([Answer].self, from: Data(contentsOf: path))
    }

    private func greedy(_ generator: LocalGenerator, _ prompt: String) async throws -> (prompt: [Int32], [Int32]) {
        var request = GenerationRequest(prompt: .messages([ChatMessage(role: .user, content: prompt)]))
        request.sampling.temperature = 0
        request.maximumTokens = 16
        var (promptTokens, tokens) = ([Int32](), [Int32]())
        for try await event in generator.generate(request).events {
            switch event {
            case .accepted(_, let prompt, _): promptTokens = prompt
            case .tokens(let more, _): tokens += more.map(\.token)
            default: break
            }
        }
        return (promptTokens, tokens)
    }

    /// llama.cpp's logits of this model are about so far from its own where it computes in another order, as one token at
    /// a time: activations are rounded to 8 bits, and 30 layers make much of little (see Measured.md).
    private static let spread: Float = 0.4

    @Test("Fifty questions get llama.cpp's first tokens, until its two best are too near for itself")
    func chat() async throws {
        let answers = try answers()
        #expect(answers.count == 50)
        let generator = try LocalGenerator(modelPath: try #require(smolLM2), contextLength: 256, threads: nil)
        var whole = 0
        for answer in answers {
            let (prompt, tokens) = try await greedy(generator, answer.question)
            #expect(prompt == answer.prompt_tokens, "\(answer.question)")
            // An answer's tokens do not have the one that ends it.
            let ended = answer.tokens.count < 16 ? Array(answer.tokens.dropLast()) : answer.tokens
            if tokens == ended { whole += 1; continue }
            let common = zip(tokens, answer.tokens).prefix { $0 == $1 }.count
            #expect(answer.margins[common] <= Self.spread, "\(answer.question): token \(common)")
        }
        #expect(whole >= 25)
    }
}
