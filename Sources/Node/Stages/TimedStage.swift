// Responsible for: a stage that only pretends to compute: it takes its time, and its tokens are hashes. For measuring
// scheduler and transport with more stages than the machine has cores.
// Must not know: weights, the network.
import Foundation
import Inference
import ModelFile
import Sequences
import Wire

/// A stage whose arithmetic is a sleep. The same request gives the same tokens however it is cut into steps, and over any
/// number of stages: a token depends on the seed, the position and the token before it, and on nothing else.
final class TimedStage: StepComputer {
    /// How long a step takes.
    struct Speed: Sendable, Equatable {
        var nanosecondsPerStep: UInt64
        /// For each token of a step beyond the first.
        var nanosecondsPerToken: UInt64 = 0

        func nanoseconds(forTokens count: Int) -> UInt64 {
            nanosecondsPerStep + nanosecondsPerToken * UInt64(max(0, count - 1))
        }
    }

    /// What is known of a sequence that samples.
    private struct Sequence {
        let seed: UInt64
        let wantsLogProbabilities: Bool
        /// The last position whose token is known, and that token; none before anything was sampled.
        var last: (position: Int, token: Int32)?
    }

    private let speed: Speed
    private let activationsPerToken: Int
    private let vocabularySize: Int
    private let isLast: Bool
    private var sequences: [UInt64: Sequence] = [:]
    /// [tokens, activationsPerToken] for the largest step so far; the values mean nothing.
    private var activations = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)
    /// Tokens below are the special ones of most models: an answer should not end with one.
    private static let firstToken: Int32 = 3

    /// A stage of a model with this vocabulary and width. The thread that computes with it wakes on time
    /// (`wakeThisThreadOnTime`).
    init(speed: Speed, activationsPerToken: Int, vocabularySize: Int, isLast: Bool) {
        precondition(vocabularySize > 0 && activationsPerToken > 0)
        self.speed = speed
        self.activationsPerToken = activationsPerToken
        self.vocabularySize = vocabularySize
        self.isLast = isLast
    }

    /// The stage of a shard.
    convenience init(of shard: Shard, speed: Speed) {
        self.init(
            speed: speed, activationsPerToken: shard.assign.activationsPerToken,
            vocabularySize: shard.configuration.model.vocabularySize, isLast: shard.assign.isLast)
    }

    deinit { activations.deallocate() }

    func compute(_ forward: Forward, input: UnsafeBufferPointer<Float>?) throws -> StepOutput {
        let tokenCount = forward.tokenCount
        guard input == nil || input?.count == tokenCount * activationsPerToken else {
            throw InferenceError.invalidBatch(reason: "\(input?.count ?? 0) activations for \(tokenCount) tokens")
        }
        Self.sleep(nanoseconds: speed.nanoseconds(forTokens: tokenCount))
        if forward.rebuilt != nil { return isLast ? .sampled([], scores: []) : hidden(tokenCount) }
        return isLast ? try sample(forward) : hidden(tokenCount)
    }

    func end(_ sequence: UInt64) { sequences[sequence] = nil }

    /// It keeps nothing; what travels in the place of that has its size.
    func copyBlock(_ part: Stage.BlockPart, into bytes: UnsafeMutableRawBufferPointer) {
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    func storeBlock(_ part: Stage.BlockPart, from bytes: UnsafeRawBufferPointer) {}

    let damage = Damage()

    private func hidden(_ tokenCount: Int) -> StepOutput {
        let count = tokenCount * activationsPerToken
        if activations.count < count {
            activations.deallocate()
            activations = .allocate(capacity: count)
            activations.initialize(repeating: 1)
        }
        return .hidden(UnsafeBufferPointer(rebasing: activations[..<count]))
    }

    // MARK: Tokens

    private func sample(_ forward: Forward) throws -> StepOutput {
        var samples: [SequenceSample] = []
        var scores: [SequenceScores] = []
        for item in forward.items {
            if let start = item.begin {
                sequences[item.sequence.value] = Sequence(
                    seed: start.sampling.seed, wantsLogProbabilities: start.sampling.logProbabilityCount != nil)
            }
            if item.sampleCount > 0 { samples += try sample(item) }
            if !item.targets.isEmpty {
                let values = Array(repeating: logProbability, count: item.targets.count)
                scores.append(SequenceScores(sequence: item.sequence, logProbabilities: values))
            }
        }
        return .sampled(samples, scores: scores)
    }

    /// What follows each of the item's last `sampleCount` tokens, up to the first wrong guess.
    private func sample(_ item: ForwardItem) throws -> [SequenceSample] {
        guard var sequence = sequences[item.sequence.value] else {
            throw InferenceError.invalidBatch(reason: "\(item.sequence) samples but has not begun")
        }
        defer { sequences[item.sequence.value] = sequence }
        var samples: [SequenceSample] = []
        let firstGuess = item.tokens.count - item.draftCount
        let firstSample = item.tokens.count - item.sampleCount
        for (row, token) in item.tokens.enumerated() where row >= min(firstGuess, firstSample) {
            let position = item.position + row
            if row >= firstGuess {
                guard let last = sequence.last, last == (position, token) else { break }
            }
            guard row >= firstSample else { continue }
            let next = self.token(after: token, at: position, seed: sequence.seed)
            sequence.last = (position + 1, next)
            samples.append(
                SequenceSample(
                    sequence: item.sequence,
                    sample: SampledToken(
                        token: next, logProbability: sequence.wantsLogProbabilities ? logProbability : nil)))
        }
        return samples
    }

    /// The token that follows `token` at `position`.
    func token(after token: Int32, at position: Int, seed: UInt64) -> Int32 {
        let place = UInt64(truncatingIfNeeded: position) << 32 | UInt64(UInt32(bitPattern: token))
        let hash = SplitMix64.first(seed: SplitMix64.first(seed: seed) ^ place)
        let first = vocabularySize > Int(Self.firstToken) ? Self.firstToken : 0
        return first + Int32(hash % UInt64(vocabularySize - Int(first)))
    }

    /// All tokens are as likely as each other.
    private var logProbability: Float { -Float(log(Double(vocabularySize))) }

    // MARK: Time

    /// Sleeps until so long after now. No spinning: the cores are others'.
    private static func sleep(nanoseconds: UInt64) {
        guard nanoseconds > 0 else { return }
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let end = UInt64(time.tv_nsec) + nanoseconds
        time.tv_sec += Int(end / 1_000_000_000)
        time.tv_nsec = Int(end % 1_000_000_000)
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}
