// Responsible for: whose weights a worker may have, before, while and after plans change. Must not know: how it asks.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite("Shares that workers were told of") struct ToldShareTests {
    /// What a worker may have of weights of one layer.
    private func claim(_ played: Played, _ number: UInt64, layer: Int) -> WeightClaim? {
        played.coordinator.claim(of: WorkerID(number), in: Epoch(11)) { $0.contains(layer) }
    }

    private func claims(_ played: Played, _ number: UInt64) -> [WeightClaim?] {
        (0..<6).map { claim(played, number, layer: $0) }
    }

    @Test("A worker may have the layers that it is to hold, while they load and while they serve, and no others")
    func own() {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        var played = Played(configuration)
        played.join(1, 2)
        for _ in 0..<2 {
            #expect(played.plan.map(\.layers) == [0..<3, 3..<6])
            #expect(claims(played, 1) == [.granted, .granted, .granted, .foreign, .foreign, .foreign])
            #expect(claims(played, 2) == [.foreign, .foreign, .foreign, .granted, .granted, .granted])
            played.ready()
        }
        #expect(claim(played, 9, layer: 0) == nil)
    }

    @Test("Who has joined and was given no layers may have none, and neither may who has left")
    func nothing() {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        var played = Played(configuration)
        played.join(1)
        #expect(claims(played, 1) == Array(repeating: .foreign, count: 6))
        played.join(2)
        #expect(claim(played, 2, layer: 3) == .granted)
        played.tell(.worker(WorkerID(2), .leave))
        #expect(claim(played, 2, layer: 3) == nil)
    }

    @Test("What the newest plan takes from a worker is told to be outdated, what it gives is granted")
    func change() {
        var played = Played()
        played.join(1, 2)
        played.ready()
        played.tell(.worker(WorkerID(2), .leave))
        #expect(played.plan.map(\.layers) == [0..<6])
        #expect(claims(played, 1) == Array(repeating: .granted, count: 6))
        played.ready()
        played.join(3)
        #expect(played.plan.map(\.layers) == [0..<3, 3..<6])
        #expect(claims(played, 1) == [.granted, .granted, .granted, .outdated, .outdated, .outdated])
        #expect(claims(played, 3) == [.foreign, .foreign, .foreign, .granted, .granted, .granted])
    }

    @Test("A plan that is given up for none leaves everybody what he was told last")
    func givenUp() {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        var played = Played(configuration)
        played.join(1, 2)
        played.tell(.worker(WorkerID(2), .leave))
        #expect(played.plan.isEmpty)
        #expect(claims(played, 1) == [.granted, .granted, .granted, .foreign, .foreign, .foreign])
    }

    @Test("Who still asks for a share that an earlier coordinator told it of is told that it is outdated")
    func earlierCoordinator() {
        let shares = ToldShares(after: Epoch(10))
        let claims = [0, 9, 10, 11].map { shares.claim(of: WorkerID(1), in: Epoch($0)) { _ in true } }
        #expect(claims == [.foreign, .outdated, .outdated, .foreign])
    }

    @Test("Shares of long ago are forgotten")
    func forgotten() {
        var shares = ToldShares(after: .none)
        let (one, two) = (WorkerID(1), WorkerID(2))
        func plan(_ worker: WorkerID) -> Plan { Plan(stages: [.init(worker: worker, layers: 0..<6)], blockCount: 1) }
        shares.note(plan(one))
        for count in 1...8 {
            shares.note(plan(two))
            #expect(shares.claim(of: one, in: Epoch(1)) { $0.contains(0) } == (count < 8 ? .outdated : .foreign))
            #expect(shares.claim(of: two, in: Epoch(1)) { $0.contains(0) } == .granted)
        }
    }
}
