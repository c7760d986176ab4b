// Responsible for: prompts of token ids that look random, and are the same for the same seed.
// Must not know: models, traces, sockets.
import ModelFile

/// Makes prompts for loads. What tokens they are does not matter for speed, but what they have in common does: a cluster
/// may keep the keys and values of beginnings that it has seen.
package struct LoadPrompts: Sendable {
    /// Tokens that one id of a trace's block stands for.
    package static let blockTokens = 512

    private let seed: UInt64
    private let vocabularySize: UInt64

    /// Token ids are below `vocabularySize`.
    package init(seed: UInt64, vocabularySize: Int) {
        precondition(vocabularySize > 0)
        (self.seed, self.vocabularySize) = (seed, UInt64(vocabularySize))
    }

    /// `count` tokens that no prompt of another number begins with.
    package func distinct(number: Int, count: Int) -> [Int32] { tokens(of: (1, UInt64(number)), count: count) }

    /// `count` tokens: `blockTokens` for each block, the same wherever the block's id comes, and then such as no prompt of
    /// another number has.
    package func shared(blocks: [Int], number: Int, count: Int) -> [Int32] {
        var prompt: [Int32] = []
        prompt.reserveCapacity(count)
        for block in blocks where prompt.count < count {
            let part = min(Self.blockTokens, count - prompt.count)
            prompt += tokens(of: (2, UInt64(bitPattern: Int64(block))), count: part)
        }
        return prompt + distinct(number: number, count: count - prompt.count)
    }

    private func tokens(of stream: (kind: UInt64, number: UInt64), count: Int) -> [Int32] {
        let kind = SplitMix64.number(at: SplitMix64.number(at: seed) &+ stream.kind)
        var state = SplitMix64.number(at: kind &+ stream.number)
        return (0..<count).map { _ in
            state &+= 1
            return Int32(truncatingIfNeeded: SplitMix64.number(at: state).multipliedFullWidth(by: vocabularySize).high)
        }
    }
}
