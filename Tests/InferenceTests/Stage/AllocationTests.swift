// A stage that has run a batch runs one of the same shape without taking memory from the heap.

import ModelFile
import Sequences
import Testing

@testable import Inference

@Suite("Stage: allocations")
struct AllocationTests {
    // In a process of its own: nothing but the stage and its threads allocates there meanwhile.
    @Test("The second batch of a shape allocates nothing, on one thread and on two")
    func steadyState() async {
        await #expect(processExitsWith: .success) {
            #expect(AllocationCounter.count { _ = [Int](repeating: 0, count: 100) } > 0, "the counter counts")
            let models = [TinyModel.llama, .gpt2, .q8, .deltaNet] + TinyModel.mixtures
            for model in models {
                for threads in [1, 2] {
                    for parameters in Self.parameters {
                        try Self.expectNoAllocation(model, threads: threads, parameters)
                    }
                }
            }
        }
    }

    /// Greedy, with all that is asked of samples, and with the filters that look at all candidates.
    static var parameters: [SamplingParameters] {
        var filtered = StageInvarianceTests.parameters
        filtered.topK = 20
        filtered.logitBias = [.init(token: 4, bias: 0.5), .init(token: 3, bias: -.infinity)]
        var wide = SamplingParameters()
        wide.minP = 0.01
        return [SamplingParameters(temperature: 0), filtered, wide]
    }

    static func expectNoAllocation(_ model: TinyModel, threads: Int, _ parameters: SamplingParameters) throws {
        let middle = model.configuration.layerCount / 2
        let first = try Stage(.tiny(model, layers: 0..<middle, threads: threads), tensors: model.tensors, source: model)
        let last = try Stage(
            .tiny(model, layers: middle..<model.configuration.layerCount, threads: threads), tensors: model.tensors,
            source: model)
        func slice(_ sequence: UInt64, _ positions: Range<Int>, targets: Int = 0) -> StageBatch.Slice {
            .init(
                sequence: sequence, position: positions.lowerBound,
                tokens: Array(StageInvarianceTests.prompt[positions]), blocks: sequence == 1 ? [0, 1, 2] : [3, 4, 5],
                sampleCount: targets == 0 ? 1 : 0, targets: [Int32](repeating: 2, count: targets))
        }
        let batches = [
            StageBatch(slices: [slice(1, 0..<40), slice(2, 0..<40, targets: 5)]),
            StageBatch(slices: [slice(1, 40..<41)]),
            StageBatch(slices: [slice(2, 40..<42), slice(1, 41..<42)]),
        ]
        for batch in batches {
            // Each runs three times: only the first has a new shape.
            for round in 0..<3 {
                for sequence in [1, 2] as [UInt64] {
                    let known = batch.slices.first { $0.sequence == sequence }?.position ?? 0
                    last.begin(
                        sequence, parameters: parameters, promptTokenCount: 41,
                        history: Array(StageInvarianceTests.prompt.prefix(known)))
                }
                var sampled = 0
                let allocations = try AllocationCounter.count {
                    guard case .hidden(let hidden) = try first.forward(batch, input: nil),
                        case .sampled(let samples) = try last.forward(batch, input: hidden)
                    else { return }
                    sampled = samples.count
                }
                #expect(sampled == batch.slices.filter { $0.sampleCount > 0 }.count)
                if round > 0 {
                    #expect(
                        allocations == 0,
                        "\(allocations) in \(model.name), \(threads) threads, \(batch.tokenCount) tokens")
                }
            }
        }
    }
}
