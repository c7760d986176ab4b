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

    init(id: SequenceID, task: GenerationTask, now: UInt64) {
        self.id = id
        self.task = task
        submittedAt = now
        tokens = task.prompt
    }

    var request: RequestID { task.request }
    var generated: Int { tokens.count - task.prompt.count }
    /// Tokens not yet sent. 0 while its sample is outstanding: there is at most one.
    var remaining: Int { tokens.count - dispatched }

    /// Positions that keys and values are ever needed for: the last token of an answer is not fed.
    func positions(contextLength: Int) -> Int {
        min(task.prompt.count + task.maximumTokens, contextLength) - 1
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

    /// The next `count` tokens as an item of a step.
    mutating func nextItem(_ count: Int) -> ForwardItem {
        let end = dispatched + count
        var item = ForwardItem(
            sequence: id, position: dispatched, tokens: Array(tokens[dispatched..<end]),
            blocks: Array(blocks.prefix(BlockPool.blocks(forPositions: end))), samples: end == tokens.count)
        if !hasBegun {
            item.begin = SequenceStart(
                sampling: task.sampling, promptTokenCount: task.prompt.count, history: Array(tokens[..<dispatched]))
            hasBegun = true
        }
        dispatched = end
        stepsInFlight += 1
        return item
    }
}
