// Responsible for: which plan is chosen after a loss. Must not know: how plans are carried out.

import Testing
import Wire

@testable import Cluster

@Suite struct PlanChoiceTests {
    /// Who holds what after a plan of these stages has served.
    private func holders(_ stages: (UInt64, Range<Int>)...) -> KeyValueHolders {
        let plan = Plan(stages: stages.map { .init(worker: WorkerID($0.0), layers: $0.1) }, blockCount: 8)
        var holders = KeyValueHolders()
        var deployment = Deployment(
            epoch: Epoch(5), plan: plan, keeping: holders.keeping(for: plan),
            LoadTimes(model: Example.model(), members: []), now: .start)
        for stage in plan.stages { deployment.noteReady(stage.worker, hasKept: true, .start) }
        _ = holders.serve(deployment, caches: [])
        holders.end(Epoch(5), isWhole: true)
        return holders
    }

    /// The layers of each worker, as they are chosen for these.
    private func choice(_ members: [UInt64: Double], _ holders: KeyValueHolders?) -> [UInt64: Range<Int>]? {
        let members = members.keys.sorted().map { number in
            var join = Example.join(number)
            join.readBytesPerSecond = members[number] ?? 1
            join.hostName = "host-\(number)"
            return Member(id: WorkerID(number), join: join, now: .start)
        }
        let choice = PlanChoice(
            configuration: Example.configuration(), hasServed: true, serving: nil, preparing: nil,
            reachability: Reachability(), speeds: SpeedRecord(), holders: holders, now: .start)
        guard case .success(let chosen) = choice.plan(over: members) else { return nil }
        return Dictionary(uniqueKeysWithValues: chosen.plan.stages.map { ($0.worker.value, $0.layers) })
    }

    @Test("One of two is lost, and there are spares: one of them takes its stage, though three would be faster")
    func spares() {
        let alike: [UInt64: Double] = [1: 1e9, 4: 1e9, 5: 1e9]
        #expect(choice(alike, holders((1, 0..<3), (2, 3..<6))) == [1: 0..<3, 4: 3..<6])
        // With nothing to compute again the fastest is chosen.
        #expect(choice(alike, nil)?.count == 3)
    }

    @Test("Whoever comes where one is gone takes its stage again, if that is hardly slower than the fastest")
    func returned() {
        func returned(_ holders: KeyValueHolders) -> [Plan.Share]? {
            let members = [1, 3, 4].map {
                Member(id: WorkerID($0), join: Example.join($0), now: .start)
            }
            let choice = PlanChoice(
                configuration: Example.configuration(), hasServed: true, serving: nil, preparing: nil,
                reachability: Reachability(), speeds: SpeedRecord(), holders: holders, now: .start)
            let stages = zip([1, 3, 4], [0..<2, 2..<4, 4..<6]).map { Plan.Share(worker: WorkerID($0), layers: $1) }
            return choice.returned(Plan(stages: stages, blockCount: 8), members)?.stages
        }
        let before = returned(holders((1, 0..<2), (2, 2..<4), (3, 4..<6)))
        #expect(before?.map(\.worker.value) == [1, 4, 3])
        #expect(before?.map(\.layers) == [0..<2, 2..<4, 4..<6])
        #expect(returned(holders((1, 0..<1), (2, 1..<5), (3, 5..<6))) == nil)
        #expect(returned(KeyValueHolders()) == nil)
    }

    @Test("A spare that is far slower than those who are left takes no whole stage")
    func slowSpare() {
        let chosen = choice([1: 1e9, 2: 1e9, 4: 1e8], holders((1, 0..<2), (2, 2..<4), (3, 4..<6)))
        #expect(chosen?[4]?.count ?? 0 < 2, "\(String(describing: chosen))")
    }
}
