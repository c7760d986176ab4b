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
        FamilyTests.Case(folder: "qwen2moe-sparse", isGGUF: true), FamilyTests.Case(folder: "deepseek2-lite"),
        FamilyTests.Case(folder: "deepseek2-lite", isGGUF: true),
        FamilyTests.Case(folder: "deepseek2-lite-older", isGGUF: true), FamilyTests.Case(folder: "deepseek2-groups"),
        FamilyTests.Case(folder: "deepseek3"), FamilyTests.Case(folder: "deepseek3", isGGUF: true),
        FamilyTests.Case(folder: "deepseek3-plain"), FamilyTests.Case(folder: "llama4"),
        FamilyTests.Case(folder: "llama4-text"), FamilyTests.Case(folder: "llama4-dense"),
        FamilyTests.Case(folder: "llama4-gguf"), FamilyTests.Case(folder: "llama4-gguf", isGGUF: true),
    ]

    @Test("Top 20 log-probabilities agree within 1e-4, greedy tokens are equal, in 1, 2 and 3 stages", arguments: cases)
    func golden(_ one: FamilyTests.Case) throws { try FamilyTests().golden(one) }

    @Test(
        "A GGUF file that is made of a folder computes what the folder does",
        arguments: ["qwen2moe", "deepseek2-lite", "deepseek3", "llama4-gguf"])
    func converted(folder: String) throws {
        let path = FamilyTests.Case(folder: folder).path
        let conversion = try GGUFConversion(path: path, mix: .f32, requantizing: false)
        var parts: [TensorConversion] = []
        for case .converted(let some) in conversion.contents { parts += some }
        let values = ConvertedTensors(parts, source: conversion.source, threads: 1)
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: output) }
        _ = try conversion.writer.write(
            to: output.path, replacing: false,
            read: { index, offset, buffer throws(ModelFileError) in
                switch conversion.contents[index] {
                case .converted(let some): try values.read(some.map(\.target), at: offset, into: buffer)
                case .numbers(let numbers): Self.copy(numbers, at: offset, into: buffer)
                case .rotaryFactors(let rotary):
                    Self.copy((try? rotary.frequencyFactors()) ?? [], at: offset, into: buffer)
                }
            }, progress: { _ in true })
        let prompt = try Golden(FamilyTests.Case(folder: folder).goldenFile).prompt_tokens
        func samples(_ path: String) throws -> [SampledToken] {
            try FamilyTests.samples(Model.open(path: path), prompt, FamilyTests.Run(stages: 1, chunk: 100))
        }
        // Some numbers of a configuration are F32 in GGUF files: the last bits may differ.
        for (own, other) in zip(try samples(output.path), try samples(path)) {
            #expect(own.token == other.token)
            #expect(abs(try #require(own.logProbability) - (try #require(other.logProbability))) < 1e-4)
        }
    }

    private static func copy(_ numbers: [Float], at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
        numbers.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count])) }
    }

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
        Mistake(folder: "deepseek2-lite", testDescription: "no mscale") {
            guard case .rotary(var rotary) = $0.positions, case .yarn(var yarn) = rotary.scaling else { return }
            (yarn.mscale, yarn.mscaleAllDimensions) = (nil, nil)
            rotary.scaling = .yarn(yarn)
            $0.positions = .rotary(rotary)
        },
        Mistake(folder: "deepseek2-lite", testDescription: "the other pairing") {
            guard case .rotary(var rotary) = $0.positions else { return }
            rotary.pairing = .halves
            $0.positions = .rotary(rotary)
        },
        Mistake(folder: "deepseek2-groups", testDescription: "no groups") { $0.experts?.groups = nil },
        Mistake(folder: "deepseek2-groups", testDescription: "no weight scale") { $0.experts?.weightScale = 1 },
        Mistake(folder: "deepseek2-groups", testDescription: "the model's epsilon in norms of latents") {
            $0.latent?.normalizationEpsilon = $0.normalizationEpsilon
        },
        Mistake(folder: "deepseek3", testDescription: "no bias of the choice") { $0.experts?.hasChoiceBias = false },
        Mistake(folder: "deepseek3", testDescription: "no groups") { $0.experts?.groups = nil },
        Mistake(folder: "deepseek3", testDescription: "groups by their largest") {
            $0.experts?.groups?.scoring = .largest
        },
        Mistake(folder: "deepseek3", testDescription: "weights as they are") { $0.experts?.routing = .sigmoid },
        Mistake(folder: "deepseek3-plain", testDescription: "normalized weights") {
            $0.experts?.routing = .normalizedSigmoid
        },
        Mistake(folder: "llama4-text", testDescription: "a window instead of chunks") {
            $0.slidingWindow?.isChunked = false
        },
        Mistake(folder: "llama4-text", testDescription: "no chunks") { $0.slidingWindow = nil },
        Mistake(folder: "llama4-text", testDescription: "every layer turns") { $0.unrotatedLayers = nil },
        Mistake(folder: "llama4-text", testDescription: "no temperature") { $0.attentionTemperature = nil },
        Mistake(folder: "llama4-text", testDescription: "a temperature a position late") {
            $0.attentionTemperature?.offset = 0
        },
        Mistake(folder: "llama4-text", testDescription: "a temperature in every layer") {
            $0.attentionTemperature?.unrotatedLayersOnly = false
        },
        Mistake(folder: "llama4-text", testDescription: "no norms of heads") { $0.queryKeyNorm = .none },
        Mistake(folder: "llama4-text", testDescription: "scaled outputs") { $0.experts?.scalesInputs = false },
    ]

    @Test("Latent attention keeps little of a position, and threads that share its heads change no bit")
    func latents() throws {
        let path = FamilyTests.Case(folder: "deepseek2-lite").path
        let model = try Model.open(path: path)
        // Twice the latent and what turns, of 12 and 4 numbers.
        #expect(Stage.keyValueBlockBytes(of: model.configuration, layer: 0) == 2 * 16 * 32 * 4)
        let tiny = try TinyModel(model)
        func run(_ way: Way) throws -> Outcome {
            try Pipeline(tiny, way).run(
                prompt: Golden(FamilyTests.Case(folder: "deepseek2-lite").goldenFile).prompt_tokens, count: 30,
                parameters: SamplingParameters(temperature: 0, logProbabilityCount: 20))
        }
        let reference = try run(Way())
        for way in [
            Way(name: "two threads", chunk: 7, threads: 2), Way(name: "more threads than heads", threads: 9),
            Way(name: "beside others", threads: 3, companions: 20),
        ] { #expect(try run(way) == reference, "\(way.name)") }
    }

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
