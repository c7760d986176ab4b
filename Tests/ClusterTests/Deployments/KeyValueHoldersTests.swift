// Responsible for: what stages are told to keep from one plan to the next, and which layers are computed again from where.
// Must not know: requests, blocks.

import Testing
import Wire

@testable import Cluster

@Suite struct KeyValueHoldersTests {
    private func plan(_ stages: (UInt64, Range<Int>)..., blocks: Int = 8, keepsOutputs: Bool = true) -> Plan {
        Plan(
            stages: stages.map { .init(worker: WorkerID($0.0), layers: $0.1) }, blockCount: blocks,
            keepsOutputs: keepsOutputs)
    }

    /// The layers that a plan has to rebuild when it serves; all its workers, but for these, have what they are to keep.
    private func serve(
        _ plan: Plan, _ epoch: UInt64, _ holders: inout KeyValueHolders, without liars: Set<UInt64> = []
    ) -> [Range<Int>]? { lost(plan, epoch, &holders, without: liars)?.least }

    private func lost(
        _ plan: Plan, _ epoch: UInt64, _ holders: inout KeyValueHolders, without liars: Set<UInt64> = []
    ) -> LostLayers? {
        let shape = Example.model()
        var deployment = Deployment(
            epoch: Epoch(epoch), plan: plan, keeping: holders.keeping(for: plan),
            LoadTimes(model: shape, members: []), now: .start)
        for stage in plan.stages {
            deployment.noteReady(stage.worker, hasKept: !liars.contains(stage.worker.value), .start)
        }
        return holders.serve(deployment, caches: [])
    }

    private func outputs(_ keeping: [KeyValueHolders.Keeping]) -> [[Int]] { keeping.map { $0.outputs.map(\.layer) } }

    private var three: Plan { plan((1, 0..<2), (2, 2..<4), (3, 4..<6)) }

    /// Those of a plan that has served.
    private func served(_ plan: Plan? = nil) -> KeyValueHolders {
        var holders = KeyValueHolders()
        #expect(serve(plan ?? three, 5, &holders) == nil)
        holders.end(Epoch(5), isWhole: true)
        return holders
    }

    @Test("The first plan keeps nothing; a later one of the same workers keeps all")
    func all() {
        var holders = KeyValueHolders()
        #expect(holders.keeping(for: three).allSatisfy { $0.layers.isEmpty })
        #expect(outputs(holders.keeping(for: three)) == [[2], [4], []])
        holders = served()
        let keeping = holders.keeping(for: three)
        #expect(keeping.map(\.layers) == Array(repeating: [Epoch(5), Epoch(5)], count: 3))
        #expect(keeping.flatMap(\.outputs) == [2, 4].map { KeptOutputs(layer: $0, since: Epoch(5)) })
        #expect(serve(three, 6, &holders) == [])
        // Since when does not change with the epoch.
        #expect(holders.keeping(for: three) == keeping)
    }

    @Test("A spare rebuilds the lost layers from what the stage before has kept, and the first ones from tokens")
    func spare() {
        var holders = served()
        #expect(serve(plan((1, 0..<2), (4, 2..<4), (3, 4..<6)), 6, &holders) == [2..<4])
        holders = served()
        #expect(serve(plan((4, 0..<2), (2, 2..<4), (3, 4..<6)), 6, &holders) == [0..<2])
        holders = served()
        #expect(serve(plan((1, 0..<2), (2, 2..<4), (4, 4..<6)), 6, &holders) == [4..<6])
    }

    @Test("Neighbours that take more layers keep theirs")
    func extended() {
        var holders = served()
        let next = plan((1, 0..<3), (3, 3..<6))
        let keeping = holders.keeping(for: next)
        #expect(keeping.map(\.layers) == [[Epoch(5), Epoch(5), .none], [.none, Epoch(5), Epoch(5)]])
        // Over old boundaries too, as workers may come back to them.
        #expect(keeping[0].outputs == [KeptOutputs(layer: 2, since: Epoch(5)), KeptOutputs(layer: 3, since: .none)])
        #expect(keeping[1].outputs == [KeptOutputs(layer: 4, since: .none)])
        #expect(serve(next, 6, &holders) == [2..<4])
        holders.end(Epoch(6), isWhole: true)
        #expect(
            holders.keeping(for: next).map(\.layers) == [
                [Epoch(5), Epoch(5), Epoch(6)], [Epoch(6), Epoch(5), Epoch(5)],
            ])
        #expect(
            holders.keeping(for: next).flatMap(\.outputs) == [
                KeptOutputs(layer: 2, since: Epoch(5)), KeptOutputs(layer: 3, since: Epoch(6)),
                KeptOutputs(layer: 4, since: Epoch(6)),
            ])
    }

    @Test("Without what a stage has kept of its outputs, its layers are computed again too")
    func withoutOutputs() {
        var holders = served(plan((1, 0..<2), (2, 2..<4), (3, 4..<6), keepsOutputs: false))
        #expect(serve(plan((1, 0..<2), (2, 2..<4), (4, 4..<6), keepsOutputs: false), 6, &holders) == [0..<6])
        // Two neighbours lost: one range from the first on; two apart: each for itself.
        holders = served(plan((1, 0..<2), (2, 2..<3), (3, 3..<5), (4, 5..<6)))
        #expect(serve(plan((1, 0..<2), (5, 2..<3), (6, 3..<5), (4, 5..<6)), 6, &holders) == [2..<5])
        holders = served(plan((1, 0..<2), (2, 2..<3), (3, 3..<5), (4, 5..<6)))
        #expect(serve(plan((5, 0..<2), (2, 2..<3), (6, 3..<5), (4, 5..<6)), 6, &holders) == [0..<2, 3..<5])
    }

    @Test("A worker that has not what it is to keep has its layers computed again, and no outputs")
    func liar() {
        var holders = served()
        #expect(serve(three, 6, &holders, without: [2]) == [2..<4])
        holders = served()
        #expect(serve(plan((1, 0..<2), (2, 2..<4), (4, 4..<6)), 6, &holders, without: [2]) == [2..<6])
        holders = served()
        #expect(serve(three, 6, &holders, without: [1, 2, 3]) == nil)
    }

    @Test("What a plan computes again are the layers that nobody keeps, and those on the way to them")
    func rebuilt() {
        let holders = served(plan((1, 0..<3), (2, 3..<6)))
        #expect(holders.rebuiltLayers(in: plan((1, 0..<3), (2, 3..<6))) == 0)
        #expect(holders.rebuiltLayers(in: plan((1, 0..<3), (4, 3..<6))) == 3)
        // Nobody has kept what goes into layer 2.
        #expect(holders.rebuiltLayers(in: plan((1, 0..<2), (4, 2..<4), (5, 4..<6))) == 6)
        #expect(holders.rebuiltLayers(in: plan((4, 0..<3), (5, 3..<6))) == 6)
    }

    @Test("What was not rebuilt to its end is lost again")
    func unfinished() {
        var holders = served()
        let next = plan((1, 0..<2), (4, 2..<4), (3, 4..<6))
        #expect(serve(next, 6, &holders) == [2..<4])
        holders.end(Epoch(6), isWhole: false)
        #expect(holders.keeping(for: next)[1].layers.isEmpty)
        #expect(serve(next, 7, &holders) == [2..<4])
        holders.end(Epoch(7), isWhole: true)
        #expect(serve(next, 8, &holders) == [])
    }

    @Test("Other blocks, and workers that were sent away, hold nothing")
    func gone() {
        var holders = served()
        #expect(
            holders.keeping(for: plan((1, 0..<2), (2, 2..<4), (3, 4..<6), blocks: 4)).allSatisfy { $0.layers.isEmpty })
        holders.release(WorkerID(2))
        #expect(holders.keeping(for: three).map { $0.layers.count } == [2, 0, 2])
        #expect(holders.rebuiltLayers(in: three) == 2)
    }

    // MARK: What is kept of outputs

    /// A plan that takes another's place while that serves.
    private func change(_ plan: Plan, _ epoch: UInt64, _ holders: inout KeyValueHolders) -> [[CopySource]] {
        holders.end(Epoch(epoch - 1), isWhole: true)
        let (keeping, copied) = holders.sharing(for: plan) { _ in nil }
        var deployment = Deployment(
            epoch: Epoch(epoch), plan: plan, keeping: keeping, copied: copied, beside: "it is better",
            LoadTimes(model: Example.model(), members: []), now: .start)
        for stage in plan.stages { deployment.noteReady(stage.worker, hasKept: true, .start) }
        #expect(holders.serve(deployment, caches: [])?.isEmpty == true)
        holders.end(Epoch(epoch), isWhole: true)
        return copied
    }

    /// What is lost with a worker, in whose place another comes: of blocks of all ages, and of those of `since`.
    private func loss(
        _ plan: Plan, _ epoch: UInt64, _ holders: KeyValueHolders, since: UInt64 = 0
    ) -> [Range<Int>]? {
        var holders = holders
        return lost(plan, epoch, &holders)?.ranges(since: Epoch(since))
    }

    @Test("Who comes back to layers that neighbours took has from them what it is to keep, whoever is lost next")
    func back() {
        var holders = served()
        let two = plan((1, 0..<3), (3, 3..<6))
        #expect(serve(two, 6, &holders) == [2..<4])
        let copied = change(plan((1, 0..<2), (4, 2..<4), (3, 4..<6)), 7, &holders)
        #expect(copied[1].map(\.outputs) == [[], [4]])
        #expect(loss(plan((1, 0..<2), (4, 2..<4), (5, 4..<6)), 8, holders) == [4..<6])
        #expect(loss(plan((1, 0..<2), (5, 2..<4), (3, 4..<6)), 8, holders) == [2..<4])
        #expect(loss(plan((5, 0..<2), (4, 2..<4), (3, 4..<6)), 8, holders) == [0..<2])
        // With all of them there nothing is kept inside of stages.
        #expect(outputs(holders.keeping(for: three)) == [[2], [4], []])
    }

    @Test("So it is where the last of three has taken over all, and the others come one by one")
    func alone() {
        var holders = served()
        #expect(serve(plan((2, 0..<4), (3, 4..<6)), 6, &holders) == [0..<2])
        holders.end(Epoch(6), isWhole: true)
        #expect(serve(plan((3, 0..<6)), 7, &holders) == [0..<4])
        _ = change(plan((4, 0..<3), (3, 3..<6)), 8, &holders)
        _ = change(plan((4, 0..<2), (5, 2..<4), (3, 4..<6)), 9, &holders)
        #expect(loss(plan((4, 0..<2), (5, 2..<4), (6, 4..<6)), 10, holders) == [4..<6])
        #expect(loss(plan((4, 0..<2), (6, 2..<4), (3, 4..<6)), 10, holders) == [2..<4])
    }

    @Test(
        "Behind a boundary that is new, older blocks are computed again from the one before it, and newer ones from it")
    func moved() {
        var holders = served()
        let moved = plan((1, 0..<2), (2, 2..<5), (3, 5..<6))
        _ = change(moved, 6, &holders)
        let lost = plan((1, 0..<2), (2, 2..<5), (4, 5..<6))
        // Where it was before, the second has kept it for older blocks.
        #expect(loss(lost, 7, holders) == [4..<6])
        #expect(loss(lost, 7, holders, since: 5) == [4..<6])
        #expect(loss(lost, 7, holders, since: 6) == [5..<6])
        // Those before the boundary that are lost do not take it along.
        var others = holders
        _ = change(plan((1, 0..<2), (5, 2..<5), (3, 5..<6)), 7, &others)
        #expect(loss(plan((1, 0..<2), (5, 2..<5), (4, 5..<6)), 8, others) == [4..<6])
        #expect(loss(plan((1, 0..<2), (5, 2..<5), (4, 5..<6)), 8, others, since: 6) == [5..<6])
        // And back again.
        _ = change(three, 7, &holders)
        #expect(loss(plan((1, 0..<2), (2, 2..<4), (4, 4..<6)), 8, holders) == [4..<6])
    }

    @Test("Where there is room for less, what others are computed again from comes first")
    func room() {
        let holders = served()
        let next = plan((1, 0..<3), (3, 3..<6))
        #expect(outputs(holders.keeping(for: next) { _ in 1 }) == [[2], [4]])
        #expect(outputs(holders.keeping(for: next) { _ in 0 }) == [[], []])
        #expect(holders.rebuiltLayers(in: next) { _ in 1 } == 2)
        #expect(holders.rebuiltLayers(in: next) { _ in 0 } == 4)
        // Beside a stage that keeps it already it needs no room.
        let (keeping, _) = holders.sharing(for: plan((1, 0..<2), (2, 2..<6))) { _ in
            0
        } key: { _ in
            nil
        }
        #expect(outputs(keeping) == [[2], [4]])
    }
}
