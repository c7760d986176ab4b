// A state that goes from token to token gives the same bits however a sequence comes to its position: in any pieces, after
// guesses that were wrong, from blocks that others have filled.

import CKernels
import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: the states of delta nets")
struct DeltaNetStateTests {
    static let models = [TinyModel.deltaNet, .quantizedDeltaNet]
    /// 101 tokens: three full KV blocks and a part of a fourth.
    static let tokens: [Int32] = (0..<101).map { (index: Int32) -> Int32 in (index * 17 + index / 5) % 50 }
    static let blocks: [Int32] = [3, 0, 2, 1]

    @Test("Cuts, chunks, threads, blocks and companions change no bit", arguments: models)
    func ways(model: TinyModel) throws { try StageInvarianceTests().ways(model: model) }

    @Test("Every instruction set gives the same bits", arguments: models)
    func levels(model: TinyModel) throws { try StageInvarianceTests().levels(model: model) }

    /// The activations that tokens of a sequence leave.
    private func feed(
        _ pipeline: Pipeline, _ position: Int, _ tokens: some Collection<Int32>, blocks: [Int32] = Self.blocks
    ) throws -> [UInt32] {
        let slice = StageBatch.Slice(
            sequence: 1, position: position, tokens: Array(tokens), blocks: blocks, sampleCount: 0)
        return try pipeline.step([slice]).hidden.map(\.bitPattern)
    }

    /// The activations of tokens `range` of the whole sequence, fed at once.
    private func expected(_ model: TinyModel, _ range: Range<Int>) throws -> [UInt32] {
        let all = try feed(Pipeline(model), 0, Self.tokens.prefix(range.upperBound))
        let dim = model.configuration.embeddingLength
        return Array(all[range.lowerBound * dim..<range.upperBound * dim])
    }

    private static let wrong: [Int32] = (0..<40).map { ($0 * 3 + 1) % 50 }

    @Test("Positions of wrong guesses are fed again", arguments: models)
    func guesses(model: TinyModel) throws {
        // Where guesses begin, how many there are, and how many positions before them are fed again: in a block's midst,
        // from its first and its last position, over its end, over a whole block.
        for (start, count, again) in [
            (40, 5, 0), (40, 5, 3), (32, 4, 0), (33, 4, 1), (63, 1, 0), (62, 6, 0), (60, 9, 2), (31, 34, 0),
            (64, 20, 0),
            (65, 8, 2), (30, 40, 5),
        ] {
            for cuts in [[], [1], [1, 2]] {
                let pipeline = try Pipeline(model, Way(cuts: cuts, threads: 2))
                _ = try feed(pipeline, 0, Self.tokens.prefix(start))
                _ = try feed(pipeline, start, Self.wrong.prefix(count))
                let from = start - again
                // Then in pieces of one, and the rest at once.
                var hidden = try feed(pipeline, from, Self.tokens[from...from])
                hidden += try feed(pipeline, from + 1, Self.tokens[(from + 1)...])
                #expect(
                    try hidden == expected(model, from..<Self.tokens.count), "\(start), \(count), \(again), \(cuts)")
            }
        }
    }

    @Test("Guesses that are right in part go on from the last right one", arguments: models)
    func partlyRight(model: TinyModel) throws {
        let pipeline = try Pipeline(model)
        _ = try feed(pipeline, 0, Self.tokens.prefix(50))
        var hidden: [UInt32] = []
        var position = 50
        for round in 0..<8 {
            // A true token, two right guesses, three wrong ones.
            let end = position + 3
            hidden += try Array(
                feed(pipeline, position, Self.tokens[position..<end] + Self.wrong[round..<round + 3])
                    .prefix(3 * model.configuration.embeddingLength))
            position = end
        }
        #expect(try hidden == expected(model, 50..<position))
    }

    @Test("Two slices of one sequence in one batch follow each other", arguments: models)
    func slices(model: TinyModel) throws {
        for cut in [1, 20, 32, 33, 64, 70] {
            let pipeline = try Pipeline(model, Way(threads: 2))
            let slices = [0..<cut, cut..<Self.tokens.count].map { range in
                StageBatch.Slice(
                    sequence: 1, position: range.lowerBound, tokens: Array(Self.tokens[range]), blocks: Self.blocks,
                    sampleCount: 0)
            }
            let hidden = try pipeline.step(slices).hidden.map(\.bitPattern)
            #expect(try hidden == expected(model, 0..<Self.tokens.count), "\(cut)")
        }
    }

    @Test("A sequence goes on from blocks that another one has filled", arguments: models)
    func prefixes(model: TinyModel) throws {
        for whole in 1...3 {
            let pipeline = try Pipeline(model)
            _ = try feed(pipeline, 0, Self.tokens)
            let start = 32 * whole
            let own = Self.blocks.prefix(whole) + [10, 11, 12].prefix(4 - whole)
            let hidden = try feed(pipeline, start, Self.tokens[start...], blocks: Array(own))
            #expect(try hidden == expected(model, start..<Self.tokens.count), "\(whole)")
        }
    }

    @Test("A block that nobody holds any more is taken over in its midst", arguments: models)
    func takenOver(model: TinyModel) throws {
        let pipeline = try Pipeline(model)
        // The first sequence is like the second for 45 tokens, and has guessed on.
        _ = try feed(pipeline, 0, Self.tokens.prefix(45) + Self.wrong.prefix(10))
        let hidden = try feed(pipeline, 45, Self.tokens[45...])
        #expect(try hidden == expected(model, 45..<Self.tokens.count))
    }

    @Test("Full blocks that are fed again in part serve the others as before", arguments: models)
    func fedAgain(model: TinyModel) throws {
        for (start, end) in [(63, 64), (9, 20), (31, 32), (9, 50), (40, 64), (0, 33)] {
            let pipeline = try Pipeline(model, Way(threads: 2))
            _ = try feed(pipeline, 0, Self.tokens.prefix(96))
            // One that scores its prompt feeds positions of shared blocks again; beside it, in the same batch, others go
            // on from these blocks, as they do afterwards.
            func own(_ sequence: UInt64, from position: Int, _ last: [Int32]) -> StageBatch.Slice {
                StageBatch.Slice(
                    sequence: sequence, position: position, tokens: Array(Self.tokens[position..<position + 5]),
                    blocks: Self.blocks.prefix(position / 32) + last, sampleCount: 0)
            }
            let again = StageBatch.Slice(
                sequence: 2, position: start, tokens: Array(Self.tokens[start..<end]), blocks: Self.blocks,
                sampleCount: 0)
            let dim = model.configuration.embeddingLength
            let others = [own(3, from: 32, [20]), own(4, from: 64, [21])]
            let hidden = try pipeline.step([others[0], again, others[1]]).hidden.map(\.bitPattern)
            let results = try expected(model, 32..<37) + expected(model, start..<end) + expected(model, 64..<69)
            #expect(hidden == results, "\(start), \(end)")
            let after = try pipeline.step([own(5, from: 64, [22]), own(6, from: 32, [23])]).hidden.map(\.bitPattern)
            #expect(try after == expected(model, 64..<69) + expected(model, 32..<37), "\(start), \(end)")
            #expect(try feed(pipeline, 96, Self.tokens[96...]) == expected(model, 96..<101))
            #expect(after.count == 10 * dim)
        }
    }

    @Test("Blocks that others have used hold nothing of them", arguments: models)
    func dirtyBlocks(model: TinyModel) throws {
        let pipeline = try Pipeline(model)
        _ = try feed(pipeline, 0, (0..<120).map { Int32($0 * 7 % 50) })
        #expect(try feed(pipeline, 0, Self.tokens) == expected(model, 0..<101))
        // In another order, from a block's first position on each.
        #expect(try feed(pipeline, 0, Self.tokens, blocks: [1, 2, 0, 3]) == expected(model, 0..<101))
    }

    @Test("A table of blocks that makes no sense stops nothing")
    func nonsense() throws {
        let pipeline = try Pipeline(.deltaNet, Way(threads: 2))
        for (position, blocks) in [
            (50, [5, 5]), (100, [1, 2, 3, 4]), (33, [0, 0]), (127, [9, 9, 9, 9]), (7, [30]),
        ] as [(Int, [Int32])] {
            _ = try feed(pipeline, position, [1], blocks: blocks)
        }
        #expect(try feed(pipeline, 0, Self.tokens) == expected(.deltaNet, 0..<101))
    }

    @Test("The memory of a stage is that of its layers' kinds")
    func memory() throws {
        let model = TinyModel.deltaNet.configuration
        let attention = 32 * 2 * model.keyValueLength * 4
        // States, then of 32 positions channels, betas and decays, then a count for each head.
        let net = (6 * 7 * 19 + 32 * (2 * 14 + 6 * 19 + 12) + 6) * 4
        #expect(Stage.keyValueBlockBytes(of: model, layer: 2) == attention)
        #expect(Stage.keyValueBlockBytes(of: model, layer: 0) == (net + 63) / 64 * 64)
        #expect(Stage.keyValueBlockBytes(of: model, layer: 2, type: .f16) == attention / 2)
        #expect(Stage.keyValueBlockBytes(of: model, layer: 0, type: .f16) == (net + 63) / 64 * 64)
        func bytes(_ layers: Range<Int>, blocks: Int) -> Int {
            var stage = StageConfiguration.tiny(.deltaNet, layers: layers)
            stage.blockCount = blocks
            return Stage.memoryBytes(of: stage, tensors: TinyModel.deltaNet.tensors)
        }
        let ofBlocks = bytes(1..<3, blocks: 9) - bytes(1..<3, blocks: 8)
        #expect(ofBlocks == attention + (net + 63) / 64 * 64)
    }
}
