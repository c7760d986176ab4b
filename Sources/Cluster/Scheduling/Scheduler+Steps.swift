// Responsible for: which tokens of which sequences make up the next step. Must not know: workers, how requests came to
// run.
//
// As in Sarathi-Serve (Agrawal et al. 2024, https://arxiv.org/abs/2403.02310) a step mixes the next token of some answers
// with a piece of a prompt that is as large as the time between tokens allows. Answers are dealt evenly to the steps in
// flight, so that micro-batches cost about the same and no stage waits for a larger one.

import Wire

extension Scheduler {
    /// Lets requests run, then chooses the next step; nil: there is nothing to compute, or enough in flight.
    mutating func nextStep(_ now: Moment) -> (forward: Forward?, outcomes: [Outcome]) {
        var outcomes = admit()
        guard stageCount > 0 else { return (nil, outcomes) }
        let decoding = sequences.count(where: \.isDecoding)
        let target = min(monitor.targetSteps, Limits.stepsInFlight(stages: stageCount) - 1)
        counts.targetSteps = target
        var items: [ForwardItem] = []
        if steps.count < target { items = answerItems(decoding, target, &outcomes) }
        // Where nobody waits for a token, a piece of a prompt may wait before the first stage.
        if steps.count < target + (decoding == 0 ? 1 : 0) { items += promptItems(decoding, target, items, &outcomes) }
        if items.isEmpty, steps.count < target, let item = guessItem(decoding, target) { items = [item] }
        if items.isEmpty { return (nil, outcomes) }
        return (send(items, now, &outcomes), outcomes)
    }

    private mutating func send(_ items: [ForwardItem], _ now: Moment, _ outcomes: inout [Outcome]) -> Forward {
        lastStep = StepID(lastStep.value + 1)
        if steps.isEmpty { monitor.begin(now) }
        var sent: [StepItem] = []
        for item in items {
            guard let index = sequences.firstIndex(where: { $0.id == item.sequence }) else {
                preconditionFailure("what is sent belongs to a sequence that runs")
            }
            sequences[index].lastStep = lastStep
            sent.append(
                StepItem(
                    sequence: item.sequence, start: item.position, end: item.position + item.tokens.count,
                    round: sequences[index].round, sampleCount: item.sampleCount, draftCount: item.draftCount,
                    targets: item.targets.count))
            counts.draftedTokens += UInt64(item.draftCount)
            noteBlocks(index)
        }
        steps.append(Step(id: lastStep, items: sent))
        return Forward(epoch: epoch, step: lastStep, items: items)
    }

    // MARK: Answers

    /// The next tokens of this step's share of the answers that wait for one, those first that have waited longest.
    private mutating func answerItems(_ decoding: Int, _ target: Int, _ outcomes: inout [Outcome]) -> [ForwardItem] {
        let ready = sequences.indices.filter { sequences[$0].isDecoding && sequences[$0].remaining == 1 }
            .sorted { sequences[$0].lastStep < sequences[$1].lastStep }
        if ready.isEmpty { return [] }
        let slots = target - steps.count
        let share = min((decoding + target - 1) / target, (ready.count + slots - 1) / slots)
        var chosen = ready.prefix(min(share, rules.maximumBatchTokens, Limits.stepItems))
        // One may have to give way to another before anything of it is sent.
        for index in chosen where sequences[index].phase == .running {
            _ = grow(index, to: sequences[index].tokens.count, &outcomes)
        }
        chosen.removeAll { sequences[$0].phase == .waiting }
        var items: [ForwardItem] = []
        var tokens = chosen.count
        for index in chosen {
            let guesses = decoding <= 2 * target ? guesses(index, besides: tokens) : []
            tokens += guesses.count
            items.append(sequences[index].nextItem(1, guesses: guesses))
        }
        return items
    }

    // MARK: Prompts

    /// Pieces of prompts, in the order of the sequences, as many tokens as the step has room for.
    private mutating func promptItems(
        _ decoding: Int, _ target: Int, _ others: [ForwardItem], _ outcomes: inout [Outcome]
    ) -> [ForwardItem] {
        let indices = sequences.indices.filter { sequences[$0].isPrefilling }
        if indices.isEmpty { return [] }
        let taken = others.reduce(0) { $0 + $1.tokens.count }
        var budget = promptBudget(
            decoding > 0, besides: taken, of: indices.reduce(0) { $0 + sequences[$1].remaining }, target)
        counts.prefillBudget = budget
        budget = min(budget, rules.maximumBatchTokens - taken)
        var items: [ForwardItem] = []
        for index in indices {
            if budget <= 0 || items.count + others.count >= Limits.stepItems { break }
            adopt(index)
            let count = min(budget, sequences[index].remaining)
            if !sequences[index].hasStarted {
                sequences[index].hasStarted = true
                outcomes.append(.started(sequences[index].request, reusedTokens: sequences[index].dispatched))
            }
            items.append(sequences[index].nextItem(count))
            budget -= count
            counts.promptTokens += UInt64(count)
        }
        return items
    }

    /// How many of `waiting` prompt tokens the next step may have beside `taken` others.
    private func promptBudget(_ isDecoding: Bool, besides taken: Int, of waiting: Int, _ target: Int) -> Int {
        guard isDecoding else {
            return monitor.costs.chunk(
                tokens: waiting, stages: stageCount, smallest: Self.smallestChunk, limit: rules.prefillChunk)
        }
        let most = monitor.costs.promptTokens(
            besides: taken, within: rules.stepTime / .microseconds(1), limit: rules.prefillChunk,
            granularity: Self.promptGranularity)
        // A step much larger than those before and after it keeps other stages waiting: what there is of prompts is dealt
        // to as many steps as are under way in two rounds. One stage waits for nobody.
        if stageCount == 1 { return most }
        let even = (waiting + 2 * target - 1) / (2 * target)
        let granules = (even + Self.promptGranularity - 1) / Self.promptGranularity
        return min(most, granules * Self.promptGranularity)
    }

    /// Beside answers, prompts go in pieces of a multiple of so many tokens: what kernels compute together.
    static let promptGranularity = 8
    /// Smaller pieces of a prompt only cost passes over the weights.
    static let smallestChunk = 32

    // MARK: Guesses

    /// Guesses at most in one item of a step.
    static let mostGuesses = 16
    /// The least probability that all before is right with which a step of nothing but guesses is worth sending.
    static let worthGuessing = 0.3

    /// What may follow the last token of a sequence, as far as it pays to compute it along: only while there are so few
    /// answers that stages have time.
    private mutating func guesses(_ index: Int, besides others: Int) -> [Int32] {
        let limit = min(Self.mostGuesses, rules.maximumBatchTokens - others)
        guard rules.guesses, limit >= 0, !sequences.contains(where: \.isPrefilling) else { return [] }
        let count = monitor.costs.guesses(
            besides: others, acceptance: sequences[index].acceptance, limit: limit)
        // One is looked at in any case: whether it was right tells whether guessing would pay.
        let guesses = sequences[index].lookup.guesses(
            after: sequences[index].tokens, sequences[index].draft, count: max(count, 1))
        if sequences[index].draft.isEmpty { sequences[index].expectation = guesses.first }
        return fitting(Array(guesses.prefix(count)), index, start: sequences[index].tokens.count)
    }

    /// As many of the guesses for positions from `start` on as are ever needed, and have blocks without taking any from
    /// others.
    private mutating func fitting(_ guesses: [Int32], _ index: Int, start: Int) -> [Int32] {
        let end = min(
            start + guesses.count, sequences[index].draftEnd(contextLength: rules.contextLength))
        while sequences[index].blocks.count * Limits.blockPositions < end, pool.availableCount > runningCount,
            let block = pool.take()
        {
            sequences[index].blocks.append(block)
        }
        let limit = min(end, sequences[index].blocks.count * Limits.blockPositions)
        return Array(guesses.prefix(max(0, limit - start)))
    }

    /// A step that goes on from guesses in flight, for a stage that would be idle.
    private mutating func guessItem(_ decoding: Int, _ target: Int) -> ForwardItem? {
        guard rules.guesses, decoding < target else { return nil }
        for index in sequences.indices where sequences[index].isDecoding && sequences[index].remaining == 0 {
            var probability = 1.0
            for _ in 0...sequences[index].draft.count { probability *= sequences[index].acceptance }
            guard probability >= Self.worthGuessing else { continue }
            let count = max(
                1,
                monitor.costs.guesses(
                    besides: 1, acceptance: sequences[index].acceptance,
                    limit: min(Self.mostGuesses, rules.maximumBatchTokens)))
            let guesses = sequences[index].lookup.guesses(
                after: sequences[index].tokens, sequences[index].draft, count: count)
            let fitting = fitting(guesses, index, start: sequences[index].dispatched)
            if !fitting.isEmpty { return sequences[index].nextItem(0, guesses: fitting) }
        }
        return nil
    }
}
