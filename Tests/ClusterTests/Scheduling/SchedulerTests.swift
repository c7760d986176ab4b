// Responsible for: which tokens are in a step, and what its result means. Must not know: workers, time.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct SchedulerTests {
    private func scheduler(
        blocks: Int = 8, stages: Int = 2, running: Int = 8, context: Int = 128, rule: LengthRule = LengthRule()
    ) -> Scheduler {
        Example.scheduler(blocks: blocks, stages: stages, running: running, context: context, rule: rule)
    }

    private func complete(_ scheduler: inout Scheduler, _ forward: Forward?, token: Int32 = 50) -> [Scheduler.Outcome] {
        guard let forward,
            case .done(let outcomes) = scheduler.complete(Example.result(of: forward, token: token), .start)
        else {
            Issue.record("the step is not complete")
            return []
        }
        return outcomes
    }

    @Test("A prompt goes in chunks, several in flight at once, and only the last one samples")
    func chunks() {
        var scheduler = scheduler()
        scheduler.submit(Example.task(1, prompt: 40), now: .start)
        let steps = (0..<4).map { _ in scheduler.nextStep(.start).forward }
        #expect(steps.map { $0?.items[0].position } == [0, 16, 32, nil])
        #expect(steps.map { $0?.items[0].tokens.count } == [16, 16, 8, nil])
        #expect(steps.map { $0?.items[0].sampleCount } == [0, 0, 1, nil])
        #expect(steps.map { $0?.items[0].blocks.count } == [1, 1, 2, nil])
        #expect(steps.map { $0?.items[0].begin != nil } == [false, false, true, false])
        #expect(steps[2]?.items[0].begin?.history == Array(0..<32))
        #expect(steps.flatMap { $0?.items[0].tokens ?? [] } == Array(0..<40))
    }

    @Test("While only prompts are computed, one step more than there are stages is in flight")
    func inFlight() {
        var scheduler = scheduler(stages: 2)
        scheduler.submit(Example.task(1, prompt: 100), now: .start)
        let first = scheduler.nextStep(.start).forward
        #expect(scheduler.nextStep(.start).forward != nil)
        #expect(scheduler.nextStep(.start).forward != nil)
        #expect(scheduler.nextStep(.start).forward == nil)
        #expect(complete(&scheduler, first).isEmpty)
        #expect(scheduler.nextStep(.start).forward != nil)
    }

    @Test("Tokens being generated go first, and prompts share what is left of the step")
    func mixed() {
        var scheduler = scheduler(stages: 1)
        scheduler.submit(Example.task(1, prompt: 4), now: .start)
        #expect(
            complete(&scheduler, scheduler.nextStep(.start).forward).contains(
                .emit(
                    RequestID(1),
                    SampledToken(token: 50))))
        scheduler.submit(Example.task(2, prompt: 12), now: .start)
        scheduler.submit(Example.task(3, prompt: 30), now: .start)
        let items = scheduler.nextStep(.start).forward?.items ?? []
        #expect(items.map(\.sequence.value) == [1, 2, 3])
        #expect(items.map(\.tokens.count) == [1, 12, 4])
        #expect(items.map(\.sampleCount) == [1, 1, 0])
        #expect(items[0].position == 4)
        #expect(items[0].tokens == [50])
    }

    @Test("A sequence waits for its sample: no second step of it is sent before")
    func oneSample() {
        var scheduler = scheduler()
        scheduler.submit(Example.task(1), now: .start)
        #expect(scheduler.nextStep(.start).forward != nil)
        #expect(scheduler.nextStep(.start).forward == nil)
    }

    @Test(
        "An answer ends with its last token, an end token, or a full context",
        arguments: [
            (5, 3, [], 128, 3, FinishReason.length), (5, 9, [50], 128, 1, .stop), (5, 99, [], 8, 3, .length),
            (5, 1, [50], 128, 1, .stop),
        ] as [(Int, Int, [Int32], Int, Int, FinishReason)])
    func ends(
        _ prompt: Int, _ maximum: Int, _ endTokens: [Int32], _ context: Int, _ count: Int, _ reason: FinishReason
    ) {
        var scheduler = scheduler(context: context)
        scheduler.submit(Example.task(1, prompt: prompt, maximumTokens: maximum, endTokens: endTokens), now: .start)
        var outcomes: [Scheduler.Outcome] = []
        for _ in 0..<count { outcomes += complete(&scheduler, scheduler.nextStep(.start).forward) }
        #expect(outcomes.suffix(2) == [.finish(RequestID(1), reason), .release(SequenceID(1))])
        #expect(outcomes.count == count + 2)
        #expect(scheduler.isIdle)
        #expect(scheduler.pool.availableCount == 8)
    }

    @Test("A request waits until there are blocks for its prompt; one behind it that finds room does not")
    func admission() {
        var scheduler = scheduler(blocks: 4)
        scheduler.submit(Example.task(1, prompt: 60, maximumTokens: 4), now: .start)  // 2 blocks
        scheduler.submit(Example.task(2, prompt: 61, maximumTokens: 4), now: .start)  // 2 blocks, and one to grow into
        scheduler.submit(Example.task(3, prompt: 4, maximumTokens: 4), now: .start)  // 1 block
        let step = scheduler.nextStep(.start).forward
        #expect(step?.items.map(\.sequence.value) == [1, 2])
        #expect(step?.items.map(\.tokens.count) == [12, 4])
        #expect(scheduler.waitingCount == 1)
        // What was lent is taken back as soon as that makes room for the one that waited first.
        #expect(scheduler.end(RequestID(1)) == [])
        _ = scheduler.nextStep(.start)
        #expect(scheduler.sequences.map(\.phase) == [.running, .running])
        #expect(scheduler.end(RequestID(2)) == [])
        #expect(scheduler.end(RequestID(3)) == [])
        #expect(scheduler.pool.availableCount == 4)
    }

    @Test("What was lent to a later request goes back to the one that waited for more, and both end")
    func lending() {
        var scheduler = scheduler(blocks: 4)
        scheduler.submit(Example.task(1, prompt: 60, maximumTokens: 4), now: .start)  // 2 blocks
        scheduler.submit(Example.task(2, prompt: 100, maximumTokens: 4), now: .start)  // 4 blocks: all
        scheduler.submit(Example.task(3, prompt: 4, maximumTokens: 60), now: .start)  // 1 block
        let step = scheduler.nextStep(.start).forward
        #expect(step?.items.map(\.tokens.count) == [12, 4])
        #expect(scheduler.sequences.map(\.phase) == [.running, .waiting, .running])
        #expect(scheduler.end(RequestID(1)) == [])
        _ = scheduler.nextStep(.start)
        #expect(scheduler.sequences.map(\.phase) == [.running, .waiting])
    }

    @Test("A short prompt does not wait for a long one; the long one has its part of every step")
    func shortPromptsFirst() {
        var scheduler = scheduler(blocks: 64, context: 2_048)
        scheduler.submit(Example.task(1, prompt: 1_500, maximumTokens: 4), now: .start)
        #expect(scheduler.nextStep(.start).forward?.items.count == 1)
        scheduler.submit(Example.task(2, prompt: 8, maximumTokens: 4), now: .start)
        let step = scheduler.nextStep(.start).forward
        #expect(step?.items.map(\.sequence.value) == [1, 2])
        #expect(step?.items.last?.sampleCount == 1)
        #expect((step?.items.first?.tokens.count ?? 0) > 0)
    }

    @Test("After a cancel the blocks return at once, and the last stage hears of it after the last step")
    func cancel() {
        var scheduler = scheduler(blocks: 4)
        scheduler.submit(Example.task(1, prompt: 40, maximumTokens: 20), now: .start)
        let steps = (0..<3).map { _ in scheduler.nextStep(.start).forward }
        #expect(scheduler.end(RequestID(1)) == [])
        #expect(scheduler.end(RequestID(1)) == nil)
        #expect(scheduler.pool.availableCount == 4)
        #expect(complete(&scheduler, steps[0]).isEmpty)
        #expect(complete(&scheduler, steps[1]).isEmpty)
        #expect(complete(&scheduler, steps[2]) == [.release(SequenceID(1))])
        #expect(scheduler.isIdle)
    }

    @Test("After a new epoch the tokens so far are computed again, and none is emitted twice")
    func replay() {
        var scheduler = scheduler(stages: 1)
        scheduler.submit(Example.task(1, prompt: 4), now: .start)
        _ = complete(&scheduler, scheduler.nextStep(.start).forward, token: 60)
        _ = scheduler.nextStep(.start)
        scheduler.suspend(Epoch(1))
        #expect(scheduler.nextStep(.start).forward == nil)
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 4)
        let (forward, outcomes) = scheduler.nextStep(.start)
        #expect(outcomes.isEmpty)
        #expect(forward?.epoch == Epoch(2))
        #expect(forward?.step == StepID(1))
        #expect(forward?.items[0].tokens == [0, 1, 2, 3, 60])
        #expect(forward?.items[0].begin?.promptTokenCount == 4)
        #expect(forward?.items[0].sampleCount == 1)
        #expect(
            complete(&scheduler, forward, token: 61).first
                == .emit(
                    RequestID(1), SampledToken(token: 61)))
    }

    @Test("A sequence that grows past the replay length is computed anew once, and a loss does not change its length")
    func restart() {
        var scheduler = scheduler(stages: 1, rule: LengthRule(replayLength: 5))
        scheduler.submit(Example.task(1, prompt: 4, maximumTokens: 9), now: .start)
        func next() -> ForwardItem? {
            let forward = scheduler.nextStep(.start).forward
            _ = complete(&scheduler, forward, token: 60)
            return forward?.items[0]
        }
        let items = (0..<4).map { _ in next() }
        #expect(items.map { $0?.position } == [0, 4, 0, 6])
        #expect(items.map { $0?.tokens.count } == [4, 1, 6, 1])
        #expect(items.map { $0?.restartLength } == [4, 4, 6, 6])
        #expect(items.map { $0?.begin != nil } == [true, false, true, false])
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 1, blockCount: 4)
        let again = next()
        #expect(again?.tokens.count == 8)
        #expect(again?.restartLength == 6)
        #expect(next()?.position == 8)
    }

    @Test("A prompt longer than the replay length, or exactly as long as the answer may be, restarts at no time")
    func noRestart() {
        for (prompt, maximum) in [(6, 3), (3, 3), (5, 1)] {
            var scheduler = scheduler(stages: 1, rule: LengthRule(replayLength: 5))
            scheduler.submit(Example.task(1, prompt: prompt, maximumTokens: maximum), now: .start)
            var lengths: Set<Int> = []
            while let forward = scheduler.nextStep(.start).forward {
                lengths.insert(forward.items[0].restartLength)
                _ = complete(&scheduler, forward)
            }
            #expect(lengths == [prompt])
        }
    }

    @Test("Scoring sends all but the last token, asks for what follows each, and begins no sampler")
    func scoring() {
        var scheduler = scheduler(stages: 1)
        scheduler.submit(Example.task(1, prompt: 40, scoringStart: 20), now: .start)
        let steps = (0..<2).map { _ in scheduler.nextStep(.start).forward }
        #expect(scheduler.nextStep(.start).forward == nil)
        #expect(steps.map { $0?.items[0].tokens.count } == [16, 16])
        #expect(steps.map { $0?.items[0].targets } == [[], Array(20...32)])
        #expect(steps.allSatisfy { $0?.items[0].sampleCount == 0 && $0?.items[0].begin == nil })
        #expect(complete(&scheduler, steps[0]).isEmpty)
        #expect(complete(&scheduler, steps[1]) == [.score(RequestID(1), (20...32).map { -Float($0) })])
        scheduler.suspend(Epoch(1))
        scheduler.resume(epoch: Epoch(2), stageCount: 2, blockCount: 8)
        let again = (0..<3).map { _ in scheduler.nextStep(.start).forward }
        #expect(again.map { $0?.items[0].targets } == [[], [], Array(33...39)])
        #expect(again.last??.items[0].tokens == Array(32...38))
        for step in again.dropLast() { #expect(complete(&scheduler, step).isEmpty) }
        #expect(
            complete(&scheduler, again[2]) == [
                .score(RequestID(1), (33...39).map { -Float($0) }), .finish(RequestID(1), .length),
            ])
        #expect(scheduler.isIdle)
        #expect(scheduler.pool.availableCount == 8)
    }

    @Test("Scores that are missing, or too many, are a wrong result")
    func wrongScores() {
        for change in [-1, 1] {
            var scheduler = scheduler(stages: 1)
            scheduler.submit(Example.task(1, prompt: 8, scoringStart: 2), now: .start)
            guard let forward = scheduler.nextStep(.start).forward else { return }
            var result = Example.result(of: forward)
            if change < 0 { result.scores = [] } else { result.scores[0].logProbabilities.append(0) }
            guard case .damaged = scheduler.complete(result, .start) else {
                Issue.record("accepted")
                return
            }
        }
    }

    @Test("The result of a later step, or with other sequences, is wrong; that of an earlier one a duplicate")
    func wrongResults() {
        var scheduler = scheduler()
        scheduler.submit(Example.task(1, prompt: 40), now: .start)
        let steps = (0..<3).compactMap { _ in scheduler.nextStep(.start).forward }
        guard case .lost = scheduler.complete(Example.result(of: steps[1]), .start) else {
            Issue.record("a step was skipped")
            return
        }
        _ = complete(&scheduler, steps[0])
        #expect(scheduler.complete(Example.result(of: steps[0]), .start) == .duplicate)
        _ = complete(&scheduler, steps[1])
        var result = Example.result(of: steps[2])
        result.samples = []
        guard case .damaged = scheduler.complete(result, .start) else {
            Issue.record("a token is missing")
            return
        }
    }
}
