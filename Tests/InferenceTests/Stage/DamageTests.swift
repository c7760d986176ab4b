// Weights that are no numbers: found where logits become tokens, in the sequences that they reach, and by layer.

import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: values that are no numbers")
struct DamageTests {
    /// A model of which some bytes of one tensor are others.
    private struct Spoiled: TensorSource {
        let model: TinyModel
        let tensor: String
        let offset: Int
        let bytes: [UInt8]

        func read(
            _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
        ) throws(ModelFileError) {
            try model.read(tensor, at: offset, into: buffer)
            guard tensor.name == self.tensor else { return }
            for (index, byte) in bytes.enumerated() {
                let place = self.offset + index - offset
                if buffer.indices.contains(place) { buffer[place] = byte }
            }
        }
    }

    private static let nan: [UInt8] = [0, 0, 0xC0, 0x7F]
    private static let infinity: [UInt8] = [0, 0, 0x80, 0x7F]
    private static let halfNaN: [UInt8] = [0, 0x7E]

    /// Element `index` of an F32 tensor is `bytes`; of a tensor of Q8_0 block `index` has that scale.
    private static func spoil(
        _ model: TinyModel, _ tensor: String, at index: Int = 3, _ bytes: [UInt8] = nan
    ) throws -> Spoiled {
        let type = try #require(model.tensors.first { $0.name == tensor }).type
        return Spoiled(model: model, tensor: tensor, offset: index * type.blockBytes, bytes: bytes)
    }

    private static func stages(_ spoiled: Spoiled, cuts: [Int] = [], checks: Bool = false) throws -> [Stage] {
        let bounds = [0] + cuts + [spoiled.model.configuration.layerCount]
        return try zip(bounds, bounds.dropFirst()).map { first, last in
            var configuration = StageConfiguration.tiny(spoiled.model, layers: first..<last)
            configuration.checksLayers = checks
            return try Stage(configuration, tensors: spoiled.model.tensors, source: spoiled)
        }
    }

    private static func slice(_ sequence: UInt64, _ tokens: [Int32], block: Int32 = 0) -> StageBatch.Slice {
        .init(sequence: sequence, position: 0, tokens: tokens, blocks: [block], sampleCount: 1)
    }

    private static func sample(_ stages: [Stage], _ slices: StageBatch.Slice...) throws -> [(UInt64, SampledToken)] {
        for slice in slices { stages.last?.begin(slice.sequence, parameters: SamplingParameters(temperature: 0)) }
        return try stages.step(StageBatch(slices: slices))
    }

    @Test("What is sampled from damaged weights of any part is known to mean nothing")
    func parts() throws {
        let cases: [(TinyModel, String, [UInt8])] = [
            (.llama, "blk.2.ffn_down.weight", Self.nan), (.llama, "blk.0.attn_norm.weight", Self.nan),
            (.llama, "blk.4.attn_v.weight", Self.infinity), (.llama, "blk.1.attn_q.weight", Self.nan),
            (.llama, "blk.3.ffn_gate.weight", Self.nan), (.llama, "output_norm.weight", Self.infinity),
            (.llama, "output.weight", Self.nan), (.gpt2, "blk.1.ffn_up.bias", Self.nan),
            (.gpt2, "blk.2.attn_qkv.weight", Self.nan), (.gpt2, "position_embd.weight", Self.nan),
            (.q8, "blk.1.ffn_down.weight", Self.halfNaN), (.q8, "blk.0.attn_output.weight", Self.halfNaN),
            (.q8, "blk.2.ffn_norm.weight", Self.nan), (.q8, "token_embd.weight", Self.halfNaN),
        ]
        for (model, tensor, bytes) in cases {
            let spoiled = try Self.spoil(model, tensor, bytes)
            for cuts in [[], [1]] {
                let stages = try Self.stages(spoiled, cuts: cuts)
                _ = try Self.sample(stages, Self.slice(8, [1, 2, 3]))
                #expect(stages.last?.damage == Damage.of([8]), "\(model.name) \(tensor) \(cuts)")
            }
        }
    }

    @Test("Nothing is found in sound models", arguments: TinyModel.all)
    func sound(model: TinyModel) throws {
        var configuration = StageConfiguration.tiny(model)
        configuration.checksLayers = true
        let stage = try Stage(configuration, tensors: model.tensors, source: model)
        _ = try Self.sample([stage], Self.slice(1, [1, 2, 3]))
        #expect(stage.damage == Damage())
    }

    @Test("With checks the first part is named whose output is not finite, by the stage that has it")
    func origins() throws {
        let cases: [(TinyModel, String, String)] = [
            (.llama, "blk.2.ffn_down.weight", "the output of layer 2"),
            (.llama, "blk.0.attn_norm.weight", "the output of layer 0"),
            (.llama, "blk.4.attn_v.weight", "the output of layer 4"), (.llama, "output.weight", "the logits"),
            (.llama, "output_norm.weight", "the logits"), (.gpt2, "position_embd.weight", "the embeddings"),
        ]
        for (model, tensor, origin) in cases {
            for cuts in [[], [2]] {
                let stages = try Self.stages(try Self.spoil(model, tensor), cuts: cuts, checks: true)
                _ = try Self.sample(stages, Self.slice(8, [1, 2, 3]))
                #expect(stages.compactMap(\.damage.origin) == [origin], "\(tensor) \(cuts)")
                #expect(stages.last?.damage.sequences == [8])
            }
        }
    }

    @Test("Only the sequences that the damage reaches are named; the others have the tokens they have without it")
    func others() throws {
        let model = TinyModel.llama
        let dim = model.configuration.embeddingLength
        let spoiled = try Self.spoil(model, "token_embd.weight", at: 7 * dim)
        let stages = try Self.stages(spoiled)
        let samples = try Self.sample(stages, Self.slice(1, [1, 2], block: 0), Self.slice(2, [7, 2], block: 1))
        #expect(stages[0].damage.sequences == [2])
        let sound = try Pipeline(model).stages
        let expected = try Self.sample(sound, Self.slice(1, [1, 2], block: 0))
        #expect(samples.first?.0 == 1 && samples.first?.1 == expected.first?.1)
        // It is of this step alone.
        _ = try Self.sample(stages, Self.slice(3, [1, 2], block: 2))
        #expect(stages[0].damage == Damage())
    }

    @Test("Scores of damaged weights are known to mean nothing")
    func scores() throws {
        for model in [TinyModel.llama, .gpt2] {
            let stage = try Self.stages(try Self.spoil(model, "blk.1.ffn_down.weight"))[0]
            var slice = Self.slice(5, [1, 2, 3])
            (slice.sampleCount, slice.targets) = (0, [4])
            _ = try stage.forward(StageBatch(slices: [slice]), input: nil)
            #expect(stage.damage.sequences == [5])
        }
    }

    @Test("Values behind a wrong guess are nobody's")
    func guesses() throws {
        let model = TinyModel.llama
        let spoiled = try Self.spoil(model, "token_embd.weight", at: 7 * model.configuration.embeddingLength)
        let stage = try Self.stages(spoiled)[0]
        let first = try #require(try Self.sample([stage], Self.slice(1, [1, 2])).first).1.token
        try #require(first != 7)
        var slice = Self.slice(1, [first, 7])
        (slice.position, slice.sampleCount, slice.draftCount) = (2, 2, 1)
        let samples = try [stage].step(StageBatch(slices: [slice]))
        #expect(samples.count == 1 || samples[0].1.token == 7)
        #expect(stage.damage.sequences == (samples.count == 1 ? [] : [1]))
    }

    @Test("Logits may be -infinity, but not all of them, and neither NaN nor infinity")
    func logits() {
        let right: [[Float]] = [[0], [-.infinity, 1], [1, -.infinity, -.infinity], [-3e38, 3e38]]
        let wrong: [[Float]] = [
            [.nan], [.infinity, 1], [1, -.nan, 2], [-.infinity, -.infinity], [0, .nan, -.infinity],
        ]
        for (logits, expected) in right.map({ ($0, true) }) + wrong.map({ ($0, false) }) {
            for padding in [0, 1, 63] {
                let all = [Float](repeating: -.infinity, count: padding) + logits
                #expect(Damage.areLogits(all, all.count) == expected, "\(all)")
            }
        }
        #expect(Damage.areFinite([1, -3e38, 0], 3))
        for value: Float in [.nan, .infinity, -.infinity] { #expect(!Damage.areFinite([1, value, 0], 3)) }
    }
}

extension Damage {
    fileprivate static func of(_ sequences: [UInt64]) -> Damage {
        var damage = Damage()
        damage.sequences = sequences
        return damage
    }
}
