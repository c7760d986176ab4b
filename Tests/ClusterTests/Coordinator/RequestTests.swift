// Responsible for: what clients are told, whatever happens to workers. Must not know: placement.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct RequestTests {
    private func serving(_ configuration: CoordinatorConfiguration = Example.configuration()) -> Played {
        var played = Played(configuration)
        played.join(1, 2)
        played.ready()
        return played
    }

    @Test("A request is computed, its tokens are told one by one, and the last stage is told of its end")
    func answer() {
        var played = serving()
        var actions = played.tell(.submit(Example.task(1)))
        #expect(actions.contains(.started(RequestID(1), reusedTokens: 0)))
        for count in 1...3 {
            #expect(actions.forwards.count == 1)
            actions = played.tell(.stepResult(Example.result(of: actions.forwards[0], token: Int32(count))))
            let token = SampledToken(token: Int32(count))
            #expect(actions.first == .emit(RequestID(1), token))
        }
        #expect(actions.contains(.finish(RequestID(1), .length)))
        let release = Release(epoch: played.epoch, sequences: [SequenceID(1)])
        #expect(actions.contains(.send(WorkerID(2), .release(release))))
        #expect(played.coordinator.status(now: .start).generatedTokens == 3)
    }

    @Test("A request whose values are no numbers fails, the others go on, and no worker is blamed")
    func damaged() {
        var played = serving()
        let epoch = played.epoch
        var forwards = played.tell(.submit(Example.task(1))).forwards + played.tell(.submit(Example.task(2))).forwards
        var actions: [Coordinator.Action] = []
        while !forwards.isEmpty {
            let forward = forwards.removeFirst()
            var result = Example.result(of: forward)
            result.damaged = forward.items.map(\.sequence).filter { $0 == SequenceID(2) }
            result.samples.removeAll { $0.sequence == SequenceID(2) }
            actions += played.tell(.stepResult(result))
            forwards += played.actions.forwards
        }
        #expect(actions.failures.count == 1)
        #expect(actions.failures.first?.contains("not numbers") == true)
        #expect(actions.contains(.finish(RequestID(1), .length)))
        #expect(played.epoch == epoch && played.coordinator.status(now: .start).requests.isEmpty)
    }

    @Test("A prompt to be scored whose values are no numbers fails")
    func damagedScores() {
        var played = serving()
        played.tell(.submit(Example.task(1, prompt: 6, scoringStart: 2)))
        let forward = played.actions.forwards[0]
        var result = StepResult(epoch: forward.epoch, step: forward.step)
        result.damaged = forward.items.map(\.sequence)
        let actions = played.tell(.stepResult(result))
        let error = actions.compactMap { if case .fail(RequestID(1), let error) = $0 { error } else { nil } }.first
        #expect(error?.kind == .internal && error?.message.description.contains("not numbers") == true)
        #expect(played.coordinator.status(now: .start).requests.isEmpty)
        // Of a sequence that is not in the step nothing can be told: a stage is wrong.
        played.tell(.submit(Example.task(2)))
        var wrong = Example.result(of: played.actions.forwards[0])
        wrong.damaged = [SequenceID(99)]
        let epoch = played.epoch
        played.tell(.stepResult(wrong))
        #expect(played.epoch != epoch)
    }

    @Test("A request that nobody can compute waits with the reason, and fails after the limit")
    func waiting() {
        var played = Played()
        #expect(played.tell(.submit(Example.task(1))).explanations == ["waiting for workers: 1 needed, 0 joined"])
        #expect(played.coordinator.nextDeadline != nil)
        #expect(played.pass(119_750, alive: []).failures.isEmpty)
        let failures = played.pass(500, alive: []).failures
        #expect(failures.count == 1)
        #expect(failures.first?.contains("nobody to compute this request for 120 s") == true)
        #expect(played.coordinator.nextDeadline == nil)
    }

    @Test("Loading that moves is no reason to fail, where there is much to load")
    func slowLoading() {
        var configuration = Example.configuration()
        configuration.model.layerBytes = Array(repeating: 4 << 30, count: 6)
        var played = Played(configuration)
        played.tell(.worker(WorkerID(1), .join(Example.join(1, memory: 1 << 40))))
        played.reach(1, bytesPerSecond: 1e8)
        played.link(1, .proven(bytesPerSecond: 0), last: true)
        played.tell(.submit(Example.task(1)))
        for second in 1...200 {
            let loading = Loading(epoch: played.epoch, bytesDone: UInt64(second), bytesTotal: 200)
            played.tell(.worker(WorkerID(1), .loading(loading)))
            #expect(played.pass(1_000, alive: [1]).failures.isEmpty)
        }
        #expect(played.coordinator.status(now: played.now).workers[0].state == "loading 100%")
        played.ready()
        #expect(played.actions.forwards.count == 1)
    }

    @Test("When a worker is lost the request waits, and goes on with its tokens under the next plan")
    func replay() {
        var played = serving()
        played.tell(.submit(Example.task(1)))
        let first = played.actions.forwards[0]
        played.tell(.stepResult(Example.result(of: first, token: 70)))
        let second = played.actions.forwards[0]
        #expect(played.tell(.disconnected(WorkerID(1))).explanations == ["1 worker loads the model"])
        // A result of the old epoch, from a worker that did not hear the news.
        #expect(played.tell(.stepResult(Example.result(of: second, token: 71))).forwards.isEmpty)
        played.ready()
        #expect(played.actions.forwards.map { $0.items[0].tokens } == [[0, 1, 2, 3, 70]])
        #expect(!played.actions.contains(.started(RequestID(1), reusedTokens: 0)))
        // The same step of the old epoch, late: it is not this one's.
        let late = played.tell(.stepResult(Example.result(of: first, token: 72)))
        #expect(!late.contains { if case .log = $0 { false } else { true } })
    }

    @Test("A cancelled request ends at once, one that waits as well, and an unknown one is ignored")
    func cancel() {
        var played = serving()
        played.tell(.submit(Example.task(1)))
        #expect(played.tell(.cancel(RequestID(1))) == [.finish(RequestID(1), .cancelled)])
        #expect(played.tell(.cancel(RequestID(1))).isEmpty)
        var alone = Played()
        alone.tell(.submit(Example.task(2)))
        #expect(alone.tell(.stop(RequestID(2))) == [.finish(RequestID(2), .stop)])
        #expect(alone.tell(.cancel(RequestID(9))).isEmpty)
    }

    @Test("A prompt that fills the context, and a request too many, fail with a sentence")
    func refusals() {
        var configuration = Example.configuration()
        configuration.maximumWaiting = 1
        var played = Played(configuration)
        #expect(
            played.tell(.submit(Example.task(1, prompt: 64))).failures == [
                "the prompt has 64 tokens, but the context holds 64 with the answer"
            ])
        #expect(played.tell(.submit(Example.task(2, prompt: 63))).failures.isEmpty)
        #expect(played.tell(.submit(Example.task(3))).failures == ["the queue is full: 1 requests wait"])
    }

    @Test("Lost steps are replayed after a while, after the second time over another link, then without the worker")
    func stall() {
        var played = serving()
        played.tell(.submit(Example.task(1)))
        #expect(played.pass(4_750, alive: [1, 2]).assigns.isEmpty)
        #expect(played.pass(500, alive: [1, 2]).assigns.count == 2)
        played.ready()
        // The first stage never computed a step.
        #expect(played.pass(5_500, alive: [1, 2]).assigns.count == 2)
        #expect(played.plan.map(\.worker) == [2, 1])
        played.ready()
        // Again none comes from it, though steps come to it from another.
        for _ in 0..<22 {
            var heartbeat = WorkerHeartbeat()
            heartbeat.epoch = played.epoch
            heartbeat.stepsCompleted = 1
            played.tell(.worker(WorkerID(2), .heartbeat(heartbeat)))
            _ = played.pass(250, alive: [1])
        }
        #expect(played.plan.map(\.worker) == [2])
        #expect(played.coordinator.status(now: played.now).state.contains("(steps were lost on the way)"))
    }

    @Test("A step that is slow but moves is not taken for lost")
    func slowStep() {
        var played = serving()
        played.tell(.submit(Example.task(1)))
        #expect(played.pass(20_000, alive: [1, 2], busy: 500).assigns.isEmpty)
    }

    @Test("The state of everything is told")
    func status() {
        var played = serving()
        played.tell(.submit(Example.task(1)))
        let status = played.coordinator.status(now: .milliseconds(50))
        #expect(status.state == "serving")
        #expect(status.workers.map(\.layers) == [0..<3, 3..<6])
        #expect(status.workers[0].weightBytes == 330)
        #expect(status.requests.map(\.state) == ["prefill"])
        #expect(status.keyValueBlocksTotal == 8)
        #expect(status.keyValueBlocksFree == 7)
        #expect(status.uptimeMilliseconds == 50)
    }
}
