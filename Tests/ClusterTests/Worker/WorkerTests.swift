// Responsible for: what a worker says and does. Must not know: the coordinator's machine.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct WorkerTests {
    /// What came beside a step, and what was made of it, are words here.
    private typealias Worker = Cluster.Worker<String, String>

    private let welcome = Welcome(build: "b", weightsEndpoint: "w", tokensEndpoint: "t", modelName: "m")

    private func assign(_ epoch: UInt64, isLast: Bool = true) -> Assign {
        Assign(
            epoch: Epoch(epoch), layers: isLast ? 3..<6 : 0..<3, layerCount: 6, modelDescription: [],
            keyValueBlockCount: 4, maximumBatchTokens: 16, activationsPerToken: 2,
            next: isLast ? .tokens : .stage(endpoint: "n", WorkerID(2)), previous: isLast ? WorkerID(9) : nil,
            stageIndex: isLast ? 1 : 0, stageCount: 2, vocabularySize: 100, contextLength: 64)
    }

    private func forward(_ epoch: UInt64, _ step: UInt64, activations: Int) -> Forward {
        let item = ForwardItem(
            sequence: SequenceID(1), position: 0, tokens: [1, 2], blocks: [0], sampleCount: 1,
            begin: SequenceStart(sampling: SamplingParameters(), promptTokenCount: 2, history: []))
        return Forward(epoch: Epoch(epoch), step: StepID(step), items: [item], activationCount: activations)
    }

    private func member() -> Worker {
        var worker = Worker(WorkerID(1), Example.join(1), now: .start)
        _ = worker.handle(.connected, now: .start)
        _ = worker.handle(.command(.welcome(welcome)), now: .start)
        return worker
    }

    private func serving(isLast: Bool = true) -> Worker {
        var worker = member()
        _ = worker.handle(.command(.assign(assign(5, isLast: isLast))), now: .start)
        _ = worker.handle(.loaded(Epoch(5), transferredBytes: 1, cachedBytes: 2), now: .start)
        return worker
    }

    private func join(_ attempt: UInt64) -> Worker.Action {
        var join = Example.join(1)
        join.attempt = attempt
        return .send(.join(join))
    }

    @Test("A member that must make room for others of its host joins again with less, and says so once")
    func smallerOffer() {
        var worker = serving()
        #expect(worker.handle(.offer(bytes: 10_000), now: .start).isEmpty)
        let actions = worker.handle(.offer(bytes: 4_096), now: .start)
        var join = Example.join(1, memory: 4_096)
        join.attempt = 2
        #expect(actions.last == .send(.join(join)))
        #expect(worker.handle(.offer(bytes: 4_096), now: .start).isEmpty)
        #expect(worker.assignment == nil)
        var early = Worker(WorkerID(1), Example.join(1), now: .start)
        #expect(early.handle(.offer(bytes: 4_096), now: .start).isEmpty)
        join.attempt = 1
        #expect(early.handle(.connected, now: .start) == [.send(.join(join))])
    }

    @Test("Where it listens for another coordinator, it says when it joins that one")
    func listensElsewhere() {
        var worker = serving()
        var join = Example.join(1)
        join.dataEndpoint = "tcp://192.0.2.9:7081"
        #expect(worker.handle(.listening(at: join.dataEndpoint), now: .start).isEmpty)
        join.attempt = 2
        #expect(worker.handle(.connected, now: .start) == [.send(.join(join))])
    }

    @Test("It joins when it is connected, and says so again every second until it is answered")
    func joining() {
        var worker = Worker(WorkerID(1), Example.join(1), now: .start)
        #expect(worker.handle(.tick, now: .start).isEmpty)
        #expect(worker.handle(.connected, now: .milliseconds(100)) == [join(1)])
        #expect(worker.handle(.tick, now: .milliseconds(600)).isEmpty)
        #expect(worker.handle(.tick, now: .milliseconds(1_100)) == [join(1)])
        #expect(worker.handle(.command(.welcome(welcome)), now: .milliseconds(1_200)) == [.welcomed(welcome)])
        guard case .send(.heartbeat)? = worker.handle(.tick, now: .milliseconds(1_400)).first else {
            Issue.record("no heartbeat")
            return
        }
    }

    @Test("It joins again, by another number, when it is told to or connected again")
    func rejoining() {
        var worker = serving()
        #expect(worker.handle(.command(.rejoin), now: .milliseconds(10)).last == join(2))
        #expect(worker.assignment == nil)
        #expect(worker.handle(.command(.rejoin), now: .milliseconds(20)).isEmpty)
        #expect(worker.handle(.connected, now: .milliseconds(30)) == [join(3)])
    }

    @Test("It connects anew when the coordinator is silent for two seconds, but not for its own absence")
    func silence() {
        var worker = member()
        for time in stride(from: UInt64(250), through: 1_750, by: 250) {
            #expect(!worker.handle(.tick, now: .milliseconds(time)).contains(.reconnect))
        }
        #expect(worker.handle(.tick, now: .milliseconds(2_000)).contains(.reconnect))
        var stopped = member()
        #expect(!stopped.handle(.tick, now: .milliseconds(60_000)).contains(.reconnect))
    }

    @Test("A refusal ends it")
    func refusal() {
        var worker = Worker(WorkerID(1), Example.join(1), now: .start)
        _ = worker.handle(.connected, now: .start)
        #expect(worker.handle(.command(.refusal(Refusal(reason: "no"))), now: .start) == [.refused("no")])
        #expect(worker.handle(.connected, now: .milliseconds(5)).isEmpty)
    }

    @Test("It loads what it is assigned, and a newer assignment supersedes a load in progress")
    func loading() {
        var worker = member()
        let first = assign(5, isLast: false)
        #expect(
            worker.handle(.command(.assign(first)), now: .start) == [
                .load(first), .connectNext(Epoch(5), endpoint: "n", key: nil, isBeside: false),
            ])
        let progress = Loading(epoch: Epoch(5), bytesDone: 1, bytesTotal: 2)
        #expect(
            worker.handle(.loadProgress(Epoch(5), bytesDone: 1, bytesTotal: 2), now: .start) == [
                .send(.loading(progress))
            ])
        #expect(worker.handle(.command(.assign(assign(6))), now: .start) == [.load(assign(6))])
        #expect(worker.handle(.loaded(Epoch(5), transferredBytes: 1, cachedBytes: 2), now: .start).isEmpty)
        let ready = Ready(epoch: Epoch(6), transferredBytes: 1, cachedBytes: 2)
        #expect(
            worker.handle(.loaded(Epoch(6), transferredBytes: 1, cachedBytes: 2), now: .start) == [.send(.ready(ready))]
        )
    }

    @Test("A load that failed is told, and the stage is none any more")
    func loadFailure() {
        var worker = member()
        _ = worker.handle(.command(.assign(assign(5))), now: .start)
        let failure = LoadFailure(epoch: Epoch(5), message: "disk full")
        #expect(worker.handle(.loadFailed(Epoch(5), message: "disk full"), now: .start) == [.send(.failed(failure))])
        #expect(worker.assignment == nil)
    }

    @Test("Steps are computed one at a time and in order; the last stage sends a result for each")
    func lastStage() {
        var worker = serving()
        let steps = (1...3).map { forward(5, $0, activations: 4) }
        #expect(worker.handle(.forward(steps[0]), now: .start) == [.compute(steps[0])])
        #expect(worker.handle(.forward(steps[1]), now: .milliseconds(1)).isEmpty)
        #expect(worker.handle(.forward(steps[2]), now: .milliseconds(2)).isEmpty)
        let samples = [SequenceSample(sequence: SequenceID(1), sample: SampledToken(token: 9))]
        let actions = worker.handle(
            .computed(StepResult(epoch: Epoch(5), step: StepID(1), samples: samples)), now: .milliseconds(3))
        let result = StepResult(epoch: Epoch(5), step: StepID(1), samples: samples)
        #expect(actions == [.sendResult(result), .compute(steps[1])])
    }

    @Test("Another stage sends each step on, with the activations it has made")
    func middleStage() {
        var worker = serving(isLast: false)
        let step = forward(5, 1, activations: 0)
        #expect(worker.handle(.forward(step), now: .start) == [.compute(step)])
        let actions = worker.handle(
            .computed(StepResult(epoch: Epoch(5), step: StepID(1))), now: .milliseconds(3))
        #expect(actions == [.sendForward(forward(5, 1, activations: 4))])
    }

    @Test("Steps of another epoch, of the wrong size or beyond what may be in flight are dropped")
    func dropped() {
        var worker = serving()
        func isDropped(_ step: Forward) -> Bool {
            worker.handle(.forward(step), now: .start).allSatisfy { if case .log = $0 { true } else { false } }
        }
        #expect(isDropped(forward(4, 1, activations: 4)))
        #expect(isDropped(forward(6, 1, activations: 4)))
        #expect(isDropped(forward(5, 1, activations: 6)))
        var badBlock = forward(5, 1, activations: 4)
        badBlock.items[0].blocks = [4]
        #expect(isDropped(badBlock))
        for step in 1...3 { _ = worker.handle(.forward(forward(5, UInt64(step), activations: 4)), now: .start) }
        #expect(isDropped(forward(5, 4, activations: 4)))
    }

    @Test("A gap between steps makes it join again, for what comes after a lost step cannot be right")
    func gap() {
        var worker = serving()
        _ = worker.handle(.forward(forward(5, 1, activations: 4)), now: .start)
        #expect(worker.handle(.forward(forward(5, 3, activations: 4)), now: .milliseconds(1)).last == join(2))
        #expect(worker.assignment == nil)
        #expect(
            worker.handle(
                .computed(StepResult(epoch: Epoch(5), step: StepID(1))), now: .milliseconds(2)
            ).isEmpty)
    }

    @Test("A link that loses steps again and again makes it pause, longer each time, and a quiet minute ends that")
    func gapAgainAndAgain() {
        var worker = serving()
        var attempt: UInt64 = 1
        /// A gap at `now`, then ticks until it has joined again: after how many milliseconds?
        func pause(_ now: UInt64) -> UInt64 {
            _ = worker.handle(.command(.welcome(welcome)), now: .milliseconds(now))
            _ = worker.handle(.command(.assign(assign(5))), now: .milliseconds(now))
            _ = worker.handle(.loaded(Epoch(5), transferredBytes: 0, cachedBytes: 0), now: .milliseconds(now))
            attempt += 1
            var actions = worker.handle(.forward(forward(5, 2, activations: 4)), now: .milliseconds(now))
            var time = now
            while !actions.contains(join(attempt)) {
                time += 250
                if time == now + 250 { #expect(actions.contains(.send(.leave))) }
                actions = worker.handle(.tick, now: .milliseconds(time))
                #expect(!actions.contains(.reconnect))
                if time > now + 100_000 { return .max }
            }
            return time - now
        }
        #expect(pause(1_000) == 0)
        #expect(pause(2_000) == 1_000)
        #expect(pause(4_000) == 2_000)
        #expect([10_000, 20_000, 40_000, 80_000, 120_000].map { pause($0) } == [4_000, 8_000, 16_000, 32_000, 32_000])
        #expect(pause(300_000) == 0)
    }

    @Test("What was computed for an epoch that is over goes nowhere")
    func staleResult() {
        var worker = serving()
        _ = worker.handle(.forward(forward(5, 1, activations: 4)), now: .start)
        _ = worker.handle(.command(.assign(assign(6))), now: .start)
        _ = worker.handle(.loaded(Epoch(6), transferredBytes: 0, cachedBytes: 0), now: .start)
        #expect(
            worker.handle(
                .computed(StepResult(epoch: Epoch(5), step: StepID(1))), now: .milliseconds(1)
            ).isEmpty)
    }

    @Test("A heartbeat tells the epoch, the steps done and how long the current one has taken")
    func heartbeat() {
        var worker = serving()
        worker.gauges.residentBytes = 77
        _ = worker.handle(.forward(forward(5, 1, activations: 4)), now: .start)
        _ = worker.handle(
            .computed(StepResult(epoch: Epoch(5), step: StepID(1))), now: .milliseconds(5))
        _ = worker.handle(.forward(forward(5, 2, activations: 4)), now: .milliseconds(10))
        guard case .send(.heartbeat(let heartbeat))? = worker.handle(.tick, now: .milliseconds(300)).first else {
            Issue.record("no heartbeat")
            return
        }
        #expect(heartbeat.epoch == Epoch(5))
        #expect(heartbeat.stepsCompleted == 1)
        #expect(heartbeat.busyMilliseconds == 290)
        #expect(heartbeat.gauges.residentBytes == 77)
    }

    @Test("Sequences of the epoch are ended; standby frees the stage; leaving is said once")
    func endings() {
        var worker = serving()
        let release = Release(epoch: Epoch(5), sequences: [SequenceID(1)])
        #expect(
            worker.handle(.command(.release(release)), now: .start) == [.endSequences([SequenceID(1)], of: Epoch(5))])
        let old = Release(epoch: Epoch(4), sequences: [SequenceID(1)])
        #expect(worker.handle(.command(.release(old)), now: .start).isEmpty)
        #expect(worker.handle(.command(.standby(Epoch(5))), now: .start).isEmpty)
        #expect(worker.handle(.command(.standby(Epoch(6))), now: .start) == [.unload])
        #expect(worker.handle(.leave, now: .start) == [.send(.leave)])
        #expect(worker.handle(.tick, now: .milliseconds(900)).isEmpty)
    }

    @Test("What comes with a step is given to whoever computes it, and what is made of it goes on with it alone")
    func carried() {
        var worker = serving(isLast: false)
        let steps = (1...3).map { forward(5, $0, activations: 0) }
        #expect(worker.handle(.forward(steps[0], "a"), now: .start) == [.compute(steps[0], "a")])
        #expect(worker.handle(.forward(steps[1], "b"), now: .start).isEmpty)
        #expect(worker.handle(.forward(steps[2], "c"), now: .start).isEmpty)
        let skip = Skip(epoch: Epoch(5), steps: [StepID(2)])
        #expect(worker.handle(.command(.skip(skip)), now: .start).isEmpty)
        let computed = StepResult(epoch: Epoch(5), step: StepID(1))
        var skipped = Forward(epoch: Epoch(5), step: StepID(2), items: [], activationCount: 0)
        skipped.timings = [StageMicroseconds()]
        #expect(
            worker.handle(.computed(computed, "made of a"), now: .start) == [
                .sendForward(forward(5, 1, activations: 4), "made of a"), .sendForward(skipped),
                .compute(steps[2], "c"),
            ])
    }

    /// Activations that tell when nobody holds them any more.
    private final class Activations: Sendable {}

    @Test("Nothing is held of what came with steps that are dropped, computed, skipped or forgotten")
    func exactArrivals() {
        var worker = Cluster.Worker<Activations, Activations>(WorkerID(1), Example.join(1), now: .start)
        _ = worker.handle(.connected, now: .start)
        _ = worker.handle(.command(.welcome(welcome)), now: .start)
        _ = worker.handle(.command(.assign(assign(5))), now: .start)
        _ = worker.handle(.loaded(Epoch(5), transferredBytes: 0, cachedBytes: 0), now: .start)
        func isHeld(_ step: Forward) -> () -> Bool {
            let activations = Activations()
            _ = worker.handle(.forward(step, activations), now: .start)
            return { [weak activations] in activations != nil }
        }
        // Of another epoch, and of a size that the plan does not allow.
        for _ in 0..<40 { #expect(!isHeld(forward(4, 1, activations: 4))()) }
        #expect(!isHeld(forward(5, 1, activations: 6))())
        // The first is handed over to be computed; the next wait, and what is beyond the credit is dropped.
        #expect(!isHeld(forward(5, 1, activations: 4))())
        let waiting = (2...5).map { isHeld(forward(5, $0, activations: 4)) }
        #expect(waiting.map { $0() } == [true, true, true, true])
        #expect(!isHeld(forward(5, 6, activations: 4))())
        // One that came before, and one far ahead.
        #expect(!isHeld(forward(5, 1, activations: 4))())
        #expect(!isHeld(forward(5, 1 << 40, activations: 4))())
        // One is skipped; the rest is forgotten when the worker is told to join again.
        let skip = Skip(epoch: Epoch(5), steps: [StepID(2)])
        _ = worker.handle(.command(.skip(skip)), now: .start)
        _ = worker.handle(.computed(StepResult(epoch: Epoch(5), step: StepID(1))), now: .start)
        #expect(waiting.map { $0() } == [false, false, true, true])
        _ = worker.handle(.command(.rejoin), now: .start)
        #expect(waiting.map { $0() } == [false, false, false, false])
    }
}
