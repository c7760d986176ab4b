// Responsible for: steps in flight cost about the same, and their sizes follow what was measured. Must not know: workers.

import Testing
import Wire

@testable import Cluster

@Suite struct BalanceTests {
    /// Decodes `count` answers over `stages` stages for a while, one result at a time; the sizes of the last steps.
    private func sizes(_ scheduler: inout Scheduler, stages: Int, rounds: Int = 20) -> [Int] {
        var flying: [Forward] = []
        var sizes: [Int] = []
        for _ in 0..<(rounds * stages) {
            while let forward = scheduler.nextStep(.start).forward { flying.append(forward) }
            if flying.isEmpty { break }
            let forward = flying.removeFirst()
            sizes.append(forward.tokenCount)
            _ = scheduler.complete(Example.result(of: forward), .start)
        }
        return Array(sizes.suffix(stages))
    }

    @Test(
        "Answers are dealt evenly to as many steps as there are stages",
        arguments: [(8, 4), (4, 4), (16, 4), (9, 4), (2, 4), (31, 8), (1, 1)])
    func even(_ count: Int, _ stages: Int) {
        var scheduler = Example.scheduler(blocks: 64, stages: stages, running: 32)
        for request in 1...UInt64(count) {
            scheduler.submit(Example.task(request, prompt: 3, maximumTokens: 100), now: .start)
        }
        let sizes = sizes(&scheduler, stages: stages)
        #expect(sizes.max() == (count + stages - 1) / stages)
        #expect(sizes.count == stages)
        // One result has come since steps were last sent.
        #expect(scheduler.stepsInFlight == min(count, stages) - 1)
    }

    @Test("A stage that would be idle because of how answers ended gets its share again")
    func dealtAnew() {
        var scheduler = Example.scheduler(blocks: 64, stages: 2, running: 32)
        // Those of one step end early.
        for request: UInt64 in 1...8 {
            scheduler.submit(
                Example.task(request, prompt: 3, maximumTokens: request % 2 == 0 ? 5 : 100), now: .start)
        }
        #expect(sizes(&scheduler, stages: 2) == [2, 2])
    }

    @Test("Where hops take as long as steps, more steps are in flight")
    func hops() {
        var monitor = PipelineMonitor(stageCount: 2)
        #expect(monitor.targetSteps == 2)
        let stage = StageMicroseconds(wire: 100, queue: 10, compute: 1_000)
        for _ in 0..<50 { monitor.note([stage, stage, StageMicroseconds(wire: 100)], tokens: 1, samples: 1, .start) }
        #expect(monitor.targetSteps == 2)
        // Round trips of 3,500 us, of which 2,020 are spent in stages.
        for _ in 0..<100 {
            monitor.note([stage, stage, StageMicroseconds(wire: 0, wait: 3_500)], tokens: 1, samples: 1, .start)
        }
        #expect(monitor.targetSteps == 3)
        for _ in 0..<100 {
            monitor.note([stage, stage, StageMicroseconds(wire: 0, wait: 90_000)], tokens: 1, samples: 1, .start)
        }
        #expect(monitor.targetSteps == 4)
    }

    @Test("Busy and bubble are shares of the time in which there was something to do")
    func shares() {
        var monitor = PipelineMonitor(stageCount: 2)
        monitor.begin(.milliseconds(1_000))
        for step: UInt64 in 1...100 {
            monitor.note(
                [StageMicroseconds(compute: 9_000), StageMicroseconds(compute: 5_000), StageMicroseconds(wire: 1)],
                tokens: 4, samples: 4,
                .milliseconds(1_000 + step * 10))
        }
        monitor.pause(.milliseconds(2_000))
        #expect(monitor.active(.milliseconds(5_000)) == .microseconds(1_000_000))
        #expect(abs(monitor.bubble(.milliseconds(5_000)) - 0.3) < 1e-9)
        #expect(abs(monitor.recentBusy(0, .milliseconds(2_000)) - 0.9) < 0.02)
        #expect(abs(monitor.recentBusy(1, .milliseconds(2_000)) - 0.5) < 0.02)
    }

    private func costs(_ points: [(Int, UInt64)]) -> StepCosts {
        var costs = StepCosts()
        for (tokens, time) in points { for _ in 0..<5 { costs.note(tokens: tokens, microseconds: time) } }
        return costs
    }

    @Test("Between measured sizes a step costs what lies between")
    func interpolation() {
        let costs = costs([(1, 10_000), (16, 12_000), (128, 100_000)])
        #expect(costs.microseconds(tokens: 1) == 10_000)
        #expect(costs.microseconds(tokens: 16) == 12_000)
        #expect(costs.microseconds(tokens: 72).map { abs($0 - 56_000) < 1 } == true)
        #expect(costs.microseconds(tokens: 240).map { abs($0 - 188_000) < 1 } == true)
        #expect(StepCosts().microseconds(tokens: 1) == nil)
    }

    @Test("Beside answers a prompt gets as many tokens as the time between tokens allows")
    func budget() {
        let costs = costs([(1, 10_000), (16, 12_000), (128, 100_000)])
        #expect(costs.promptTokens(besides: 8, within: 56_000, limit: 256, granularity: 16) == 64)
        #expect(costs.promptTokens(besides: 8, within: 1, limit: 256, granularity: 16) == 16)
        #expect(costs.promptTokens(besides: 8, within: 1e9, limit: 256, granularity: 16) == 256)
    }

    @Test("A long prompt goes in small chunks over many stages, and in large ones where steps cost as much when small")
    func chunks() {
        let linear = costs([(32, 32_000), (64, 62_000), (128, 122_000), (256, 242_000)])
        #expect(linear.chunk(tokens: 512, stages: 8, smallest: 32, limit: 256) == 32)
        #expect(linear.chunk(tokens: 4_096, stages: 1, smallest: 32, limit: 256) == 256)
        let flat = costs([(32, 5_000), (64, 5_000), (128, 5_000), (256, 5_000)])
        #expect(flat.chunk(tokens: 512, stages: 8, smallest: 32, limit: 256) == 256)
    }

    @Test("As many are guessed as pay: none that are wrong, many that are right, few where each costs")
    func guesses() {
        let flat = costs([(1, 10_000), (16, 10_500)])
        let steep = costs([(1, 10_000), (16, 160_000)])
        #expect(flat.guesses(besides: 1, acceptance: 0.01, limit: 16) == 0)
        #expect(flat.guesses(besides: 1, acceptance: 0.98, limit: 16) >= 15)
        #expect((2...8).contains(flat.guesses(besides: 1, acceptance: 0.5, limit: 16)))
        #expect(steep.guesses(besides: 1, acceptance: 0.5, limit: 16) == 0)
    }
}
