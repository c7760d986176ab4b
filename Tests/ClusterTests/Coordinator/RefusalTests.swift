// Responsible for: what is left of a worker that was refused: nothing. Must not know: why workers are refused.

import Testing
import Wire

@testable import Cluster

@Suite struct RefusalTests {
    @Test("A refused worker is none of those who are told anything, then or later")
    func forgotten() {
        var played = Played()
        played.join(1)
        played.ready()
        var join = Example.join(2)
        join.version = 9
        let actions = played.tell(.worker(WorkerID(2), .join(join)))
        #expect(actions.contains { if case .send(WorkerID(2), .refusal) = $0 { true } else { false } })
        #expect(played.coordinator.workers == [WorkerID(1)])
        let later = played.pass(2_000, alive: [1])
        #expect(!later.contains { if case .send(WorkerID(2), _) = $0 { true } else { false } })
        #expect(played.tell(.disconnected(WorkerID(2))).isEmpty)
        #expect(played.coordinator.status(now: played.now).isServing)
    }
}
