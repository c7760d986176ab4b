// Responsible for: guessing ahead changes when tokens come, never which. Must not know: workers.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct GuessTests {
    /// A last stage that knows the answer: token p of it is `answer(p)`.
    private struct Stage {
        let answer: (Int) -> Int32
        var known = 0
        var last: Int32 = -1

        mutating func result(of forward: Forward) -> StepResult {
            var result = StepResult(epoch: forward.epoch, step: forward.step)
            for item in forward.items {
                if let begin = item.begin { (known, last) = (item.position, begin.history.last ?? -1) }
                for (offset, token) in item.tokens.enumerated() {
                    let position = item.position + offset
                    if offset >= item.tokens.count - item.draftCount, position != known - 1 || token != last { break }
                    if position >= known { (known, last) = (position + 1, token) }
                    if offset < item.tokens.count - item.sampleCount { continue }
                    (known, last) = (position + 2, answer(position + 1))
                    result.samples.append(SequenceSample(sequence: item.sequence, sample: SampledToken(token: last)))
                }
            }
            let time = StageMicroseconds(compute: 1_000)
            result.timings = [time, time, StageMicroseconds()]
            return result
        }
    }

    /// The tokens of one answer, how many steps they took, how many of those were skipped.
    private func run(
        _ scheduler: inout Scheduler, _ answer: @escaping (Int) -> Int32, tokens: Int
    ) -> (tokens: [Int32], steps: Int, rounds: Int) {
        scheduler.submit(Example.task(1, prompt: 8, maximumTokens: tokens), now: .start)
        var stage = Stage(answer: answer)
        var flying: [Forward] = []
        var skipped: Set<StepID> = []
        var told: [Int32] = []
        var (steps, rounds) = (0, 0)
        while !scheduler.isIdle || !flying.isEmpty {
            while let forward = scheduler.nextStep(.start).forward {
                flying.append(forward)
                steps += 1
            }
            guard !flying.isEmpty else { break }
            let forward = flying.removeFirst()
            var result = stage.result(of: forward)
            if skipped.contains(forward.step) { result.samples = [] } else { rounds += 1 }
            guard case .done(let outcomes) = scheduler.complete(result, .start) else {
                Issue.record("\(scheduler.complete(result, .start))")
                break
            }
            for outcome in outcomes {
                if case .emit(_, let token) = outcome { told.append(token.token) }
                if case .skip(let steps) = outcome { skipped.formUnion(steps) }
            }
        }
        return (told, steps, rounds)
    }

    @Test("Tokens are those of the answer, whatever is guessed", arguments: 1...40)
    func equal(_ seed: Int) {
        // Runs of what was said before, of changing lengths, with something new between them.
        func answer(_ position: Int) -> Int32 {
            position * 7919 % (seed + 3) == 0 ? Int32(1_000 + position) : Int32(position % (seed % 5 + 2))
        }
        var scheduler = Example.scheduler(blocks: 16, context: 256, guesses: true)
        let outcome = run(&scheduler, answer, tokens: 150)
        #expect(outcome.tokens == (8..<158).map(answer))
        #expect(scheduler.isIdle)
        #expect(scheduler.pool.availableCount == 16)
        #expect(scheduler.stepsInFlight == 0)
    }

    @Test("An answer that repeats itself takes far fewer steps than tokens")
    func repetition() {
        var scheduler = Example.scheduler(blocks: 16, context: 256, guesses: true)
        let outcome = run(&scheduler, { Int32($0 % 4 + 100) }, tokens: 200)
        #expect(outcome.tokens.count == 200)
        #expect(outcome.steps < 60)
        #expect(scheduler.counts.acceptedTokens > 150)
    }

    @Test("An answer that says nothing twice is not guessed at")
    func novelty() {
        var scheduler = Example.scheduler(blocks: 16, context: 256, guesses: true)
        let outcome = run(&scheduler, { Int32($0 + 1_000) }, tokens: 200)
        #expect(outcome.steps == 200)
        #expect(scheduler.counts.draftedTokens == 0)
    }

    @Test("A wrong guess costs no later step its place: what was built on it is skipped")
    func skipping() {
        var scheduler = Example.scheduler(blocks: 16, context: 256, guesses: true)
        let outcome = run(&scheduler, { $0 % 37 == 0 ? Int32(1_000 + $0) : Int32($0 % 4 + 100) }, tokens: 200)
        #expect(outcome.tokens.count == 200)
        #expect(scheduler.counts.skippedSteps > 0)
        #expect(outcome.rounds == outcome.steps - Int(scheduler.counts.skippedSteps))
    }

    @Test("What has been said before is found by its last tokens, and runs on round a repetition")
    func lookup() {
        var lookup = PromptLookup()
        #expect(lookup.guesses(after: [1, 2, 3, 4, 9, 2, 3], [], count: 3) == [4, 9, 2])
        #expect(lookup.guesses(after: [1, 2, 3, 4, 9, 2, 3, 4, 9], [], count: 5) == [2, 3, 4, 9, 2])
        #expect(lookup.guesses(after: [1, 2, 3, 4, 9, 2, 3, 4, 9], [2, 3], count: 2) == [4, 9])
        #expect(lookup.guesses(after: [1, 2, 3, 4, 9, 2, 3, 4, 9, 77], [], count: 2).isEmpty)
    }
}
