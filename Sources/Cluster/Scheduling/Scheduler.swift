// Responsible for: requests from their coming to their end: admission, steps, and what results mean for them. Must not
// know: workers, sockets, who runs with which blocks (SequenceTable), how steps are made up (StepBuilder).

import Sequences
import Wire

/// Requests with their KV blocks, and the steps in flight over the stages of one plan.
struct Scheduler: Sendable {
    /// What a request's client, or a stage, must be told.
    enum Outcome: Sendable, Equatable {
        case started(RequestID, reusedTokens: Int)
        case emit(RequestID, SampledToken)
        /// The log-probabilities of the next tokens of a prompt that is scored.
        case score(RequestID, [Float])
        case finish(RequestID, FinishReason)
        /// There is no (more) answer, as what is computed for it are no numbers.
        case notNumbers(RequestID)
        /// No step of it is in flight any more.
        case release(SequenceID)
        /// These steps need not be computed.
        case skip([StepID])
    }

    /// What a result turned out to be.
    enum Completion: Sendable, Equatable {
        case done([Outcome])
        /// Already complete.
        case duplicate
        /// A step was lost: how that shows.
        case lost(String)
        /// Whoever sent it is wrong: how that shows. Nothing of it was used.
        case damaged(String)
    }

    /// By what it decides.
    struct Rules: Sendable {
        var contextLength: Int
        var vocabularySize: Int
        /// Tokens of prompts in one step, and tokens in one step, at most.
        var prefillChunk: Int
        var maximumBatchTokens: Int
        var maximumRunning: Int
        var lengthRule = LengthRule()
        /// While answers are decoded, a step takes no longer at any stage if its share of a prompt can be so small.
        var stepTime = Duration.milliseconds(100)
        /// Answers are guessed ahead where stages would be idle.
        var guesses = true
        /// Finished or preempted requests leave their keys and values to be found.
        var keepsPrefixes = true
    }

    private let rules: Rules
    private var table: SequenceTable
    private var pipeline = Pipeline.none
    /// nil: stages have all that they must.
    private var rebuild: Rebuild?
    private(set) var counts = PipelineCounts()
    private(set) var generatedTokens: UInt64 = 0
    /// Prompt tokens that the last step with a piece of a prompt might have beside those that were decoded.
    private(set) var prefillBudget = 0

    init(_ rules: Rules) {
        self.rules = rules
        table = SequenceTable(rules)
    }

    /// In the order of their turns.
    var sequences: [SequenceState] { table.sequences }
    /// No request is unfinished.
    var isIdle: Bool { table.sequences.isEmpty }
    var waitingCount: Int { table.waitingCount }
    var runningCount: Int { table.runningCount }
    var pool: BlockPool { table.pool }
    var monitor: PipelineMonitor { pipeline.monitor }
    /// As many steps are wanted in flight.
    var targetSteps: Int {
        pipeline.target(
            answers: table.sequences.count(where: \.isDecoding),
            hasPrompts: table.sequences.contains(where: \.isPrefilling))
    }
    var stepsInFlight: Int { pipeline.steps.count }
    var tokensInFlight: Int { pipeline.steps.reduce(0) { $0 + $1.tokens } }
    /// Since when the step that must come through next is the next; nil: none is in flight.
    var oldestStep: Moment? { pipeline.steps.isEmpty ? nil : pipeline.oldestSince }
    /// In this epoch.
    var stepsDispatched: UInt64 { pipeline.lastStep.value }

    // MARK: Changes while a plan serves

    /// No step is sent, until another plan serves or `endFence`.
    private(set) var isFenced = false

    mutating func fence() { isFenced = true }

    mutating func endFence() { isFenced = false }

    /// What there is in KV blocks that no step in flight writes to.
    var settledContents: [BlockExtent] {
        let doubtful = pipeline.firstDoubtful(blockCount: table.pool.count)
        return table.contents.enumerated().compactMap { block, positions in
            guard positions > 0, doubtful[block] == KeyValueBlock.positions else { return nil }
            return BlockExtent(block: Int32(block), positions: positions)
        }
    }

    /// The same, token for token, while none is in flight.
    var texts: [Holding.Block] { table.texts }

    // MARK: Epochs

    /// The stages have the keys and values of everything that was sent: nothing is (any more) to be rebuilt.
    var isWhole: Bool { rebuild == nil }
    /// Requests have something in KV blocks.
    var holdsBlocks: Bool { table.sequences.contains { $0.phase == .running && $0.dispatched > 0 } }

    /// The plan of this epoch is over, and its steps in flight are lost. Requests keep their blocks, and go back to what
    /// stages have of them for certain.
    mutating func suspend(_ epoch: Epoch) {
        guard epoch == pipeline.epoch else { return }
        let doubtful = pipeline.firstDoubtful(blockCount: table.pool.count)
        pipeline = .none
        (rebuild, isFenced) = (nil, false)
        table.goBack(toBefore: doubtful)
    }

    /// A new plan serves. Its stages have the blocks as they were, but for the layers that are `missing`: these are rebuilt.
    /// nil: they have nothing, and requests begin anew.
    mutating func resume(epoch: Epoch, stageCount: Int, blockCount: Int, missing: LostLayers? = nil) {
        pipeline = Pipeline(epoch: epoch, stageCount: stageCount, vocabularySize: rules.vocabularySize)
        (rebuild, isFenced) = (nil, false)
        guard let missing, blockCount == table.pool.count else { return table.reset(blockCount: blockCount) }
        table.goOn(lackingLayers: !missing.isEmpty)
        rebuild = Rebuild(missing, of: table)
    }

    /// The stages of the plan that is about to serve, the first there is, have these blocks: how many positions are in them.
    mutating func adopt(_ blocks: [Holding.Block], blockCount: Int) -> Int {
        table.adopt(blocks, blockCount: blockCount)
    }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) { pipeline.excuse(gap, now) }

    // MARK: Requests

    mutating func submit(_ task: GenerationTask, now: Moment) { table.insert(task, now) }

    /// Waiting requests that are served before this one.
    func waitingCount(before request: RequestID) -> Int { table.waitingCount(before: request) }

    /// The request that gives its place in a full queue to one of `client`; nil: none does.
    func displaceable(by client: ClientID) -> RequestID? { table.displaceable(by: client) }

    /// Ends an unfinished request now. nil: there is none.
    mutating func end(_ request: RequestID) -> [Outcome]? { table.index(of: request).map { retire($0) } }

    /// The request is over.
    private mutating func retire(_ index: Int) -> [Outcome] {
        counts.finishedRequests += 1
        return table.remove(index).map { forget($0) } ?? []
    }

    /// What stages hold for a sequence that ran, and steps that only it needs, are of no use any more.
    private mutating func forget(_ sequence: SequenceState) -> [Outcome] {
        var outcomes = skipSteps(of: sequence)
        if sequence.hasBegun, pipeline.end(sequence.id) { outcomes.append(.release(sequence.id)) }
        return outcomes
    }

    private mutating func skipSteps(of sequence: SequenceState) -> [Outcome] {
        let skipped = pipeline.skipGuesses(
            of: sequence.id, before: sequence.round, from: sequence.tokens.count)
        counts.skippedSteps += skipped.count
        return skipped.isEmpty ? [] : [.skip(skipped)]
    }

    // MARK: Steps

    /// Lets requests run, then chooses the next step; nil: there is nothing to compute, or enough in flight.
    mutating func nextStep(_ now: Moment) -> (forward: Forward?, outcomes: [Outcome]) {
        guard pipeline.steps.count < Limits.stepsInFlight(stages: pipeline.stageCount), pipeline.stageCount > 0,
            !isFenced
        else { return (nil, []) }
        if let forward = nextRebuild(now) { return (forward, []) }
        let preempted = table.admit(&counts)
        let step = StepBuilder(rules, pipeline, &table, &counts)
        prefillBudget = step.prefillBudget ?? prefillBudget
        var outcomes: [Outcome] = []
        for sequence in preempted + step.gaveWay { outcomes += forget(sequence) }
        outcomes += step.started.map { .started($0.request, reusedTokens: $0.reusedTokens) }
        return (step.items.isEmpty ? nil : send(step.items, now), outcomes)
    }

    /// The next piece of what stages lack; nil: they lack nothing, or enough of it is on its way.
    private mutating func nextRebuild(_ now: Moment) -> Forward? {
        while pipeline.rebuilding < Self.rebuildsInFlight,
            let piece = rebuild?.next(of: table, limit: rules.prefillChunk)
        {
            // Whoever has its last piece on its way goes on: what follows comes after it at every stage.
            for sequence in piece.completed {
                if let index = table.runningIndex(of: sequence) { table.settle(index, isWhole: true) }
            }
            if piece.items.isEmpty { continue }
            let items = piece.items.map { Pipeline.Item($0, round: 0) }
            var forward = Forward(
                epoch: pipeline.epoch, step: pipeline.send(items, isRebuild: true, now), items: piece.items)
            forward.rebuilt = piece.layers
            counts.rebuiltLayerTokens += forward.tokenCount * piece.layers.count
            return forward
        }
        endRebuild()
        return nil
    }

    /// What was lost is there again once its last piece is through.
    private mutating func endRebuild() {
        if rebuild?.isSent == true, pipeline.rebuilding == 0 { rebuild = nil }
    }

    /// One is computed, one is before it and one behind.
    private static let rebuildsInFlight = 3

    private mutating func send(_ items: [ForwardItem], _ now: Moment) -> Forward {
        let sent = items.map { item in
            guard let index = table.runningIndex(of: item.sequence) else {
                preconditionFailure("what is sent belongs to a sequence that runs")
            }
            return Pipeline.Item(
                item, round: table.sequences[index].round,
                logProbabilityCount: table.sequences[index].task.sampling.logProbabilityCount)
        }
        let step = pipeline.send(sent, now)
        for item in items {
            table.noteSent(item, in: step, of: pipeline.epoch)
            counts.draftedTokens += item.draftCount
        }
        return Forward(epoch: pipeline.epoch, step: step, items: items)
    }

    // MARK: Results

    /// What the result of a step of this epoch means.
    mutating func complete(_ result: StepResult, _ now: Moment) -> Completion {
        let step: Pipeline.Step
        let parts: [(samples: ArraySlice<SequenceSample>, score: SequenceScores?)]
        switch pipeline.complete(result, now) {
        case .duplicate: return .duplicate
        case .lost(let why): return .lost(why)
        case .damaged(let why): return .damaged(why)
        case .complete(let oldest, let its): (step, parts) = (oldest, its)
        }
        if step.isRebuild { endRebuild() }
        // Before anything is taken: a token that is in an answer has been told.
        for (item, part) in zip(step.items, parts) where !result.damaged.contains(item.sequence) {
            if let problem = problem(with: part.samples, of: item) { return .damaged("\(step.id) \(problem)") }
        }
        var outcomes: [Outcome] = []
        for (item, part) in zip(step.items, parts) {
            // It may have ended, or run anew, since.
            guard let index = table.runningIndex(of: item.sequence) else { continue }
            if result.damaged.contains(item.sequence) {
                outcomes.append(.notNumbers(table.sequences[index].request))
                outcomes += retire(index)
                continue
            }
            if item.round == table.sequences[index].round { outcomes += take(part.samples, index) }
            if let score = part.score { outcomes += note(score) }
        }
        return .done(outcomes + pipeline.drained(by: step).map { .release($0) })
    }

    /// Why these samples cannot follow what was said before; nil: they can.
    private func problem(with samples: ArraySlice<SequenceSample>, of item: Pipeline.Item) -> String? {
        guard let index = table.runningIndex(of: item.sequence) else { return nil }
        let sequence = table.sequences[index]
        guard item.round == sequence.round else {
            return samples.isEmpty ? nil : "goes on from a wrong guess of \(item.sequence)"
        }
        return sequence.admits(samples, of: item.sampleCount, contextLength: rules.contextLength)
            ? nil : "says that a right guess of \(item.sequence) is wrong, or a wrong one right"
    }

    /// The next tokens of an answer.
    private mutating func take(_ samples: ArraySlice<SequenceSample>, _ index: Int) -> [Outcome] {
        let request = table.sequences[index].request
        var outcomes: [Outcome] = []
        for sample in samples.lazy.map(\.sample) {
            generatedTokens += 1
            outcomes.append(.emit(request, sample))
            switch table.take(sample.token, index) {
            case .notGuessed: break
            case .right: counts.acceptedTokens += 1
            case .wrong: outcomes += skipSteps(of: table.sequences[index])
            }
            if let reason = table.sequences[index].finishReason(contextLength: rules.contextLength) {
                return outcomes + [.finish(request, reason)] + retire(index)
            }
        }
        if table.sequences[index].needsReplay, let sequence = table.giveUp(index, restarting: true) {
            outcomes += forget(sequence)
        }
        return outcomes
    }

    /// The next log-probabilities of a prompt that is scored.
    private mutating func note(_ score: SequenceScores) -> [Outcome] {
        guard let index = table.runningIndex(of: score.sequence) else { return [] }
        table.noteScores(score.logProbabilities.count, index)
        let request = table.sequences[index].request
        let told = Outcome.score(request, score.logProbabilities)
        guard table.sequences[index].isScored else { return [told] }
        return [told, .finish(request, .length)] + retire(index)
    }
}
