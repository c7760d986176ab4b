// A stage that is made beside another, and goes on from what that one has: with the same bits.

import ModelFile
import Sequences
import Synchronization
import Testing

@testable import Inference

@Suite("Stage: one beside another")
struct StageBesideTests {
    /// Two full KV blocks and a part of a third, then a part of a fourth.
    private static let tokens: [Int32] = (0..<110).map { (index: Int32) -> Int32 in (index * 17 + index / 5) % 50 }
    private static let known = 70
    private static let blocks: [Int32] = [6, 2, 9, 4]

    static let models = TinyModel.all + [.deltaNet, .quantizedDeltaNet]

    private func configuration(
        _ model: TinyModel, _ layers: Range<Int>, _ type: KeyValueType = .f32
    ) -> StageConfiguration {
        var configuration = StageConfiguration.tiny(model, layers: layers)
        if layers.upperBound < model.configuration.layerCount { configuration.outputs = [layers.upperBound] }
        configuration.keyValueType = type
        return configuration
    }

    private func stage(_ model: TinyModel, _ layers: Range<Int>, _ type: KeyValueType = .f32) throws -> Stage {
        try Stage(configuration(model, layers, type), tensors: model.tensors, source: model)
    }

    /// A stage of other layers, made by another thread while `stage` computes what `body` says.
    private func stage(
        _ layers: Range<Int>, beside stage: Stage, of model: TinyModel, source: any TensorSource,
        keeping kept: Stage.Kept, while body: () throws -> Void = {}
    ) async throws -> Stage {
        let next = configuration(model, layers, stage.configuration.keyValueType)
        let shared = try stage.share(with: next, tensors: model.tensors, keeping: kept)
        let made = Task.detached { try Stage(next, tensors: model.tensors, source: source, beside: shared) }
        try body()
        return try await made.value
    }

    /// Bits of what tokens leave behind the last layer.
    private func feed(_ stages: [Stage], _ positions: Range<Int>) throws -> [UInt32] {
        let batch = StageBatch(slices: [
            .init(
                sequence: 1, position: positions.lowerBound, tokens: Array(Self.tokens[positions]),
                blocks: Self.blocks, sampleCount: 0)
        ])
        _ = try stages.step(batch)
        let dim = stages[0].configuration.model.embeddingLength
        return UnsafeBufferPointer(start: stages.last?.hidden, count: positions.count * dim).map(\.bitPattern)
    }

    private func copy(_ layers: Range<Int>, of blocks: some Sequence<Int32>, from: Stage, to: Stage) throws {
        let model = from.configuration.model
        let count = Stage.keyValueBlockBytes(of: model, layers: layers, type: from.configuration.keyValueType)
        var bytes = [UInt8](repeating: 0, count: count)
        for block in blocks {
            try bytes.withUnsafeMutableBytes { bytes throws in
                try from.copyBlock(.init(Int(block), layers), into: bytes)
                try to.storeBlock(.init(Int(block), layers), from: UnsafeRawBufferPointer(bytes))
            }
        }
    }

    @Test(
        "A sequence goes on over another split, its moved layers copied while it was computed and after, bit for bit",
        arguments: models, KeyValueType.allCases)
    func move(model: TinyModel, type: KeyValueType) async throws {
        // Q8_0 keeps blocks of 32 numbers.
        if type == .q8_0, !model.configuration.headSize.isMultiple(of: 32) { return }
        let count = model.configuration.layerCount
        let middle = count / 2
        let whole = try stage(model, 0..<count, type)
        let expected = (try feed([whole], 0..<Self.known), try feed([whole], Self.known..<Self.tokens.count))

        // [0, middle) and [middle, count) become [0, first) and [first, count), for a smaller and a larger first stage.
        for first in [middle - 1, middle + 1] where (1..<count).contains(first) {
            let old = [try stage(model, 0..<middle, type), try stage(model, middle..<count, type)]
            _ = try feed(old, 0..<40)
            let keptByFirst = Stage.Kept(layers: Array(0..<min(first, middle)))
            let keptBySecond = Stage.Kept(layers: Array(max(first, middle)..<count))
            let source = CountingSource(model)
            var new = [
                try await stage(0..<first, beside: old[0], of: model, source: source, keeping: keptByFirst) {
                    _ = try feed(old, 40..<55)
                }
            ]
            new.append(
                try await stage(first..<count, beside: old[1], of: model, source: source, keeping: keptBySecond) {
                    _ = try feed(old, 55..<64)
                })
            let moved = min(first, middle)..<max(first, middle)
            let (from, to) = first < middle ? (old[0], new[1]) : (old[1], new[0])
            // Full blocks, then those that were written since, the partly filled one among them.
            try copy(moved, of: Self.blocks[0..<2], from: from, to: to)
            #expect(try feed(old, 64..<Self.known) == Array(expected.0.suffix(6 * model.configuration.embeddingLength)))
            try copy(moved, of: Self.blocks[2..<3], from: from, to: to)
            #expect(try feed(new, Self.known..<Self.tokens.count) == expected.1, "\(first) of \(count)")
            let read = source.names.withLock { Set($0) }
            let parts = model.configuration.parts(ofLayers: moved).flatMap { model.configuration.tensors(of: $0) }
            #expect(!read.isEmpty && read.isSubset(of: Set(parts.map(\.name)).union(ends(of: model))), "\(read)")
        }
    }

    /// Tensors of embedding and head: a tied one may be new to either end.
    private func ends(of model: TinyModel) -> Set<String> {
        Set(model.tensors.map(\.name).filter { !$0.hasPrefix("blk.") })
    }

    @Test("So does one of latent attention", arguments: KeyValueType.allCases.filter { $0 != .q8_0 })
    func latent(type: KeyValueType) async throws {
        let model = try Model.open(path: FamilyTests.Case(folder: "deepseek2-lite").path)
        try #require(model.configuration.latent != nil)
        try await move(model: try TinyModel(model), type: type)
    }

    @Test("What was made beside a stage and given up leaves it as it is", arguments: models)
    func abandoned(model: TinyModel) async throws {
        let count = model.configuration.layerCount
        let whole = try stage(model, 0..<count)
        let expected = (try feed([whole], 0..<Self.known), try feed([whole], Self.known..<Self.tokens.count))
        let stages = [try stage(model, 0..<1), try stage(model, 1..<count)]
        #expect(try feed(stages, 0..<Self.known) == expected.0)
        do {
            let kept = Stage.Kept(layers: [0], outputs: [1])
            let given = try await stage(0..<count, beside: stages[0], of: model, source: model, keeping: kept)
            try copy(1..<count, of: Self.blocks, from: stages[1], to: given)
        }
        #expect(try feed(stages, Self.known..<Self.tokens.count) == expected.1)
    }

    @Test("A block that is not there, of layers that are not there, or of another size is neither given nor taken")
    func misfits() throws {
        let stage = try stage(.llama, 1..<4)
        let size = Stage.keyValueBlockBytes(of: TinyModel.llama.configuration, layers: 1..<4)
        var bytes = [UInt8](repeating: 0, count: size + 1)
        func isRefused(_ block: Int, _ layers: Range<Int>, _ count: Int) -> Bool {
            bytes.withUnsafeMutableBytes { bytes in
                let part = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
                var refusals = 0
                do { try stage.copyBlock(.init(block, layers), into: part) } catch { refusals += 1 }
                do { try stage.storeBlock(.init(block, layers), from: UnsafeRawBufferPointer(part)) } catch {
                    refusals += 1
                }
                return refusals == 2
            }
        }
        #expect(isRefused(32, 1..<4, size) && isRefused(-1, 1..<4, size) && isRefused(0, 0..<3, size))
        #expect(isRefused(0, 2..<5, size) && isRefused(0, 1..<4, size - 1) && isRefused(0, 1..<4, size + 1))
        #expect(!isRefused(31, 1..<4, size))
    }

    @Test("Two stages beside each other take their weights and what is kept once, and all else twice")
    func memory() {
        let model = TinyModel.q8
        let one = configuration(model, 0..<2), two = configuration(model, 1..<3)
        let (first, second) = (
            StageMemory(of: one, tensors: model.tensors), StageMemory(of: two, tensors: model.tensors)
        )
        let whole = StageMemory(of: configuration(model, 0..<3), tensors: model.tensors)
        let both = StageMemory(of: one, beside: two, keeping: .init(layers: [1]), tensors: model.tensors)
        #expect(both.weights == whole.weights && both.keyValues == whole.keyValues)
        #expect(both.workspace == first.workspace + second.workspace)
        #expect(both.outputs == first.outputs + second.outputs && both.outputs > 0)
        let apart = StageMemory(of: one, beside: two, keeping: .init(), tensors: model.tensors)
        #expect(apart.keyValues == first.keyValues + second.keyValues)
        let kept = Stage.Kept(layers: [1], outputs: [2])
        #expect(StageMemory(of: one, beside: two, keeping: kept, tensors: model.tensors).outputs == first.outputs)
    }
}
