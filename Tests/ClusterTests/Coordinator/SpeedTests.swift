// Responsible for: what steps took counts for the next plan, and who has no layers is told why. Must not know: how speeds are
// made of times.

import Testing
import Wire

@testable import Cluster

@Suite struct SpeedTests {
    /// Two workers that have computed an answer, each step in so many microseconds at each.
    private func measured(_ compute: [UInt64]) -> Played {
        var configuration = Example.configuration()
        configuration.guesses = false
        var played = Played(configuration)
        played.join(1, 2)
        played.ready()
        var forwards = played.tell(.submit(Example.task(1, maximumTokens: 50))).forwards
        while let forward = forwards.popLast() {
            var result = Example.result(of: forward)
            let wait = compute.reduce(100, +)
            result.timings = compute.map { StageMicroseconds(compute: $0) } + [StageMicroseconds(wait: wait)]
            forwards += played.tell(.stepResult(result)).forwards
        }
        _ = played.pass(250, alive: [1, 2])
        return played
    }

    private func state(_ played: Played, _ worker: Int) -> String {
        played.coordinator.status(now: played.now).workers[worker].state
    }

    @Test("A worker that showed to be slow gets fewer layers in the next plan, and no plan is made because of it")
    func slow() {
        var played = measured([1_000, 20_000])
        #expect(played.plan.map(\.worker) == [1, 2])
        played.join(3)
        #expect(played.plan.map(\.worker) == [1, 3])
        #expect(played.plan.map(\.layers) == [0..<3, 3..<6])
        let text = "idle: at 0.1 GB/s it would slow down the 2 workers of the plan, at 1.0 GB/s or more"
        #expect(state(played, 1) == text)
    }

    @Test("Workers that showed to be alike get alike, whatever their claims were")
    func alike() {
        var played = measured([1_000, 1_100])
        played.join(3)
        #expect(played.plan.map(\.layers) == [0..<2, 2..<4, 4..<6])
    }

    @Test("A worker that claims more than all others together does not get all layers")
    func claim() {
        var played = Played()
        played.join(1)
        var join = Example.join(2)
        join.readBytesPerSecond = 1e12
        played.tell(.worker(WorkerID(2), .join(join)))
        played.reach(2)
        #expect(played.plan.map(\.worker) == [1, 2])
    }

    @Test("Who offers too little for a layer is told with both numbers")
    func memory() {
        var played = Played()
        played.join(1, 2)
        played.join(3, memory: 100)
        #expect(state(played, 2) == "idle: offers 100 bytes, a layer needs 118 bytes")
    }

    @Test("Who is not needed is told how many are, and who came in the midst of work waits for the next plan")
    func notNeeded() {
        var played = Played()
        played.join(1, 2, 3, 4, 5, 6, 7)
        #expect(state(played, 6) == "idle: each of the model's 6 layers has a worker of its own")
        var configuration = Example.configuration()
        configuration.split = [0..<3, 3..<6]
        configuration.minimumWorkers = 2
        played = Played(configuration)
        played.join(1)
        #expect(state(played, 0) == "idle")
        played.join(2, 3)
        #expect(state(played, 2) == "idle: the split that was asked for is for 2 workers")
        played = Played()
        played.join(1)
        played.ready()
        played.tell(.submit(Example.task(1)))
        played.join(2)
        #expect(state(played, 1) == "idle: the next plan, made when nothing is computed, counts it in")
    }

    @Test("Who cannot fetch weights, or would take long to, is told so")
    func weights() {
        var played = Played()
        played.join(1)
        played.ready()
        played.tell(.worker(WorkerID(2), .join(Example.join(2))))
        #expect(state(played, 1) == "idle: it has yet to prove that it can fetch weights")
        played.reach(2, bytesPerSecond: 1)
        #expect(state(played, 1) == "idle: its layers would load for about 350 s, while others serve")
        let failed = LinkReport(epoch: .none, link: .weights, outcome: .failed(.noAnswer))
        played.tell(.worker(WorkerID(2), .link(failed)))
        #expect(state(played, 1) == "idle: it cannot fetch weights (no answer in 2 s)")
    }
}
