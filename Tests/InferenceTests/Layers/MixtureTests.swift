// Mixtures of experts: the answer does not depend on how it is computed, and is that of the formula.

import CKernels
import ModelFile
import Testing

@testable import Inference

extension TinyModel {
    /// A mixture in layers 0 and 2 of three, the rest dense; `change` makes it another kind.
    static func mixture(
        _ name: String, type: TensorType, transposed: Bool = false, dim: Int = 64, wide: Int = 32,
        _ change: (inout Experts) -> Void = { _ in }
    ) -> TinyModel {
        var configuration = ModelConfiguration.tiny(
            .llama, layers: 3, dim: dim, heads: 4, keyHeads: 2, headSize: 16, wide: 96)
        var experts = Experts(
            count: 6, usedCount: 2, feedForwardLength: wide, routing: .softmaxOverChosen, layers: [true, false, true])
        change(&experts)
        configuration.experts = experts
        return TinyModel(name, configuration, type: type, transposed: transposed)
    }

    static let mixtures = [
        mixture("experts-f32", type: .f32, dim: 40, wide: 20) { $0.routing = .softmaxOverAll },
        mixture("experts-bf16", type: .bf16, transposed: true) {
            $0.activation = .clampedSwiGLU(alpha: 1.702, limit: 0.2)
            ($0.hasBias, $0.hasRouterBias, $0.usedCount) = (true, true, 3)
        },
        mixture("experts-q8_0", type: .q8_0) { $0.layers = [true, true, true] },
        mixture("experts-q4_0", type: .q4_0) { $0.usedCount = 6 },
    ]
}

@Suite("Mixtures of experts")
struct MixtureTests {
    @Test("Cuts, chunks, threads, blocks and companions change no bit", arguments: TinyModel.mixtures)
    func ways(model: TinyModel) throws {
        let reference = try StageInvarianceTests.run(model)
        #expect(reference.samples.count == 4)
        #expect(reference.hidden.allSatisfy { Float(bitPattern: $0).isFinite })
        for way in StageInvarianceTests.ways {
            #expect(try StageInvarianceTests.run(model, way) == reference, "\(way.name)")
        }
    }

    @Test("Every instruction set gives the same bits", arguments: TinyModel.mixtures)
    func levels(model: TinyModel) throws {
        let reference = try StageInvarianceTests.run(model)
        let before = tk_current_level()
        defer { tk_set_level(before) }
        for level in [TK_LEVEL_PORTABLE, TK_LEVEL_AVX2, TK_LEVEL_AVX_VNNI, TK_LEVEL_AVX512, TK_LEVEL_AVX512_VNNI]
        where tk_set_level(level) == 0 {
            #expect(try StageInvarianceTests.run(model) == reference, "level \(level.rawValue)")
        }
    }

    @Test("Rows are grouped by expert, in the order of tokens")
    func grouping() throws {
        let model = TinyModel.mixtures[0].configuration
        let experts = try #require(model.experts)
        let buffers = try #require(try ExpertBuffers(.tiny(.mixtures[0])))
        let chosen: [[UInt32]] = [[1, 4], [0, 4], [4, 5], [1, 2]]
        for (index, expert) in chosen.joined().enumerated() { buffers.chosen[index] = expert }
        buffers.group(tokens: 4, of: experts)
        func values(_ pointer: UnsafeMutablePointer<UInt32>, _ count: Int) -> [UInt32] {
            Array(UnsafeBufferPointer(start: pointer, count: count))
        }
        #expect(values(buffers.starts, 7) == [0, 1, 3, 4, 4, 7, 8])
        #expect(values(buffers.choiceOfRow, 8) == [2, 0, 6, 7, 1, 3, 4, 5])
        #expect(values(buffers.expertOfRow, 8) == [0, 1, 1, 2, 4, 4, 4, 5])
        #expect(values(buffers.rowOfChoice, 8) == [1, 4, 0, 5, 6, 7, 2, 3])
        #expect(values(buffers.active, buffers.activeCount) == [0, 1, 2, 4, 5])
    }

    @Test("Matrices of experts share memory: they take what their panels take")
    func memory() throws {
        let model = TinyModel.mixtures[2]
        let tensors = model.tensors.filter { $0.name.hasPrefix("blk.0.ffn_") && $0.name.contains("_exps") == false }
        let pool = ThreadPool(threads: 1, threshold: 0)
        let reader = WeightReader(source: model, pool: pool, bytesDone: 0) { _ in }
        let store = WeightStore()
        let weights = tensors.filter { $0.name.hasSuffix(".weight") && $0.rows > 6 }
        let matrices = try store.matrices(weights, reader: reader)
        #expect(matrices.count == 18)
        for (first, second) in zip(matrices, matrices.dropFirst()) {
            #expect(second.panel(0) - first.panel(0) == first.panelCount * first.panelBytes)
        }
        // What is here is not read again, and alone it is the same.
        let again = try store.matrices(weights.reversed(), reader: reader)
        #expect(again.reversed().elementsEqual(matrices) { $0 === $1 })
        let alone = try WeightStore().matrix(weights[7], reader: reader)
        var (own, other) = ([Float](repeating: 0, count: 64), [Float](repeating: 1, count: 64))
        alone.unpackRow(3, into: &own)
        matrices[7].unpackRow(3, into: &other)
        #expect(Array(own.prefix(alone.columns)) == Array(other.prefix(alone.columns)))
    }
}
