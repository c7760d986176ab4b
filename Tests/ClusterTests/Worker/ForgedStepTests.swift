// Responsible for: steps that no coordinator sends: nothing of them reaches a stage, and what came beside them is gone.
// Must not know: the coordinator's machine.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite("Forged steps")
struct ForgedStepTests {
    private typealias Worker = Cluster.Worker<String, String>

    private func serving(isLast: Bool = true) -> Worker {
        let assign = Assign(
            epoch: Epoch(5), layers: isLast ? 3..<6 : 1..<3, layerCount: 6, modelDescription: [], keyValueBlockCount: 4,
            maximumBatchTokens: 16, activationsPerToken: 2,
            next: isLast ? .tokens : .stage(endpoint: "n", WorkerID(2)), previous: WorkerID(9),
            stageIndex: isLast ? 2 : 1, stageCount: 3, vocabularySize: 100, contextLength: 64)
        var worker = Worker(WorkerID(1), Example.join(1), now: .start)
        _ = worker.handle(.connected, now: .start)
        let welcome = Welcome(build: "b", weightsEndpoint: "w", tokensEndpoint: "t", modelName: "m")
        _ = worker.handle(.command(.welcome(welcome)), now: .start)
        _ = worker.handle(.command(.assign(assign)), now: .start)
        _ = worker.handle(.loaded(Epoch(5), transferredBytes: 0, cachedBytes: 0), now: .start)
        return worker
    }

    private static func step(_ number: UInt64, _ change: (inout ForwardItem) -> Void = { _ in }) -> Forward {
        var item = ForwardItem(
            sequence: SequenceID(1), position: 0, tokens: [1, 2], blocks: [0], sampleCount: 1,
            begin: SequenceStart(sampling: SamplingParameters(), promptTokenCount: 2, history: []))
        change(&item)
        return Forward(
            epoch: Epoch(5), step: StepID(number), items: [item], activationCount: 2 * item.tokens.count)
    }

    private static let forgeries: [@Sendable (inout ForwardItem) -> Void] = [
        { $0.blocks = [4] }, { $0.blocks = [.max] }, { $0.tokens = [1, 100] }, { $0.targets = [100] },
        { $0.begin?.history = [100] }, { $0.position = 63 }, { $0.restartLength = 65 },
        { $0.tokens = Array(repeating: 1, count: 17) }, { $0.sampleCount = 2 }, { $0.draftCount = 2 },
        { $0.begin = nil },
    ]

    @Test("What is outside the plan is dropped, and the step that was due is computed when it comes")
    func outsideThePlan() {
        for forge in Self.forgeries {
            var worker = serving()
            for _ in 0..<78 {
                let actions = worker.handle(.forward(Self.step(1, forge), "x"), now: .start)
                #expect(actions.allSatisfy { if case .log = $0 { true } else { false } })
            }
            let honest = Self.step(1)
            #expect(worker.handle(.forward(honest, "a"), now: .start) == [.compute(honest, "a")])
        }
    }

    @Test(
        "What a lost step began is not held against the one that comes instead of it: steps were lost, and that is all")
    func beginningLost() {
        var worker = serving()
        let actions = worker.handle(.forward(Self.step(2) { $0.begin = nil }, "x"), now: .start)
        #expect(!actions.contains { if case .log(.error, _) = $0 { true } else { false } })
        #expect(worker.assignment == nil, "it has joined again")
    }

    @Test("Steps that came before, or are far ahead, have no consequence; a worker does not leave for them")
    func strays() {
        var worker = serving()
        _ = worker.handle(.forward(Self.step(1), "a"), now: .start)
        for step in [1, 0, 9, 1 << 40, UInt64.max] {
            for _ in 0..<78 {
                let actions = worker.handle(.forward(Self.step(step), "x"), now: .start)
                #expect(actions.allSatisfy { if case .log(.debug, _) = $0 { true } else { false } })
            }
        }
        #expect(worker.assignment != nil)
        let next = Self.step(2)
        #expect(worker.handle(.forward(next, "b"), now: .start).isEmpty)
    }

    @Test("A flood of misfits fills no log")
    func logs() {
        var worker = serving()
        var lines = 0
        for _ in 0..<100_000 {
            let actions = worker.handle(.forward(Self.step(1) { $0.blocks = [9] }, "x"), now: .start)
            lines += actions.count
        }
        #expect(lines == 17)
    }

    @Test("So many sequences begin at most, and those that end make room")
    func sequences() {
        var worker = serving()
        var number: UInt64 = 0
        func begin(_ sequence: UInt64) -> Bool {
            let forward = Self.step(number + 1) { $0.sequence = SequenceID(sequence) }
            let actions = worker.handle(.forward(forward, "a"), now: .start)
            guard actions.contains(where: { if case .compute = $0 { true } else { false } }) else { return false }
            number += 1
            _ = worker.handle(.computed(StepResult(epoch: Epoch(5), step: StepID(number))), now: .start)
            return true
        }
        for sequence in 1...UInt64(2 * Limits.stepItems) { #expect(begin(sequence)) }
        #expect(!begin(5_000))
        _ = worker.handle(.command(.release(Release(epoch: Epoch(5), sequences: [SequenceID(7)]))), now: .start)
        #expect(begin(5_000))
    }

    @Test("Another stage than the last asks nothing of beginnings")
    func middle() {
        var worker = serving(isLast: false)
        let step = Self.step(1) { $0.begin = nil }
        #expect(worker.handle(.forward(step, "a"), now: .start) == [.compute(step, "a")])
    }
}
