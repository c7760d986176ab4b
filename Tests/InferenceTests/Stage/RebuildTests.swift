// Keys and values that a lost stage had are computed again in its layers alone, and what follows has the same bits.

import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: lost layers computed again")
struct StageRebuildTests {
    /// 70 tokens: two full KV blocks and a part of a third.
    private static let tokens: [Int32] = (0..<90).map { (index: Int32) -> Int32 in (index * 13 + index / 6) % 50 }
    private static let known = 70

    static let models =
        TinyModel.all.filter { $0.configuration.layerCount >= 3 } + [.deltaNet, .quantizedDeltaNet]

    private func stage(
        _ model: TinyModel, _ layers: Range<Int>, from previous: Stage? = nil, keeping kept: Stage.Kept = .init(),
        inner: [Int] = []
    ) throws -> Stage {
        var configuration = StageConfiguration.tiny(model, layers: layers)
        let end = layers.upperBound < model.configuration.layerCount ? [layers.upperBound] : []
        configuration.outputs = kept.outputs.filter { !end.contains($0) } + (inner + end).filter { $0 > 0 }
        return try Stage(configuration, tensors: model.tensors, source: model, reusing: previous, keeping: kept)
    }

    private func batch(_ positions: Range<Int>) -> StageBatch {
        StageBatch(slices: [
            .init(
                sequence: 1, position: positions.lowerBound, tokens: Array(Self.tokens[positions]),
                blocks: [6, 2, 9], sampleCount: 0)
        ])
    }

    /// Bits of what tokens leave behind the last layer.
    private func feed(_ stages: [Stage], _ positions: Range<Int>) throws -> [UInt32] {
        _ = try stages.step(batch(positions))
        let dim = stages[0].configuration.model.embeddingLength
        let hidden = UnsafeBufferPointer(start: stages.last?.hidden, count: positions.count * dim)
        return hidden.map(\.bitPattern)
    }

    /// Rebuilds layers over all stages as workers do: those before them have nothing to do but the last of these.
    private func rebuild(_ stages: [Stage], _ layers: Range<Int>, chunk: Int = 13) throws {
        for start in stride(from: 0, to: Self.known, by: chunk) {
            let batch = batch(start..<min(Self.known, start + chunk))
            var activations: [Float]?
            for stage in stages
            where stage.configuration.layers.overlaps(layers)
                || stage.configuration.layers.upperBound == layers.lowerBound
            {
                let hidden =
                    try activations?.withUnsafeBufferPointer {
                        try Array(stage.rebuild(batch, layers: layers, input: $0))
                    } ?? Array(stage.rebuild(batch, layers: layers, input: nil))
                activations = hidden
            }
        }
    }

    /// Three stages that have seen the known tokens.
    private func three(_ model: TinyModel) throws -> [Stage] {
        let count = model.configuration.layerCount
        let stages = [try stage(model, 0..<1), try stage(model, 1..<2), try stage(model, 2..<count)]
        _ = try feed(stages, 0..<Self.known)
        return stages
    }

    private func expected(_ model: TinyModel) throws -> [UInt32] {
        try feed(try three(model), Self.known..<Self.tokens.count)
    }

    @Test("A new stage in the place of any is as the one that was lost", arguments: models)
    func spare(model: TinyModel) throws {
        let expected = try expected(model)
        for lost in 0..<3 {
            var stages = try three(model)
            let layers = stages[lost].configuration.layers
            stages[lost] = try stage(model, layers)
            try rebuild(stages, layers)
            #expect(try feed(stages, Self.known..<Self.tokens.count) == expected, "stage \(lost)")
        }
    }

    @Test(
        "Stages that go on keep their keys and values, also where they take more layers on either side",
        arguments: models)
    func extended(model: TinyModel) throws {
        let expected = try expected(model)
        let count = model.configuration.layerCount
        // The first takes the layers of the second, from what it has kept itself.
        var stages = try three(model)
        stages = [try stage(model, 0..<2, from: stages[0], keeping: .init(layers: [0], outputs: [1])), stages[2]]
        try rebuild(stages, 1..<2)
        // It has what goes into the third by now too: that one can be lost next.
        stages[1] = try stage(model, 2..<count)
        try rebuild(stages, 2..<count)
        // And once more from what goes into the second, where the older boundary was.
        stages[1] = try stage(model, 2..<count)
        try rebuild(stages, 1..<count)
        #expect(try feed(stages, Self.known..<Self.tokens.count) == expected)
        // The last takes the layers of the second, the first those of nobody.
        stages = try three(model)
        stages = [stages[0], try stage(model, 1..<count, from: stages[2], keeping: .init(layers: Array(2..<count)))]
        try rebuild(stages, 1..<2)
        #expect(try feed(stages, Self.known..<Self.tokens.count) == expected)
        // The second takes the layers of the first, from tokens.
        stages = try three(model)
        let second = Stage.Kept(layers: [1], outputs: [2])
        stages = [try stage(model, 0..<2, from: stages[1], keeping: second), stages[2]]
        try rebuild(stages, 0..<1)
        #expect(try feed(stages, Self.known..<Self.tokens.count) == expected)
    }

    @Test("What goes over a boundary inside of a stage is kept, and goes with the layers to another", arguments: models)
    func inner(model: TinyModel) throws {
        let expected = try expected(model)
        let count = model.configuration.layerCount
        // The last takes the layers of the second, and keeps what goes into its own from now on.
        var stages = try three(model)
        let last = stages[2]
        stages = [
            stages[0], try stage(model, 1..<count, from: last, keeping: .init(layers: Array(2..<count)), inner: [2]),
        ]
        try rebuild(stages, 1..<2)
        // The second is back, and has from the last one all that it had.
        let back = try stage(model, 1..<2)
        for block in [6, 2, 9] {
            for part in [Stage.BlockPart(block, 1..<2), Stage.BlockPart(block, 1..<2, isOutputs: true)] {
                let size =
                    part.isOutputs
                    ? Stage.outputBlockBytes(of: model.configuration)
                    : Stage.keyValueBlockBytes(of: model.configuration, layers: 1..<2)
                // In two pieces.
                for piece in [0..<size / 3, size / 3..<size] {
                    var bytes = [UInt8](repeating: 0, count: piece.count)
                    var part = part
                    part.offset = piece.lowerBound
                    try bytes.withUnsafeMutableBytes { bytes throws in
                        try stages[1].copyBlock(part, into: bytes)
                        try back.storeBlock(part, from: UnsafeRawBufferPointer(bytes))
                    }
                }
            }
        }
        // Then the last one is lost.
        stages = [stages[0], back, try stage(model, 2..<count)]
        try rebuild(stages, 2..<count)
        #expect(try feed(stages, Self.known..<Self.tokens.count) == expected)
    }

    @Test("What is not there is not kept, and cannot be gone on from")
    func missing() throws {
        let stages = try three(.llama)
        var configuration = StageConfiguration.tiny(.llama, layers: 1..<2)
        #expect(stages[1].has(.init(layers: [1], outputs: [2]), for: configuration))
        #expect(!stages[1].has(.init(layers: [1], outputs: [1]), for: configuration))
        #expect(!stages[1].has(.init(layers: [0]), for: configuration))
        configuration.blockCount += 1
        #expect(!stages[1].has(.init(layers: [1]), for: configuration))
        #expect(stages[1].has(.init(), for: configuration))
        #expect(throws: InferenceError.self) { try stages[0].rebuild(batch(0..<4), layers: 2..<3, input: nil) }
        let plain = try Stage(.tiny(.llama, layers: 0..<1), tensors: TinyModel.llama.tensors, source: TinyModel.llama)
        #expect(throws: InferenceError.self) { _ = try plain.rebuild(batch(0..<4), layers: 1..<2, input: nil) }
        #expect(throws: InferenceError.self) { _ = try stages[1].rebuild(batch(0..<4), layers: 1..<2, input: nil) }
    }
}
