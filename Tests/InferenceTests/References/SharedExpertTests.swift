// Families with shared experts against Hugging Face transformers in float32, from folders and from GGUF files, in any
// number of stages (Tests/Reference/make_shared_expert_fixtures.py).

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Families with shared experts against Hugging Face transformers", .serialized)
struct SharedExpertTests {
    static let cases = [
        FamilyTests.Case(folder: "qwen2moe"), FamilyTests.Case(folder: "qwen2moe-sparse"),
        FamilyTests.Case(folder: "qwen2moe-sparse", isGGUF: true),
    ]

    @Test("Top 20 log-probabilities agree within 1e-4, greedy tokens are equal, in 1, 2 and 3 stages", arguments: cases)
    func golden(_ one: FamilyTests.Case) throws { try FamilyTests().golden(one) }

    /// Something that a reader could get wrong.
    struct Mistake: CustomTestStringConvertible {
        var folder: String
        var testDescription: String
        var make: @Sendable (inout ModelConfiguration) -> Void
    }

    static let mistakes = [
        Mistake(folder: "qwen2moe", testDescription: "no gate of the shared expert") {
            $0.experts?.shared?.isGated = false
        },
        Mistake(folder: "qwen2moe", testDescription: "other weights") { $0.experts?.routing = .softmaxOverAll },
        Mistake(folder: "qwen2moe-sparse", testDescription: "normalized weights") {
            $0.experts?.routing = .softmaxOverChosen
        },
        Mistake(folder: "qwen2moe-sparse", testDescription: "no shared expert") { $0.experts?.shared = nil },
        Mistake(folder: "qwen2moe-sparse", testDescription: "no biases") { $0.hasQueryKeyValueBias = false },
    ]

    @Test("The golden values depend on everything that makes a family", arguments: mistakes)
    func mistake(_ one: Mistake) throws {
        let golden = try Golden(FamilyTests.Case(folder: one.folder).goldenFile)
        let model = try Model.open(path: FamilyTests.Case(folder: one.folder).path)
        var configuration = model.configuration
        one.make(&configuration)
        var opened = try OpenedModel(
            configuration, tensors: model.tensors, source: model,
            parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
        let sample = try #require(try opened.feed(golden.prompt_tokens))
        let differences = golden.prompt_top20.map { candidate in
            abs((sample.top.first { $0.token == candidate.token }?.logProbability ?? -100) - candidate.logprob)
        }
        #expect(try #require(differences.max()) > 1e-3)
    }
}
