// Scores of given tokens, and sequences that are computed anew: the same bits however they are run.

import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: scores and restarts")
struct ScoringTests {
    private static let text = StageInvarianceTests.prompt
    private static let start = 21

    /// The scores of the tokens of `text` from `start` on, fed in chunks.
    private func scores(_ model: TinyModel, _ way: Way) throws -> [Float] {
        let pipeline = try Pipeline(model, way)
        var result: [Float] = []
        for first in stride(from: 0, to: Self.text.count - 1, by: way.chunk) {
            let end = min(first + way.chunk, Self.text.count - 1)
            let targets = Self.text[min(max(first + 1, Self.start), end + 1)..<end + 1]
            let slice = StageBatch.Slice(
                sequence: 3, position: first, tokens: Array(Self.text[first..<end]), blocks: way.blocks, sampleCount: 0,
                targets: Array(targets))
            let other = StageBatch.Slice(
                sequence: 4, position: 0, tokens: [5, 6, 7], blocks: [9], sampleCount: 0, targets: [6, 7])
            _ = try pipeline.step(way.companions > 0 ? [other, slice] : [slice])
            result += pipeline.stages.last?.scores.first { $0.sequence == 3 }?.logProbabilities ?? []
        }
        return result
    }

    @Test("A score is the log-probability that sampling reports for the same token", arguments: TinyModel.all)
    func sampled(model: TinyModel) throws {
        let pipeline = try Pipeline(model)
        var parameters = SamplingParameters(temperature: 0)
        parameters.logProbabilityCount = model.configuration.vocabularySize
        pipeline.stages[0].begin(1, parameters: parameters)
        let expected = try Self.text.dropLast().indices.map { index in
            let slice = StageBatch.Slice(
                sequence: 1, position: index, tokens: [Self.text[index]], blocks: [0, 1, 2], sampleCount: 1)
            let sample = try #require(try pipeline.step([slice]).samples.first).1
            return try #require(sample.top.first { $0.token == Self.text[index + 1] }).logProbability
        }
        #expect(try scores(model, Way()) == Array(expected[(Self.start - 1)...]))
    }

    @Test("Cuts, chunks, threads, blocks and companions change no bit of a score", arguments: TinyModel.all)
    func ways(model: TinyModel) throws {
        let reference = try scores(model, Way())
        #expect(reference.count == Self.text.count - Self.start)
        for way in StageInvarianceTests.ways { #expect(try scores(model, way) == reference, "\(way.name)") }
    }

    @Test("A sequence computed anew in its blocks samples what it would have sampled, penalties included")
    func restart() throws {
        func run(restarting: Bool) throws -> SampledToken? {
            let pipeline = try Pipeline(.llama, Way(cuts: [2]))
            pipeline.stages.last?.begin(1, parameters: StageInvarianceTests.parameters, promptTokenCount: 60)
            func feed(_ range: Range<Int>, sampleCount: Int) throws -> SampledToken? {
                try pipeline.step([
                    .init(
                        sequence: 1, position: range.lowerBound, tokens: Array(Self.text[range]), blocks: [0, 1, 2],
                        sampleCount: sampleCount, restartLength: 66)
                ]).samples.first?.1
            }
            _ = try feed(0..<65, sampleCount: 1)
            guard restarting else { return try feed(65..<66, sampleCount: 1) }
            _ = try feed(0..<40, sampleCount: 0)
            return try feed(40..<66, sampleCount: 1)
        }
        #expect(try run(restarting: true) == run(restarting: false))
    }

    @Test("The length of a token's sequence is what it was begun with, or its own position where that is further")
    func lengths() throws {
        let bounds = BatchLayout.Bounds(maximumTokens: 16, vocabularySize: 50, contextLength: 64, blockCount: 4)
        func slice(_ restartLength: Int?) -> StageBatch.Slice {
            .init(
                sequence: 1, position: 3, tokens: [1, 2, 3], blocks: [0], sampleCount: 0, restartLength: restartLength)
        }
        var layout = BatchLayout()
        try layout.fill(StageBatch(slices: [slice(nil), slice(5), slice(64)]), bounds: bounds)
        #expect(layout.lengths == [4, 5, 6, 5, 5, 6, 64, 64, 64])
    }
}
