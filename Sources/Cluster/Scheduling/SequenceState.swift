// Responsible for: what the coordinator knows of one request: enough to begin it anew after any loss. Must not know:
// other requests, which blocks are free.

import Wire

/// One request and the sequence that computes it. (prompt, tokens so far, sampling) is all that survives an epoch.
struct SequenceState: Sendable {
    enum Phase: Sendable {
        /// Holds no KV blocks; its tokens, those generated included, are to be computed from the first.
        case waiting
        case running
    }

    /// A new one each time it runs.
    var id: SequenceID
    let task: GenerationTask
    let submittedAt: Moment
    var phase = Phase.waiting
    /// Prompt and answer.
    var tokens: [Int32]
    /// Guesses for what follows, as far as steps were sent with them.
    var draft: [Int32] = []
    /// Positions that steps were sent for, those of guesses included.
    var dispatched = 0
    /// The newest step with tokens of it.
    var lastStep = StepID(0)
    /// Goes up with each wrong guess: what was sent before it means nothing any more.
    var round = 0
    var blocks: [Int32] = []
    /// The first so many blocks are full, and known by their content; the prefix they make.
    var notedBlocks = 0
    var prefix: PrefixIndex.Prefix
    /// The last stage has (or will have, by a step in flight) its `SequenceStart`.
    var hasBegun = false
    /// `started` has been told.
    var hasStarted = false
    /// Tokens that it had when its keys and values were begun; see `LengthRule`. Outlives epochs.
    private(set) var restartLength: Int
    /// Log-probabilities told so far, where it is scored.
    var scored = 0
    var lookup = PromptLookup()
    /// A moving mean of how often the first guess was right, made or not, and what it would have been.
    var acceptance = 0.2
    var expectation: Int32?

    private let lengthRule: LengthRule

    init(id: SequenceID, task: GenerationTask, lengthRule: LengthRule, now: Moment) {
        self.id = id
        self.task = task
        self.lengthRule = lengthRule
        submittedAt = now
        tokens = task.prompt
        restartLength = task.prompt.count
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
    var isPrefilling: Bool { phase == .running && !isDecoding && remaining > 0 }
    /// One token follows another.
    var isDecoding: Bool { phase == .running && !isScoring && dispatched >= tokens.count - 1 && hasStarted }
    /// Positions whose keys and values are, or will be, those of its tokens.
    var certain: Int { min(dispatched, tokens.count) }
    /// Positions that may be found rather than computed: something must be sampled from, or scored.
    var reusable: Int { (task.scoringStart ?? tokens.count) - 1 }

    /// Guesses may fill positions before this one: beyond it nothing is ever fed, or keys and values are begun anew.
    func draftEnd(contextLength: Int) -> Int {
        let end = min(task.prompt.count + task.maximumTokens, contextLength) - 1
        guard let replayLength = lengthRule.replayLength, restartLength <= replayLength else { return end }
        return min(end, replayLength)
    }

    /// Forgets everything that stages held for it; `restarting`: its keys and values are to be computed for its present
    /// length from now on. The caller has taken its blocks.
    mutating func rewind(restarting: Bool = false) {
        if restarting { restartLength = tokens.count }
        phase = .waiting
        draft = []
        dispatched = 0
        round += 1
        blocks = []
        notedBlocks = 0
        prefix = .root(lengthRule.lengthClass(restartLength: restartLength))
        hasBegun = false
        expectation = nil
        lastStep = StepID(0)
    }

    /// Its keys and values are to be computed anew, for its present length.
    var needsReplay: Bool {
        lengthRule.needsReplay(restartLength: restartLength, tokenCount: tokens.count)
    }

    /// The guesses sent were wrong: what follows is computed from the last token.
    mutating func discardDraft() {
        draft = []
        dispatched = tokens.count - 1
        round += 1
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
            blocks: Array(blocks.prefix(BlockPool.blocks(forPositions: end))),
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
}
