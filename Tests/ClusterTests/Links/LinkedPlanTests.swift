// Responsible for: what a coordinator makes of links that carry or do not: which plans serve, which are avoided, what is
// said. Must not know: how a link is proven.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct LinkedPlanTests {
    /// Workers with hosts of their own, all of whom are needed where `memory` is small.
    private func played(_ count: UInt64, memory: UInt64 = 10_000, hosts: Bool = true) -> Played {
        var played = Played()
        for number in 1...count {
            var join = Example.join(number, memory: memory)
            if hosts { join.hostName = "host-\(number)" }
            played.tell(.worker(WorkerID(number), .join(join)))
            played.reach(number)
        }
        return played
    }

    /// Everybody is loaded; no link is proven.
    private func load(_ played: inout Played) {
        for stage in played.plan {
            let ready = Ready(epoch: played.epoch, transferredBytes: 0, cachedBytes: 0)
            played.tell(.worker(WorkerID(stage.worker), .ready(ready)))
        }
    }

    private func isServing(_ played: Played) -> Bool { played.coordinator.status(now: played.now).isServing }

    private func logs(_ actions: [Coordinator.Action]) -> [String] {
        actions.compactMap { if case .log(_, let text) = $0 { text } else { nil } }
    }

    private let all: [UInt64] = [1, 2, 3]

    @Test("A plan serves when every stage is loaded and every link is proven, and not before")
    func everyLink() {
        var played = played(3)
        load(&played)
        #expect(!isServing(played))
        #expect(played.coordinator.status(now: .start).state == "the links between workers are being proven")
        played.link(1, .proven(bytesPerSecond: 0))
        played.link(2, .proven(bytesPerSecond: 0))
        played.proveFirst()
        #expect(!isServing(played))
        // The link of a worker that is not the last to the coordinator is none of the plan's.
        played.link(1, .proven(bytesPerSecond: 0), last: true)
        #expect(!isServing(played))
        played.link(3, .proven(bytesPerSecond: 0), last: true)
        #expect(isServing(played))
    }

    @Test("What a worker says of a link of another epoch, or one that has no such link, counts for nothing")
    func wrongReports() {
        var played = played(3)
        load(&played)
        played.proveFirst()
        played.link(1, .proven(bytesPerSecond: 0))
        played.link(2, .proven(bytesPerSecond: 0))
        for report in [
            LinkReport(epoch: Epoch(1), link: .tokens, outcome: .proven(bytesPerSecond: 0)),
            LinkReport(epoch: played.epoch, link: .next, outcome: .proven(bytesPerSecond: 0)),
            LinkReport(epoch: played.epoch, link: .previous, outcome: .proven(bytesPerSecond: 0)),
        ] {
            played.tell(.worker(WorkerID(3), .link(report)))
            #expect(!isServing(played))
        }
        played.tell(.helloReply(HelloReply(epoch: played.epoch, worker: WorkerID(1), number: 77)))
        #expect(!isServing(played))
    }

    @Test("A link that fails is named, and another order of the same workers is tried")
    func namedAndAvoided() {
        var played = played(3, memory: 420)
        #expect(played.plan.map(\.worker) == all)
        load(&played)
        played.link(1, .failed(.noAnswer))
        let actions = played.pass(2_500, alive: all)
        #expect(
            logs(actions).contains("host-1 cannot reach host-2 at 192.0.2.2:1 (no answer in 2 s): open that port"))
        #expect(played.plan.map(\.worker) == [1, 3, 2])
        played.ready()
        #expect(isServing(played))
        #expect(played.coordinator.status(now: played.now).state.contains("host-1 cannot reach host-2"))
        #expect(played.coordinator.membership.members.allSatisfy { $0.standing == .trusted })
    }

    @Test("Where steps were lost on the way, another order is tried soon after the link does not prove itself")
    func doubted() {
        var played = played(3, memory: 420)
        load(&played)
        played.ready()
        played.tell(.submit(Example.task(1)))
        let epoch = played.epoch
        // The first has computed all, and the others nothing.
        for _ in 0..<30 where played.epoch == epoch {
            _ = played.pass(250, alive: all, completed: [1: played.coordinator.scheduler.stepsDispatched])
        }
        // The same order first.
        #expect(played.plan.map(\.worker) == all && played.epoch > epoch)
        load(&played)
        #expect(played.pass(250, alive: all).assigns.isEmpty)
        let actions = played.pass(750, alive: all)
        #expect(played.plan.map(\.worker) == [1, 3, 2])
        #expect(logs(actions).contains { $0.contains("host-1 cannot reach host-2") && $0.contains("steps were lost") })
        // One that proves itself at once is as good as before.
        #expect(!played.coordinator.reachability.isAvoided(WorkerID(2), WorkerID(3), played.now))
    }

    @Test("Without another order the plan waits for its link, says which, and serves when it carries")
    func noOtherOrder() {
        var played = played(2, memory: 600)
        load(&played)
        played.proveFirst()
        played.link(2, .proven(bytesPerSecond: 0), last: true)
        played.link(1, .failed(.refused))
        var plans = played.pass(3_000, alive: [1, 2]).assigns.count
        // The other way round is tried once.
        #expect(played.plan.map(\.worker) == [2, 1])
        load(&played)
        played.link(2, .failed(.noAnswer))
        played.tell(.submit(Example.task(1)))
        plans += played.pass(60_000, alive: [1, 2]).assigns.count
        #expect(plans <= 2 * 8)
        let state = played.coordinator.status(now: played.now).state
        #expect(state.contains("host-2 cannot reach host-1 at 192.0.2.1:1 (no answer in 2 s): open that port"))
        played.ready()
        #expect(isServing(played))
    }

    @Test("A request does not wait longer than it is told to for a link that does not carry")
    func waitingLimit() {
        var played = played(2, memory: 600)
        played.tell(.submit(Example.task(1)))
        load(&played)
        played.link(1, .failed(.noAnswer))
        let failures = played.pass(125_000, alive: [1, 2]).failures
        #expect(failures.count == 1)
        #expect(failures.first?.contains("cannot reach") == true)
    }

    @Test("A link that fails while its plan serves ends it, but not while steps move")
    func failsWhileServing() {
        for isBusy in [false, true] {
            var played = played(3, memory: 420)
            played.ready()
            _ = played.pass(3_000, alive: all)
            #expect(isServing(played))
            if isBusy { played.tell(.submit(Example.task(1))) }
            played.link(1, .failed(.noAnswer))
            let soon = played.pass(1_500, alive: all, busy: isBusy ? 10 : 0)
            #expect(soon.assigns.isEmpty == isBusy)
            let later = soon + played.pass(2_500, alive: all)
            #expect(later.assigns.isEmpty == false)
            #expect(played.plan.map(\.worker) == [1, 3, 2])
        }
    }

    @Test("Who cannot reach the tokens port is not the last; nobody is set aside for it")
    func tokensPort() {
        var played = played(3, memory: 420)
        played.ready()
        let report = LinkReport(epoch: played.epoch, link: .tokens, outcome: .failed(.noAnswer))
        let actions = played.tell(.worker(WorkerID(3), .link(report)))
        #expect(logs(actions).contains { $0.hasPrefix("host-3 cannot reach the coordinator at c:2") })
        _ = played.pass(3_000, alive: all)
        #expect(played.plan.map(\.worker).last != 3)
        #expect(played.plan.count == 3)
        #expect(played.coordinator.membership.members.allSatisfy { $0.standing == .trusted })
    }

    @Test("Who cannot fetch weights is left out if the others suffice, and else set aside until it can")
    func weightsPort() {
        var played = played(2)
        played.ready()
        let failed = LinkReport(epoch: .none, link: .weights, outcome: .failed(.noAnswer))
        played.tell(.worker(WorkerID(3), .join(Example.join(3))))
        let early = played.tell(.worker(WorkerID(3), .link(failed))) + played.pass(10_000, alive: all)
        #expect(early.assigns.isEmpty)

        var needed = self.played(2, memory: 600)
        needed.tell(.worker(WorkerID(2), .link(failed)))
        let actions = needed.pass(6_000, alive: [1, 2])
        #expect(logs(actions).contains { $0.contains("aside") && $0.contains("cannot reach the coordinator at c:1") })
        #expect(needed.coordinator.membership.eligible.map(\.id) == [WorkerID(1)])
        // At once, not when its time is over.
        let back = needed.reach(2)
        #expect(back.assigns.count == 2)
    }

    @Test("Weights that were fetched before serve, though nobody can fetch any now")
    func cachedWeights() {
        var played = played(2, memory: 600)
        for number: UInt64 in [1, 2] {
            let failed = LinkReport(epoch: .none, link: .weights, outcome: .failed(.noAnswer))
            played.tell(.worker(WorkerID(number), .link(failed)))
        }
        played.ready()
        #expect(isServing(played))
        let later = played.pass(10_000, alive: [1, 2])
        #expect(later.assigns.isEmpty)
    }

    @Test("A newcomer interrupts what serves only when it has proven that it can fetch weights, and fast enough")
    func newcomers() {
        for (rate, isUsed) in [(1e9, true), (1.0, false)] {
            var played = played(1)
            played.ready()
            let early = played.tell(.worker(WorkerID(2), .join(Example.join(2)))) + played.pass(3_000, alive: [1, 2])
            #expect(early.assigns.isEmpty)
            let reached = played.reach(2, bytesPerSecond: rate)
            #expect(reached.assigns.isEmpty != isUsed)
            #expect(isServing(played) != isUsed)
            #expect(
                played.coordinator.status(now: played.now).state.contains("a newcomer is left out") != isUsed)
            // Nobody asks anything for many times as long as it would take.
            let layers = Example.model().weightBytes(of: 3..<6)
            if isUsed { continue }
            let quiet = played.pass(layers * 10_000 + 2_000, alive: [1, 2])
            #expect(quiet.assigns.count == 2)
        }
    }

    @Test("A load that always moves a little is given up, and a request fails when it has waited long enough")
    func trickle() {
        var played = played(2)
        played.ready()
        played.tell(.disconnected(WorkerID(1)))
        played.tell(.worker(WorkerID(1), .join(Example.join(1))))
        played.reach(1)
        played.tell(.submit(Example.task(1)))
        var actions: [Coordinator.Action] = []
        for step in 0..<UInt64(480) {
            let loading = Loading(epoch: played.epoch, bytesDone: step, bytesTotal: .max)
            for stage in played.plan where stage.worker == 1 {
                actions += played.tell(.worker(WorkerID(1), .loading(loading)))
            }
            for stage in played.plan where stage.worker == 2 {
                let ready = Ready(epoch: played.epoch, transferredBytes: 0, cachedBytes: 0)
                actions += played.tell(.worker(WorkerID(2), .ready(ready)))
                let isLast = played.coordinator.deployments.foremost?.last == WorkerID(2)
                actions += played.link(2, .proven(bytesPerSecond: 0), last: isLast)
            }
            actions += played.pass(250, alive: [1, 2])
        }
        #expect(logs(actions).contains { $0.contains("its load was not done after 60 s") })
        #expect(!actions.forwards.isEmpty)
    }

    @Test("Plans that fail follow each other only so often, whatever fails")
    func boundedPlans() {
        for leaves in [false, true] {
            var played = played(2, memory: 600)
            var plans = 0
            for attempt in 2..<UInt64(200) {
                var join = Example.join(1, memory: 600)
                join.attempt = attempt
                if leaves { played.tell(.worker(WorkerID(1), .leave)) }
                plans += played.tell(.worker(WorkerID(1), .join(join))).assigns.count / 2
                plans += played.reach(1).assigns.count / 2
                plans += played.pass(300, alive: [1, 2]).assigns.count / 2
            }
            #expect(plans <= 8 + 12 + 2)
            // The first of those that follow at once was made for the two of the beginning.
            #expect(plans >= 7)
        }
    }

    @Test("A worker whose data endpoint has no address is refused with a reason, and nobody is told of it")
    func unresolvable() {
        var played = played(2)
        played.ready()
        var join = Example.join(3)
        join.dataEndpoint = "tcp://no-such-host.invalid:7080"
        guard case .send(_, .refusal(let refusal))? = played.tell(.worker(WorkerID(3), .join(join))).last else {
            Issue.record("\(played.actions)")
            return
        }
        #expect(refusal.reason.contains("no-such-host.invalid"))
        #expect(isServing(played))
    }

    @Test("Hellos of members are answered, large ones not more often than need be, and nobody else's")
    func answers() {
        var played = played(1)
        let hello = Hello(epoch: .none, worker: WorkerID(1), number: 1, replyBytes: 1000)
        let reply = HelloReply(epoch: .none, worker: nil, number: 1, probeBytes: 1000)
        let answered = played.tell(.hello(WorkerID(1), .weights, hello))
        #expect(answered == [.answerHello(WorkerID(1), .weights, reply)])
        let others = [(WorkerID(1), NodeLink.weights), (WorkerID(2), .weights), (WorkerID(2), .tokens)]
        for (worker, link) in others {
            let ignored = played.tell(.hello(worker, link, hello))
            #expect(ignored.isEmpty)
        }
    }

    @Test("Who says falsely of all its links that they do not carry takes nobody else out of service")
    func falseReports() {
        let liar: UInt64 = 2
        let honest: Set<UInt64> = [1, 3, 4]
        for saysLost in [false, true] {
            var played = played(4)
            var epochs: Set<Epoch> = []
            var secondsServed = 0
            for _ in 0..<120 {
                epochs.insert(played.epoch)
                #expect(honest.isSubset(of: played.plan.map(\.worker)))
                load(&played)
                let epoch = played.epoch
                for stage in played.plan where played.epoch == epoch {
                    let isLast = played.coordinator.deployments.foremost?.last == WorkerID(stage.worker)
                    let outcome = LinkReport.Outcome.proven(bytesPerSecond: 0)
                    played.link(stage.worker, stage.worker == liar ? .failed(.noAnswer) : outcome, last: isLast)
                }
                if saysLost {
                    let lost = LinkReport(epoch: played.epoch, link: .previous, outcome: .failed(.stepsLost))
                    for _ in 0..<2 { played.tell(.worker(WorkerID(liar), .link(lost))) }
                }
                _ = played.pass(1_000, alive: [1, 2, 3, 4])
                secondsServed += isServing(played) ? 1 : 0
            }
            #expect(epochs.count <= 8 + 2 * 12)
            #expect(secondsServed >= 90)
            #expect(honest.allSatisfy { played.coordinator.membership[WorkerID($0)]?.standing == .trusted })
        }
    }
}
