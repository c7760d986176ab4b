// What goes through a stage in one step, and what comes out.
//
// Responsible for: the shape of a batch.
// Must not know: how batches are chosen or carried.

import Sequences

/// The tokens of one step, in slices of different sequences (or several of one, in order of position, of which only the
/// last may sample).
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
        /// The last stage samples the token that follows each of the last `sampleCount` tokens, as far as these are what
        /// the sequence really has: 1 for plain decoding, `draftCount` or one more with guesses, 0 for none.
        package var sampleCount: Int
        /// How many of the last tokens are guesses. A guess is true if the stage itself sampled this token for this
        /// position; the first that is not ends the slice: nothing is sampled after it. Its position, and those that
        /// follow, may be fed again. Tokens before the guesses are what the sequence has.
        package var draftCount: Int
        /// Tokens that the sequence had when its keys and values were begun: rotary frequencies that depend on a length
        /// take that of position p as max(restartLength, p + 1). nil: that of the position alone.
        package var restartLength: Int?
        /// The tokens that follow each of the last `targets.count` tokens: the last stage gives their log-probabilities.
        package var targets: [Int32]

        /// The position after the last token that is no guess.
        var givenEnd: Int { position + tokens.count - draftCount }

        /// A slice of `tokens` from `position` on.
        package init(
            sequence: UInt64, position: Int, tokens: [Int32], blocks: [Int32], sampleCount: Int, draftCount: Int = 0,
            restartLength: Int? = nil, targets: [Int32] = []
        ) {
            self.sequence = sequence
            self.position = position
            self.tokens = tokens
            self.blocks = blocks
            self.sampleCount = sampleCount
            self.draftCount = draftCount
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
    /// The last stage: for each slice 0 ... `sampleCount` tokens, those that follow its true tokens; in the order of the
    /// slices, then of positions.
    case sampled([(sequence: UInt64, sample: SampledToken)])
}
