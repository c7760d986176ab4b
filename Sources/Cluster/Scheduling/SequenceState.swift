// Responsible for: what the coordinator knows of one request: enough to begin it anew after any loss. Must not know:
// other requests, which blocks are free.

import Sequences
import Wire

/// One request and the sequence that computes it. (prompt, tokens so far, sampling) is all that survives an epoch.
struct SequenceState: Sendable {
    enum Phase: Sendable {
        /// Holds no KV blocks; its tokens, those generated included, are to be computed from the first.
        case waiting
        case running
    }

    /// What a token that has come means for the guess that was sent for its place.
    enum Verdict: Sendable, Equatable {
        case notGuessed
        case right
        /// What was sent after it means nothing any more.
        case wrong
    }

    /// A new one each time it runs.
    private(set) var id = SequenceID(0)
    let task: GenerationTask
    let submittedAt: Moment
    /// Its place in the order of all: see `Turns`.
    var turn = Turn()
    private(set) var phase = Phase.waiting
    /// Prompt and answer.
    private(set) var tokens: [Int32]
    /// Guesses for what follows, as far as steps were sent with them.
    private(set) var draft: [Int32] = []
    /// Positions that steps were sent for, those of guesses included.
    private(set) var dispatched = 0
    /// The newest step with tokens of it.
    private(set) var lastStep = StepID(0)
    /// Goes up with each wrong guess: what was sent before it means nothing any more.
    private(set) var round = 0
    private(set) var blocks: [Int32] = []
    /// The first so many blocks are full, and known by their content; the prefix they make.
    private(set) var notedBlocks = 0
    private(set) var prefix: PrefixIndex.Prefix
    /// Stages have, or will have by steps in flight, the keys and values of all positions that were sent. Where they lack
    /// some, nothing of it is sent before these are rebuilt.
    private(set) var isWhole = true
    /// The last stage has (or will have, by a step in flight) its `SequenceStart`.
    private(set) var hasBegun = false
    /// The first of its tokens was sent; once and for all epochs.
    private(set) var hasStarted = false
    /// Tokens that it had when its keys and values were begun; see `LengthRule`. Outlives epochs.
    private(set) var restartLength: Int
    /// Log-probabilities told so far, where it is scored.
    private var scored = 0
    private var lookup = PromptLookup()
    /// A moving mean of how often the first guess was right, made or not, and what it would have been.
    private(set) var acceptance = 0.2
    private var expectation: Int32?

    private let lengthRule: LengthRule

    init(task: GenerationTask, lengthRule: LengthRule, now: Moment) {
        self.task = task
        self.lengthRule = lengthRule
        submittedAt = now
        tokens = task.prompt + task.answered
        restartLength = lengthRule.restartLength(promptLength: task.prompt.count, tokenCount: tokens.count)
        prefix = .root(lengthRule.lengthClass(restartLength: restartLength))
    }

    var request: RequestID { task.request }
    var generated: Int { tokens.count - task.prompt.count }
    var isScoring: Bool { task.scoringStart != nil }
    /// Tokens not yet sent. 0 while its sample is outstanding: there is at most one, and what guesses add. Nothing
    /// follows the last token of what is scored, so it is not sent.
    var remaining: Int { max(0, tokens.count - dispatched - (isScoring ? 1 : 0)) }
    /// Every score is told.
    var isScored: Bool { task.scoringStart.map { scored == tokens.count - $0 } ?? false }
    /// Tokens of its prompt (or of an answer that it has given before) are to be sent.
    var isPrefilling: Bool { phase == .running && isWhole && !isDecoding && remaining > 0 }
    /// One token follows another.
    var isDecoding: Bool { phase == .running && isWhole && !isScoring && dispatched >= tokens.count - 1 && hasStarted }
    /// Positions whose keys and values are, or will be, those of its tokens.
    var certain: Int { min(dispatched, tokens.count) }
    /// Positions that may be found rather than computed: something must be sampled from, or scored.
    var reusable: Int { (task.scoringStart ?? tokens.count) - 1 }
    /// Positions that its blocks have room for.
    var room: Int { blocks.count * KeyValueBlock.positions }
    /// Positions in blocks that are known by their content.
    var notedPositions: Int { notedBlocks * KeyValueBlock.positions }
    /// Its keys and values are to be computed anew, for its present length.
    var needsReplay: Bool { lengthRule.needsReplay(restartLength: restartLength, tokenCount: tokens.count) }

    /// The tokens of one of its blocks, which is full.
    func content(ofBlock block: Int) -> ArraySlice<Int32> {
        tokens[block * KeyValueBlock.positions..<(block + 1) * KeyValueBlock.positions]
    }

    /// Guesses may fill positions before this one: beyond it nothing is ever fed, or keys and values are begun anew.
    func draftEnd(contextLength: Int) -> Int {
        let end = min(task.prompt.count + task.maximumTokens, contextLength) - 1
        guard let replayLength = lengthRule.replayLength, restartLength <= replayLength else { return end }
        return min(end, replayLength)
    }

    /// Why its answer is over; nil: it goes on.
    func finishReason(contextLength: Int) -> FinishReason? { finishReason(after: 0, tokens.last, contextLength) }

    /// Why it would be over after `count` more tokens, the last of which is `last`.
    private func finishReason(after count: Int, _ last: Int32?, _ contextLength: Int) -> FinishReason? {
        if let last, task.endTokens.contains(last) { return .stop }
        return generated + count >= task.maximumTokens || tokens.count + count >= contextLength ? .length : nil
    }

    // MARK: Running

    /// It runs with these blocks from now on, of which the first `notedBlocks` make `prefix`; the keys and values of
    /// `reused` positions are there.
    mutating func run(as id: SequenceID, _ blocks: [Int32], notedBlocks: Int, _ prefix: PrefixIndex.Prefix, reused: Int)
    {
        self.id = id
        self.blocks = blocks
        self.notedBlocks = notedBlocks
        self.prefix = prefix
        dispatched = reused
        phase = .running
    }

    /// Forgets everything that stages held for it; `restarting`: its keys and values are to be computed for its present
    /// length from now on. The caller has taken its blocks.
    mutating func rewind(restarting: Bool = false) {
        if restarting { restartLength = tokens.count }
        phase = .waiting
        blocks = []
        isWhole = true
        goBack(to: 0)
    }

    /// Nothing is known any more of what was sent for positions from `end` on, or of blocks by their contents: steps in
    /// flight are lost, and so is what the last stage knew to sample by. It keeps its blocks.
    mutating func goBack(to end: Int) {
        draft = []
        dispatched = min(dispatched, end, tokens.count - 1)
        round += 1
        notedBlocks = 0
        prefix = .root(lengthRule.lengthClass(restartLength: restartLength))
        hasBegun = false
        expectation = nil
        lastStep = StepID(0)
    }

    /// Whether stages have the keys and values of its positions.
    mutating func settle(isWhole: Bool) { self.isWhole = isWhole || dispatched == 0 }

    /// `count` tokens from a position on whose keys and values some layers lack.
    func lostItem(from start: Int, count: Int) -> ForwardItem {
        ForwardItem(
            sequence: id, position: start, tokens: Array(tokens[start..<start + count]),
            blocks: Array(blocks.prefix(KeyValueBlock.count(forPositions: start + count))), sampleCount: 0,
            restartLength: restartLength)
    }

    /// One more block to write to.
    mutating func append(_ block: Int32) { blocks.append(block) }

    /// The first block that is not known yet is full by now; the prefix that it makes.
    mutating func noteBlock(_ prefix: PrefixIndex.Prefix) {
        self.prefix = prefix
        notedBlocks += 1
    }

    /// The same, as somebody else has computed it: `block` stands in its place. The one that it replaces.
    mutating func adopt(_ block: Int32, _ prefix: PrefixIndex.Prefix) -> Int32 {
        let replaced = blocks[notedBlocks]
        blocks[notedBlocks] = block
        noteBlock(prefix)
        dispatched = min(notedPositions, reusable)
        return replaced
    }

    // MARK: Sending

    /// The first of its tokens is sent. False: it has been before.
    mutating func start() -> Bool {
        defer { hasStarted = true }
        return !hasStarted
    }

    /// The next `count` tokens, and `guesses` after them, as an item of a step.
    mutating func nextItem(_ count: Int, guesses: [Int32] = []) -> ForwardItem {
        let start = dispatched
        let known = min(tokens.count, start + count)
        let fed = start < tokens.count ? Array(tokens[start..<known]) + guesses : guesses
        let end = start + fed.count
        let samples = !isScoring && end >= tokens.count
        var item = ForwardItem(
            sequence: id, position: start, tokens: fed,
            blocks: Array(blocks.prefix(KeyValueBlock.count(forPositions: end))),
            sampleCount: samples ? min(fed.count, guesses.count + 1) : 0, draftCount: guesses.count,
            restartLength: restartLength)
        if let start = task.scoringStart {
            // What was told before a loss is not asked for again.
            let first = max(dispatched + 1, start + scored)
            if first <= end { item.targets = Array(tokens[first...end]) }
        } else if samples && !hasBegun {
            item.begin = SequenceStart(
                sampling: task.sampling, promptTokenCount: task.prompt.count, history: Array(tokens[..<start]))
            hasBegun = true
        }
        draft += guesses
        dispatched = end
        return item
    }

    /// It is in this step.
    mutating func noteSent(in step: StepID) { lastStep = step }

    // MARK: Guesses

    /// At most `count` guesses for what follows its tokens and those guessed already.
    mutating func guesses(count: Int) -> [Int32] { lookup.guesses(after: tokens, draft, count: count) }

    /// What would be guessed, sent or not: whether it comes tells what guesses are worth.
    mutating func expect(_ guess: Int32?) { if draft.isEmpty { expectation = guess } }

    // MARK: Results

    /// Whether these can be its next tokens: all of `count` that were to be sampled, or as many as there are up to the
    /// first that was guessed wrongly. What follows the end of its answer means nothing.
    func admits(_ samples: ArraySlice<SequenceSample>, of count: Int, contextLength: Int) -> Bool {
        for (place, sample) in samples.lazy.map(\.sample).enumerated() {
            if place < draft.count, draft[place] != sample.token { return place == samples.count - 1 }
            if finishReason(after: place + 1, sample.token, contextLength) != nil { return true }
        }
        return samples.count == count
    }

    /// The next token of its answer.
    mutating func take(_ token: Int32) -> Verdict {
        let guess = draft.first
        if let expected = guess ?? expectation {
            expectation = nil
            acceptance += ((expected == token ? 1 : 0) - acceptance) * 0.125
        }
        tokens.append(token)
        guard let guess else { return .notGuessed }
        if guess == token {
            draft.removeFirst()
            return .right
        }
        // What follows is computed from the last token.
        draft = []
        dispatched = tokens.count - 1
        round += 1
        return .wrong
    }

    /// The log-probabilities of its next `count` tokens have been told.
    mutating func noteScores(_ count: Int) { scored += count }
}
