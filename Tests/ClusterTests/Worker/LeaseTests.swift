// Responsible for: what a worker holds while its coordinator is gone, and what it says of it to the next one. Must not know:
// the coordinator's machine.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct LeaseTests {
    private typealias Worker = Cluster.Worker<String, String>

    private static let model = ContentHash(Array(repeating: 3, count: ContentHash.byteCount))

    private func assign(_ epoch: UInt64) -> Assign {
        var assign = Assign(
            epoch: Epoch(epoch), layers: 3..<6, layerCount: 6, modelDescription: [], keyValueBlockCount: 4,
            maximumBatchTokens: 16, activationsPerToken: 2, next: .tokens, previous: WorkerID(9), stageIndex: 1,
            stageCount: 2, vocabularySize: 100, contextLength: 64)
        assign.model = Self.model
        return assign
    }

    private func forward(_ step: UInt64, position: Int, _ tokens: [Int32]) -> Forward {
        let begin = SequenceStart(sampling: SamplingParameters(), promptTokenCount: 2, history: [])
        let item = ForwardItem(
            sequence: SequenceID(1), position: position, tokens: tokens, blocks: [2], sampleCount: 1,
            begin: step == 1 ? begin : nil)
        return Forward(
            epoch: Epoch(5), step: StepID(step), items: [item], activationCount: 2 * tokens.count)
    }

    private func welcome(asks: Bool = true) -> CoordinatorMessage {
        var welcome = Welcome(build: "b", weightsEndpoint: "w", tokensEndpoint: "t", modelName: "m")
        welcome.asksHolding = asks
        return .welcome(welcome)
    }

    /// Has computed two steps, and computes a third.
    private func computing(lease: Duration = Worker.defaultLease) -> Worker {
        var worker = Worker(WorkerID(1), Example.join(1), lease: lease, now: .start)
        _ = worker.handle(.connected, now: .start)
        _ = worker.handle(.command(welcome(asks: false)), now: .start)
        _ = worker.handle(.command(.assign(assign(5))), now: .start)
        _ = worker.handle(.loaded(Epoch(5), transferredBytes: 1, cachedBytes: 2), now: .start)
        for (step, tokens) in [[1, 2], [3], [4]].enumerated() as EnumeratedSequence<[[Int32]]> {
            let forward = forward(UInt64(step + 1), position: step == 0 ? 0 : step + 1, tokens)
            _ = worker.handle(.forward(forward, "in"), now: .start)
            if step == 2 { break }
            _ = worker.handle(.computed(StepResult(epoch: Epoch(5), step: forward.step)), now: .start)
        }
        return worker
    }

    private func told(_ actions: [Worker.Action]) -> Holding? {
        actions.compactMap { if case .send(.holding(let holding)) = $0 { holding } else { nil } }.first
    }

    @Test("Whoever asks when it joins anew is told the stage and what is in its blocks, but for the step under way")
    func holding() {
        var worker = computing()
        _ = worker.handle(.connected, now: .milliseconds(100))
        let holding = told(worker.handle(.command(welcome()), now: .milliseconds(110)))
        #expect(holding?.model == Self.model && holding?.layers == 3..<6)
        #expect(holding?.since == [Epoch(5), Epoch(5), Epoch(5)] && holding?.keyValueBlockCount == 4)
        #expect(
            holding?.blocks == [Holding.Block(block: 2, parent: nil, restartLength: 1, tokens: [1, 2, 3])])
        // The step is complete in the end, and counts from then on.
        _ = worker.handle(.computed(StepResult(epoch: Epoch(5), step: StepID(3))), now: .milliseconds(120))
        _ = worker.handle(.connected, now: .milliseconds(130))
        let later = told(worker.handle(.command(welcome()), now: .milliseconds(140)))
        #expect(later?.blocks.first?.tokens == [1, 2, 3, 4])
    }

    @Test("Who is not asked says nothing, and who has nothing says so")
    func silent() {
        var worker = computing()
        _ = worker.handle(.connected, now: .start)
        #expect(told(worker.handle(.command(welcome(asks: false)), now: .start)) == nil)
        var empty = Worker(WorkerID(1), Example.join(1), now: .start)
        _ = empty.handle(.connected, now: .start)
        #expect(told(empty.handle(.command(welcome()), now: .start)) == Holding())
    }

    @Test("While another stage is loaded in its place nobody can tell what there is")
    func loading() {
        var worker = computing()
        _ = worker.handle(.command(.assign(assign(6))), now: .start)
        _ = worker.handle(.connected, now: .start)
        #expect(told(worker.handle(.command(welcome()), now: .start)) == Holding())
        _ = worker.handle(.loaded(Epoch(6), transferredBytes: 1, cachedBytes: 2), now: .start)
        _ = worker.handle(.connected, now: .start)
        let holding = told(worker.handle(.command(welcome()), now: .start))
        #expect(holding?.since == [Epoch(6), Epoch(6), Epoch(6)] && holding?.blocks == [])
    }

    @Test("A stage that takes everything over keeps what is known of its blocks; one that fails knows nothing")
    func kept() {
        for hasKept in [true, false] {
            var worker = computing()
            var next = assign(6)
            next.keptSince = [Epoch(5), Epoch(5), Epoch(5)]
            _ = worker.handle(.command(.assign(next)), now: .start)
            _ = worker.handle(.loaded(Epoch(6), transferredBytes: 0, cachedBytes: 2, hasKept: hasKept), now: .start)
            _ = worker.handle(.connected, now: .start)
            let holding = told(worker.handle(.command(welcome()), now: .start))
            #expect(holding?.blocks.first?.tokens == (hasKept ? [1, 2, 3] : nil))
            #expect(holding?.since.first == Epoch(hasKept ? 5 : 6))
        }
        var worker = computing()
        _ = worker.handle(.loadFailed(Epoch(5), message: "broken"), now: .start)
        _ = worker.handle(.connected, now: .start)
        #expect(told(worker.handle(.command(welcome()), now: .start)) == Holding())
    }

    /// The times at which it frees its stage.
    private func frees(_ worker: inout Worker, until end: Int, _ event: (Int) -> Worker.Event? = { _ in nil }) -> [Int]
    {
        stride(from: 250, through: end, by: 250).filter { time in
            var actions = event(time).map { worker.handle($0, now: .milliseconds(time)) } ?? []
            actions += worker.handle(.tick, now: .milliseconds(time))
            return actions.contains(.unload)
        }
    }

    @Test("Without a coordinator the stage is held for the lease and freed then, once")
    func lease() {
        var worker = computing(lease: .seconds(5))
        #expect(frees(&worker, until: 20_000) == [5_000])
        _ = worker.handle(.connected, now: .milliseconds(21_000))
        #expect(told(worker.handle(.command(welcome()), now: .milliseconds(21_000))) == Holding())
    }

    @Test("Whoever says something has the lease begin anew")
    func heard() {
        var worker = computing(lease: .seconds(5))
        #expect(frees(&worker, until: 30_000) { $0 < 9_000 ? .command(.heartbeat) : nil } == [13_750])
    }

    @Test("Between the heartbeats of a coordinator that is there no lease ends, not even one of no time")
    func attached() {
        var worker = computing(lease: .zero)
        #expect(frees(&worker, until: 10_000) { $0 % 1_000 == 0 ? .command(.heartbeat) : nil } == [])
    }
}
