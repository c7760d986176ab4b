// Every family against Hugging Face transformers in float32, from folders and from GGUF files, in any number of stages
// (Tests/Reference/make_family_fixtures.py).

import CKernels
import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Families against Hugging Face transformers", .serialized)
struct FamilyTests {
    /// A model and a golden file in a folder of Fixtures/families.
    struct Case: CustomTestStringConvertible {
        var folder: String
        var golden = "golden"
        var isGGUF = false

        var testDescription: String { "\(folder), \(isGGUF ? "GGUF, " : "")\(golden)" }
        var path: String {
            TestFiles.families.appendingPathComponent(isGGUF ? "\(folder)/model.gguf" : folder).path
        }
        var goldenFile: URL { TestFiles.families.appendingPathComponent("\(folder)/\(golden).json") }
    }

    /// How a sequence is run; no choice may change a bit.
    struct Run {
        var stages: Int
        var chunk: Int
        var level: tk_level = tk_best_level()
    }

    static let cases: [Case] =
        [
            "llama-linear", "llama-dynamic", "llama-yarn", "llama-longrope", "mistral", "qwen2", "qwen3", "gemma2",
            "gemma3-text", "gemma3", "phi3-longrope", "phi3-window", "olmo2",
        ].map { Case(folder: $0) }
        + ["llama-dynamic", "llama-yarn", "llama-longrope", "qwen3", "phi3-longrope"].map {
            Case(folder: $0, golden: "crossing")
        }
        + ["llama-yarn", "phi3-longrope"].flatMap {
            [
                Case(folder: $0, isGGUF: true),
                Case(folder: $0, golden: "crossing", isGGUF: true),
            ]
        }
        + ["qwen2", "qwen3", "gemma2", "gemma3-text"].map { Case(folder: $0, golden: "gguf-golden", isGGUF: true) }
        + [Case(folder: "olmo2", isGGUF: true)]

    @Test(
        "Top 20 log-probabilities agree within 1e-4, 64 greedy tokens are equal, in 1, 2 and 3 stages", arguments: cases
    )
    func golden(_ one: Case) throws { try Self.check(one) }

    /// The same as the test says of one case.
    static func check(_ one: Case) throws {
        let golden = try Golden(one.goldenFile)
        let model = try Model.open(path: one.path)
        let samples = try samples(model, golden.prompt_tokens, Run(stages: 1, chunk: 100))
        #expect(samples.map(\.token) == golden.greedy_tokens)
        #expect(samples.count == 64)
        for (sample, logProbability) in zip(samples, golden.greedy_logprobs) {
            #expect(abs(try #require(sample.logProbability) - logProbability) <= 1e-4)
        }
        ReferenceTests.compare(try #require(samples.first).top, golden.prompt_top20, tolerance: 1e-4)
        ReferenceTests.compare(try #require(samples.last).top, golden.greedy_top20_last, tolerance: 1e-4)

        let stages = min(3, model.configuration.layerCount)
        for run in [
            Run(stages: 2, chunk: 7), Run(stages: stages, chunk: 1), Run(stages: stages, chunk: 19),
            Run(stages: 1, chunk: 5, level: TK_LEVEL_PORTABLE),
        ] {
            #expect(try Self.samples(model, golden.prompt_tokens, run) == samples, "\(run)")
        }
    }

    /// 64 greedy tokens; where the model's keys and values change with the length, the sequence is computed anew.
    static func samples(_ model: Model, _ prompt: [Int32], _ run: Run) throws -> [SampledToken] {
        #expect(tk_set_level(run.level) == 0)
        defer { tk_set_level(tk_best_level()) }
        let configuration = model.configuration
        let bounds = (0...run.stages).map { $0 * configuration.layerCount / run.stages }
        let stages = try zip(bounds, bounds.dropFirst()).map { first, last in
            try Stage(
                StageConfiguration(
                    model: configuration, layers: first..<last, blockCount: 8, maximumBatchTokens: 128, threads: 1),
                tensors: model.tensors, source: model)
        }
        stages.last?.begin(1, parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
        var tokens = prompt
        var samples: [SampledToken] = []
        var fed = 0
        var restartLength = prompt.count
        while samples.count < 64 {
            let next = fed..<min(fed + run.chunk, tokens.count)
            fed = next.upperBound
            let slice = StageBatch.Slice(
                sequence: 1, position: next.lowerBound, tokens: Array(tokens[next]), blocks: Array((0..<8).reversed()),
                sampleCount: fed == tokens.count ? 1 : 0, restartLength: restartLength)
            guard let sample = try stages.step(StageBatch(slices: [slice])).first?.1 else { continue }
            samples.append(sample)
            tokens.append(sample.token)
            if let replay = configuration.replayLength, restartLength <= replay, tokens.count > replay {
                (restartLength, fed) = (tokens.count, 0)
            }
        }
        return samples
    }
}
