// Responsible for: what a worker keeps of an earlier stage, and its part in computing again what others have lost. Must not
// know: the coordinator's machine.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct KeepingTests {
    private typealias Worker = Cluster.Worker<String, String>

    /// The middle one of three stages, or one of the others.
    private func assign(_ epoch: UInt64, layers: Range<Int> = 2..<4, blocks: Int = 4) -> Assign {
        let (isFirst, isLast) = (layers.lowerBound == 0, layers.upperBound == 6)
        var assign = Assign(
            epoch: Epoch(epoch), layers: layers, layerCount: 6, modelDescription: [], keyValueBlockCount: blocks,
            maximumBatchTokens: 16, activationsPerToken: 2,
            next: isLast ? .tokens : .stage(endpoint: "n", WorkerID(2)), previous: isFirst ? nil : WorkerID(9),
            stageIndex: isFirst ? 0 : isLast ? 2 : 1, stageCount: 3, vocabularySize: 100, contextLength: 64)
        if !isLast { assign.outputs = [KeptOutputs(layer: layers.upperBound, since: .none)] }
        return assign
    }

    // MARK: What is kept

    private func held(_ assign: Assign) -> HeldKeyValues {
        var held = HeldKeyValues()
        held.load(assign, HeldKeyValues.Kept())
        return held
    }

    @Test("A stage takes over the layers that it is told to keep, each since the epoch that began it")
    func kept() {
        var held = held(assign(5))
        var next = assign(6, layers: 1..<4)
        #expect(held.kept(for: next) == HeldKeyValues.Kept())
        next.keptSince = [.none, Epoch(5), Epoch(5)]
        next.outputs = [KeptOutputs(layer: 3, since: .none), KeptOutputs(layer: 4, since: Epoch(5))]
        let kept = held.kept(for: next)
        #expect(kept?.layers == [2, 3])
        #expect(kept?.outputs == [4])
        held.load(next, kept ?? .init())
        var last = assign(7, layers: 1..<4)
        last.keptSince = [Epoch(6), Epoch(5), Epoch(5)]
        last.outputs = [KeptOutputs(layer: 3, since: Epoch(6)), KeptOutputs(layer: 4, since: Epoch(5))]
        #expect(held.kept(for: last)?.layers == [1, 2, 3])
        #expect(held.kept(for: last)?.outputs == [3, 4])
    }

    @Test("Where something is not here, of another epoch or of other blocks, nothing is kept")
    func refused() {
        let held = held(assign(5))
        var next = assign(7)
        next.keptSince = [Epoch(5), Epoch(6)]
        #expect(held.kept(for: next) == nil)
        next.keptSince = [Epoch(5), Epoch(5)]
        #expect(held.kept(for: next)?.layers == [2, 3])
        #expect(HeldKeyValues().kept(for: next) == nil)
        next.outputs = [KeptOutputs(layer: 4, since: Epoch(4))]
        #expect(held.kept(for: next) == nil)
        next = assign(7, layers: 2..<5)
        next.keptSince = [Epoch(5), Epoch(5), Epoch(5)]
        #expect(held.kept(for: next) == nil)
        next = assign(7, blocks: 5)
        next.keptSince = [Epoch(5), Epoch(5)]
        #expect(held.kept(for: next) == nil)
    }

    // MARK: What is rebuilt

    private func serving(_ assign: Assign) -> Worker {
        var worker = Worker(WorkerID(1), Example.join(1), now: .start)
        _ = worker.handle(.connected, now: .start)
        let welcome = Welcome(build: "b", weightsEndpoint: "w", tokensEndpoint: "t", modelName: "m")
        _ = worker.handle(.command(.welcome(welcome)), now: .start)
        _ = worker.handle(.command(.assign(assign)), now: .start)
        _ = worker.handle(.loaded(assign.epoch, transferredBytes: 1, cachedBytes: 2, hasKept: true), now: .start)
        return worker
    }

    private func forward(_ layers: Range<Int>, activations: Int) -> Forward {
        let item = ForwardItem(sequence: SequenceID(1), position: 0, tokens: [1, 2], blocks: [0], sampleCount: 0)
        var forward = Forward(epoch: Epoch(5), step: StepID(1), items: [item], activationCount: activations)
        forward.rebuilt = layers
        return forward
    }

    /// What a stage does with a step that rebuilds layers: whether it computes, and what it sends on.
    private func pass(_ stage: Range<Int>, _ layers: Range<Int>, activations: Int) -> (computes: Bool, on: Forward?) {
        var worker = serving(assign(5, layers: stage))
        var actions = worker.handle(.forward(forward(layers, activations: activations)), now: .start)
        var computes = false
        if case .compute(let forward, _)? = actions.first {
            computes = true
            actions = worker.handle(.computed(StepResult(epoch: Epoch(5), step: forward.step), "out"), now: .start)
        }
        guard case .sendForward(let on, let output)? = actions.first else { return (computes, nil) }
        #expect((output == nil) == (on.activationCount == 0))
        return (computes, on)
    }

    @Test(
        "Stages before the lost layers pass on tokens, the last of them gives its outputs, and behind nothing is left")
    func ways() {
        // Layers 2 and 3 are rebuilt from what is kept before them.
        var (computes, on) = pass(0..<1, 2..<4, activations: 0)
        #expect(!computes && on?.items.count == 1 && on?.activationCount == 0)
        (computes, on) = pass(0..<2, 2..<4, activations: 0)
        #expect(computes && on?.items.count == 1 && on?.activationCount == 4)
        (computes, on) = pass(2..<4, 2..<4, activations: 4)
        #expect(computes && on?.items.isEmpty == true && on?.rebuilt == 2..<4)
        // A stage that was extended takes what it has kept itself.
        (computes, on) = pass(1..<4, 2..<4, activations: 0)
        #expect(computes && on?.items.isEmpty == true)
        // Lost layers on both sides of a boundary.
        (computes, on) = pass(2..<4, 2..<5, activations: 4)
        #expect(computes && on?.activationCount == 4)
        // The first ones come from tokens.
        (computes, on) = pass(0..<2, 0..<2, activations: 0)
        #expect(computes && on?.items.isEmpty == true)
        // The last stage ends a step in any case.
        #expect(pass(4..<6, 4..<6, activations: 4).on == nil)
    }

    @Test(
        "Steps that rebuild what there is not, with activations that do not belong, or that sample, are dropped",
        arguments: [0, 1, 2])
    func misfits(_ kind: Int) {
        var worker = serving(assign(5))
        var step = forward(kind == 0 ? 2..<9 : 2..<4, activations: kind == 1 ? 0 : 4)
        if kind == 2 { step.items[0].sampleCount = 1 }
        let actions = worker.handle(.forward(step), now: .start)
        guard case .log(.error, _)? = actions.first else {
            Issue.record("taken: \(actions)")
            return
        }
    }
}
