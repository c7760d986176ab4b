// Responsible for: plans that leave an earlier one's stages as they are. Must not know: members, epochs.

import Testing
import Wire

@testable import Cluster

@Suite struct PlanRepairTests {
    private let earlier = Plan(
        stages: [(1, 0..<2), (2, 2..<4), (3, 4..<6)].map { .init(worker: WorkerID($0.0), layers: $0.1) }, blockCount: 8)

    private func hash(_ number: UInt8) -> ContentHash? {
        ContentHash(Array(repeating: number, count: ContentHash.byteCount))
    }

    private func plans(_ workers: [(id: UInt64, memory: UInt64, cache: UInt8)]) -> [[String]] {
        let candidates = workers.map {
            Planner.Candidate(
                worker: WorkerID($0.id), memoryBytes: $0.memory, speed: WorkerSpeed(readBytesPerSecond: 1e9))
        }
        let repair = PlanRepair(model: Example.model(), earlier: earlier, caches: [hash(1), hash(2), hash(3)])
        return repair.plans(candidates, caches: workers.map { hash($0.cache) }).map { plan in
            plan.stages.map { "\($0.worker.value): \($0.layers.lowerBound)-\($0.layers.upperBound - 1)" }
        }
    }

    @Test("A spare takes the stage of the one that is gone, or its neighbours do, evenly")
    func one() {
        #expect(
            plans([(1, 9_999, 1), (3, 9_999, 3), (4, 9_999, 4)]) == [
                ["1: 0-1", "4: 2-3", "3: 4-5"], ["1: 0-2", "3: 3-5"],
            ])
        #expect(plans([(2, 9_999, 2), (3, 9_999, 3)]).allSatisfy { $0 == ["2: 0-3", "3: 4-5"] })
        #expect(plans([(1, 9_999, 1), (2, 9_999, 2)]).allSatisfy { $0 == ["1: 0-1", "2: 2-5"] })
        #expect(plans([(1, 9_999, 1), (3, 9_999, 3)]).first == ["1: 0-2", "3: 3-5"])
    }

    @Test("Who comes back with the weights of a stage takes that one")
    func returning() {
        let plans = plans([(5, 9_999, 9), (6, 9_999, 3), (2, 9_999, 2)])
        #expect(plans.first == ["5: 0-1", "2: 2-3", "6: 4-5"])
    }

    @Test("What does not fit is no plan")
    func memory() {
        #expect(plans([(1, 300, 1), (3, 300, 3)]).isEmpty)
        #expect(plans([(1, 9_999, 1), (3, 300, 3)]) == Array(repeating: ["1: 0-3", "3: 4-5"], count: 2))
        #expect(plans([(4, 9_999, 4)]) == [["4: 0-5"]])
        #expect(plans([]).isEmpty)
    }
}
