// Responsible for: which tokens of which sequences make up the next step. Must not know: workers, how requests came to
// run, which steps are in flight.
//
// As in Sarathi-Serve (Agrawal et al. 2024, https://arxiv.org/abs/2403.02310) a step mixes the next token of some answers
// with a piece of a prompt that is as large as the time between tokens allows. Answers are dealt evenly to the steps in
// flight, so that micro-batches cost about the same and no stage waits for a larger one.

import Sequences
import Wire

/// One step while it is made up.
struct StepBuilder: Sendable {
    private let rules: Scheduler.Rules
    private let costs: StepCosts
    private let stageCount: Int
    /// Steps in flight, and how many are wanted.
    private let flying: Int
    private let target: Int
    /// Answers that are decoded, whether or not they wait for a token now.
    private let decoding: Int

    private(set) var items: [ForwardItem] = []
    /// Whose prompts are begun with this step, and the tokens of them that need not be computed.
    private(set) var started: [(request: RequestID, reusedTokens: Int)] = []
    /// Prompt tokens that it might have; nil: no prompt waits.
    private(set) var prefillBudget: Int?
    /// Who had to make room.
    private(set) var gaveWay: [SequenceState] = []

    /// Chooses what is sent next over the stages of `pipeline`. No items: there is nothing to compute, or enough in
    /// flight.
    init(
        _ rules: Scheduler.Rules, _ pipeline: Pipeline, _ table: inout SequenceTable, _ counts: inout PipelineCounts
    ) {
        self.rules = rules
        costs = pipeline.monitor.costs
        stageCount = pipeline.stageCount
        flying = pipeline.ordinary
        decoding = table.sequences.count(where: \.isDecoding)
        target = pipeline.target(answers: decoding, hasPrompts: table.sequences.contains(where: \.isPrefilling))
        if flying < target { addAnswers(&table, &counts) }
        // Where nobody waits for a token, a piece of a prompt may wait before the first stage.
        if flying < target + (decoding == 0 ? 1 : 0) { addPrompts(&table, &counts) }
        if items.isEmpty, flying < target { addGuesses(&table) }
    }

    // MARK: Answers

    /// The next tokens of this step's share of the answers that wait for one, those first that have waited longest.
    private mutating func addAnswers(_ table: inout SequenceTable, _ counts: inout PipelineCounts) {
        let ready = table.sequences.indices.filter {
            table.sequences[$0].isDecoding && table.sequences[$0].remaining == 1
        }.sorted { table.sequences[$0].lastStep < table.sequences[$1].lastStep }
        if ready.isEmpty { return }
        let slots = target - flying
        let share = min((decoding + target - 1) / target, (ready.count + slots - 1) / slots)
        var chosen = ready.prefix(min(share, rules.maximumBatchTokens, Limits.stepItems))
        // One may have to give way to another before anything of it is sent.
        for index in chosen { gaveWay += table.grow(index, &counts) }
        chosen.removeAll { table.sequences[$0].phase == .waiting }
        var tokens = chosen.count
        for index in chosen {
            let guesses = decoding <= 2 * target ? guesses(index, besides: tokens, &table) : []
            tokens += guesses.count
            items.append(table.nextItem(index, 1, guesses: guesses))
        }
    }

    // MARK: Prompts

    /// Pieces of prompts, as many tokens as the step has room for.
    private mutating func addPrompts(_ table: inout SequenceTable, _ counts: inout PipelineCounts) {
        let indices = table.sequences.indices.filter { table.sequences[$0].isPrefilling }
        if indices.isEmpty { return }
        for index in indices { table.adopt(index, &counts) }
        let taken = items.reduce(0) { $0 + $1.tokens.count }
        let waiting = indices.reduce(0) { $0 + table.sequences[$1].remaining }
        let most = promptBudget(besides: taken, of: waiting)
        prefillBudget = most
        let shares = shares(of: min(most, rules.maximumBatchTokens - taken), table.sequences, among: indices)
        for (index, count) in zip(indices, shares) where count > 0 {
            if items.count >= Limits.stepItems { break }
            if table.start(index) {
                started.append((table.sequences[index].request, table.sequences[index].dispatched))
            }
            items.append(table.nextItem(index, count))
            counts.promptTokens += count
        }
    }

    /// [indices] tokens of each prompt. The first in order has its part of every step, so that it ends; of the rest those
    /// have most that need least, so that a short prompt does not wait for a long one; higher priorities come first.
    private func shares(of budget: Int, _ sequences: [SequenceState], among indices: [Int]) -> [Int] {
        var shares = [Int](repeating: 0, count: indices.count)
        var left = budget
        func give(_ place: Int, atMost limit: Int) {
            let more = max(0, min(left, limit, sequences[indices[place]].remaining - shares[place]))
            shares[place] += more
            left -= more
        }
        give(0, atMost: max(budget / Self.partOfFirst, Self.promptGranularity))
        let order = indices.indices.sorted {
            let (one, other) = (sequences[indices[$0]], sequences[indices[$1]])
            return (other.task.priority, one.remaining, $0) < (one.task.priority, other.remaining, $1)
        }
        for place in order where left > 0 { give(place, atMost: left) }
        return shares
    }

    /// How many of `waiting` prompt tokens the next step may have beside `taken` others.
    private func promptBudget(besides taken: Int, of waiting: Int) -> Int {
        if decoding == 0 {
            // Whoever comes next waits for the steps in flight: they are no longer than beside answers, unless that took
            // pieces so small that the whole would suffer.
            let brief = costs.promptTokens(
                besides: 0, within: rules.stepTime / .microseconds(1), limit: rules.prefillChunk,
                granularity: Self.smallestChunk)
            return costs.chunk(
                tokens: waiting, stages: stageCount, smallest: Self.smallestChunk,
                limit: min(rules.prefillChunk, max(brief, Self.leastWorthwhile)))
        }
        let most = costs.promptTokens(
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
    private static let promptGranularity = 8
    /// The prompt that has waited longest has at least this part of a step's prompt tokens.
    private static let partOfFirst = 4
    /// Pieces of so many tokens are computed about as fast as larger ones, token for token.
    private static let leastWorthwhile = 64
    /// Smaller pieces of a prompt only cost passes over the weights.
    private static let smallestChunk = 32

    // MARK: Guesses

    /// Guesses at most in one item of a step.
    private static let mostGuesses = 16
    /// The least probability that all before is right with which a step of nothing but guesses is worth sending.
    private static let worthGuessing = 0.3

    /// What may follow the last token of a sequence, as far as it pays to compute it along: only while there are so few
    /// answers that stages have time.
    private func guesses(_ index: Int, besides others: Int, _ table: inout SequenceTable) -> [Int32] {
        let limit = min(Self.mostGuesses, rules.maximumBatchTokens - others)
        guard rules.guesses, limit >= 0, !table.sequences.contains(where: \.isPrefilling) else { return [] }
        let count = costs.guesses(besides: others, acceptance: table.sequences[index].acceptance, limit: limit)
        // One is looked at in any case: whether it was right tells whether guessing would pay.
        let guesses = table.guesses(index, count: max(count, 1))
        table.expect(guesses.first, index)
        return fitting(Array(guesses.prefix(count)), index, start: table.sequences[index].tokens.count, &table)
    }

    /// As many of the guesses for positions from `start` on as are ever needed, and have blocks without taking any from
    /// others.
    private func fitting(_ guesses: [Int32], _ index: Int, start: Int, _ table: inout SequenceTable) -> [Int32] {
        let end = min(
            start + guesses.count, table.sequences[index].draftEnd(contextLength: rules.contextLength))
        table.grow(index, sparinglyTo: end)
        return Array(guesses.prefix(max(0, min(end, table.sequences[index].room) - start)))
    }

    /// A step that goes on from guesses in flight, for a stage that would be idle.
    private mutating func addGuesses(_ table: inout SequenceTable) {
        guard rules.guesses, decoding < target else { return }
        for index in table.sequences.indices
        where table.sequences[index].isDecoding && table.sequences[index].remaining == 0 {
            let acceptance = table.sequences[index].acceptance
            var probability = 1.0
            for _ in 0...table.sequences[index].draft.count { probability *= acceptance }
            guard probability >= Self.worthGuessing else { continue }
            let limit = min(Self.mostGuesses, rules.maximumBatchTokens)
            let count = max(1, costs.guesses(besides: 1, acceptance: acceptance, limit: limit))
            let guesses = table.guesses(index, count: count)
            let fitting = fitting(guesses, index, start: table.sequences[index].dispatched, &table)
            if !fitting.isEmpty { return items = [table.nextItem(index, 0, guesses: fitting)] }
        }
    }
}
