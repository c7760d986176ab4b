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
        /// The same once the slices of the batch that is being checked have been seen.
        var checkedLength = 0
        /// Every token seen, with how often it is in the answer. Kept only where a penalty asks for it.
        var counts: [Int32: Int] = [:]

        init(_ parameters: SamplingParameters) {
            self.parameters = parameters
        }

        var hasPenalty: Bool {
            parameters.hasRepeatPenalty || parameters.presencePenalty != 0 || parameters.frequencyPenalty != 0
        }

        /// The logits are not chosen from as they are.
        var adjusts: Bool {
            !counts.isEmpty || !parameters.logitBias.isEmpty || !parameters.bannedTokens.isEmpty
        }

        func see(_ tokens: ArraySlice<Int32>) {
            if hasPenalty {
                for (index, token) in tokens.enumerated() {
                    counts[token] = (counts[token] ?? 0) + (length + index >= parameters.promptTokenCount ? 1 : 0)
                }
            }
            length += tokens.count
        }
    }

    /// Different tokens of an answer that there is room to count for from the start.
    private static let countedAnswerTokens = 256

    private let vocabularySize: Int
    /// One for each thread.
    private let choosers: [TokenChooser]
    private var states: [UInt64: State] = [:]

    init(vocabularySize: Int, threads: Int) throws(InferenceError) {
        self.vocabularySize = vocabularySize
        var choosers: [TokenChooser] = []
        for _ in 0..<threads { choosers.append(try TokenChooser(vocabularySize: vocabularySize)) }
        self.choosers = choosers
    }

    /// Bytes of a sampler's buffers.
    static func byteCount(vocabularySize: Int, threads: Int) -> Int {
        threads * TokenChooser.byteCount(vocabularySize: vocabularySize)
    }

    /// A sequence begins (again); `history`: its tokens before those that the stage will see.
    func begin(_ sequence: UInt64, parameters: SamplingParameters, history: [Int32]) {
        let state = State(parameters)
        if state.hasPenalty {
            // The different tokens of the prompt and of an answer of some length.
            let expected = max(parameters.promptTokenCount, history.count) + Self.countedAnswerTokens
            state.counts.reserveCapacity(min(expected, vocabularySize))
        }
        state.see(history[...])
        states[sequence] = state
    }

    func end(_ sequence: UInt64) {
        states[sequence] = nil
    }

    /// Whether the sampler can go on with a batch: every sequence that samples has begun, and none misses a token.
    func check(_ batch: StageBatch) throws(InferenceError) {
        for slice in batch.slices {
            if let state = states[slice.sequence] { state.checkedLength = state.length }
        }
        for slice in batch.slices {
            guard let state = states[slice.sequence] else {
                guard !slice.samples else {
                    throw .invalidBatch(reason: "sequence \(slice.sequence) samples but has not begun")
                }
                continue
            }
            guard slice.position <= state.checkedLength else {
                throw .invalidBatch(
                    reason: "sequence \(slice.sequence) goes on at position \(slice.position), "
                        + "but only \(state.checkedLength) of its tokens are known")
            }
            state.checkedLength = max(state.checkedLength, slice.position + slice.tokens.count)
        }
    }

    /// Counts the tokens of a slice that have not been seen.
    func see(_ slice: StageBatch.Slice) {
        guard let state = states[slice.sequence] else { return }
        state.see(slice.tokens[min(state.length - slice.position, slice.tokens.count)...])
    }

    /// Chooses the token that follows each of `count` slices, which `slice` names and which have begun, from its row of
    /// logits [count, vocabularySize].
    func sample(
        _ count: Int, logits: UnsafePointer<Float>, pool: ThreadPool,
        into samples: UnsafeMutablePointer<(sequence: UInt64, sample: SampledToken)>,
        slice: (_ index: Int) -> StageBatch.Slice
    ) {
        pool.run(pieces: count, operations: 8 * count * vocabularySize) { index, thread in
            let slice = slice(index)
            guard let state = states[slice.sequence] else { preconditionFailure("a sequence that samples has begun") }
            samples[index].sequence = slice.sequence
            sample(
                logits + index * vocabularySize, state: state, position: slice.position + slice.tokens.count,
                chooser: choosers[thread], into: &samples[index].sample)
        }
    }

    /// values [count] = the log-probability of each target in its row of logits [count, vocabularySize].
    func score(
        _ count: Int, logits: UnsafePointer<Float>, pool: ThreadPool, into values: UnsafeMutablePointer<Float>,
        target: (_ index: Int) -> Int32
    ) {
        pool.run(pieces: count, operations: 8 * count * vocabularySize) { index, _ in
            let row = logits + index * vocabularySize
            let maximum = row[tk_argmax(row, vocabularySize)]
            values[index] = Self.logProbability(
                target(index), row, logSum: tk_log_sum_exp(row, vocabularySize, maximum))
        }
    }

    /// The log-softmax of a row of logits at `token`; -infinity where it is not a number.
    private static func logProbability(_ token: Int32, _ logits: UnsafePointer<Float>, logSum: Double) -> Float {
        let value = Float(Double(logits[Int(token)]) - logSum)
        return value.isNaN ? -.infinity : value
    }

    private func sample(
        _ logits: UnsafePointer<Float>, state: State, position: Int, chooser: TokenChooser,
        into sample: inout SampledToken
    ) {
        let parameters = state.parameters
        let best = tk_argmax(logits, vocabularySize)
        let logSum = tk_log_sum_exp(logits, vocabularySize, logits[best])
        sample.top.removeAll(keepingCapacity: true)
        if parameters.logProbabilityCount > 0 {
            for token in chooser.best(parameters.logProbabilityCount, of: logits) {
                let value = Self.logProbability(Int32(token), logits, logSum: logSum)
                sample.top.append(.init(token: Int32(token), logProbability: value))
            }
        }
        if state.adjusts {
            chooser.adjusted.update(from: logits, count: vocabularySize)
            adjust(chooser.adjusted, state: state)
            let best = tk_argmax(chooser.adjusted, vocabularySize)
            sample.token = chooser.choose(chooser.adjusted, best: best, parameters: parameters, position: position)
        } else {
            sample.token = chooser.choose(logits, best: best, parameters: parameters, position: position)
        }
        sample.logProbability = Self.logProbability(sample.token, logits, logSum: logSum)
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
}

extension SamplingParameters {
    fileprivate var hasRepeatPenalty: Bool { repeatPenalty > 0 && repeatPenalty != 1 }
}
