// Models with gated delta nets against Hugging Face transformers in float32 (Tests/Reference/make_delta_fixtures.py).

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Gated delta nets against Hugging Face transformers", .serialized)
struct DeltaNetReferenceTests {
    static let cases: [FamilyTests.Case] =
        ["qwen3_5-text", "qwen3_5"].flatMap { folder in
            ["golden", "crossing"].map { FamilyTests.Case(folder: folder, golden: $0) }
        } + ["golden", "crossing"].map { FamilyTests.Case(folder: "qwen3_5", golden: $0, isGGUF: true) }
        + ["qwen3_5-moe", "qwen3_next-gguf"].flatMap { folder in
            [false, true].map { FamilyTests.Case(folder: folder, isGGUF: $0) }
        } + [FamilyTests.Case(folder: "qwen3_next")]

    @Test(
        "Top 20 log-probabilities agree within 1e-4, 64 greedy tokens are equal, in 1, 2 and 3 stages", arguments: cases
    )
    func golden(_ one: FamilyTests.Case) throws { try FamilyTests().golden(one) }

    @Test("What the files say reaches the configuration")
    func configuration() throws {
        let folder = try Model.open(path: FamilyTests.Case(folder: "qwen3_5-text").path).configuration
        #expect(
            folder.deltaNet
                == DeltaNet(
                    keyHeadCount: 2, valueHeadCount: 6, keySize: 8, valueSize: 12, convolutionLength: 3,
                    headOrder: .grouped, hasLogarithmicRates: true, layers: [true, false, true, false]))
        #expect(folder.hasAttentionGate && folder.hasQueryKeyValueBias && folder.normWeightOffset == 1)
        let file = try Model.open(path: FamilyTests.Case(folder: "qwen3_5", isGGUF: true).path).configuration
        #expect(
            file.deltaNet
                == DeltaNet(
                    keyHeadCount: 2, valueHeadCount: 4, keySize: 16, valueSize: 16, convolutionLength: 4,
                    headOrder: .inTurn, hasLogarithmicRates: false, layers: [true, true, false, true]))
        #expect(file.normWeightOffset == 0 && file.hasTiedEmbeddings)
    }

    /// Each of these is looked at: without it the golden values are missed by far.
    @Test(
        "A delta net that is computed otherwise gives other values", arguments: ["order", "rates", "offset", "rotary"])
    func sensitivity(change: String) throws {
        let one = FamilyTests.Case(folder: "qwen3_5")
        let model = try Model.open(path: one.path)
        var configuration = model.configuration
        switch change {
        case "order": configuration.deltaNet?.headOrder = .inTurn
        case "rates": configuration.deltaNet?.hasLogarithmicRates = false
        case "offset": configuration.normWeightOffset = 0
        default:
            guard case .rotary(var rotary) = configuration.positions else { return }
            rotary.dimensions = configuration.headSize
            configuration.positions = .rotary(rotary)
        }
        let golden = try Golden(one.goldenFile)
        var opened = try OpenedModel(
            configuration, tensors: model.tensors, source: model,
            parameters: SamplingParameters(temperature: 0, logProbabilityCount: 100))
        let sample = try #require(try opened.feed(golden.prompt_tokens))
        let best = try #require(golden.prompt_top20.first)
        let own = sample.top.first { $0.token == best.token }?.logProbability ?? -.infinity
        #expect(abs(own - best.logprob) > 0.01)
    }
}
