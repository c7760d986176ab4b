// Responsible for: steps in flight as a value, each pipeline with its own epoch and credit. Must not know: requests.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct PipelineTests {
    private func item(_ sequence: UInt64) -> Pipeline.Item {
        Pipeline.Item(
            ForwardItem(sequence: SequenceID(sequence), position: 0, tokens: [1], blocks: [0], sampleCount: 1),
            round: 0)
    }

    private func sample(_ sequence: UInt64) -> SequenceSample {
        SequenceSample(sequence: SequenceID(sequence), sample: SampledToken(token: 9))
    }

    private func result(_ epoch: Epoch, _ step: StepID, _ sequence: UInt64) -> StepResult {
        StepResult(epoch: epoch, step: step, samples: [sample(sequence)])
    }

    @Test("Two pipelines alive at once count their steps and credits apart")
    func twoAtOnce() {
        var old = Pipeline(epoch: Epoch(1), stageCount: 2, vocabularySize: 100)
        var new = Pipeline(epoch: Epoch(2), stageCount: 4, vocabularySize: 100)
        #expect((old.target(answers: 0, hasPrompts: false), new.target(answers: 0, hasPrompts: false)) == (2, 4))
        let first = old.send([item(1)], .start)
        let second = old.send([item(2)], .start)
        let other = new.send([item(3)], .start)
        #expect((first, second, other) == (StepID(1), StepID(2), StepID(1)))
        guard case .complete(let step, let parts) = old.complete(result(Epoch(1), first, 1), .start) else {
            Issue.record("not complete")
            return
        }
        #expect(step.id == first)
        #expect(parts.map { $0.samples.map(\.sample.token) } == [[9]])
        #expect((old.steps.count, new.steps.count) == (1, 1))
    }

    @Test("A sequence that ends is told to stages when its last step is through, at once where none is in flight")
    func draining() {
        var pipeline = Pipeline(epoch: Epoch(1), stageCount: 2, vocabularySize: 100)
        let first = pipeline.send([item(1), item(2)], .start)
        let second = pipeline.send([item(1)], .start)
        #expect(pipeline.end(SequenceID(3)) == true)
        #expect(pipeline.end(SequenceID(1)) == false)
        var both = result(Epoch(1), first, 1)
        both.samples.append(sample(2))
        for (result, drained) in [(both, []), (self.result(Epoch(1), second, 1), [SequenceID(1)])] {
            guard case .complete(let step, _) = pipeline.complete(result, .start) else {
                Issue.record("not complete")
                return
            }
            #expect(pipeline.drained(by: step) == drained)
        }
    }

    @Test("Without a plan nothing is wanted in flight")
    func none() {
        #expect(Pipeline.none.target(answers: 0, hasPrompts: false) == 0)
    }
}
