// Responsible for: what the coordinator knows of one request: enough to begin it anew after any loss. Must not know:
// other requests.

import Wire

/// One request and the sequence that computes it. (prompt, tokens so far, sampling) is all that survives an epoch.
struct SequenceState: Sendable {
    enum Phase: Sendable {
        /// Holds no KV blocks; its tokens, those generated included, are to be computed from the first.
        case waiting
        case running
        /// The request is over; steps of it are in flight, after which its blocks return.
        case ending
    }

    let id: SequenceID
    let task: GenerationTask
    let submittedAt: UInt64
    var phase = Phase.waiting
    /// Prompt and answer.
    var tokens: [Int32]
    /// Positions that steps were sent for, and positions whose steps are complete: their keys and values are in place.
    var dispatched = 0
    var confirmed = 0
    var stepsInFlight = 0
    var blocks: [Int32] = []
    /// The last stage has (or will have, by a step in flight) its `SequenceStart` of this epoch.
    var hasBegun = false
    /// `started` has been told.
    var hasStarted = false
    /// Tokens that it had when its keys and values were begun; see `LengthRule`. Outlives epochs.
    private(set) var restartLength: Int
    /// Log-probabilities told so far, where it is scored.
    var scored = 0

    init(id: SequenceID, task: GenerationTask, now: UInt64) {
        self.id = id
        self.task = task
        submittedAt = now
        tokens = task.prompt
        restartLength = task.prompt.count
    }

    var request: RequestID { task.request }
    var generated: Int { tokens.count - task.prompt.count }
    /// Tokens not yet sent. 0 while its sample is outstanding: there is at most one. Nothing follows the last token of
    /// what is scored, so it is not sent.
    var remaining: Int { tokens.count - dispatched - (task.scoringStart == nil ? 0 : 1) }
    /// Every score is told.
    var isScored: Bool { task.scoringStart.map { scored == tokens.count - $0 } ?? false }

    /// Positions that keys and values are ever needed for: the last token of an answer is not fed.
    func positions(contextLength: Int) -> Int {
        task.scoringStart == nil
            ? min(task.prompt.count + task.maximumTokens, contextLength) - 1 : task.prompt.count - 1
    }

    /// Forgets everything that stages held for it.
    mutating func rewind() {
        phase = .waiting
        dispatched = 0
        confirmed = 0
        stepsInFlight = 0
        blocks = []
        hasBegun = false
    }

    /// Its keys and values are to be computed anew in the blocks it has, for its present length. No step is in flight.
    mutating func restart() {
        precondition(stepsInFlight == 0, "a sequence restarts when its sample has come")
        restartLength = tokens.count
        dispatched = 0
        confirmed = 0
    }

    /// The next `count` tokens as an item of a step.
    mutating func nextItem(_ count: Int) -> ForwardItem {
        let end = dispatched + count
        var item = ForwardItem(
            sequence: id, position: dispatched, tokens: Array(tokens[dispatched..<end]),
            blocks: Array(blocks.prefix(BlockPool.blocks(forPositions: end))),
            sampleCount: task.scoringStart == nil && end == tokens.count ? 1 : 0, restartLength: restartLength)
        if let start = task.scoringStart {
            // What was told before a loss is not asked for again.
            let first = max(dispatched + 1, start + scored)
            if first <= end { item.targets = Array(tokens[first...end]) }
        } else if !hasBegun {
            item.begin = SequenceStart(
                sampling: task.sampling, promptTokenCount: task.prompt.count, history: Array(tokens[..<dispatched]))
            hasBegun = true
        }
        dispatched = end
        stepsInFlight += 1
        return item
    }
}
