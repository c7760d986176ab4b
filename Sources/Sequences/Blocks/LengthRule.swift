// Responsible for: what of a sequence's length its keys and values depend on, beyond their positions. Must not know:
// rotary frequencies, why a model is like that.

/// How keys and values depend on the length of their sequence.
///
/// A stage computes the token at position p for the length max(restart length, p + 1). The restart length of a sequence
/// is that of its prompt, and outlives every loss: what is computed again is what was computed before.
package struct LengthRule: Sendable, Equatable {
    /// Keys and values of sequences longer than this differ from their first position on: a sequence that grows past it
    /// is computed anew, once, with the length it has then as its restart length. nil: no length is like that.
    package var replayLength: Int?
    /// Keys and values depend on the length of their sequence where it is greater than this; nil: on no length.
    package var dynamicLength: Int?

    /// By default nothing depends on lengths.
    package init(replayLength: Int? = nil, dynamicLength: Int? = nil) {
        self.replayLength = replayLength
        self.dynamicLength = dynamicLength
    }

    /// Whether a sequence that was begun with `restartLength` tokens and now has `tokenCount` is to be begun anew.
    package func needsReplay(restartLength: Int, tokenCount: Int) -> Bool {
        guard let replayLength else { return false }
        return restartLength <= replayLength && tokenCount > replayLength
    }

    /// The restart length that a sequence has by now whose prompt had so many tokens.
    package func restartLength(promptLength: Int, tokenCount: Int) -> Int {
        guard let replayLength, needsReplay(restartLength: promptLength, tokenCount: tokenCount) else {
            return promptLength
        }
        return replayLength + 1
    }

    /// Sequences begun with lengths of one class have, for the same tokens, the same keys and values at every position
    /// that they have when they begin.
    package func lengthClass(restartLength: Int) -> UInt64 {
        let isReplayed = replayLength.map { restartLength > $0 } ?? false
        let length = dynamicLength.map { max(restartLength, $0) } ?? 0
        return UInt64(length) << 1 | (isReplayed ? 1 : 0)
    }

    /// A restart length of such a class; nil: it is none of this rule's.
    package func restartLength(ofClass lengthClass: UInt64) -> Int? {
        let candidates = [1, replayLength.map { $0 + 1 } ?? 1, Int(clamping: lengthClass >> 1)]
        return candidates.first { $0 > 0 && self.lengthClass(restartLength: $0) == lengthClass }
    }
}
