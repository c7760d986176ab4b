// Responsible for: what requests keep when a plan ends under them, and what of it is computed again under the next. Must not
// know: workers, time.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct RebuildTests {
    private func task(_ request: UInt64, prompt: Int, maximum: Int = 50) -> GenerationTask {
        var task = Example.task(request, prompt: prompt, maximumTokens: maximum)
        // No two have a beginning in common.
        task.prompt = task.prompt.map { $0 + Int32(request) * 1_000 }
        return task
    }

    private func complete(_ scheduler: inout Scheduler, _ forward: Forward?) {
        guard let forward, case .done = scheduler.complete(Example.result(of: forward), .start) else {
            Issue.record("the step is not complete")
            return
        }
    }

    /// Completes steps one by one until so many are complete, or nothing is left to do.
    private func run(_ scheduler: inout Scheduler, steps: Int) {
        for _ in 0..<steps {
            guard let forward = scheduler.nextStep(.start).forward else { return }
            complete(&scheduler, forward)
        }
    }

    /// The steps that are sent next, as far as they may be in flight.
    private func sent(_ scheduler: inout Scheduler) -> [Forward] {
        var all: [Forward] = []
        while let forward = scheduler.nextStep(.start).forward { all.append(forward) }
        return all
    }

    @Test("Where nothing is missing, requests go on from what was complete, and steps in flight are sent again")
    func goOn() {
        var scheduler = Example.scheduler(stages: 2)
        scheduler.submit(task(1, prompt: 40), now: .start)
        run(&scheduler, steps: 1)
        let lost = sent(&scheduler)
        #expect(lost.map { $0.items[0].position } == [16, 32])
        scheduler.suspend(Epoch(1))
        #expect(scheduler.nextStep(.start).forward == nil)
        let blocks = scheduler.sequences[0].blocks
        scheduler.resume(epoch: Epoch(2), stageCount: 2, blockCount: 8, missing: LostLayers([]))
        let again = sent(&scheduler)
        #expect(again.map { $0.items[0].position } == [16, 32])
        #expect(again.map(\.step.value) == [1, 2])
        #expect(again.allSatisfy { $0.rebuilt == nil && $0.epoch == Epoch(2) })
        #expect(again[1].items[0].begin?.history.count == 32)
        #expect(scheduler.sequences[0].blocks == blocks)
        #expect(scheduler.counts.rebuiltLayerTokens == 0)
    }

    @Test("What is missing is computed again for its layers alone, the shortest first, and who has all goes on at once")
    func rebuild() {
        var scheduler = Example.scheduler(blocks: 16, stages: 3)
        scheduler.submit(task(1, prompt: 40), now: .start)
        scheduler.submit(task(2, prompt: 10), now: .start)
        run(&scheduler, steps: 12)
        let lengths = scheduler.sequences.map(\.dispatched)
        let tokens = scheduler.sequences.map(\.tokens)
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 3, blockCount: 16, missing: LostLayers([2..<4]))
        #expect(!scheduler.isWhole)
        var rebuilt: [ForwardItem] = []
        var order: [String] = []
        for _ in 0..<40 {
            for forward in sent(&scheduler) {
                if let layers = forward.rebuilt {
                    #expect(layers == 2..<4)
                    #expect(forward.tokenCount <= 16)
                    #expect(forward.items.allSatisfy { $0.sampleCount == 0 && $0.begin == nil })
                    rebuilt += forward.items
                }
                order += forward.items.map {
                    forward.rebuilt == nil ? "go \($0.sequence.value)" : "re \($0.sequence.value)"
                }
                complete(&scheduler, forward)
            }
            if scheduler.isWhole { break }
        }
        #expect(scheduler.isWhole)
        // The second is the shorter one; it goes on before the first is complete.
        #expect(order.first == "re 2")
        #expect((order.firstIndex(of: "go 2") ?? .max) < (order.lastIndex(of: "re 1") ?? 0))
        for (sequence, length) in zip(scheduler.sequences, lengths) {
            let own = rebuilt.filter { $0.sequence == sequence.id }
            #expect(own.flatMap { Array($0.position..<$0.position + $0.tokens.count) } == Array(0..<length))
        }
        #expect(rebuilt.filter { $0.sequence.value == 1 }.flatMap(\.tokens) == Array(tokens[0].prefix(lengths[0])))
        #expect(scheduler.counts.rebuiltLayerTokens == 2 * lengths.reduce(0, +))
    }

    @Test("What two requests share is computed again once")
    func shared() {
        var scheduler = Example.scheduler(blocks: 16, stages: 1, chunk: 64)
        scheduler.submit(Example.task(1, prompt: 64, maximumTokens: 50), now: .start)
        run(&scheduler, steps: 3)
        scheduler.submit(Example.task(2, prompt: 70, maximumTokens: 50), now: .start)
        run(&scheduler, steps: 3)
        #expect(scheduler.counts.reusedTokens == 64)
        let lengths = scheduler.sequences.map(\.dispatched)
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 16, missing: LostLayers([0..<1]))
        run(&scheduler, steps: 10)
        #expect(scheduler.isWhole)
        #expect(scheduler.counts.rebuiltLayerTokens == lengths.reduce(0, +) - 64)
    }

    @Test("What was computed again for a request that ends before the rest of it is not computed once more for another")
    func sharedWithOneThatEnds() {
        var scheduler = Example.scheduler(blocks: 16, stages: 1, chunk: 16)
        scheduler.submit(Example.task(1, prompt: 64, maximumTokens: 50), now: .start)
        run(&scheduler, steps: 6)
        scheduler.submit(Example.task(2, prompt: 70, maximumTokens: 50), now: .start)
        run(&scheduler, steps: 4)
        let first = scheduler.sequences.min { $0.dispatched < $1.dispatched }
        let length = scheduler.sequences.map(\.dispatched).max() ?? 0
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 16, missing: LostLayers([0..<1]))
        run(&scheduler, steps: 2)
        #expect(scheduler.counts.rebuiltLayerTokens == 32)
        #expect(first.flatMap { scheduler.end($0.request) } != nil)
        while !scheduler.isWhole, let forward = scheduler.nextStep(.start).forward {
            #expect(forward.rebuilt == nil || (forward.items.first?.position ?? 0) >= 32)
            complete(&scheduler, forward)
        }
        #expect(scheduler.counts.rebuiltLayerTokens == length)
    }

    @Test("While a request lacks something nobody reuses its blocks, and it may end")
    func ending() {
        var scheduler = Example.scheduler(blocks: 16, stages: 1)
        scheduler.submit(Example.task(1, prompt: 100, maximumTokens: 20), now: .start)
        run(&scheduler, steps: 8)
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 16, missing: LostLayers([1..<2]))
        #expect(scheduler.nextStep(.start).forward?.rebuilt == 1..<2)
        scheduler.submit(Example.task(2, prompt: 100, maximumTokens: 20), now: .start)
        let other = sent(&scheduler).flatMap(\.items).first { $0.sequence.value == 2 }
        #expect(other == nil || other?.position == 0)
        #expect(scheduler.end(RequestID(1)) != nil)
        #expect(scheduler.end(RequestID(2)) != nil)
        #expect(scheduler.pool.availableCount == 16)
        #expect(sent(&scheduler).isEmpty)
    }

    @Test(
        "Blocks kept for later stay where nothing is missing, and are given up where something is",
        arguments: [true, false])
    func prefixes(_ isMissing: Bool) {
        var scheduler = Example.scheduler(blocks: 16, stages: 1, chunk: 64)
        scheduler.submit(Example.task(1, prompt: 64, maximumTokens: 1), now: .start)
        run(&scheduler, steps: 1)
        #expect(scheduler.isIdle)
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 16, missing: LostLayers(isMissing ? [0..<1] : []))
        #expect(scheduler.isWhole)
        #expect(scheduler.pool.keptCount == (isMissing ? 0 : 2))
        #expect(scheduler.pool.availableCount == 16)
        scheduler.submit(Example.task(2, prompt: 64, maximumTokens: 1), now: .start)
        #expect(scheduler.nextStep(.start).forward?.items[0].position == (isMissing ? 0 : 63))
    }

    @Test("Where stages have nothing, or other blocks, requests begin anew", arguments: [16, 8])
    func anew(_ blocks: Int) {
        var scheduler = Example.scheduler(blocks: 16, stages: 1)
        scheduler.submit(task(1, prompt: 20), now: .start)
        run(&scheduler, steps: 4)
        scheduler.suspend(Epoch(1))
        scheduler.resume(
            epoch: Epoch(2), stageCount: 1, blockCount: blocks, missing: blocks == 16 ? nil : LostLayers([]))
        #expect(scheduler.nextStep(.start).forward?.items[0].position == 0)
        #expect(scheduler.counts.rebuiltLayerTokens == 0)
    }

    @Test("A second loss in the midst of it begins it again")
    func twice() {
        var scheduler = Example.scheduler(blocks: 16, stages: 2)
        scheduler.submit(task(1, prompt: 60), now: .start)
        run(&scheduler, steps: 6)
        let length = scheduler.sequences[0].dispatched
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 2, blockCount: 16, missing: LostLayers([0..<3]))
        complete(&scheduler, scheduler.nextStep(.start).forward)
        #expect(!scheduler.isWhole)
        scheduler.suspend(Epoch(2))
        scheduler.resume(epoch: Epoch(3), stageCount: 2, blockCount: 16, missing: LostLayers([0..<3]))
        let again = scheduler.nextStep(.start).forward
        #expect(again?.items[0].position == 0)
        complete(&scheduler, again)
        run(&scheduler, steps: 8)
        #expect(scheduler.sequences[0].dispatched >= length)
    }
}
