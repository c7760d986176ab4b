// Responsible for: what requests reuse of each other's keys and values, and who gives way when blocks are short. Must not
// know: workers, time.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct PrefixTests {
    private func scheduler(blocks: Int, rule: LengthRule = LengthRule(), context: Int = 256) -> Scheduler {
        Example.scheduler(blocks: blocks, stages: 1, context: context, chunk: 256, rule: rule)
    }

    /// Runs a request to its end; the first step of it.
    private func finish(_ scheduler: inout Scheduler, _ task: GenerationTask) -> ForwardItem? {
        scheduler.submit(task, now: .start)
        var first: ForwardItem?
        while !scheduler.isIdle, let forward = scheduler.nextStep(.start).forward {
            first = first ?? forward.items.first
            _ = scheduler.complete(Example.result(of: forward), .start)
        }
        return first
    }

    private func task(_ request: UInt64, _ prompt: [Int32], maximum: Int = 2) -> GenerationTask {
        var task = Example.task(request, maximumTokens: maximum)
        task.prompt = prompt
        return task
    }

    private let turn: [Int32] = Array(0..<40)

    @Test("The next turn computes only what is new, and the sampler is told the rest")
    func reuse() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn))
        // The answer was 50, 50; the second was never fed, so its keys and values are not there.
        let next = turn + [50, 50, 9, 9]
        let item = finish(&scheduler, task(2, next))
        #expect(item?.position == 41)
        #expect(item?.tokens == [50, 9, 9])
        #expect(item?.begin?.history == Array(next[..<41]))
        #expect(item?.begin?.promptTokenCount == 44)
        #expect(scheduler.counts.reusedTokens == 41)
        #expect(scheduler.counts.promptTokens == 43)
        #expect(scheduler.pool.availableCount == 8)
    }

    @Test("A fourth turn costs its new tokens and the last of the answer before")
    func fourTurns() {
        var scheduler = scheduler(blocks: 8)
        var conversation: [Int32] = []
        for turn in 0..<4 {
            conversation += (0..<33).map { Int32(turn * 40 + $0) }
            let before = scheduler.counts.promptTokens
            _ = finish(&scheduler, task(UInt64(turn + 1), conversation, maximum: 5))
            #expect(scheduler.counts.promptTokens - before == (turn == 0 ? 33 : 34))
            conversation += [50, 50, 50, 50, 50]
        }
    }

    @Test("A prompt that is wholly known is computed from its last token on", arguments: [20, 32, 40])
    func wholePrompt(_ length: Int) {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn))
        let item = finish(&scheduler, task(2, Array(turn[..<length])))
        // What lies in a full block is found only as a whole.
        #expect(item?.position == (length == 20 ? 0 : length - 1))
        #expect(item?.tokens.last == Int32(length - 1))
    }

    @Test(
        "Keys and values made for another length are not reused",
        arguments: [
            (LengthRule(replayLength: 60), 41), (LengthRule(replayLength: 42), 0), (LengthRule(replayLength: 30), 41),
            (LengthRule(dynamicLength: 60), 41), (LengthRule(dynamicLength: 42), 0), (LengthRule(dynamicLength: 30), 0),
        ])
    func lengths(_ rule: LengthRule, _ position: Int) {
        var scheduler = scheduler(blocks: 8, rule: rule)
        _ = finish(&scheduler, task(1, turn))
        let item = finish(&scheduler, task(2, turn + [50, 50, 9, 9]))
        #expect(item?.position == position)
        #expect(item?.restartLength == 44)
        #expect(scheduler.pool.availableCount == 8)
    }

    @Test("A prompt to be scored reuses what lies before its first score")
    func scoring() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn))
        var scored = task(2, turn)
        scored.scoringStart = 36
        let item = finish(&scheduler, scored)
        #expect(item?.position == 35)
        #expect(item?.targets == Array(36..<40))
    }

    @Test("Requests that come together share what the first of them computes")
    func together() {
        var scheduler = Example.scheduler(blocks: 16, stages: 2, context: 256, chunk: 32)
        let common = Array(Int32(0)..<96)
        for request: UInt64 in 1...3 { scheduler.submit(task(request, common + [Int32(request) + 200]), now: .start) }
        var tokens = 0
        while !scheduler.isIdle, let forward = scheduler.nextStep(.start).forward {
            tokens += forward.tokenCount
            _ = scheduler.complete(Example.result(of: forward), .start)
        }
        // Once what is common, then for each its last token, and the first of its answer.
        #expect(tokens == 96 + 3 + 3)
    }

    @Test("Where blocks are short, what was unused for longest goes first")
    func eviction() {
        var scheduler = scheduler(blocks: 6)
        let other = turn.map { $0 + 100 }
        _ = finish(&scheduler, task(1, turn))
        _ = finish(&scheduler, task(2, other))
        #expect(scheduler.pool.availableCount == 6)
        #expect(scheduler.pool.keptCount == 4)
        _ = finish(&scheduler, task(3, (0..<70).map { $0 + 300 }))  // 3 blocks
        #expect(finish(&scheduler, task(4, other))?.position == 39)
        #expect(finish(&scheduler, task(5, turn))?.position != 39)
    }

    @Test("A new epoch forgets what is known")
    func newEpoch() {
        var scheduler = scheduler(blocks: 8)
        _ = finish(&scheduler, task(1, turn))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 8)
        #expect(scheduler.pool.keptCount == 0)
        #expect(finish(&scheduler, task(2, turn))?.position == 0)
    }

    @Test("Where an answer finds no block to grow into, the last request gives way, and says nothing twice")
    func preemption() {
        var scheduler = scheduler(blocks: 4, context: 128)
        for request: UInt64 in 1...2 {
            scheduler.submit(task(request, (0..<30).map { $0 + Int32(request) * 100 }, maximum: 60), now: .start)
        }
        var emitted: [UInt64: Int] = [:]
        var ended: [UInt64] = []
        var steps = 0
        while !scheduler.isIdle, steps < 500 {
            steps += 1
            let (forward, outcomes) = scheduler.nextStep(.start)
            #expect(!outcomes.contains { if case .finish = $0 { true } else { false } })
            guard let forward, case .done(let told) = scheduler.complete(Example.result(of: forward), .start) else {
                break
            }
            for outcome in told {
                if case .emit(let request, _) = outcome { emitted[request.value, default: 0] += 1 }
                if case .finish(let request, .length) = outcome { ended.append(request.value) }
            }
        }
        #expect(emitted == [1: 60, 2: 60])
        #expect(ended == [1, 2])
        #expect(scheduler.counts.preemptions > 0)
        #expect(scheduler.pool.availableCount == 4)
    }

    @Test("Higher priority goes first, and takes the place of a lower one that runs")
    func priority() {
        var scheduler = Example.scheduler(blocks: 8, stages: 1, running: 1)
        scheduler.submit(Example.task(1, prompt: 4, maximumTokens: 9), now: .start)
        scheduler.submit(Example.task(2, prompt: 5), now: .start)
        let first = scheduler.nextStep(.start).forward
        #expect(first?.items.first?.tokens.count == 4)
        scheduler.submit(Example.task(3, prompt: 6, priority: 5), now: .start)
        #expect(scheduler.sequences.map(\.request.value) == [3, 1, 2])
        if let first { _ = scheduler.complete(Example.result(of: first), .start) }
        // It finds the first four of its tokens: the other began with them.
        #expect(scheduler.nextStep(.start).forward?.items.map(\.position) == [4])
        #expect(scheduler.sequences.map(\.phase) == [.running, .waiting, .waiting])
    }
}
