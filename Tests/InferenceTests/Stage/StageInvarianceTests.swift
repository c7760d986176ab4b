// The answer does not depend on how it is computed: every comparison here is exact.

import CKernels
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: the same bits however it is run")
struct StageInvarianceTests {
    /// 70 tokens: two full KV blocks and a part of a third.
    static let prompt: [Int32] = (0..<70).map { (index: Int32) -> Int32 in (index * 11 + index / 7) % 50 }

    static var parameters: SamplingParameters {
        var parameters = SamplingParameters()
        parameters.seed = 42
        parameters.logProbabilityCount = 5
        parameters.repeatPenalty = 1.1
        parameters.frequencyPenalty = 0.2
        parameters.topP = 0.95
        return parameters
    }

    static let ways = [
        Way(name: "two stages", cuts: [1]),
        Way(name: "chunks of 1", chunk: 1),
        Way(name: "chunks of 3", chunk: 3),
        Way(name: "chunks of 33", chunk: 33),
        Way(name: "two threads", threads: 2),
        Way(name: "three threads, chunks of 7", chunk: 7, threads: 3),
        Way(name: "scattered blocks", blocks: [5, 0, 15, 3]),
        Way(name: "beside others", companions: 40),
        Way(name: "everything at once", cuts: [1], chunk: 13, threads: 2, blocks: [4, 15, 0, 5], companions: 9),
    ]

    static func run(_ model: TinyModel, _ way: Way = Way()) throws -> Outcome {
        try Pipeline(model, way).run(prompt: prompt, count: 4, parameters: parameters)
    }

    @Test("Cuts, chunks, threads, blocks and companions change no bit", arguments: TinyModel.all)
    func ways(model: TinyModel) throws {
        let reference = try Self.run(model)
        #expect(reference.samples.count == 4)
        #expect(reference.hidden.count == Self.prompt.count * model.configuration.embeddingLength)
        #expect(reference.hidden.allSatisfy { Float(bitPattern: $0).isFinite })
        for way in Self.ways { #expect(try Self.run(model, way) == reference, "\(way.name)") }
    }

    @Test("Every split of five layers gives the same bits")
    func splits() throws {
        let reference = try Self.run(.llama)
        for choice in 0..<16 {
            let cuts = (1...4).filter { choice & (1 << ($0 - 1)) != 0 }
            #expect(try Self.run(.llama, Way(cuts: cuts)) == reference, "cuts \(cuts)")
        }
    }

    @Test("Every instruction set gives the same bits", arguments: TinyModel.all)
    func levels(model: TinyModel) throws {
        let reference = try Self.run(model)
        let before = tk_current_level()
        defer { tk_set_level(before) }
        for level in [TK_LEVEL_PORTABLE, TK_LEVEL_AVX2, TK_LEVEL_AVX_VNNI, TK_LEVEL_AVX512, TK_LEVEL_AVX512_VNNI]
        where tk_set_level(level) == 0 {
            #expect(try Self.run(model) == reference, "level \(level.rawValue)")
        }
    }

    @Test("A different token, position or seed does change the answer")
    func sensitivity() throws {
        let reference = try Self.run(.q8)
        var prompt = Self.prompt
        prompt[0] += 1
        let changed = try Pipeline(.q8).run(prompt: prompt, count: 4, parameters: Self.parameters)
        #expect(changed.hidden.suffix(10) != reference.hidden.suffix(10))
        let swapped = try Pipeline(.q8).run(
            prompt: [Self.prompt[1], Self.prompt[0]] + Self.prompt.dropFirst(2), count: 4, parameters: Self.parameters)
        #expect(swapped.hidden.suffix(10) != reference.hidden.suffix(10))
        var seeds: Set<[Int32]> = []
        for seed in 0..<8 {
            var parameters = Self.parameters
            parameters.seed = UInt64(seed)
            seeds.insert(
                try Pipeline(.q8).run(prompt: Self.prompt, count: 4, parameters: parameters).samples.map(\.token))
        }
        #expect(seeds.count > 1)
    }

    @Test("A sequence replayed from its tokens goes on with the same tokens")
    func replay() throws {
        let whole = try Pipeline(.gpt2).run(prompt: Self.prompt, count: 10, parameters: Self.parameters).samples
        let pipeline = try Pipeline(.gpt2, Way(cuts: [2]))
        pipeline.stages.last?.begin(3, parameters: Self.parameters, promptTokenCount: Self.prompt.count)
        var tokens = Self.prompt + whole.prefix(6).map(\.token)
        var position = 0
        for sample in whole.dropFirst(6) {
            let slice = StageBatch.Slice(
                sequence: 3, position: position, tokens: Array(tokens[position...]), blocks: [3, 2, 1, 0],
                sampleCount: 1)
            position = tokens.count
            #expect(try pipeline.step([slice]).samples.map(\.1) == [sample])
            tokens.append(sample.token)
        }
    }

    @Test("Blocks that another sequence has used hold nothing of it")
    func dirtyBlocks() throws {
        let pipeline = try Pipeline(.llama)
        let other = Self.prompt.map { ($0 + 13) % 50 }
        _ = try pipeline.run(prompt: other, count: 2, parameters: Self.parameters)
        let again = try pipeline.run(prompt: Self.prompt, count: 4, parameters: Self.parameters)
        #expect(try again == Self.run(.llama))
    }

    @Test("A begun prefix goes on in the blocks of the sequence that computed it")
    func sharedPrefix() throws {
        let reference = try Self.run(.q4)
        let pipeline = try Pipeline(.q4)
        _ = try pipeline.step([
            .init(
                sequence: 1, position: 0, tokens: Array(Self.prompt.prefix(32)), blocks: [6], sampleCount: 0)
        ])
        pipeline.stages.last?.begin(
            2, parameters: Self.parameters, promptTokenCount: Self.prompt.count,
            history: Array(Self.prompt.prefix(32)))
        let samples = try pipeline.step([
            .init(
                sequence: 2, position: 32, tokens: Array(Self.prompt.dropFirst(32)), blocks: [6, 1, 2], sampleCount: 1)
        ]).samples
        #expect(samples.map(\.1) == [reference.samples[0]])
    }

    @Test("More sequences sample in one batch than rows of logits are held at once")
    func manySamples() throws {
        let alone = try Pipeline(.bf16)
        let together = try Pipeline(.bf16, Way(threads: 2))
        var slices: [StageBatch.Slice] = []
        var expected: [SampledToken] = []
        let greedy = SamplingParameters(temperature: 0, logProbabilityCount: 3)
        for index in 0..<16 {
            let sequence = UInt64(index)
            let slice = StageBatch.Slice(
                sequence: sequence, position: 0, tokens: [Int32(index), 3], blocks: [Int32(index)],
                sampleCount: index % 3 != 1 ? 1 : 0)
            slices.append(slice)
            for pipeline in [alone, together] { pipeline.stages.last?.begin(sequence, parameters: greedy) }
            expected += try alone.step([slice]).samples.map(\.1)
        }
        let twice =
            slices
            + slices.map { slice in
                var slice = slice
                slice.sequence += 100
                slice.blocks = [slice.blocks[0] + 16]
                together.stages.last?.begin(slice.sequence, parameters: greedy)
                return slice
            }
        let samples = try together.step(twice).samples
        #expect(samples.map(\.1) == expected + expected)
        #expect(samples.map(\.0) == twice.filter { $0.sampleCount > 0 }.map(\.sequence))
    }
}

extension SamplingParameters {
    /// Only what tests set often.
    init(temperature: Float, seed: UInt64 = 0, logProbabilityCount: Int = -1) {
        self.init()
        self.temperature = temperature
        self.seed = seed
        self.logProbabilityCount = logProbabilityCount
    }
}
