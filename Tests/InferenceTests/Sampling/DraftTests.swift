// Guessed tokens that a stage verifies: what it accepts is what plain decoding gives, and nothing of a wrong guess stays.

import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: drafts")
struct DraftTests {
    static let prompt = StageInvarianceTests.prompt
    /// Tokens of an answer that is decoded in plain steps, log-probabilities included, to compare with.
    static let answerCount = 24

    /// How an answer is sampled.
    struct Choice: CustomTestStringConvertible {
        let testDescription: String
        let parameters: SamplingParameters

        init(_ name: String, _ change: (inout SamplingParameters) -> Void) {
            var parameters = SamplingParameters()
            parameters.logProbabilityCount = 3
            change(&parameters)
            (testDescription, self.parameters) = (name, parameters)
        }
    }

    static let choices = [
        Choice("greedy") { $0.temperature = 0 },
        Choice("sampled") { ($0.temperature, $0.topK, $0.seed) = (0.9, 20, 3) },
        Choice("penalties") {
            ($0.temperature, $0.seed, $0.repeatPenalty) = (0.8, 5, 1.3)
            ($0.presencePenalty, $0.frequencyPenalty) = (0.6, 0.4)
            $0.logitBias = [.init(token: 4, bias: 1), .init(token: 7, bias: -.infinity)]
        },
        Choice("greedy with penalties") {
            ($0.temperature, $0.repeatPenalty, $0.presencePenalty, $0.frequencyPenalty) = (0, 1.2, 1, 0.7)
        },
    ]

    static let models = [TinyModel.gpt2, .llama, .q8] + TinyModel.mixtures.prefix(1)

    /// A sequence whose tokens are the prompt and what was accepted.
    struct Decoding {
        let pipeline: Pipeline
        var id: UInt64 = 7
        var blocks: [Int32] = [0, 1, 2, 3]
        var tokens = prompt
        var samples: [SampledToken] = []

        /// Begins with the first token of the answer.
        init(_ pipeline: Pipeline, _ parameters: SamplingParameters, id: UInt64 = 7, blocks: [Int32] = [0, 1, 2, 3])
            throws
        {
            (self.pipeline, self.id, self.blocks) = (pipeline, id, blocks)
            pipeline.stages.last?.begin(id, parameters: parameters, promptTokenCount: prompt.count)
            let whole = StageBatch.Slice(
                sequence: id, position: 0, tokens: prompt, blocks: blocks, sampleCount: 1)
            take(try pipeline.step([whole]).samples)
        }

        mutating func take(_ sampled: [(UInt64, SampledToken)]) {
            let own = sampled.filter { $0.0 == id }.map(\.1)
            samples += own
            tokens += own.map(\.token)
        }

        /// The last token and guesses.
        func slice(_ guesses: [Int32]) -> StageBatch.Slice {
            .init(
                sequence: id, position: tokens.count - 1, tokens: [tokens[tokens.count - 1]] + guesses, blocks: blocks,
                sampleCount: guesses.count + 1, draftCount: guesses.count)
        }

        /// Nothing but guesses, `distance` positions after the last token.
        func guesses(_ guesses: [Int32], distance: Int) -> StageBatch.Slice {
            .init(
                sequence: id, position: tokens.count - 1 + distance, tokens: guesses, blocks: blocks,
                sampleCount: guesses.count, draftCount: guesses.count)
        }

        /// One forward; how many tokens it gave.
        mutating func step(_ slice: StageBatch.Slice) throws -> Int {
            let before = samples.count
            take(try pipeline.step([slice]).samples)
            return samples.count - before
        }

        /// Plain decoding of `count` tokens.
        mutating func go(on count: Int) throws {
            for _ in 0..<count { #expect(try step(slice([])) == 1) }
        }
    }

    /// The answer of plain decoding: `answerCount` tokens.
    static func answer(_ model: TinyModel, _ choice: Choice) throws -> [SampledToken] {
        var sequence = try Decoding(Pipeline(model), choice.parameters)
        try sequence.go(on: answerCount - 1)
        return sequence.samples
    }

    /// The tokens `range` of an answer, those at the places `wrong` (counted from its start) replaced by others.
    static func guesses(
        _ answer: [SampledToken], _ range: Range<Int>, wrong: Set<Int> = [], of model: TinyModel
    ) -> [Int32] {
        range.map { place in
            let token = answer[place].token
            guard wrong.contains(place) else { return token }
            return (token + 1) % Int32(model.configuration.vocabularySize)
        }
    }

    @Test("A draft is accepted up to its first wrong token, and decoding goes on", arguments: models, choices)
    func wrongAtEachPlace(model: TinyModel, choice: Choice) throws {
        let answer = try Self.answer(model, choice)
        for way in [Way(), Way(cuts: [1], threads: 3, blocks: [5, 0, 15, 3])] {
            let pipeline = try Pipeline(model, way)
            for wrong in 1...6 {
                var sequence = try Decoding(pipeline, choice.parameters, blocks: way.blocks)
                // Five guesses for the tokens 1 ..< 6 of the answer, of which `wrong` is wrong; 6: none.
                let guesses = Self.guesses(answer, 1..<6, wrong: [wrong], of: model)
                #expect(try sequence.step(sequence.slice(guesses)) == wrong)
                try sequence.go(on: 10)
                #expect(sequence.samples == Array(answer.prefix(wrong + 11)), "\(way.name), wrong at \(wrong)")
            }
        }
    }

    @Test("Drafts one after the other, right and wrong ones, give the plain answer", arguments: models, choices)
    func manyDrafts(model: TinyModel, choice: Choice) throws {
        let answer = try Self.answer(model, choice)
        var random = Random(seed: 17)
        let pipeline = try Pipeline(model, Way(cuts: [1]))
        for _ in 0..<6 {
            var sequence = try Decoding(pipeline, choice.parameters)
            while sequence.samples.count < Self.answerCount {
                let known = sequence.samples.count
                let count = min(Int(random.next() % 6), Self.answerCount - 1 - known)
                let wrong = Set((known..<known + count).filter { _ in random.next() % 3 == 0 })
                let guesses = Self.guesses(answer, known..<known + count, wrong: wrong, of: model)
                let accepted = (wrong.min() ?? known + count) - known
                let first = sequence.slice(guesses)
                // Every other one is followed by two right guesses, sent before it is verified.
                let next = known + count
                var second: StageBatch.Slice?
                if random.next() % 2 == 0, next + 2 < Self.answerCount {
                    let guesses = Self.guesses(answer, next..<next + 2, of: model)
                    second = sequence.guesses(guesses, distance: count + 1)
                }
                #expect(try sequence.step(first) == accepted + 1)
                if let second { #expect(try sequence.step(second) == (wrong.isEmpty ? 2 : 0)) }
            }
            #expect(sequence.samples == answer)
        }
    }

    @Test("A draft without a known token before it needs what was sampled", arguments: models, choices)
    func guessesOnly(model: TinyModel, choice: Choice) throws {
        let answer = try Self.answer(model, choice)
        let pipeline = try Pipeline(model)
        for wrong in 0...4 {
            var sequence = try Decoding(pipeline, choice.parameters)
            // The first guess stands for token 0 of the answer, which is sampled but was never fed.
            let guesses = Self.guesses(answer, 0..<4, wrong: [wrong], of: model)
            #expect(try sequence.step(sequence.guesses(guesses, distance: 0)) == wrong)
            // Another try in its place, right; then one that leaves a gap, which nothing can prove.
            let again = Self.guesses(answer, wrong..<wrong + 2, of: model)
            #expect(try sequence.step(sequence.guesses(again, distance: 0)) == 2)
            #expect(try sequence.step(sequence.guesses(again, distance: 1)) == 0)
            try sequence.go(on: 10)
            #expect(sequence.samples == Array(answer.prefix(wrong + 13)), "wrong at \(wrong)")
        }
    }

    @Test("A draft built on a draft falls with it", arguments: models, choices)
    func chained(model: TinyModel, choice: Choice) throws {
        let answer = try Self.answer(model, choice)
        let pipeline = try Pipeline(model, Way(cuts: [2]))
        for wrong in 1...7 {
            var sequence = try Decoding(pipeline, choice.parameters)
            // Tokens 1, 2, 3 of the answer, then 4, 5, 6, sent before anything is known of the first; 7: all right.
            let first = sequence.slice(Self.guesses(answer, 1..<4, wrong: [wrong], of: model))
            let second = sequence.guesses(Self.guesses(answer, 4..<7, wrong: [wrong], of: model), distance: 4)
            #expect(try sequence.step(first) == min(wrong, 4))
            #expect(try sequence.step(second) == max(0, wrong - 4))
            try sequence.go(on: 10)
            #expect(sequence.samples == Array(answer.prefix(wrong + 11)), "wrong at \(wrong)")
        }
    }

    @Test("More rows than logits are held at once, beside other sequences, on several threads", arguments: choices)
    func manyRows(choice: Choice) throws {
        let model = TinyModel.llama
        let answer = try Self.answer(model, choice)
        let pipeline = try Pipeline(model, Way(threads: 3))
        let wrong = [13, 4, 20, 1, 19]
        var sequences = try wrong.indices.map { index in
            let first = Int32(4 * index)
            return try Decoding(
                pipeline, choice.parameters, id: UInt64(index), blocks: [first, first + 1, first + 2, first + 3])
        }
        let slices = zip(sequences, wrong).map { sequence, wrong in
            sequence.slice(Self.guesses(answer, 1..<20, wrong: [wrong], of: model))
        }
        // One sequence that does not sample, between them.
        let silent = StageBatch.Slice(sequence: 99, position: 0, tokens: [1, 2], blocks: [30], sampleCount: 0)
        let sampled = try pipeline.step(slices[..<2] + [silent] + slices[2...]).samples
        #expect(sampled.map(\.0) == wrong.enumerated().flatMap { Array(repeating: UInt64($0), count: $1) })
        for index in sequences.indices {
            sequences[index].take(sampled)
            try sequences[index].go(on: 3)
            #expect(sequences[index].samples == Array(answer.prefix(wrong[index] + 4)), "sequence \(index)")
        }
    }

    @Test("A sequence begins with its first slice that samples, or is computed anew", arguments: choices)
    func lateBegin(choice: Choice) throws {
        let model = TinyModel.q8
        let answer = try Self.answer(model, choice)
        let guesses = Self.guesses(answer, 0..<5, wrong: [3], of: model)
        let pipeline = try Pipeline(model)
        let last = try #require(pipeline.stages.last)
        let blocks: [Int32] = [9, 8, 7, 6]
        for chunk in [0..<40, 40..<65] {
            let slice = StageBatch.Slice(
                sequence: 1, position: chunk.lowerBound, tokens: Array(Self.prompt[chunk]), blocks: blocks,
                sampleCount: 0)
            _ = try pipeline.step([slice])
        }
        last.begin(
            1, parameters: choice.parameters, promptTokenCount: Self.prompt.count, history: Array(Self.prompt[..<65]))
        let rest = StageBatch.Slice(
            sequence: 1, position: 65, tokens: Self.prompt[65...] + guesses, blocks: blocks, sampleCount: 6,
            draftCount: 5)
        #expect(try pipeline.step([rest]).samples.map(\.1) == Array(answer.prefix(4)))
        // All of it once more in its blocks, as after a change of rotary frequencies; then one guess, right.
        let tokens = Self.prompt + answer.prefix(4).map(\.token)
        let anew = StageBatch.Slice(
            sequence: 1, position: 0, tokens: Array(tokens[..<50]), blocks: blocks, sampleCount: 0)
        #expect(try pipeline.step([anew]).samples.isEmpty)
        let guess = answer[4].token
        let end = StageBatch.Slice(
            sequence: 1, position: 50, tokens: tokens[50...] + [guess], blocks: blocks, sampleCount: 2, draftCount: 1)
        #expect(try pipeline.step([end]).samples.map(\.1) == Array(answer[4..<6]))
    }

    @Test("Samples and guesses that do not fit are refused, and the sequence goes on")
    func refused() throws {
        let choice = Self.choices[2]
        let answer = try Self.answer(.llama, choice)
        var sequence = try Decoding(Pipeline(.llama), choice.parameters)
        try sequence.go(on: 2)
        let sound = sequence.slice([1, 2])
        func changed(_ change: (inout StageBatch.Slice) -> Void) -> StageBatch.Slice {
            var slice = sound
            change(&slice)
            return slice
        }
        let counts: [(Int, Int)] = [
            (4, 2), (4, 3), (4, 4), (-1, 0), (-1, -1), (1, -1), (.min, .max), (.max, .min), (.max, .max), (2, 0),
            (3, 1), (0, 1), (1, 2), (0, 3),
        ]
        var bad = counts.map { samples, drafts in
            [changed { ($0.sampleCount, $0.draftCount) = (samples, drafts) }]
        }
        bad += [
            [sound, sound],
            [sound, sequence.guesses([1], distance: 3)],
            [sound, changed { ($0.sampleCount, $0.draftCount) = (0, 0) }],
            // A gap before a token that is no guess.
            [changed { $0.position += 1 }],
            // A sample, and a guess, of the past.
            [changed { $0.position -= 2 }],
            [changed { ($0.position, $0.draftCount) = ($0.position - 3, 3) }],
            [changed { ($0.sequence, $0.position) = (8, 0) }],
        ]
        for slices in bad {
            #expect(throws: InferenceError.self, "\(slices)") { try sequence.pipeline.step(slices) }
        }
        #expect(try sequence.step(sound) >= 1)
        try sequence.go(on: 3)
        #expect(sequence.samples == Array(answer.prefix(sequence.samples.count)))
    }
}
