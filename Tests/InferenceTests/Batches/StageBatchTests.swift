// Batches that do not fit are refused before anything is computed: they may come from another host.

import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: batches that do not fit")
struct StageBatchTests {
    static func slice(
        _ change: (inout StageBatch.Slice) -> Void = { _ in }
    ) -> StageBatch.Slice {
        var slice = StageBatch.Slice(sequence: 1, position: 0, tokens: [1, 2, 3], blocks: [0, 1], sampleCount: 1)
        change(&slice)
        return slice
    }

    @Test("Tokens, positions, blocks and sizes out of range are refused, and the stage works on")
    func refused() throws {
        let pipeline = try Pipeline(.gpt2)
        let stage = try #require(pipeline.stages.first)
        stage.begin(1, parameters: SamplingParameters(temperature: 0))
        let bad: [StageBatch.Slice] = [
            Self.slice { $0.tokens = [] }, Self.slice { $0.tokens = [53] }, Self.slice { $0.tokens = [-1] },
            Self.slice { $0.position = -1 }, Self.slice { $0.position = 254 }, Self.slice { $0.position = .max },
            Self.slice { $0.position = 62 }, Self.slice { $0.blocks = [] }, Self.slice { $0.blocks = [32] },
            Self.slice { $0.blocks = [0, -1] }, Self.slice { $0.sequence = 2 }, Self.slice { $0.position = 1 },
            Self.slice { $0.targets = [1, 2, 3, 4] }, Self.slice { $0.targets = [53] },
            Self.slice { $0.targets = [-1] }, Self.slice { $0.restartLength = 0 },
            Self.slice { $0.restartLength = 257 }, Self.slice { $0.restartLength = .min },
            Self.slice {
                $0.tokens = Array(repeating: 1, count: 257); $0.blocks = Array(0..<16)
            },
        ]
        for slice in bad {
            #expect(throws: InferenceError.self, "\(slice)") {
                try stage.forward(StageBatch(slices: [slice]), input: nil)
            }
        }
        #expect(throws: InferenceError.self, "one bad slice refuses the batch") {
            try stage.forward(StageBatch(slices: [Self.slice()] + [bad[1]]), input: nil)
        }
        let samples = try pipeline.step([Self.slice()]).samples
        #expect(samples.count == 1)
        stage.end(1)
        #expect(throws: InferenceError.self) { try stage.forward(StageBatch(slices: [Self.slice()]), input: nil) }
    }

    @Test("Activations of another size than the batch are refused")
    func wrongInput() throws {
        let pipeline = try Pipeline(.llama, Way(cuts: [2]))
        let batch = StageBatch(slices: [Self.slice { $0.sampleCount = 0 }])
        for count in [0, 1, 3 * 24 - 1, 3 * 24 + 1, 4 * 24] {
            let input = [Float](repeating: 0, count: count)
            #expect(throws: InferenceError.self) {
                try input.withUnsafeBufferPointer { try pipeline.stages[1].forward(batch, input: $0) }
            }
        }
        #expect(throws: InferenceError.self) { try pipeline.stages[1].forward(batch, input: nil) }
        let input = [Float](repeating: 0, count: 3 * 24)
        #expect(throws: InferenceError.self) {
            try input.withUnsafeBufferPointer { try pipeline.stages[0].forward(batch, input: $0) }
        }
    }

    @Test("Activations that are no numbers go through, stay in their sequence and sample deterministically")
    func notANumber() throws {
        for model in [TinyModel.llama, .q8] {
            let pipeline = try Pipeline(model, Way(cuts: [1]))
            let last = pipeline.stages[1]
            let greedy = SamplingParameters(temperature: 0.7, logProbabilityCount: 2)
            let dim = model.configuration.embeddingLength
            func answer(beside value: Float) throws -> [SampledToken] {
                for sequence: UInt64 in [1, 2] { last.begin(sequence, parameters: greedy) }
                let slices = [
                    Self.slice {
                        $0.tokens = [1]; $0.blocks = [0]
                    },
                    Self.slice {
                        $0.tokens = [1]; $0.blocks = [1]; $0.sequence = 2
                    },
                ]
                var input = (0..<2 * dim).map { Float($0 % 7) * 0.1 }
                input[3] = value
                let output = try input.withUnsafeBufferPointer {
                    try last.forward(StageBatch(slices: slices), input: $0)
                }
                guard case .sampled(let samples) = output else { return [] }
                return samples.map(\.sample)
            }
            let sound = try answer(beside: 0.3)
            for value: Float in [.nan, .infinity, 3e38] {
                let first = try answer(beside: value)
                #expect(first.count == 2 && first[1] == sound[1])
                #expect(try answer(beside: value) == first)
            }
        }
    }

    @Test("An empty batch is no error")
    func empty() throws {
        let pipeline = try Pipeline(.llama, Way(cuts: [2]))
        guard case .hidden(let hidden) = try pipeline.stages[0].forward(StageBatch(slices: []), input: nil) else {
            Issue.record("a first stage gives activations")
            return
        }
        #expect(hidden.isEmpty)
    }
}
