// Responsible for: which requests run, with which KV blocks, and who must give way. Must not know: workers, sockets, how
// steps are made up (Scheduler+Steps) and what their results mean (Scheduler+Results).
//
// Requests run in the order of priority and arrival. One runs as soon as there are blocks for its tokens; those of its
// answer are taken as it grows. Where none is left, the last in order gives all of its own up and waits again: the first
// never does, and there are blocks for one whole context, so every request ends.

import DequeModule
import Wire

/// Requests, their KV blocks and the steps in flight.
struct Scheduler: Sendable {
    /// What a request's client, or a stage, must be told.
    enum Outcome: Sendable, Equatable {
        case started(RequestID, reusedTokens: Int)
        case emit(RequestID, SampledToken)
        /// The log-probabilities of the next tokens of a prompt that is scored.
        case score(RequestID, [Float])
        case finish(RequestID, FinishReason)
        /// No step of it is in flight any more.
        case release(SequenceID)
        /// These steps need not be computed.
        case skip([StepID])
    }

    /// By what it decides.
    struct Rules: Sendable {
        var contextLength: Int
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

    /// What is sent of a sequence in one step.
    struct StepItem: Sendable {
        let sequence: SequenceID
        /// Of its first token, and after its last.
        let start: Int
        let end: Int
        let round: Int
        let sampleCount: Int
        let draftCount: Int
        let targets: Int
        /// It is worth nothing unless earlier guesses are right.
        var isGuess: Bool { draftCount == end - start }
    }

    struct Step: Sendable {
        let id: StepID
        let items: [StepItem]
        var isSkipped = false
        var tokens: Int { items.reduce(0) { $0 + $1.end - $1.start } }
    }

    let rules: Rules
    /// In order of priority and arrival.
    var sequences: [SequenceState] = []
    var pool = BlockPool(count: 0)
    var steps: Deque<Step> = []
    var monitor = PipelineMonitor()
    var counts = SchedulerCounts()
    /// Over, but steps of it are in flight.
    var draining: [SequenceID] = []
    private(set) var epoch = Epoch.none
    private(set) var stageCount = 0
    var lastStep = StepID(0)
    private var lastSequence: UInt64 = 0

    init(_ rules: Rules) {
        self.rules = rules
    }

    var stepsInFlight: Int { steps.count }
    var stepsDispatched: UInt64 { lastStep.value }
    /// No request is unfinished.
    var isIdle: Bool { sequences.isEmpty }
    var waitingCount: Int { sequences.count { $0.phase == .waiting } }
    var runningCount: Int { sequences.count - waitingCount }

    // MARK: Epochs

    /// The plan of this epoch is over, and all its stages have lost everything: requests wait again.
    mutating func suspend(_ epoch: Epoch) { if epoch == self.epoch { forgetEpoch() } }

    private mutating func forgetEpoch() {
        pool = BlockPool(count: 0)
        steps = []
        draining = []
        stageCount = 0
        monitor = PipelineMonitor()
        for index in sequences.indices { sequences[index].rewind() }
    }

    /// A new plan serves.
    mutating func resume(epoch: Epoch, stageCount: Int, blockCount: Int) {
        forgetEpoch()
        self.epoch = epoch
        self.stageCount = stageCount
        lastStep = StepID(0)
        pool = BlockPool(count: blockCount)
        monitor = PipelineMonitor(stageCount: stageCount)
    }

    // MARK: Requests

    mutating func submit(_ task: GenerationTask, now: Moment) {
        let sequence = SequenceState(id: SequenceID(0), task: task, lengthRule: rules.lengthRule, now: now)
        let place = sequences.firstIndex { $0.task.priority < task.priority } ?? sequences.count
        sequences.insert(sequence, at: place)
    }

    /// Ends an unfinished request now. nil: there is none.
    mutating func end(_ request: RequestID) -> [Outcome]? {
        sequences.firstIndex { $0.request == request }.map { retire($0) }
    }

    /// The request is over.
    mutating func retire(_ index: Int) -> [Outcome] {
        let outcomes = giveUp(index)
        sequences.remove(at: index)
        counts.finished += 1
        return outcomes
    }

    /// Frees what a sequence holds; it waits again. Its keys and values can be found as long as nobody needs the room.
    mutating func giveUp(_ index: Int, restarting: Bool = false) -> [Outcome] {
        guard sequences[index].phase == .running else { return [] }
        let sequence = sequences[index]
        var outcomes = skipSteps(of: sequence)
        let whole = sequence.notedBlocks * Limits.blockPositions
        if rules.keepsPrefixes && sequence.certain > whole {
            _ = pool.note(
                sequence.blocks[sequence.notedBlocks], after: sequence.prefix,
                tokens: sequence.tokens[whole..<sequence.certain])
        }
        pool.release(sequence.blocks)
        if sequence.hasBegun {
            if isInFlight(sequence.id) { draining.append(sequence.id) } else { outcomes.append(.release(sequence.id)) }
        }
        sequences[index].rewind(restarting: restarting)
        return outcomes
    }

    /// Steps in flight that hold nothing but guesses of this sequence that do not matter any more.
    mutating func skipSteps(of sequence: SequenceState) -> [Outcome] {
        var skipped: [StepID] = []
        for index in steps.indices where !steps[index].isSkipped {
            let isVain = steps[index].items.allSatisfy { item in
                item.sequence == sequence.id && item.isGuess
                    && (item.round != sequence.round || item.start >= sequence.tokens.count)
            }
            guard isVain else { continue }
            steps[index].isSkipped = true
            skipped.append(steps[index].id)
        }
        counts.skippedSteps += UInt64(skipped.count)
        return skipped.isEmpty ? [] : [.skip(skipped)]
    }

    func isInFlight(_ sequence: SequenceID) -> Bool {
        steps.contains { $0.items.contains { $0.sequence == sequence } }
    }

    // MARK: Admission

    /// Lets requests run as long as there is room.
    mutating func admit() -> [Outcome] {
        var outcomes: [Outcome] = []
        guard stageCount > 0 else { return outcomes }
        while let index = sequences.firstIndex(where: { $0.phase == .waiting }) {
            if runningCount < rules.maximumRunning && start(index) { continue }
            // Those of lower priority make room.
            guard let last = sequences.lastIndex(where: { $0.phase == .running }),
                sequences[last].task.priority < sequences[index].task.priority
            else { break }
            outcomes += preempt(last)
        }
        return outcomes
    }

    /// Finds what is there of a sequence's keys and values and takes blocks for the rest of its tokens. False (and no
    /// change): there are not enough, with one to grow into for each sequence that runs.
    private mutating func start(_ index: Int) -> Bool {
        let tokens = sequences[index].tokens
        var prefix = sequences[index].prefix
        var blocks: [Int32] = []
        while (blocks.count + 1) * Limits.blockPositions <= tokens.count,
            let (block, longer) = pool.share(after: prefix, tokens: Self.content(tokens, ofBlock: blocks.count))
        {
            blocks.append(block)
            prefix = longer
        }
        let whole = blocks.count * Limits.blockPositions
        let needed = BlockPool.blocks(forPositions: tokens.count)
        guard needed - blocks.count + runningCount <= pool.availableCount else {
            pool.release(blocks)
            return false
        }
        let reusable = sequences[index].reusable
        sequences[index].notedBlocks = blocks.count
        sequences[index].dispatched = min(whole, reusable)
        if whole < reusable, let tail = pool.takeOver(after: prefix, tokens: tokens[whole..<reusable]) {
            blocks.append(tail.block)
            sequences[index].dispatched = whole + tail.count
        }
        guard let more = pool.take(needed - blocks.count) else { preconditionFailure("available blocks are not") }
        lastSequence += 1
        sequences[index].id = SequenceID(lastSequence)
        sequences[index].blocks = blocks + more
        sequences[index].prefix = prefix
        sequences[index].phase = .running
        counts.reusedTokens += UInt64(sequences[index].dispatched)
        return true
    }

    static func content(_ tokens: [Int32], ofBlock block: Int) -> ArraySlice<Int32> {
        tokens[block * Limits.blockPositions..<(block + 1) * Limits.blockPositions]
    }

    mutating func preempt(_ index: Int) -> [Outcome] {
        counts.preemptions += 1
        return giveUp(index)
    }

    // MARK: Blocks

    /// Blocks for the positions of a sequence before `end`, taken from those behind it where need be. False: it had to
    /// give up its own.
    mutating func grow(_ index: Int, to end: Int, _ outcomes: inout [Outcome]) -> Bool {
        while sequences[index].blocks.count * Limits.blockPositions < end {
            if let block = pool.take() {
                sequences[index].blocks.append(block)
                continue
            }
            guard let last = sequences.lastIndex(where: { $0.phase == .running }) else { return false }
            outcomes += preempt(last)
            if last == index { return false }
        }
        return true
    }

    /// Takes up what others have computed since it began to run, where it is about to compute the same.
    mutating func adopt(_ index: Int) {
        let tokens = sequences[index].tokens
        let start = sequences[index].dispatched
        while sequences[index].dispatched < sequences[index].reusable,
            sequences[index].dispatched == sequences[index].notedBlocks * Limits.blockPositions,
            sequences[index].dispatched + Limits.blockPositions <= tokens.count
        {
            let place = sequences[index].notedBlocks
            let content = Self.content(tokens, ofBlock: place)
            guard let (block, prefix) = pool.share(after: sequences[index].prefix, tokens: content) else { break }
            pool.release([sequences[index].blocks[place]])
            sequences[index].blocks[place] = block
            sequences[index].prefix = prefix
            sequences[index].notedBlocks += 1
            sequences[index].dispatched = min(
                sequences[index].notedBlocks * Limits.blockPositions, sequences[index].reusable)
        }
        counts.reusedTokens += UInt64(sequences[index].dispatched - start)
    }

    /// Makes the blocks that are full by now known.
    mutating func noteBlocks(_ index: Int) {
        guard rules.keepsPrefixes else { return }
        while (sequences[index].notedBlocks + 1) * Limits.blockPositions <= sequences[index].certain {
            let place = sequences[index].notedBlocks
            sequences[index].prefix = pool.note(
                sequences[index].blocks[place], after: sequences[index].prefix,
                tokens: Self.content(sequences[index].tokens, ofBlock: place))
            sequences[index].notedBlocks += 1
        }
    }
}
