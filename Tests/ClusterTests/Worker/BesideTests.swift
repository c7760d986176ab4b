// Responsible for: a worker with a stage beside the one that computes: what it takes for which, when one ends, how it leaves.
// Must not know: the coordinator's machine.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct BesideTests {
    /// What came beside a step, and what was made of it, are words here.
    private typealias Worker = Cluster.Worker<String, String>

    private let welcome = Welcome(build: "b", weightsEndpoint: "w", tokensEndpoint: "t", modelName: "m")

    private func assign(_ epoch: UInt64, isBeside: Bool = false) -> Assign {
        var assign = Assign(
            epoch: Epoch(epoch), layers: isBeside ? 0..<4 : 0..<3, layerCount: 6, modelDescription: [],
            keyValueBlockCount: 4, maximumBatchTokens: 16, activationsPerToken: 2,
            next: .stage(endpoint: isBeside ? "n" : "m", WorkerID(2)), previous: nil, stageIndex: 0, stageCount: 2,
            vocabularySize: 100, contextLength: 64)
        assign.isBeside = isBeside
        if isBeside { assign.copied = [CopySource(layers: 3..<4, worker: WorkerID(2))] }
        return assign
    }

    private func forward(_ epoch: UInt64, _ step: UInt64 = 1) -> Forward {
        let item = ForwardItem(sequence: SequenceID(1), position: 0, tokens: [1], blocks: [0], sampleCount: 0)
        return Forward(epoch: Epoch(epoch), step: StepID(step), items: [item])
    }

    /// One with a stage that computes, and one that is loaded beside it.
    private func both() -> Worker {
        var worker = Worker(WorkerID(1), Example.join(1), now: .start)
        _ = worker.handle(.connected, now: .start)
        _ = worker.handle(.command(.welcome(welcome)), now: .start)
        _ = worker.handle(.command(.assign(assign(5))), now: .start)
        _ = worker.handle(.loaded(Epoch(5), transferredBytes: 0, cachedBytes: 0), now: .start)
        _ = worker.handle(.command(.assign(assign(6, isBeside: true))), now: .start)
        _ = worker.handle(.loaded(Epoch(6), transferredBytes: 0, cachedBytes: 0, hasKept: true), now: .start)
        return worker
    }

    private func areLogs(_ actions: [Worker.Action]) -> Bool {
        actions.allSatisfy { if case .log = $0 { true } else { false } }
    }

    private func contents(
        _ part: Int, of count: Int = 2, number: Int = 1, epoch: UInt64 = 6, layers: Range<Int> = 3..<4, block: Int32 = 2
    ) -> BlockContents {
        BlockContents(
            epoch: Epoch(epoch), number: number, part: part, partCount: count, layers: layers, block: block,
            positions: 7, byteCount: 8)
    }

    @Test("A stage is loaded beside the one that computes, which goes on, and takes its place with its first step")
    func switchOver() {
        var worker = both()
        let beside = assign(7, isBeside: true)
        #expect(
            worker.handle(.command(.assign(beside)), now: .start) == [
                .drop(Epoch(6)), .load(beside), .connectNext(Epoch(7), endpoint: "n", key: nil, isBeside: true),
            ])
        worker = both()
        #expect(worker.handle(.forward(forward(5), "a"), now: .start) == [.compute(forward(5), "a")])
        let result = StepResult(epoch: Epoch(5), step: StepID(1))
        #expect(worker.handle(.computed(result, "b"), now: .start).count == 1)
        guard case .send(.heartbeat(let heartbeat))? = worker.handle(.tick, now: .milliseconds(300)).last else {
            Issue.record("no heartbeat")
            return
        }
        #expect(heartbeat.epoch == Epoch(5) && heartbeat.stepsCompleted == 1)
        #expect(
            worker.handle(.forward(forward(6), "a"), now: .start) == [
                .drop(Epoch(5)), .endCopying, .compute(forward(6), "a"),
            ])
        #expect(worker.assignments.map(\.epoch) == [Epoch(6)])
        #expect(areLogs(worker.handle(.forward(forward(5, 2), "a"), now: .start)))
    }

    @Test("Either stage can be over without the other")
    func drop() {
        var worker = both()
        #expect(worker.handle(.command(.drop(Epoch(6))), now: .start).prefix(2) == [.drop(Epoch(6)), .endCopying])
        #expect(worker.handle(.forward(forward(5), "a"), now: .start) == [.compute(forward(5), "a")])
        worker = both()
        _ = worker.handle(.command(.drop(Epoch(5))), now: .start)
        #expect(areLogs(worker.handle(.forward(forward(5), "a"), now: .start)))
        #expect(worker.handle(.forward(forward(6), "a"), now: .start) == [.compute(forward(6), "a")])
        worker = both()
        #expect(worker.handle(.command(.standby(Epoch(7))), now: .start) == [.unload])
    }

    @Test("Blocks are stored as they are due, and told when the last of an order is in memory")
    func copies() {
        var worker = both()
        #expect(
            worker.handle(.blocks(contents(0), "x", from: WorkerID(2)), now: .start) == [
                .store(contents(0), "x", from: WorkerID(2))
            ])
        #expect(worker.handle(.blocks(contents(1), "y", from: WorkerID(2)), now: .start).count == 1)
        #expect(worker.handle(.stored(contents(0), from: WorkerID(2)), now: .start).isEmpty)
        #expect(
            worker.handle(.stored(contents(1), from: WorkerID(2)), now: .start) == [
                .send(.copied(Copied(epoch: Epoch(6), number: 1, source: WorkerID(2))))
            ])
    }

    @Test("An order of which a part is lost is never complete, and what nobody awaits is not stored")
    func strays() {
        func isStored(_ contents: BlockContents, from source: UInt64 = 2, _ worker: inout Worker) -> Bool {
            worker.handle(.blocks(contents, "x", from: WorkerID(source)), now: .start).contains {
                if case .store = $0 { true } else { false }
            }
        }
        var worker = both()
        #expect(isStored(contents(0, of: 3), &worker))
        #expect(!isStored(contents(2, of: 3), &worker))
        #expect(isStored(contents(1, of: 3), &worker))
        #expect(!isStored(contents(1, of: 3), &worker))
        #expect(isStored(contents(0, number: 2), &worker))
        #expect(!isStored(contents(0, number: 1), &worker))
        #expect(!isStored(contents(0, number: 3), from: 9, &worker))
        #expect(!isStored(contents(0, number: 3, epoch: 5), &worker))
        #expect(!isStored(contents(0, number: 3, layers: 2..<4), &worker))
        #expect(!isStored(contents(0, number: 3, block: 4), &worker))
        _ = worker.handle(.forward(forward(6), "a"), now: .start)
        #expect(!isStored(contents(0, number: 3), &worker))
    }

    @Test("Blocks are sent of the stage that computes, and of layers that it has")
    func source() {
        var worker = both()
        var order = CopyBlocks(
            epoch: Epoch(6), number: 1, target: WorkerID(3), endpoint: "e", key: nil, layers: 1..<3,
            blocks: [BlockExtent(block: 3, positions: 32)])
        #expect(worker.handle(.command(.copyBlocks(order)), now: .start) == [.copyBlocks(order, of: Epoch(5))])
        order.blocks[0].block = 4
        let refused = worker.handle(.command(.copyBlocks(order)), now: .start)
        order.blocks[0].block = 3
        order.layers = 2..<4
        #expect(areLogs(refused + worker.handle(.command(.copyBlocks(order)), now: .start)))
    }

    @Test("The data port takes steps of both plans from those before it, and blocks of the prepared one")
    func senders() {
        var worker = both()
        #expect(worker.dataSenders.map(\.kind) == [.steps, .steps, .blocks])
        #expect(worker.dataSenders.map(\.epoch) == [Epoch(5), Epoch(6), Epoch(6)])
        _ = worker.handle(.forward(forward(6), "a"), now: .start)
        #expect(worker.dataSenders == [DataSender(kind: .steps, epoch: Epoch(6), worker: nil, key: nil)])
    }

    @Test("What is prepared is dropped when it joins again, and a coordinator that is gone need not be waited for")
    func joiningAgain() {
        var worker = both()
        let again = worker.handle(.command(.rejoin), now: .start)
        #expect(again.contains(.drop(Epoch(6))) && !again.contains(.drop(Epoch(5))))
        #expect(worker.handle(.wantsToLeave, now: .start) == [.drained])
        var silent = both()
        #expect(silent.handle(.wantsToLeave, now: .start) == [.send(.leaving)])
        _ = silent.handle(.tick, now: .milliseconds(400))
        let later = (1...8).flatMap { silent.handle(.tick, now: .milliseconds(400 + $0 * 400)) }
        #expect(later.contains(.drained))
    }

    @Test("It ends once it is told that others have its layers, and only if it wants to")
    func leaving() {
        var worker = both()
        let unasked = worker.handle(.command(.drained), now: .start)
        #expect(!unasked.contains(.drained))
        #expect(worker.handle(.wantsToLeave, now: .start) == [.send(.leaving)])
        let refused = worker.handle(.command(.drainRefused("no")), now: .start)
        #expect(!refused.contains(.drained))
        #expect(worker.handle(.command(.drained), now: .start) == [.send(.leave), .drained])
        #expect(worker.handle(.forward(forward(5), "a"), now: .start).isEmpty)
    }
}
