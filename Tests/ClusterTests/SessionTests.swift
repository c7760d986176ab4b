// Responsible for: what requests of one session reuse, and what becomes of it when blocks are needed. Must not know:
// workers, time.

import Testing
import Wire

@testable import Cluster

@Suite struct SessionTests {
    private func scheduler(blocks: Int, rule: LengthRule = LengthRule()) -> Scheduler {
        var scheduler = Scheduler(
            contextLength: 256, prefillChunk: 256, maximumBatchTokens: 256, maximumRunning: 8, lengthRule: rule)
        scheduler.resume(epoch: Epoch(1), stageCount: 1, blockCount: blocks)
        return scheduler
    }

    /// Runs a request to its end; the first step of it.
    private func finish(_ scheduler: inout Scheduler, _ task: GenerationTask) -> ForwardItem? {
        scheduler.submit(task, now: 0)
        var first: ForwardItem?
        while !scheduler.isIdle, let forward = scheduler.nextStep().forward {
            first = first ?? forward.items.first
            _ = scheduler.complete(Example.result(of: forward))
        }
        return first
    }

    private func task(_ request: UInt64, _ prompt: [Int32], session: UInt64?, maximum: Int = 2) -> GenerationTask {
        var task = Example.task(request, maximumTokens: maximum, session: session)
        task.prompt = prompt
        return task
    }

    private let turn: [Int32] = Array(0..<40)

    @Test("The next turn computes only what is new, and the sampler is told the rest")
    func reuse() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn, session: 7))
        // The answer was 50, 50; the second was never fed, so its keys and values are not there.
        let next = turn + [50, 50, 9, 9]
        let item = finish(&scheduler, task(2, next, session: 7))
        #expect(item?.position == 41)
        #expect(item?.tokens == [50, 9, 9])
        #expect(item?.begin?.history == Array(next[..<41]))
        #expect(item?.begin?.promptTokenCount == 44)
        #expect(scheduler.availableBlocks == 8)
    }

    @Test("A prompt that is wholly known is computed from its last token on")
    func wholePrompt() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn, session: 7))
        let item = finish(&scheduler, task(2, Array(turn[..<20]), session: 7))
        #expect(item?.position == 19)
        #expect(item?.tokens == [19])
    }

    @Test(
        "Keys and values made for another length are not reused",
        arguments: [
            (LengthRule(replayLength: 60), 41), (LengthRule(replayLength: 42), 0), (LengthRule(replayLength: 30), 41),
            (LengthRule(dynamicLength: 60), 41), (LengthRule(dynamicLength: 42), 0), (LengthRule(dynamicLength: 30), 0),
        ])
    func lengths(_ rule: LengthRule, _ position: Int) {
        var scheduler = scheduler(blocks: 8, rule: rule)
        _ = finish(&scheduler, task(1, turn, session: 7))
        let item = finish(&scheduler, task(2, turn + [50, 50, 9, 9], session: 7))
        #expect(item?.position == position)
        #expect(item?.restartLength == 44)
        #expect(scheduler.availableBlocks == 8)
    }

    @Test("A prompt to be scored reuses what lies before its first score")
    func scoring() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn, session: 7))
        var scored = task(2, turn, session: 7)
        scored.scoringStart = 30
        let item = finish(&scheduler, scored)
        #expect(item?.position == 29)
        #expect(item?.targets == Array(30..<40))
    }

    @Test("Another session and a request without one reuse nothing")
    func others() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn, session: 7))
        #expect(finish(&scheduler, task(2, turn, session: 8))?.position == 0)
        #expect(finish(&scheduler, task(3, turn, session: nil))?.position == 0)
    }

    @Test("Where blocks are short, the session unused for longest goes first")
    func eviction() {
        var scheduler = scheduler(blocks: 6)
        _ = finish(&scheduler, task(1, turn, session: 1))
        _ = finish(&scheduler, task(2, turn, session: 2))
        #expect(scheduler.pool.freeCount == 2)
        #expect(scheduler.availableBlocks == 6)
        _ = finish(&scheduler, task(3, turn + turn, session: nil))  // 3 blocks
        #expect(finish(&scheduler, task(4, turn, session: 2))?.position == 39)
        #expect(finish(&scheduler, task(5, turn, session: 1))?.position == 0)
    }

    @Test("A new epoch forgets what sessions have left")
    func newEpoch() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn, session: 7))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 8)
        #expect(scheduler.pool.freeCount == 8)
        #expect(finish(&scheduler, task(2, turn, session: 7))?.position == 0)
    }
}
