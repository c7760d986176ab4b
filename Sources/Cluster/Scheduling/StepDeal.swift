// Responsible for: to how many steps in flight answers are dealt so that most tokens come, by what steps of each size cost.
// Must not know: requests, workers, what is in a step.
//
// Each answer gets a token once in a cycle. With m steps of n tokens the slowest stage has m steps to compute in it, and
// every step has to get through all stages and the hops between them, so a cycle takes
//
//     max(m * slowest(n), all stages(n) + hops)
//
// As many steps as there are stages suit like stages and fast hops. More of them, each smaller, fill the time that hops
// take where a smaller step costs less. Fewer, larger ones are better where one stage is slower than others: the others wait
// for it in any case, and each step makes it read its weights.

/// What a cycle depends on.
struct StepDeal: Sendable {
    let stageCount: Int
    let costs: StepCosts
    /// How many times as long as at the slowest stage a step takes at all stages together, 1 to `stageCount`.
    let stagesShare: Double
    /// All hops of a step together.
    let hopMicroseconds: Double

    /// What is predicted must be better by so much for another number of steps.
    private static let leastGain = 0.05

    /// The number of steps, up to `most`, for so many answers; `usual` where no other is clearly better, or nothing is known.
    func steps(answers: Int, usual: Int, most: Int) -> Int {
        guard answers >= stageCount, stageCount > 1, let known = cycle(answers: answers, steps: min(usual, answers))
        else {
            return usual
        }
        var best = (steps: usual, time: known * (1 - Self.leastGain))
        for steps in 1...max(1, min(most, answers)) {
            guard let time = cycle(answers: answers, steps: steps), time < best.time else { continue }
            best = (steps, time)
        }
        return best.steps
    }

    /// Microseconds from a token of each answer to the next; nil: nothing was measured.
    func cycle(answers: Int, steps: Int) -> Double? {
        let largest = (answers + steps - 1) / steps
        guard let mean = costs.microseconds(meanTokens: Double(answers) / Double(steps)),
            let whole = costs.microseconds(tokens: largest)
        else { return nil }
        return max(Double(steps) * mean, whole * stagesShare + hopMicroseconds)
    }
}
