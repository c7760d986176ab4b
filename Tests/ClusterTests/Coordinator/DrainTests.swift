// Responsible for: what a coordinator makes of a worker that is to be left out. Must not know: who asks, processes.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct DrainTests {
    /// Two workers that serve, with a request under way.
    private func serving(memory: UInt64 = 10_000) -> Played {
        var configuration = Example.configuration()
        configuration.changesWhileServing = true
        configuration.guesses = false
        var played = Played(configuration)
        played.join(1, 2, memory: memory)
        played.ready()
        played.tell(.submit(Example.task(1, prompt: 12, maximumTokens: 40)))
        return played
    }

    private func drain(_ worker: String, ends: Bool = false, _ played: inout Played) -> DrainReply? {
        let actions = played.tell(.drain(DrainRequest(worker: worker, ends: ends), of: ClientID(4)))
        let replies = actions.compactMap { action -> DrainReply? in
            if case .answerDrain(ClientID(4), let reply) = action { reply } else { nil }
        }
        #expect(replies.count == 1)
        return replies.first
    }

    /// Everything that a change needs happens; all actions of it.
    private func complete(_ flying: [Forward], _ played: inout Played) -> [Coordinator.Action] {
        played.ready(hasKept: true)
        var actions = played.actions
        for forward in flying { actions += played.tell(.stepResult(Example.result(of: forward))) }
        for copy in actions.copies {
            let source = actions.compactMap { action -> WorkerID? in
                if case .send(let worker, .copyBlocks(copy)) = action { worker } else { nil }
            }[0]
            actions += played.tell(
                .worker(copy.target, .copied(Copied(epoch: copy.epoch, number: copy.number, source: source))))
        }
        return actions
    }

    @Test("Others take over the layers of a worker that is to be left out under load, and then it is told")
    func drained() {
        var played = serving()
        let flying = played.actions.forwards
        let reply = drain("2", &played)
        #expect(reply?.state == .draining)
        #expect(played.actions.assigns.map(\.layers) == [0..<6])
        #expect(played.actions.assigns.allSatisfy { $0.isBeside })
        #expect(!played.actions.contains(.send(WorkerID(2), .drained)))
        let actions = complete(flying, &played)
        #expect(actions.contains(.send(WorkerID(2), .drained)))
        #expect(actions.contains(.send(WorkerID(2), .standby(played.epoch))))
        #expect(actions.forwards.map(\.epoch) == [played.epoch])
        #expect(drain("worker 2", &played)?.state == .drained)
        // It is used again once it is counted in.
        #expect(drain("2", ends: true, &played)?.state == .counted)
        #expect(played.actions.assigns.count == 2)
    }

    @Test("A worker that wants to leave is told when it may, or why it may not")
    func leaving() {
        var played = serving()
        let flying = played.actions.forwards
        #expect(played.tell(.worker(WorkerID(1), .leaving)).assigns.map(\.layers) == [0..<6])
        let actions = complete(flying, &played)
        #expect(actions.contains(.send(WorkerID(1), .drained)))
        // Now the other one is needed.
        let refusals = played.tell(.worker(WorkerID(2), .leaving)).compactMap { action -> Sentence? in
            if case .send(WorkerID(2), .drainRefused(let why)) = action { why } else { nil }
        }
        #expect(refusals.count == 1)
        #expect(played.coordinator.status(now: played.now).isServing)
    }

    @Test("A worker that wants to leave and could not is left out once somebody comes that can take its place")
    func refusedBefore() {
        var played = serving(memory: 600)
        func refusals(_ actions: [Coordinator.Action]) -> Int {
            actions.count { if case .send(WorkerID(2), .drainRefused) = $0 { true } else { false } }
        }
        #expect(refusals(played.tell(.worker(WorkerID(2), .leaving))) == 1)
        // It is told once.
        #expect(refusals(played.pass(1_000, alive: [1, 2])) == 0)
        played.join(3, memory: 600)
        let actions = played.pass(250, alive: [1, 2, 3])
        #expect(refusals(actions) == 0)
        #expect(played.coordinator.membership[WorkerID(2)]?.draining == false)
        #expect(played.plan.map(\.worker) == [1, 3])
    }

    @Test("Where nobody can take over, nothing changes, and the answer has the numbers; unknown names are refused")
    func refused() {
        var played = serving(memory: 500)
        let reply = drain("1", &played)
        #expect(reply?.state == .refused)
        let sentence = reply.map { "\($0.sentence)" } ?? ""
        #expect(sentence.contains("the model needs 702 bytes"))
        #expect(played.coordinator.membership.eligible.count == 2)
        #expect(drain("3", &played)?.state == .refused)
        #expect(drain("", &played)?.state == .refused)
        #expect(drain("1", ends: true, &played)?.state == .counted)
    }

    @Test("A host's name means its worker, where it has one only")
    func names() {
        var played = Played()
        for number: UInt64 in [1, 2, 3] {
            var join = Example.join(number)
            join.hostName = number == 3 ? "b" : "a"
            played.tell(.worker(WorkerID(number), .join(join)))
        }
        #expect(played.coordinator.membership.workers(named: "a").count == 2)
        #expect(played.coordinator.membership.workers(named: "b") == [WorkerID(3)])
        #expect(drain("a", &played)?.state == .refused)
    }

    @Test(
        "A worker that is to be left out computes where nothing would be computed otherwise, and stays so by joining again"
    )
    func lastResort() {
        var played = serving()
        let flying = played.actions.forwards
        #expect(drain("2", &played)?.state == .draining)
        _ = complete(flying, &played)
        var join = Example.join(2)
        join.attempt = 2
        played.tell(.worker(WorkerID(2), .join(join)))
        played.reach(2)
        #expect(played.coordinator.membership.eligible.map(\.id) == [WorkerID(1)])
        #expect(played.tell(.disconnected(WorkerID(1))).assigns.map(\.layers) == [0..<6])
    }
}
