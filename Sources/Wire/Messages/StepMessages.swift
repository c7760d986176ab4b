// Responsible for: one step's way through the stages and its result (data and tokens links). Must not know: sockets,
// time, tensors: activations travel as a raw frame beside the header.
//
// The credit rule: every step ends in exactly one `StepResult`, also when nothing was sampled, and at most
// `Limits.stepsInFlight(stages:)` steps exist at once. Each link carries each step once, so no pipe ever holds more than that
// many messages: the result is the credit, and no other is needed.

import Sequences

/// Coordinator -> first stage -> ... -> last stage, data link: compute this step. Followed by one raw frame of
/// `activationCount` little-endian f32 [tokens of all items in order, activationsPerToken]; without the raw frame
/// where `activationCount` is 0 (to the first stage).
package struct Forward: Equatable, Sendable, WireMessage {
    package var epoch: Epoch
    package var step: StepID
    /// In the order of the rows of the activations. None: the step was skipped, and only its credit travels on.
    package var items: [ForwardItem]
    package var activationCount: Int
    /// What became of it at the stages before, in their order.
    package var timings: [StageMicroseconds] = []
    /// When it was sent: microseconds of the sender's time of day.
    package var sentMicroseconds: UInt64 = 0
    /// Only the keys and values of these layers are computed, from what goes into the first of them: it comes from tokens,
    /// or is kept by the stage before. Behind them the step has no items. nil: an ordinary step.
    package var rebuilt: Range<Int>?

    package init(epoch: Epoch, step: StepID, items: [ForwardItem], activationCount: Int = 0) {
        self.epoch = epoch
        self.step = step
        self.items = items
        self.activationCount = activationCount
    }

    /// Tokens of all items.
    package var tokenCount: Int { items.reduce(0) { $0 + $1.tokens.count } }

    /// How long the raw frame must be; 0: there is none.
    package var rawFrameBytes: Int { activationCount * 4 }
}

/// Consecutive tokens of one sequence.
package struct ForwardItem: Equatable, Sendable {
    package var sequence: SequenceID
    /// Of the first token, from 0.
    package var position: Int
    package var tokens: [Int32]
    /// KV block ids for positions 0 ..< position + tokens.count, `KeyValueBlock.positions` positions each.
    package var blocks: [Int32]
    /// Sample after each of the last so many tokens, as long as the token is the one that the sequence has there.
    package var sampleCount: Int
    /// The last so many tokens are guesses: each is to be compared with what is sampled for its position.
    package var draftCount = 0
    /// Present in the first item of a sequence within an epoch that samples.
    package var begin: SequenceStart?
    /// Tokens that the sequence had when its keys and values were begun, at least 1. Rotary frequencies that depend on
    /// a length take that of the token at position p as max(restartLength, p + 1).
    package var restartLength: Int
    /// The tokens that follow each of the last `targets.count` tokens: their log-probabilities are wanted.
    package var targets: [Int32]
    package init(
        sequence: SequenceID, position: Int, tokens: [Int32], blocks: [Int32], sampleCount: Int,
        draftCount: Int = 0, begin: SequenceStart? = nil, restartLength: Int = 1, targets: [Int32] = []
    ) {
        self.sequence = sequence
        self.position = position
        self.tokens = tokens
        self.blocks = blocks
        self.sampleCount = sampleCount
        self.draftCount = draftCount
        self.begin = begin
        self.restartLength = restartLength
        self.targets = targets
    }
}

/// What the last stage must know before it samples for a sequence.
package struct SequenceStart: Equatable, Sendable {
    package var sampling: SamplingParameters
    /// The first so many tokens of the sequence are the prompt; the others were generated.
    package var promptTokenCount: Int
    /// The tokens before the first item's position, whose keys and values are already there.
    package var history: [Int32]
    package init(sampling: SamplingParameters, promptTokenCount: Int, history: [Int32]) {
        self.sampling = sampling
        self.promptTokenCount = promptTokenCount
        self.history = history
    }
}

/// Last stage -> coordinator, tokens link: the step is complete. The credit for another step.
package struct StepResult: Equatable, Sendable, WireMessage {
    package var epoch: Epoch
    package var step: StepID
    /// In the order of the items, and within an item in that of its tokens: one for each token that is to be sampled
    /// after, up to the first wrong guess.
    package var samples: [SequenceSample]
    /// One for each item with targets, in the order of the items.
    package var scores: [SequenceScores]
    /// What became of the step at each stage.
    package var timings: [StageMicroseconds]
    /// When it was sent: microseconds of the sender's time of day.
    package var sentMicroseconds: UInt64
    /// Sequences whose logits were no numbers: there are neither samples nor scores of them.
    package var damaged: [SequenceID] = []
    package init(
        epoch: Epoch, step: StepID, samples: [SequenceSample] = [], scores: [SequenceScores] = [],
        timings: [StageMicroseconds] = [], sentMicroseconds: UInt64 = 0
    ) {
        self.epoch = epoch
        self.step = step
        self.samples = samples
        self.scores = scores
        self.timings = timings
        self.sentMicroseconds = sentMicroseconds
    }
}

/// What became of one step at one stage, in microseconds. `compute` and `wait` of all its steps together make up the
/// stage's time.
package struct StageMicroseconds: Equatable, Sendable {
    /// From the sender's `sentMicroseconds` to its arrival: as exact as the hosts' times of day agree, exact on one host.
    package var wire: UInt64 = 0
    /// From its arrival until the stage turned to it.
    package var queue: UInt64 = 0
    package var compute: UInt64 = 0
    /// How long the stage had computed nothing before it.
    package var wait: UInt64 = 0
    package init(wire: UInt64 = 0, queue: UInt64 = 0, compute: UInt64 = 0, wait: UInt64 = 0) {
        self.wire = wire
        self.queue = queue
        self.compute = compute
        self.wait = wait
    }

    /// Adds up, field by field, up to `Limits.total`.
    package static func += (total: inout StageMicroseconds, timing: StageMicroseconds) {
        func sum(_ first: UInt64, _ second: UInt64) -> UInt64 {
            let (sum, overflows) = first.addingReportingOverflow(second)
            return overflows ? Limits.total : min(sum, Limits.total)
        }
        total = StageMicroseconds(
            wire: sum(total.wire, timing.wire), queue: sum(total.queue, timing.queue),
            compute: sum(total.compute, timing.compute), wait: sum(total.wait, timing.wait))
    }
}

/// How likely the targets of an item were.
package struct SequenceScores: Equatable, Sendable {
    package var sequence: SequenceID
    /// The log-softmax of the raw logits at each target.
    package var logProbabilities: [Float]
    package init(sequence: SequenceID, logProbabilities: [Float]) {
        self.sequence = sequence
        self.logProbabilities = logProbabilities
    }
}

/// The next token of a sequence.
package struct SequenceSample: Equatable, Sendable {
    package var sequence: SequenceID
    package var sample: SampledToken
    package init(sequence: SequenceID, sample: SampledToken) {
        self.sequence = sequence
        self.sample = sample
    }
}
