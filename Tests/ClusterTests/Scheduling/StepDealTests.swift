// Responsible for: to how many steps answers are dealt, where the best number is known. Must not know: requests.

import Testing
import Wire

@testable import Cluster

@Suite struct StepDealTests {
    /// `fixed` microseconds for a step and `each` for a token of it.
    private func deal(
        stages: Int, fixed: Double, each: Double, share: Double? = nil, hops: Double = 0
    ) -> StepDeal {
        var costs = StepCosts()
        for tokens in 0..<8 {
            costs.note(tokens: 1 << tokens, microseconds: UInt64(fixed + each * Double(1 << tokens)))
        }
        return StepDeal(
            stageCount: stages, costs: costs, stagesShare: share ?? Double(stages), hopMicroseconds: hops)
    }

    @Test(
        "Like stages with fast hops have as many steps as stages, whatever a token costs",
        arguments: [(5_000.0, 0.0), (1_000, 250), (0, 1_000)])
    func alike(_ fixed: Double, _ each: Double) {
        for (stages, answers) in [(2, 8), (4, 8), (8, 16), (4, 64)] {
            let deal = deal(stages: stages, fixed: fixed, each: each, hops: 150)
            #expect(deal.steps(answers: answers, usual: stages, most: 2 * stages) == stages)
        }
    }

    @Test("Where one stage takes as long as all others together, two steps keep it busy and make it read least")
    func unequal() {
        let deal = deal(stages: 4, fixed: 20_000, each: 100, share: 2)
        #expect(deal.steps(answers: 16, usual: 4, most: 8) == 2)
        // Only one stage counts, and the hops cost nothing.
        #expect(self.deal(stages: 4, fixed: 20_000, each: 100, share: 1.05).steps(answers: 16, usual: 4, most: 8) == 1)
        // A token costs, a step does not: then fewer steps gain nothing.
        #expect(self.deal(stages: 4, fixed: 0, each: 1_000, share: 1.8).steps(answers: 16, usual: 4, most: 8) == 4)
    }

    @Test("Where hops take about as long as steps that cost less when they are smaller, there are more of them")
    func hops() {
        let deal = deal(stages: 2, fixed: 1_000, each: 250, hops: 2_000)
        #expect(deal.cycle(answers: 16, steps: 2) == 8_000)
        #expect(deal.steps(answers: 16, usual: 2, most: 4) == 3)
        let slow = self.deal(stages: 2, fixed: 5_000, each: 0, hops: 2_000)
        #expect(slow.steps(answers: 16, usual: 2, most: 4) == 2)
    }

    @Test("Fewer answers than stages, one stage, and costs that nobody measured leave what is usual")
    func usual() {
        let deal = deal(stages: 4, fixed: 20_000, each: 100, share: 1.5)
        #expect(deal.steps(answers: 3, usual: 5, most: 8) == 5)
        #expect(self.deal(stages: 1, fixed: 9, each: 9).steps(answers: 9, usual: 1, most: 2) == 1)
        let nothing = StepDeal(stageCount: 2, costs: StepCosts(), stagesShare: 2, hopMicroseconds: 0)
        #expect(nothing.steps(answers: 9, usual: 2, most: 4) == 2)
    }

    @Test("A pipeline with a slow stage sends fewer, larger steps once it is known; prompts have what is usual")
    func measured() {
        var monitor = PipelineMonitor(stageCount: 4)
        let slow = StageMicroseconds(compute: 20_000)
        let fast = StageMicroseconds(compute: 3_000)
        #expect(monitor.targetSteps(answers: 16, hasPrompts: false, most: 8) == 4)
        for tokens in [4, 4, 4, 4, 4, 4, 4, 4] {
            monitor.note(
                [fast, slow, fast, fast, StageMicroseconds(wait: 29_200)], tokens: tokens, samples: tokens, .start)
        }
        #expect(monitor.targetSteps(answers: 16, hasPrompts: false, most: 8) == 2)
        #expect(monitor.targetSteps(answers: 16, hasPrompts: true, most: 8) == 4)
        #expect(monitor.targetSteps(answers: 3, hasPrompts: false, most: 8) == 4)
    }
}
