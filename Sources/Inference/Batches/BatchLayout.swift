// A batch as flat arrays: what the loops over its tokens need.
//
// Responsible for: checking a batch against a stage, and its rows in order.
// Must not know: arithmetic, memory.

import Sequences

/// A checked batch. Row t of every activation buffer belongs to `tokens[t]`.
struct BatchLayout {
    /// What a batch must fit.
    struct Bounds {
        var maximumTokens: Int
        var vocabularySize: Int
        var contextLength: Int
        var blockCount: Int
    }

    /// Consecutive tokens of one slice.
    struct Run {
        var row: Int
        var count: Int
    }

    /// A token after which the last stage may sample.
    struct SamplingRow {
        var sequence: UInt64
        var row: Int
        var token: Int32
        var position: Int
        /// The token is a guess: whether it is true is known once the row before it has sampled.
        var isGuess: Bool
    }

    /// Tokens that go through attention together: they share what is loaded of keys and values.
    private static let runLimit = 16

    /// [tokens] ids
    private(set) var tokens: [Int32] = []
    /// [tokens] positions in their sequences
    private(set) var positions: [Int] = []
    /// [tokens] the length of the sequence that a token is computed for, where frequencies depend on one
    private(set) var lengths: [Int] = []
    /// [tokens] where the block table of the token's slice begins in `blocks`
    private(set) var tableStarts: [Int] = []
    /// The block tables of all slices, one after the other.
    private(set) var blocks: [Int] = []
    /// All rows in order, in runs of consecutive tokens of one slice, at most `runLimit` in each.
    private(set) var runs: [Run] = []
    /// The rows that sample, all of a slice one after the other.
    private(set) var samplingRows: [SamplingRow] = []
    /// Rows whose next token's log-probability is wanted: the slice, the row and the token that follows.
    private(set) var scoringRows: [(slice: Int, row: Int, target: Int32)] = []
    /// Positions looked at by all tokens together: the size of attention.
    private(set) var attendedPositions = 0

    var tokenCount: Int { tokens.count }

    /// An empty batch, with room for batches of so many tokens.
    init(capacity: Int = 0) {
        tokens.reserveCapacity(capacity)
        positions.reserveCapacity(capacity)
        lengths.reserveCapacity(capacity)
        tableStarts.reserveCapacity(capacity)
        runs.reserveCapacity(capacity)
        samplingRows.reserveCapacity(capacity)
    }

    /// Becomes the layout of another batch, in the memory it has. Checks everything that could come from another host;
    /// where it throws, the layout is of no batch.
    mutating func fill(_ batch: StageBatch, bounds: Bounds) throws(InferenceError) {
        clear()
        for (index, slice) in batch.slices.enumerated() {
            try Self.check(slice, bounds: bounds)
            guard slice.tokens.count <= bounds.maximumTokens - tokens.count else {
                throw .invalidBatch(reason: "it has more than \(bounds.maximumTokens) tokens")
            }
            let end = slice.position + slice.tokens.count
            let blockCount = KeyValueBlock.count(forPositions: end)
            for start in stride(from: 0, to: slice.tokens.count, by: Self.runLimit) {
                runs.append(Run(row: tokens.count + start, count: min(Self.runLimit, slice.tokens.count - start)))
            }
            for position in slice.position..<end {
                tokens.append(slice.tokens[position - slice.position])
                positions.append(position)
                lengths.append(max(slice.restartLength ?? 0, position + 1))
                tableStarts.append(blocks.count)
            }
            for place in 0..<blockCount { blocks.append(Int(slice.blocks[place])) }
            attendedPositions += slice.tokens.count * (slice.position + end + 1) / 2
            let firstRow = tokens.count - slice.tokens.count
            for place in slice.tokens.count - slice.sampleCount..<slice.tokens.count {
                samplingRows.append(
                    SamplingRow(
                        sequence: slice.sequence, row: firstRow + place, token: slice.tokens[place],
                        position: slice.position + place, isGuess: slice.position + place >= slice.givenEnd))
            }
            let firstTarget = tokens.count - slice.targets.count
            for (offset, target) in slice.targets.enumerated() {
                scoringRows.append((index, firstTarget + offset, target))
            }
        }
    }

    private mutating func clear() {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        tableStarts.removeAll(keepingCapacity: true)
        blocks.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        samplingRows.removeAll(keepingCapacity: true)
        scoringRows.removeAll(keepingCapacity: true)
        attendedPositions = 0
    }

    private static func check(_ slice: StageBatch.Slice, bounds: Bounds) throws(InferenceError) {
        var name: String { "sequence \(slice.sequence)" }
        guard !slice.tokens.isEmpty else { throw .invalidBatch(reason: "\(name) has a slice without tokens") }
        guard slice.position >= 0, slice.tokens.count <= bounds.contextLength,
            slice.position <= bounds.contextLength - slice.tokens.count
        else {
            throw .invalidBatch(
                reason: "\(name) has \(slice.tokens.count) tokens from position \(slice.position), "
                    + "but the model's context is \(bounds.contextLength)")
        }
        guard (1...bounds.contextLength).contains(slice.restartLength ?? 1) else {
            throw .invalidBatch(
                reason: "\(name) was begun with \(slice.restartLength ?? 0) tokens, "
                    + "but the model's context is \(bounds.contextLength)")
        }
        guard slice.targets.count <= slice.tokens.count else {
            throw .invalidBatch(
                reason: "\(name) has \(slice.targets.count) targets for \(slice.tokens.count) tokens")
        }
        guard (0...slice.tokens.count).contains(slice.sampleCount), (0...slice.sampleCount).contains(slice.draftCount),
            slice.sampleCount <= slice.draftCount + 1
        else {
            throw .invalidBatch(
                reason: "\(name) samples after \(slice.sampleCount) of \(slice.tokens.count) tokens with "
                    + "\(slice.draftCount) guesses; it must be each guess, and at most one token before them")
        }
        try check(slice.tokens, of: slice, bounds: bounds)
        try check(slice.targets, of: slice, bounds: bounds)
        let end = slice.position + slice.tokens.count
        guard slice.blocks.count * KeyValueBlock.positions >= end else {
            throw .invalidBatch(reason: "\(name) has \(slice.blocks.count) KV blocks for \(end) positions")
        }
        for block in slice.blocks where block < 0 || block >= bounds.blockCount {
            throw .invalidBatch(reason: "\(name) names KV block \(block), but ids end at \(bounds.blockCount - 1)")
        }
    }

    private static func check(
        _ tokens: [Int32], of slice: StageBatch.Slice, bounds: Bounds
    ) throws(InferenceError) {
        for token in tokens where token < 0 || token >= bounds.vocabularySize {
            throw .invalidBatch(
                reason: "sequence \(slice.sequence) has token \(token), but ids end at \(bounds.vocabularySize - 1)")
        }
    }
}
