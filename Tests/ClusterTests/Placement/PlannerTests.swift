// Responsible for: where layers go, and what a refused plan says. Must not know: epochs, requests.

import Testing
import Wire

@testable import Cluster

@Suite struct PlannerTests {
    private func candidates(_ memory: [UInt64], speeds: [Double]? = nil) -> [Planner.Candidate] {
        memory.enumerated().map { index, bytes in
            Planner.Candidate(
                worker: WorkerID(UInt64(index)), memoryBytes: bytes,
                speed: WorkerSpeed(readBytesPerSecond: speeds?[index] ?? 1e9))
        }
    }

    private func ranges(_ result: Result<Plan, PlanRefusal>) -> [Range<Int>] {
        guard case .success(let plan) = result else { return [] }
        return plan.stages.map(\.layers)
    }

    private func planner(_ model: ModelShape = Example.model(), minimum: Int = 2, wanted: Int = 8) -> Planner {
        Planner(model: model, minimumBlocks: minimum, wantedBlocks: wanted)
    }

    @Test("Like workers get like shares, the head counted as half a layer")
    func even() {
        #expect(ranges(planner().plan(candidates([10_000, 10_000]))) == [0..<3, 3..<6])
        #expect(ranges(planner().plan(candidates([10_000, 10_000, 10_000]))) == [0..<2, 2..<4, 4..<6])
        var heavyHead = Example.model()
        heavyHead.headBytes = 200
        heavyHead.headOperations = 400
        #expect(ranges(planner(heavyHead).plan(candidates([10_000, 10_000]))) == [0..<3, 3..<6])
    }

    @Test("A worker three times as fast gets about three times as much")
    func fast() {
        var model = Example.model(layers: 8)
        model.headBytes = 0
        let plan = planner(model).plan(candidates([10_000, 10_000], speeds: [3e9, 1e9]))
        #expect(ranges(plan) == [0..<6, 6..<8])
    }

    @Test("Measurements that differ by less than a fifth give the same plan")
    func noise() {
        let calm = planner().plan(candidates([9_000, 9_000, 9_000], speeds: [1e9, 1e9, 1e9]))
        for speeds in [[1e9, 0.85e9, 0.9e9], [0.82e9, 1e9, 0.99e9], [0.9e9, 0.81e9, 1e9]] {
            #expect(planner().plan(candidates([9_000, 9_000, 9_000], speeds: speeds)) == calm)
        }
    }

    @Test("A worker that would only slow the others down gets no layers")
    func slowWorker() {
        let plan = planner().plan(candidates([10_000, 10_000, 10_000], speeds: [1e9, 1e6, 1e9]))
        #expect(ranges(plan) == [0..<3, 3..<6])
    }

    @Test("There are never more stages than layers")
    func manyWorkers() {
        let plan = planner(Example.model(layers: 2)).plan(candidates(Array(repeating: 10_000, count: 5)))
        #expect(ranges(plan) == [0..<1, 1..<2])
    }

    @Test("No stage needs more memory than its worker offers, embedding, head, keys and workspace counted")
    func memory() {
        let model = Example.model()
        let offers: [UInt64] = [260, 700, 330]
        guard case .success(let plan) = planner(model).plan(candidates(offers)) else {
            Issue.record("no plan")
            return
        }
        for (stage, offer) in zip(plan.stages, offers) {
            #expect(model.stageBytes(of: stage.layers, blockCount: plan.blockCount) <= offer)
        }
        #expect(plan.stages.map(\.layers) == [0..<2, 2..<4, 4..<6])
    }

    @Test("Of 16 layers with an output matrix like 4.3, 9 go first: 10 would be best for decoding, 8 for prompts")
    func compromise() {
        var model = Example.model(layers: 16)
        (model.headBytes, model.headOperations) = (430, 860)
        #expect(ranges(planner(model).plan(candidates([10_000, 10_000]))) == [0..<9, 9..<16])
        model.headOperations = 0
        model.headBytes = 0
        #expect(ranges(planner(model).plan(candidates([10_000, 10_000]))) == [0..<8, 8..<16])
    }

    @Test("Among all splits none loses less of the best for decoding and of the best for prompts")
    func optimal() {
        // Every split of 6 layers over 3 workers of different memory and speed, tried one by one.
        let offers: [UInt64] = [400, 250, 700]
        var model = Example.model()
        (model.headBytes, model.headOperations) = (150, 300)
        let splits = (0...6).flatMap { a in (a...6).map { [0..<a, a..<$0, $0..<6] } }
        func slowest(_ parts: [Range<Int>], head: Double) -> Double {
            zip(parts, [1.0, 0.49, 0.7]).reduce(0) { slowest, stage in
                if stage.0.isEmpty { return slowest }
                let work = Double(stage.0.count * 100) + (stage.0.upperBound == 6 ? head : 0)
                return max(slowest, work / stage.1)
            }
        }
        func best(head: Double) -> Double { splits.map { slowest($0, head: head) }.min() ?? 0 }
        func value(_ parts: [Range<Int>]) -> Double {
            max(slowest(parts, head: 150) / best(head: 150), slowest(parts, head: 0) / best(head: 0))
        }
        let fitting = splits.filter { parts in
            zip(parts, offers).allSatisfy { $0.isEmpty || model.stageBytes(of: $0, blockCount: 2) <= $1 }
        }
        let plan = planner(model, wanted: 2).plan(candidates(offers, speeds: [1e9, 0.5e9, 0.7e9]))
        guard case .success(let found) = plan else {
            Issue.record("no plan")
            return
        }
        let parts = (0..<3).map { found.layers(of: WorkerID($0)) ?? 0..<0 }
        #expect(fitting.map(value).min().map { abs($0 - value(parts)) < 1e-9 } == true)
    }

    @Test("Who reads fast and computes slowly gets no more than prompts allow, and the other way round")
    func unlike() {
        var model = Example.model(layers: 9)
        model.headBytes = 0
        let candidates = [(2e9, 32e9), (1e9, 64e9)].enumerated().map { index, speed in
            Planner.Candidate(
                worker: WorkerID(UInt64(index)), memoryBytes: 10_000,
                speed: WorkerSpeed(readBytesPerSecond: speed.0, operationsPerSecond: speed.1))
        }
        // Best for decoding are 6 and 3, for prompts 3 and 6; with 4 and 5 either takes 5/3 of its best at most.
        let plan = planner(model).plan(candidates)
        #expect([[0..<4, 4..<9], [0..<5, 5..<9]].contains(ranges(plan)))
    }

    @Test("A tied matrix is counted once on one worker and twice on two")
    func tied() {
        let model = Example.model(layers: 1, tied: 30)
        #expect(model.weightBytes(of: 0..<1) == 150)
        #expect(Example.model(layers: 2, tied: 30).weightBytes(of: 0..<1) == 130)
        #expect(ranges(planner(model, wanted: 2).plan(candidates([162]))) == [0..<1])
        #expect(ranges(planner(model, wanted: 2).plan(candidates([161]))).isEmpty)
    }

    @Test("KV blocks are halved until the plan fits, and never below one context")
    func blocks() {
        // 6 layers: 680 bytes of weights, 10 of workspace, 6 for each block.
        for (memory, blocks) in [(738, 8), (737, 4), (714, 4), (713, 2), (702, 2)] as [(UInt64, Int)] {
            guard case .success(let plan) = planner().plan(candidates([memory])) else {
                Issue.record("no plan with \(memory)")
                continue
            }
            #expect(plan.blockCount == blocks)
        }
        #expect(ranges(planner().plan(candidates([701]))).isEmpty)
    }

    @Test("A refused plan says with numbers what is missing")
    func refusal() {
        var model = Example.model()
        model.layerBytes = Array(repeating: 1 << 30, count: 6)
        guard case .failure(let refusal) = planner(model).plan(candidates([2 << 30, 3 << 30])) else {
            Issue.record("a plan")
            return
        }
        let text = "the model needs 6.0 GiB on 2 workers, which offer 5.0 GiB: 1.0 GiB are missing"
        #expect("\(refusal.sentence)" == text)
        guard case .failure(.noFit) = planner(model).plan(candidates([11 << 28, 15 << 28])) else {
            Issue.record("2.75 and 3.75 layers make 5, not 6")
            return
        }
        #expect(planner().plan([]) == .failure(.tooFewWorkers(needed: 1, present: 0)))
    }

    @Test("A split is followed, or refused with the range that does not fit")
    func split() {
        #expect(ranges(planner().plan(split: [0..<1, 1..<6], candidates([9_000, 9_000]))) == [0..<1, 1..<6])
        let tight = planner().plan(split: [0..<1, 1..<6], candidates([9_000, 100]))
        guard case .failure(.splitDoesNotFit(let layers, let worker, _, 100)) = tight else {
            Issue.record("\(tight)")
            return
        }
        #expect(layers == 1..<6)
        #expect(worker == WorkerID(1))
        let few = planner().plan(split: [0..<1, 1..<6], candidates([9_000]))
        #expect(few == .failure(.tooFewWorkers(needed: 2, present: 1)))
    }

    @Test(
        "A split that leaves out, repeats or invents layers is refused",
        arguments: [
            [0..<2, 3..<6], [0..<3, 2..<6], [0..<7], [0..<5], [1..<6], [0..<3, 3..<3, 3..<6], [],
        ])
    func badSplit(_ split: [Range<Int>]) {
        #expect(Planner.problem(withSplit: split, layerCount: 6) != nil)
    }

    @Test("Bytes are told with one decimal")
    func byteText() {
        #expect(bytesText(1023) == "1023 bytes")
        #expect(bytesText(1536) == "1.5 KiB")
        #expect(bytesText(5 << 30) == "5.0 GiB")
        #expect(bytesText(.max).hasSuffix(" TiB"))
    }
}
