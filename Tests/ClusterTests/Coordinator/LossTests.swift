// Responsible for: what a coordinator makes of a worker that is lost under requests. Must not know: blocks, tensors.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct LossTests {
    /// Three stages and a spare, with a request that has had some tokens.
    private func serving(spare: Bool = true) -> Played {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 3
        configuration.split = [0..<2, 2..<4, 4..<6]
        configuration.guesses = false
        var played = Played(configuration)
        played.join(1, 2, 3)
        if spare { played.join(4) }
        played.ready()
        played.tell(.submit(Example.task(1, prompt: 12, maximumTokens: 40)))
        for _ in 0..<5 { answer(&played) }
        return played
    }

    /// The steps that are in flight are complete.
    private func answer(_ played: inout Played) {
        for forward in played.actions.forwards { played.tell(.stepResult(Example.result(of: forward))) }
    }

    @Test("A spare takes the lost stage, the others keep theirs, and only that one is computed again")
    func spare() {
        var played = serving()
        let epoch = played.epoch
        let lost = played.tell(.disconnected(WorkerID(2)))
        #expect(played.plan.map(\.worker) == [1, 4, 3])
        #expect(played.plan.map(\.layers) == [0..<2, 2..<4, 4..<6])
        #expect(lost.assigns.map(\.keptSince) == [[epoch, epoch], [], [epoch, epoch]])
        #expect(
            lost.assigns.map(\.outputs) == [
                [KeptOutputs(layer: 2, since: epoch)], [KeptOutputs(layer: 4, since: .none)], [],
            ])
        played.ready(hasKept: true)
        let rebuilding = played.actions.forwards
        #expect(rebuilding.first?.rebuilt == 2..<4)
        #expect(rebuilding.first?.items.first?.tokens.count == 16)
        // The request goes on behind it at once.
        #expect(rebuilding.last?.rebuilt == nil)
        #expect(rebuilding.last?.items.first?.position == 16)
        let tokens = rebuilding.flatMap { forward in
            played.tell(.stepResult(Example.result(of: forward))).filter { if case .emit = $0 { true } else { false } }
        }
        #expect(tokens.count == 1)
        let status = played.coordinator.status(now: played.now)
        #expect(status.pipeline.rebuiltLayerTokens == 2 * 16)
    }

    @Test("A stage that has not what it was to keep is computed again as well")
    func liar() {
        var played = serving()
        played.tell(.disconnected(WorkerID(2)))
        played.ready()
        // Nobody has anything: the request begins anew.
        #expect(played.actions.forwards.allSatisfy { $0.rebuilt == nil })
        #expect(played.actions.forwards.first?.items.first?.position == 0)
    }

    @Test("A worker whose connection broke comes back to what it has, and nothing is computed again")
    func back() {
        var played = serving(spare: false)
        let epoch = played.epoch
        played.tell(.disconnected(WorkerID(2)))
        // Before anything else serves.
        var join = Example.join(2)
        join.attempt = 2
        var actions = played.tell(.worker(WorkerID(2), .join(join)))
        actions += played.reach(2)
        #expect(played.plan.map(\.worker) == [1, 2, 3])
        #expect(actions.assigns.suffix(3).allSatisfy { $0.keptSince == [epoch, epoch] })
        played.ready(hasKept: true)
        #expect(played.actions.forwards.allSatisfy { $0.rebuilt == nil })
        #expect(played.actions.forwards.first?.items.first?.position == 16)
    }
}
