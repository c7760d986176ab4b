// Weights that are no numbers, in every kind of tensor that a family has: latent attention, gated delta nets and their
// convolutions, routers and the experts that they choose, shared experts, norms of heads, biases, positions.

import Foundation
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Families: values that are no numbers")
struct FamilyDamageTests {
    /// A model of which every float of one tensor is NaN, or of an F32 tensor infinity.
    private struct Spoiled: TensorSource {
        let model: Model
        let tensor: String
        var isInfinite = false

        func read(
            _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
        ) throws(ModelFileError) {
            try model.read(tensor, at: offset, into: buffer)
            guard tensor.name == self.tensor else { return }
            // All bits set is NaN in F32, F16 and BF16.
            let infinity: [UInt8] = [0, 0, 0x80, 0x7F]
            for index in buffer.indices { buffer[index] = isInfinite ? infinity[(offset + index) % 4] : 0xFF }
        }
    }

    /// Folders with weights below Fixtures/families.
    private static let families =
        ((try? FileManager.default.contentsOfDirectory(atPath: TestFiles.families.path)) ?? [])
        .filter { TestFiles.isThere(TestFiles.families.appendingPathComponent("\($0)/model.safetensors")) }
        .sorted()

    /// One tensor of every kind that is computed with, in the type that it is stored in.
    private func kinds(_ model: Model) -> [String] {
        var seen: Set<String> = []
        return model.tensors.filter { tensor in
            // One expert of many may not be chosen, and then does no harm.
            [.f32, .f16, .bf16].contains(tensor.type) && !tensor.name.contains(/ffn_(gate|up|down)\.[0-9]+\./)
        }.map(\.name).filter { name in
            seen.insert(name.replacing(/blk\.[0-9]+/, with: "blk")).inserted
        }
    }

    @Test("What is sampled is known to mean nothing, whichever kind of tensor is damaged", arguments: families)
    func kinds(family: String) throws {
        let model = try Model.open(path: TestFiles.families.appendingPathComponent(family).path)
        let kinds = kinds(model)
        #expect(kinds.count > 6)
        for kind in kinds {
            #expect(try damaged(Spoiled(model: model, tensor: kind)) == [8], "\(kind)")
        }
        // A gate squashes infinity into a number: what has one dimension is checked before.
        for tensor in model.tensors
        where kinds.contains(tensor.name) && !tensor.name.contains("gate_inp") && tensor.type == .f32
            && min(tensor.rows, tensor.columns) == 1
        {
            let spoiled = Spoiled(model: model, tensor: tensor.name, isInfinite: true)
            #expect(try damaged(spoiled) == [8], "\(tensor.name), infinite")
        }
    }

    /// The sequences whose token is known to mean nothing, of the only one that runs.
    private func damaged(_ spoiled: Spoiled) throws -> [UInt64] {
        let model = spoiled.model
        let configuration = StageConfiguration(
            model: model.configuration, layers: 0..<model.configuration.layerCount, blockCount: 8,
            maximumBatchTokens: 128, threads: 1)
        let stage = try Stage(configuration, tensors: model.tensors, source: spoiled)
        stage.begin(8, parameters: SamplingParameters(temperature: 0))
        let slice = StageBatch.Slice(
            sequence: 8, position: 0, tokens: [1, 2, 3, 4, 5, 6, 7], blocks: Array(0..<8), sampleCount: 1)
        _ = try [stage].step(StageBatch(slices: [slice]))
        return stage.damage.sequences
    }
}
