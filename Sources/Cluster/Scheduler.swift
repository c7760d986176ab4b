// Responsible for: which tokens of which requests make up the next step, and what its result means for them. Must not
// know: workers, time.
//
// First come, first served. Every KV block that a request can ever need is reserved when it is admitted, so a running
// request never waits for another: there is no preemption, and no deadlock.

import DequeModule
import Wire

/// Requests, their KV blocks and the steps in flight.
struct Scheduler: Sendable {
    /// What a request's client, or the last stage, must be told.
    enum Outcome: Sendable, Equatable {
        case started(RequestID, reusedTokens: Int)
        case emit(RequestID, SampledToken)
        /// The log-probabilities of the next tokens of a prompt that is scored.
        case score(RequestID, [Float])
        case finish(RequestID, FinishReason)
        /// No step of it is in flight any more.
        case release(SequenceID)
    }

    /// What a result turned out to be.
    enum Completion: Sendable, Equatable {
        case done([Outcome])
        /// Already complete.
        case duplicate
        /// It is not what the oldest step in flight must give: a step was lost or a stage is wrong.
        case wrong(String)
    }

    private struct Step: Sendable {
        let id: StepID
        let items: [(sequence: SequenceID, count: Int, samples: Bool, targets: Int)]
    }

    let contextLength: Int
    let prefillChunk: Int
    let maximumBatchTokens: Int
    let maximumRunning: Int
    let lengthRule: LengthRule

    /// In order of arrival.
    private(set) var sequences: [SequenceState] = []
    private(set) var pool = BlockPool(count: 0)
    private(set) var generatedTokens: UInt64 = 0
    private var steps: Deque<Step> = []
    private var epoch = Epoch.none
    private var maximumSteps = 0
    private var lastStep = StepID(0)
    private var lastSequence = SequenceID(0)

    init(
        contextLength: Int, prefillChunk: Int, maximumBatchTokens: Int, maximumRunning: Int,
        lengthRule: LengthRule = LengthRule()
    ) {
        self.lengthRule = lengthRule
        self.contextLength = contextLength
        self.maximumBatchTokens = max(1, maximumBatchTokens)
        self.prefillChunk = max(1, min(prefillChunk, maximumBatchTokens))
        self.maximumRunning = max(1, min(maximumRunning, Limits.stepItems))
    }

    var stepsInFlight: Int { steps.count }
    var stepsDispatched: UInt64 { lastStep.value }
    /// No request is unfinished.
    var isIdle: Bool { sequences.isEmpty }
    var waitingCount: Int { sequences.reduce(0) { $0 + ($1.phase == .waiting ? 1 : 0) } }
    /// KV blocks that a new request could have.
    var availableBlocks: Int { pool.freeCount }

    // MARK: Epochs

    /// All stages have lost everything: requests wait again, in their old order.
    mutating func suspend() {
        pool = BlockPool(count: 0)
        steps = []
        maximumSteps = 0
        sequences.removeAll { $0.phase == .ending }
        for index in sequences.indices { sequences[index].rewind() }
    }

    /// A new plan serves.
    mutating func resume(epoch: Epoch, stageCount: Int, blockCount: Int) {
        suspend()
        self.epoch = epoch
        maximumSteps = stageCount + 1
        lastStep = StepID(0)
        pool = BlockPool(count: blockCount)
    }

    // MARK: Requests

    mutating func submit(_ task: GenerationTask, now: UInt64) {
        lastSequence = SequenceID(lastSequence.value + 1)
        sequences.append(SequenceState(id: lastSequence, task: task, now: now))
    }

    /// Ends an unfinished request now; its blocks return when its steps have drained. False: there is none.
    mutating func end(_ request: RequestID) -> [Outcome]? {
        guard let index = sequences.firstIndex(where: { $0.request == request && $0.phase != .ending }) else {
            return nil
        }
        return retire(index)
    }

    /// Removes the sequence, or marks it as ending while steps of it are in flight.
    private mutating func retire(_ index: Int) -> [Outcome] {
        let sequence = sequences[index]
        if sequence.stepsInFlight > 0 {
            sequences[index].phase = .ending
            return []
        }
        sequences.remove(at: index)
        giveBack(sequence)
        return sequence.hasBegun ? [.release(sequence.id)] : []
    }

    private mutating func giveBack(_ sequence: SequenceState) { pool.give(sequence.blocks) }

    // MARK: Steps

    /// Admits what can be admitted, then chooses the next step; nil: there is nothing to compute, or enough in flight.
    mutating func nextStep() -> (forward: Forward?, outcomes: [Outcome]) {
        var outcomes: [Outcome] = []
        guard maximumSteps > 0 else { return (nil, outcomes) }
        while let outcome = admitNext() { outcomes += outcome }
        guard steps.count < maximumSteps else { return (nil, outcomes) }
        var items: [ForwardItem] = []
        var budget = maximumBatchTokens
        for index in sequences.indices where sequences[index].phase == .running && sequences[index].remaining == 1 {
            if budget == 0 { break }
            items.append(sequences[index].nextItem(1))
            budget -= 1
        }
        budget = min(budget, prefillChunk)
        for index in sequences.indices where sequences[index].phase == .running && sequences[index].remaining > 1 {
            if budget == 0 || items.count == Limits.stepItems { break }
            let item = sequences[index].nextItem(min(budget, sequences[index].remaining))
            budget -= item.tokens.count
            items.append(item)
        }
        if items.isEmpty { return (nil, outcomes) }
        lastStep = StepID(lastStep.value + 1)
        steps.append(
            Step(
                id: lastStep, items: items.map { ($0.sequence, $0.tokens.count, $0.sampleCount > 0, $0.targets.count) })
        )
        return (Forward(epoch: epoch, step: lastStep, items: items), outcomes)
    }

    /// Reserves blocks for the first request that waits; nil: none waits, or it must go on waiting.
    private mutating func admitNext() -> [Outcome]? {
        guard let index = sequences.firstIndex(where: { $0.phase == .waiting }) else { return nil }
        let running = sequences.reduce(0) { $0 + ($1.phase == .waiting ? 0 : 1) }
        let needed = BlockPool.blocks(
            forPositions: max(
                sequences[index].positions(contextLength: contextLength), sequences[index].task.prompt.count))
        guard running < maximumRunning, needed <= availableBlocks else { return nil }

        let blocks: [Int32] = []
        let reused = 0
        guard let more = pool.take(needed - blocks.count) else { preconditionFailure("available blocks are not") }
        sequences[index].blocks = blocks + more
        sequences[index].dispatched = reused
        sequences[index].confirmed = reused
        sequences[index].phase = .running
        if sequences[index].hasStarted { return [] }
        sequences[index].hasStarted = true
        return [.started(sequences[index].request, reusedTokens: reused)]
    }

    /// What the result of a step of this epoch means. Steps complete in the order they were sent.
    mutating func complete(_ result: StepResult) -> Completion {
        guard let step = steps.first, step.id <= result.step else { return .duplicate }
        guard step.id == result.step else { return .wrong("the result of \(step.id) did not come") }
        let expected = step.items.filter(\.samples).map(\.sequence)
        guard expected == result.samples.map(\.sequence) else {
            return .wrong("\(step.id) must give \(expected.count) tokens and gave \(result.samples.count), or others")
        }
        let scored = step.items.filter { $0.targets > 0 }
        guard scored.map(\.sequence) == result.scores.map(\.sequence),
            scored.map(\.targets) == result.scores.map(\.logProbabilities.count)
        else { return .wrong("\(step.id) must give \(scored.count) lists of scores and gave others") }
        steps.removeFirst()
        var outcomes: [Outcome] = []
        var samples = result.samples[...]
        var scores = result.scores[...]
        for item in step.items {
            let sample = item.samples ? samples.popFirst() : nil
            let score = item.targets > 0 ? scores.popFirst() : nil
            guard let index = sequences.firstIndex(where: { $0.id == item.sequence }) else {
                preconditionFailure("a sequence is kept while steps of it are in flight")
            }
            sequences[index].confirmed += item.count
            sequences[index].stepsInFlight -= 1
            if sequences[index].phase == .ending {
                if sequences[index].stepsInFlight == 0 { outcomes += retire(index) }
            } else if let sample {
                outcomes += append(sample, to: index)
            } else if let score {
                outcomes += note(score, index)
            }
        }
        return .done(outcomes)
    }

    private mutating func append(_ sample: SampledToken, to index: Int) -> [Outcome] {
        sequences[index].tokens.append(sample.token)
        generatedTokens += 1
        let sequence = sequences[index]
        let emit = Outcome.emit(sequence.request, sample)
        if let reason = Self.finishReason(sequence, contextLength) {
            return [emit, .finish(sequence.request, reason)] + retire(index)
        }
        if lengthRule.needsReplay(restartLength: sequence.restartLength, tokenCount: sequence.tokens.count) {
            sequences[index].restart()
        }
        return [emit]
    }

    private mutating func note(_ score: SequenceScores, _ index: Int) -> [Outcome] {
        sequences[index].scored += score.logProbabilities.count
        let sequence = sequences[index]
        let told = Outcome.score(sequence.request, score.logProbabilities)
        return sequence.isScored ? [told, .finish(sequence.request, .length)] + retire(index) : [told]
    }

    private static func finishReason(_ sequence: SequenceState, _ contextLength: Int) -> FinishReason? {
        if let last = sequence.tokens.last, sequence.task.endTokens.contains(last) { return .stop }
        let isFull = sequence.generated >= sequence.task.maximumTokens || sequence.tokens.count >= contextLength
        return isFull ? .length : nil
    }
}
