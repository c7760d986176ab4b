// Chooses the next token of each sequence from its logits.
//
// Responsible for: penalties, biases, filters, the draw, log-probabilities, and the token counts they need.
// Must not know: where logits come from, text.
//
// The order is Hugging Face's (logits processors, then warpers): repeat penalty, presence and frequency penalty, logit
// bias, banned tokens; then, unless greedy, temperature, top-k, top-p, min-p, and one draw. Every filter keeps a prefix
// of the tokens sorted by logit (lower id first on a tie), so the order is total and the same on every host; the only
// transcendental functions are the kernels' own.

import CKernels

/// The sampling state of a stage's sequences.
final class Sampler {
    /// What is known of one sequence.
    private final class State {
        let parameters: SamplingParameters
        /// Tokens of the sequence seen so far.
        var length = 0
        /// Every token seen, with how often it is in the answer. Kept only where a penalty asks for it.
        var counts: [Int32: Int] = [:]

        init(_ parameters: SamplingParameters) {
            self.parameters = parameters
        }

        var hasPenalty: Bool {
            parameters.hasRepeatPenalty || parameters.presencePenalty != 0 || parameters.frequencyPenalty != 0
        }

        func see(_ tokens: some Collection<Int32>) {
            if hasPenalty {
                for (index, token) in tokens.enumerated() {
                    counts[token, default: 0] += length + index >= parameters.promptTokenCount ? 1 : 0
                }
            }
            length += tokens.count
        }
    }

    /// Buffers of one thread, each [vocabulary].
    private struct Scratch {
        let logits: UnsafeMutablePointer<Float>
        let probabilities: UnsafeMutablePointer<Float>
        let ids: UnsafeMutablePointer<Int32>
    }

    private let vocabularySize: Int
    private let memory: AnonymousMemory
    private var states: [UInt64: State] = [:]

    init(vocabularySize: Int, threads: Int) throws(InferenceError) {
        self.vocabularySize = vocabularySize
        memory = try AnonymousMemory(
            byteCount: Self.byteCount(vocabularySize: vocabularySize, threads: threads), purpose: "sampling")
    }

    /// Bytes of a sampler's buffers.
    static func byteCount(vocabularySize: Int, threads: Int) -> Int { threads * 3 * 4 * vocabularySize }

    /// A sequence begins (again); `history`: its tokens before those that the stage will see.
    func begin(_ sequence: UInt64, parameters: SamplingParameters, history: [Int32]) {
        let state = State(parameters)
        state.see(history)
        states[sequence] = state
    }

    func end(_ sequence: UInt64) {
        states[sequence] = nil
    }

    /// Whether the sampler can go on with a slice: a sequence that samples has begun and misses no token.
    func check(_ slice: StageBatch.Slice, knownTokens: Int?) throws(InferenceError) -> Int? {
        guard let state = states[slice.sequence] else {
            guard !slice.samples else {
                throw .invalidBatch(reason: "sequence \(slice.sequence) samples but has not begun")
            }
            return nil
        }
        let length = knownTokens ?? state.length
        guard slice.position <= length else {
            throw .invalidBatch(
                reason: "sequence \(slice.sequence) goes on at position \(slice.position), "
                    + "but only \(length) of its tokens are known")
        }
        return max(length, slice.position + slice.tokens.count)
    }

    /// Counts the tokens of a slice that have not been seen.
    func see(_ slice: StageBatch.Slice) {
        guard let state = states[slice.sequence] else { return }
        state.see(slice.tokens.dropFirst(state.length - slice.position))
    }

    /// Chooses the token that follows each of `slices` from its row of logits [slices.count, vocabularySize].
    func sample(
        _ slices: [StageBatch.Slice], logits: UnsafePointer<Float>, pool: ThreadPool
    ) -> [(sequence: UInt64, sample: SampledToken)] {
        let begun = slices.map { states[$0.sequence] }
        var samples = [SampledToken?](repeating: nil, count: slices.count)
        samples.withUnsafeMutableBufferPointer { samples in
            nonisolated(unsafe) let samples = samples
            pool.run(pieces: slices.count, operations: 8 * slices.count * vocabularySize) { index, thread in
                guard let state = begun[index] else { return }
                let position = slices[index].position + slices[index].tokens.count
                samples[index] = sample(
                    logits + index * vocabularySize, state: state, position: position, scratch: scratch(thread))
            }
        }
        return zip(slices, samples).compactMap { slice, sample in sample.map { (slice.sequence, $0) } }
    }

    /// The log-probability of each of `targets` in its row of logits [targets.count, vocabularySize].
    func score(
        _ targets: [Int32], logits: UnsafePointer<Float>, into values: inout ArraySlice<Float>, pool: ThreadPool
    ) {
        values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let values = values
            pool.run(pieces: targets.count, operations: 8 * targets.count * vocabularySize) { index, _ in
                let row = logits + index * vocabularySize
                values[index] = Self.logProbability(
                    targets[index], row, logSum: tk_log_sum_exp(row, vocabularySize))
            }
        }
    }

    /// The log-softmax of a row of logits at `token`; -infinity where it is not a number.
    private static func logProbability(_ token: Int32, _ logits: UnsafePointer<Float>, logSum: Double) -> Float {
        let value = Float(Double(logits[Int(token)]) - logSum)
        return value.isNaN ? -.infinity : value
    }

    private func scratch(_ thread: Int) -> Scratch {
        let base = memory.base + thread * 3 * 4 * vocabularySize
        return Scratch(
            logits: base.assumingMemoryBound(to: Float.self),
            probabilities: (base + 4 * vocabularySize).assumingMemoryBound(to: Float.self),
            ids: (base + 8 * vocabularySize).assumingMemoryBound(to: Int32.self))
    }

    private func sample(
        _ logits: UnsafePointer<Float>, state: State, position: Int, scratch: Scratch
    ) -> SampledToken {
        let logSum = tk_log_sum_exp(logits, vocabularySize)
        func logProbability(_ token: Int32) -> Float { Self.logProbability(token, logits, logSum: logSum) }
        let wanted = max(0, state.parameters.logProbabilityCount)
        let top =
            wanted == 0
            ? []
            : CandidateHeap(keys: logits, size: vocabularySize, ids: scratch.ids).prefix(wanted).map {
                SampledToken.Candidate(token: $0, logProbability: logProbability($0))
            }
        scratch.logits.update(from: logits, count: vocabularySize)
        adjust(scratch.logits, state: state)
        let token = choose(state.parameters, position: position, scratch: scratch)
        return SampledToken(token: token, logProbability: logProbability(token), top: top)
    }

    /// Penalties, biases and bans, in this order.
    private func adjust(_ logits: UnsafeMutablePointer<Float>, state: State) {
        let parameters = state.parameters
        let vocabulary = 0..<Int32(vocabularySize)
        for (token, count) in state.counts where vocabulary.contains(token) {
            var logit = logits[Int(token)]
            if parameters.hasRepeatPenalty {
                logit = logit < 0 ? logit * parameters.repeatPenalty : logit / parameters.repeatPenalty
            }
            if count > 0 {
                logit -= parameters.presencePenalty
                logit -= Float(count) * parameters.frequencyPenalty
            }
            logits[Int(token)] = logit
        }
        for bias in parameters.logitBias where vocabulary.contains(bias.token) { logits[Int(bias.token)] += bias.bias }
        for token in parameters.bannedTokens where vocabulary.contains(token) { logits[Int(token)] = -.infinity }
    }

    /// The token of the adjusted logits. Where no token is possible (all banned, or not numbers) it is the first one.
    private func choose(_ parameters: SamplingParameters, position: Int, scratch: Scratch) -> Int32 {
        let best = tk_argmax(scratch.logits, vocabularySize)
        let maximum = scratch.logits[best]
        guard parameters.temperature > 0, maximum.isFinite else { return Int32(best) }

        // probabilities [vocabulary], the largest 1, not normalized; NaN logits are no candidates
        let temperature = min(parameters.temperature, .greatestFiniteMagnitude)
        for token in 0..<vocabularySize {
            let difference = (scratch.logits[token] - maximum) / temperature
            scratch.probabilities[token] = difference.isNaN ? -.infinity : difference
        }
        tk_exp(scratch.probabilities, vocabularySize, 0)
        var candidates = CandidateHeap(keys: scratch.logits, size: vocabularySize, ids: scratch.ids)
        let uniform = Philox.uniform(seed: parameters.seed, position: UInt64(position))
        if parameters.filters {
            let kept = filter(&candidates, parameters: parameters, probabilities: scratch.probabilities)
            var left = kept.makeIterator()
            let mass = kept.reduce(0) { $0 + Double(scratch.probabilities[Int($1)]) }
            return draw(uniform * mass, from: &left, probabilities: scratch.probabilities) ?? Int32(best)
        }
        var mass = 0.0
        for token in 0..<vocabularySize { mass += Double(scratch.probabilities[token]) }
        return draw(uniform * mass, from: &candidates, probabilities: scratch.probabilities) ?? Int32(best)
    }

    /// The candidates that top-k, then top-p over what top-k left, then min-p keep, best first; at least one.
    private func filter(
        _ candidates: inout CandidateHeap, parameters: SamplingParameters, probabilities: UnsafePointer<Float>
    ) -> [Int32] {
        var mass = 0.0
        var ranked: [Int32]?
        if parameters.topK > 0 {
            let best = Array(candidates.prefix(parameters.topK))
            mass = best.reduce(0) { $0 + Double(probabilities[Int($1)]) }
            ranked = best
        } else {
            for token in 0..<vocabularySize { mass += Double(probabilities[token]) }
        }
        var left = ranked?.makeIterator()
        let nucleus = parameters.topP < 1 ? Double(parameters.topP) * mass : .infinity
        var kept: [Int32] = []
        var keptMass = 0.0
        while kept.isEmpty || keptMass < nucleus, let token = left == nil ? candidates.next() : left?.next() {
            let probability = probabilities[Int(token)]
            if !kept.isEmpty, probability < parameters.minP { break }
            kept.append(token)
            keptMass += Double(probability)
        }
        return kept
    }

    /// The first candidate at which the sum of probabilities exceeds `target`; rounding may leave the last one.
    private func draw(
        _ target: Double, from candidates: inout some IteratorProtocol<Int32>, probabilities: UnsafePointer<Float>
    ) -> Int32? {
        var last: Int32?
        var sum = 0.0
        while let token = candidates.next() {
            let probability = Double(probabilities[Int(token)])
            guard probability > 0 else { break }
            last = token
            sum += probability
            if sum > target { break }
        }
        return last
    }
}

extension SamplingParameters {
    fileprivate var hasRepeatPenalty: Bool { repeatPenalty > 0 && repeatPenalty != 1 }
    fileprivate var filters: Bool { topK > 0 || topP < 1 || minP > 0 }
}
