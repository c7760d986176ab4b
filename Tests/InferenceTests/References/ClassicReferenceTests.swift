// The older families against Hugging Face transformers in float32 (Tests/Reference/make_classic_fixtures.py), and files
// that are made of their folders.
//
// Responsible for: GPT-2's variants, Phi-2, GPT-NeoX, GPT-Neo and InternLM 2.
// Must not know: how files are read.

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Older families against Hugging Face transformers", .serialized)
struct ClassicReferenceTests {
    static let folders = [
        "gpt2-gelu", "gpt2-scales", "phi", "phi-grouped", "gptneox", "gptneox-sequential", "gpt-neo", "internlm2",
    ]
    static let cases: [FamilyTests.Case] =
        folders.map { .init(folder: $0) }
        + ["phi-grouped", "internlm2"].map { .init(folder: $0, golden: "crossing") }
        + ["gpt2-gelu", "phi", "gptneox", "gptneox-sequential"].map { .init(folder: $0, isGGUF: true) }
        + [.init(folder: "internlm2", golden: "gguf-golden", isGGUF: true)]

    @Test(
        "Top 20 log-probabilities agree within 1e-4, 64 greedy tokens are equal, in 1, 2 and 3 stages", arguments: cases
    )
    func golden(_ one: FamilyTests.Case) throws { try FamilyTests().golden(one) }

    /// 24 tokens after a prompt of 8: within every original length.
    private func samples(_ path: String, _ prompt: [Int32]) throws -> [SampledToken] {
        let greedy = SamplingParameters(temperature: 0, logProbabilityCount: 20)
        var opened = try OpenedModel(path, parameters: greedy)
        var samples = [try #require(try opened.feed(prompt))]
        for _ in 0..<23 { samples.append(try #require(try opened.feed([samples[samples.count - 1].token]))) }
        return samples
    }

    @Test(
        "A GGUF file that is made of a folder gives the folder's numbers, bit for bit where rows keep their order",
        arguments: ["gpt2-gelu", "phi", "phi-grouped", "gptneox", "gptneox-sequential", "internlm2"])
    func converted(folder: String) throws {
        let path = TestFiles.families.appendingPathComponent(folder).path
        let conversion = try GGUFConversion(path: path, mix: .f32, requantizing: false)
        let parts = conversion.contents.map { content -> [TensorConversion] in
            if case .converted(let parts) = content { parts } else { [] }
        }
        let converted = ConvertedTensors(parts.flatMap { $0 }, source: conversion.source, threads: 1)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("classic-\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: file) }
        let isComplete = try conversion.writer.write(
            to: file.path, replacing: false,
            read: { index, offset, buffer throws(ModelFileError) in
                try converted.read(parts[index].map(\.target), at: offset, into: buffer)
            }, progress: { _ in true })
        #expect(isComplete)
        let golden = try Golden(TestFiles.families.appendingPathComponent("\(folder)/golden.json"))
        let prompt = Array(golden.prompt_tokens.prefix(8))
        let (own, made) = (try samples(path, prompt), try samples(file.path, prompt))
        guard folder == "internlm2" else { return #expect(made == own) }
        // Pairs lie side by side in its files: products of queries and keys are summed in another order.
        #expect(made.map(\.token) == own.map(\.token))
        for (one, other) in zip(made, own) {
            #expect(abs(try #require(one.logProbability) - #require(other.logProbability)) < 1e-5)
        }
    }

    @Test("Quantized weights leave a parallel layer near its float result", arguments: ["phi", "gptneox"])
    func quantized(folder: String) throws {
        let path = TestFiles.families.appendingPathComponent(folder).path
        let golden = try Golden(TestFiles.families.appendingPathComponent("\(folder)/golden.json"))
        let model = try Model.open(path: path)
        let conversions = try model.quantization(.q8_0)
        let changed = conversions.count { !$0.isCopy }
        #expect(changed > 4)
        let source = ConvertedTensors(conversions, source: model, threads: 1)
        var opened = try OpenedModel(
            model.configuration, tensors: conversions.map(\.target), source: source,
            parameters: SamplingParameters(temperature: 0, logProbabilityCount: 131))
        let sample = try #require(try opened.feed(golden.prompt_tokens))
        for candidate in golden.prompt_top20 {
            let own = try #require(sample.top.first { $0.token == candidate.token }).logProbability
            #expect(abs(own - candidate.logprob) < 0.5)
        }
    }
}
