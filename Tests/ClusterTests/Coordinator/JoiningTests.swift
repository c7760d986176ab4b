// Responsible for: when a worker is a member, when it is lost, and what that does to the plan. Must not know: answers.

import Testing
import Wire

@testable import Cluster

@Suite struct JoiningTests {
    @Test("A worker that joins is welcomed, assigned its layers, and serves when it is ready")
    func join() {
        var played = Played()
        played.join(1)
        let assign = played.actions.assigns.first
        #expect(assign?.layers == 0..<6)
        #expect(assign?.next == .tokens)
        #expect(assign?.epoch == Epoch(11))
        #expect(assign?.modelDescription == [1, 2])
        #expect(
            played.actions.contains(
                .connectFirstStage(Epoch(11), endpoint: "tcp://192.0.2.1:1", key: nil, isBeside: false)))
        #expect(!played.coordinator.status(now: .start).isServing)
        played.ready()
        #expect(played.coordinator.status(now: .start).isServing)
    }

    @Test("A worker of another version is refused with both versions, and is no member")
    func version() {
        var played = Played()
        var join = Example.join(1)
        join.version = 9
        guard case .send(_, .refusal(let refusal))? = played.tell(.worker(WorkerID(1), .join(join))).last else {
            Issue.record("\(played.actions)")
            return
        }
        #expect(refusal.reason.contains("version \(protocolVersion)"))
        #expect(refusal.reason.contains("version 9"))
        #expect(played.coordinator.membership.members.isEmpty)
    }

    @Test("Stages are chained in the order of joining, and each knows the next")
    func chain() {
        var played = Played()
        played.join(1, 2, 3)
        let assigns = played.actions.assigns
        #expect(assigns.map(\.layers) == [0..<2, 2..<4, 4..<6])
        #expect(
            assigns.map(\.next) == [
                .stage(endpoint: "tcp://192.0.2.2:1", WorkerID(2)), .stage(endpoint: "tcp://192.0.2.3:1", WorkerID(3)),
                .tokens,
            ])
        #expect(assigns.map(\.stageIndex) == [0, 1, 2])
    }

    @Test("A silent worker is lost within two seconds, and the others get its layers")
    func silent() {
        var played = Played()
        played.join(1, 2)
        played.ready()
        #expect(played.pass(750, alive: [1]).assigns.isEmpty)
        let actions = played.pass(1_000, alive: [1])
        #expect(actions.contains(.forget(WorkerID(2))))
        #expect(actions.assigns.map(\.layers) == [0..<6])
        #expect(played.now < .milliseconds(2_000))
    }

    @Test("A worker whose connection is closed, or that leaves, is lost at once")
    func closed() {
        for event in [Coordinator.Event.disconnected(WorkerID(1)), .worker(WorkerID(1), .leave)] {
            var played = Played()
            played.join(1, 2)
            played.ready()
            #expect(played.tell(event).assigns.map(\.layers) == [0..<6])
            #expect(played.plan.map(\.worker) == [2])
        }
    }

    @Test("A busy worker is not lost; one that computes a step for ever is, and is not asked back")
    func hung() {
        var played = Played()
        played.join(1)
        played.ready()
        #expect(!played.pass(3_000, alive: [1], busy: 60_000).contains(.forget(WorkerID(1))))
        #expect(played.pass(250, alive: [1], busy: 120_000).contains(.forget(WorkerID(1))))
        #expect(!played.pass(250, alive: [1], busy: 120_250).contains(.send(WorkerID(1), .rejoin)))
    }

    @Test("A worker that the coordinator does not know is told to join again")
    func stranger() {
        var played = Played()
        #expect(played.tell(.worker(WorkerID(5), .heartbeat(WorkerHeartbeat()))) == [.send(WorkerID(5), .rejoin)])
        #expect(played.tell(.worker(WorkerID(5), .leave)).isEmpty)
    }

    @Test("Time in which the coordinator itself was stopped is no worker's silence")
    func ownAbsence() {
        var played = Played()
        played.join(1)
        played.ready()
        _ = played.pass(500, alive: [1])
        played.now = played.now + .seconds(60)
        #expect(!played.tell(.tick).contains(.forget(WorkerID(1))))
    }

    @Test("A join said twice changes nothing; one after a loss begins a new epoch")
    func joinAgain() {
        var played = Played()
        played.join(1)
        played.ready()
        played.join(1)
        #expect(played.coordinator.status(now: .start).isServing)
        var join = Example.join(1)
        join.attempt = 2
        played.tell(.worker(WorkerID(1), .join(join)))
        #expect(played.reach(1).assigns.map(\.epoch) == [Epoch(12)])
        #expect(played.coordinator.membership.members.count == 1)
    }

    @Test("Workers of one host with as many threads count as equally fast, whatever each measured; others do not")
    func sameHost() {
        func layers(_ hosts: [String], threads: [Int]) -> [Range<Int>] {
            var played = Played()
            for (index, host) in hosts.enumerated() {
                var join = Example.join(UInt64(index + 1))
                join.hostName = host
                join.threads = threads[index]
                join.readBytesPerSecond = index == 0 ? 3e9 : 1e9
                played.tell(.worker(WorkerID(UInt64(index + 1)), .join(join)))
                played.reach(UInt64(index + 1))
            }
            return played.plan.map(\.layers)
        }
        #expect(layers(["a", "a"], threads: [2, 2]) == [0..<3, 3..<6])
        for uneven in [
            layers(["a", "b"], threads: [2, 2]), layers(["a", "a"], threads: [2, 1]),
            layers(["", ""], threads: [2, 2]),
        ] {
            #expect(uneven == [0..<5, 5..<6])
        }
    }

    @Test("A worker that joins again keeps its place, and so its layers")
    func samePlace() {
        var played = Played()
        played.join(1, 2, 3)
        played.ready()
        var join = Example.join(2)
        join.attempt = 2
        played.tell(.worker(WorkerID(2), .join(join)))
        played.reach(2)
        #expect(played.plan.map(\.worker) == [1, 2, 3])
    }

    @Test("A new worker is used when nothing is being computed")
    func lateJoin() {
        var played = Played()
        played.join(1)
        played.ready()
        played.tell(.submit(Example.task(1, maximumTokens: 1)))
        let forward = played.actions.forwards[0]
        played.join(2)
        #expect(played.actions.assigns.isEmpty)
        #expect(played.tell(.stepResult(Example.result(of: forward))).assigns.map(\.layers) == [0..<3, 3..<6])
    }

    @Test("A worker that cannot load is set aside for a while, then tried again")
    func loadFailure() {
        var played = Played()
        played.join(1, 2)
        let failure = LoadFailure(epoch: played.epoch, message: "disk full")
        #expect(played.tell(.worker(WorkerID(2), .failed(failure))).assigns.map(\.layers) == [0..<6])
        #expect(played.coordinator.status(now: .start).workers[1].state == "set aside for 30 s: disk full")
        played.ready()
        #expect(played.pass(29_000, alive: [1, 2]).assigns.isEmpty)
        #expect(played.pass(1_250, alive: [1, 2]).assigns.count == 2)
    }

    @Test("After the first plan fewer workers than asked for go on: at once with work to do, else after a moment")
    func fewerWorkers() {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        for hasWork in [true, false] {
            var played = Played(configuration)
            played.join(1, 2)
            played.ready()
            if hasWork { played.tell(.submit(Example.task(1))) }
            #expect(played.tell(.disconnected(WorkerID(1))).assigns.map(\.layers) == (hasWork ? [0..<6] : []))
            let later = played.pass(configuration.smallerPlanAfter.wholeMilliseconds, alive: [2]).assigns
            #expect(later.map(\.layers) == (hasWork ? [] : [0..<6]))
        }
    }

    @Test("A worker whose cache is known takes its old place, also as another process")
    func oldPlace() {
        var played = Played()
        for number: UInt64 in [1, 2, 3] {
            var join = Example.join(number)
            join.cacheIdentity = ContentHash(Array(repeating: UInt8(number), count: 32))
            played.tell(.worker(WorkerID(number), .join(join)))
            played.reach(number)
        }
        played.ready()
        played.tell(.disconnected(WorkerID(2)))
        var join = Example.join(9)
        join.cacheIdentity = ContentHash(Array(repeating: 2, count: 32))
        played.tell(.worker(WorkerID(9), .join(join)))
        played.reach(9)
        #expect(played.plan.map(\.worker) == [1, 9, 3])
    }

    @Test("No plan is made with fewer workers than asked for at first")
    func minimumWorkers() {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        var played = Played(configuration)
        played.join(1)
        #expect(played.actions.assigns.isEmpty)
        #expect(played.coordinator.status(now: .start).state == "waiting for workers: 2 needed, 1 joined")
        played.join(2)
        #expect(played.actions.assigns.count == 2)
    }

    @Test("A split waits for its workers, is left when one is lost, and taken up when another joins")
    func split() {
        var configuration = Example.configuration()
        configuration.split = [0..<1, 1..<6]
        var played = Played(configuration)
        played.join(1)
        #expect(played.actions.assigns.isEmpty)
        played.join(2)
        #expect(played.actions.assigns.map(\.layers) == [0..<1, 1..<6])
        played.ready()
        #expect(played.tell(.disconnected(WorkerID(1))).assigns.map(\.layers) == [0..<6])
        played.ready()
        played.join(3)
        #expect(played.actions.assigns.map(\.layers) == [0..<1, 1..<6])
    }

    @Test("A plan that does not fit is told with numbers")
    func tooLittleMemory() {
        var played = Played()
        played.join(1, memory: 300)
        #expect(played.actions.assigns.isEmpty)
        #expect(
            played.coordinator.status(now: .start).state.contains("the model needs 702 bytes on 1 worker, which offer"))
    }
}
