// The families that are built like Llama and came after the first ones, as FamilyTests has these
// (Tests/Reference/make_llama_like_fixtures.py).

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Families built like Llama against Hugging Face transformers", .serialized)
struct LlamaLikeFamilyTests {
    static let folders = [
        "gemma", "smollm3", "smollm3-window", "granite", "granitemoe", "olmo3", "olmo3-types", "ministral3", "mistral3",
        "mistral3-ministral3", "glm4", "glm", "seed-oss", "ernie4_5", "ernie4_5-bias", "exaone4", "exaone4-window",
        "starcoder2", "starcoder2-window",
    ]
    static let files = [
        "gemma", "smollm3", "granite", "granitemoe", "olmo3", "ministral3", "mistral3", "glm4", "glm", "seed-oss",
        "ernie4_5", "exaone4", "starcoder2",
    ]

    @Test(
        "Top 20 log-probabilities agree within 1e-4, 64 greedy tokens are equal, in 1, 2 and 3 stages",
        arguments: folders.map { FamilyTests.Case(folder: $0) }
            + files.map { FamilyTests.Case(folder: $0, isGGUF: true) })
    func golden(_ one: FamilyTests.Case) throws {
        try FamilyTests.check(one)
    }

    /// A change of a folder's configuration that leaves out one thing that its family does.
    struct Omission: CustomTestStringConvertible {
        var folder: String
        var name: String
        var apply: @Sendable (inout ModelConfiguration) -> Void

        init(_ folder: String, _ name: String, _ apply: @escaping @Sendable (inout ModelConfiguration) -> Void) {
            (self.folder, self.name, self.apply) = (folder, name, apply)
        }

        var testDescription: String { "\(folder) without \(name)" }
    }

    static let omissions = [
        Omission("gemma", "scaled embeddings") { $0.embeddingScale = 1 },
        Omission("gemma", "the offset of norms") { $0.normWeightOffset = 0 },
        Omission("smollm3", "layers that do not turn") { $0.unrotatedLayers = nil },
        Omission("smollm3-window", "a window") { $0.slidingWindow = nil },
        Omission("granite", "a residual multiplier") { $0.residualScale = 1 },
        Omission("granite", "a divisor of logits") { $0.logitScale = 1 },
        Omission("granite", "an embedding multiplier") { $0.embeddingScale = 1 },
        Omission("granite", "an attention multiplier") { $0.attentionScale = nil },
        Omission("granitemoe", "a residual multiplier") { $0.residualScale = 1 },
        Omission("olmo3", "plain frequencies of sliding layers") { $0.slidingWindow?.rotary = nil },
        Omission("olmo3-types", "a window") { $0.slidingWindow = nil },
        Omission("ministral3", "a temperature") { $0.attentionTemperature = nil },
        Omission("mistral3-ministral3", "a window") { $0.slidingWindow = nil },
        Omission("exaone4-window", "layers that do not turn") { $0.unrotatedLayers = nil },
        Omission("starcoder2-window", "a window") { $0.slidingWindow = nil },
        Omission("glm4", "pairs of neighbours") { configuration in
            guard case .rotary(var rotary) = configuration.positions else { return }
            rotary.pairing = .halves
            configuration.positions = .rotary(rotary)
        },
    ]

    @Test("What a family does is in its golden values: they are missed without it", arguments: omissions)
    func omission(_ omission: Omission) throws {
        let one = FamilyTests.Case(folder: omission.folder)
        let golden = try Golden(one.goldenFile)
        let model = try Model.open(path: one.path)
        var other = model.configuration
        omission.apply(&other)
        #expect(other != model.configuration)
        let greedy = SamplingParameters(temperature: 0, logProbabilityCount: 20)
        var opened = try OpenedModel(other, tensors: model.tensors, source: model, parameters: greedy)
        let sample = try #require(try opened.feed(golden.prompt_tokens))
        let largest = zip(sample.top, golden.prompt_top20).map { abs($0.logProbability - $1.logprob) }.max() ?? 0
        #expect(largest > 0.01)
    }
}
