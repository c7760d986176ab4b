// What goes through a stage in one step, and what comes out.
//
// Responsible for: the shape of a batch.
// Must not know: how batches are chosen or carried.

/// The tokens of one step, in slices of different sequences (or several of one, in order of position).
package struct StageBatch: Sendable, Equatable {
    /// Consecutive tokens of one sequence.
    package struct Slice: Sendable, Equatable {
        /// The sequence these tokens belong to.
        package var sequence: UInt64
        /// The position of the first token in its sequence.
        package var position: Int
        /// Token ids, at least one.
        package var tokens: [Int32]
        /// KV block ids in order of position: they cover 0 ..< position + tokens.count.
        package var blocks: [Int32]
        /// The last stage samples the token that follows.
        package var samples: Bool
        /// Tokens that the sequence had when its keys and values were begun: rotary frequencies that depend on a length
        /// take that of position p as max(restartLength, p + 1). nil: that of the position alone.
        package var restartLength: Int?
        /// The tokens that follow each of the last `targets.count` tokens: the last stage gives their log-probabilities.
        package var targets: [Int32]

        /// A slice of `tokens` from `position` on.
        package init(
            sequence: UInt64, position: Int, tokens: [Int32], blocks: [Int32], samples: Bool,
            restartLength: Int? = nil, targets: [Int32] = []
        ) {
            self.sequence = sequence
            self.position = position
            self.tokens = tokens
            self.blocks = blocks
            self.samples = samples
            self.restartLength = restartLength
            self.targets = targets
        }
    }

    /// The slices; their tokens in this order are the rows of the activations.
    package var slices: [Slice]
    /// Tokens of all slices together.
    package var tokenCount: Int { slices.reduce(0) { $0 + $1.tokens.count } }

    /// A batch of the given slices.
    package init(slices: [Slice]) {
        self.slices = slices
    }
}

/// What a stage makes of a batch.
package enum StageOutput {
    /// Not the last stage: activations [tokens, embeddingLength], valid until the stage's next `forward`.
    case hidden(UnsafeBufferPointer<Float>)
    /// The last stage: one token for each slice that samples, in the order of the slices.
    case sampled([(sequence: UInt64, sample: SampledToken)])
}
