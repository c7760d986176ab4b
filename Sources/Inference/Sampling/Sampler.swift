// Chooses the next token of each sequence from its logits.
//
// Responsible for: penalties, biases, filters, the draw, log-probabilities, and the token counts they need.
// Must not know: where logits come from, text.
//
// The order is Hugging Face's (logits processors, then warpers): repeat penalty, presence and frequency penalty, logit
// bias; then, unless greedy, temperature, top-k, top-p, min-p, and one draw. Every filter keeps a prefix
// of the tokens sorted by logit (lower id first on a tie), so the order is total and the same on every host; the only
// transcendental functions are the kernels' own.

import CKernels
import Sequences

/// The sampling state of a stage's sequences.
final class Sampler {
    /// What is known of one sequence.
    private final class State {
        let parameters: SamplingParameters
        /// The tokens before this position are the prompt.
        let promptTokenCount: Int
        let hasPenalty: Bool
        /// Tokens that the sequence certainly has, as they were given or, being guesses, proved true.
        private(set) var length = 0
        /// What was sampled for position `length`. It counts only once it is fed.
        var sampled: Int32?
        /// `length` once the slices of the batch that is being checked have been seen.
        var checkedLength = 0
        /// Whether one of these slices samples.
        var checkedSamples = false
        /// Every token seen, with how often it is in the answer. Kept only where a penalty asks for it.
        var counts: [Int32: Int] = [:]

        init(_ parameters: SamplingParameters, promptTokenCount: Int) {
            self.parameters = parameters
            self.promptTokenCount = promptTokenCount
            hasPenalty =
                parameters.activeRepeatPenalty != nil || parameters.presencePenalty != 0
                || parameters.frequencyPenalty != 0
        }

        /// The logits are not chosen from as they are.
        var adjusts: Bool { !counts.isEmpty || !parameters.logitBias.isEmpty }

        /// The token at position `length` is this one, whatever was sampled for it.
        func see(_ token: Int32) {
            if hasPenalty { counts[token] = (counts[token] ?? 0) + (length >= promptTokenCount ? 1 : 0) }
            length += 1
            sampled = nil
        }

        /// Whether a row's token is true. A guess is if it was sampled for its position; it is known from then on.
        func accepts(_ row: BatchLayout.SamplingRow) -> Bool {
            guard row.isGuess else { return true }
            guard row.position == length, row.token == sampled else { return false }
            see(row.token)
            return true
        }
    }

    /// Different tokens of an answer that there is room to count for from the start.
    private static let countedAnswerTokens = 256

    /// In place of a token where none is sampled.
    static let notSampled: Int32 = -1

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

    /// A sequence begins (again); `history`: its tokens before those that the stage will see. Slices seen before do not
    /// count.
    func begin(_ sequence: UInt64, parameters: SamplingParameters, promptTokenCount: Int, history: [Int32]) {
        let state = State(parameters, promptTokenCount: promptTokenCount)
        if state.hasPenalty {
            // The different tokens of the prompt and of an answer of some length.
            let expected = max(promptTokenCount, history.count) + Self.countedAnswerTokens
            state.counts.reserveCapacity(min(expected, vocabularySize))
        }
        for token in history { state.see(token) }
        states[sequence] = state
    }

    func end(_ sequence: UInt64) {
        states[sequence] = nil
    }

    /// Whether the sampler can go on with a batch whose slices are sound in themselves.
    ///
    /// A sequence that samples has begun, and no later slice of it is in the batch. Tokens that are no guesses leave no
    /// gap behind those that are known. A slice that samples takes up where knowledge ends: a sample after a token
    /// before, or a guess in place of one, would need counts and keys of the past (`begin` the sequence anew for that).
    func check(_ batch: StageBatch) throws(InferenceError) {
        for slice in batch.slices {
            guard let state = states[slice.sequence] else { continue }
            (state.checkedLength, state.checkedSamples) = (state.length, false)
        }
        for slice in batch.slices {
            var name: String { "sequence \(slice.sequence)" }
            guard let state = states[slice.sequence] else {
                guard slice.sampleCount == 0 else { throw .invalidBatch(reason: "\(name) samples but has not begun") }
                continue
            }
            guard !state.checkedSamples else {
                throw .invalidBatch(reason: "\(name) has another slice after the one that samples")
            }
            let isAllGuesses = slice.draftCount == slice.tokens.count
            guard isAllGuesses || slice.position <= state.checkedLength else {
                throw .invalidBatch(
                    reason: "\(name) goes on at position \(slice.position), "
                        + "but only \(state.checkedLength) of its tokens are known")
            }
            guard slice.sampleCount == 0 || slice.givenEnd >= state.checkedLength else {
                throw .invalidBatch(
                    reason: "\(name) samples from position \(slice.givenEnd) on, "
                        + "but \(state.checkedLength) of its tokens are known")
            }
            if !isAllGuesses { state.checkedLength = max(state.checkedLength, slice.givenEnd) }
            state.checkedSamples = slice.sampleCount > 0
        }
    }

    /// Counts the tokens of a slice that are no guesses and have not been seen.
    func see(_ slice: StageBatch.Slice) {
        guard let state = states[slice.sequence] else { return }
        while state.length < slice.givenEnd, state.length >= slice.position {
            state.see(slice.tokens[state.length - slice.position])
        }
    }

    /// Chooses the token that follows each of some rows, whose sequences have begun and been seen, from their logits
    /// [rows, vocabularySize]. A slice's rows may come in several calls, in order.
    /// - Parameter samples: [rows] gets the tokens; `notSampled` after a guess that is not true, and after all that
    ///   build on it.
    func sample(
        _ rows: ArraySlice<BatchLayout.SamplingRow>, logits: UnsafePointer<Float>, pool: ThreadPool,
        into samples: UnsafeMutablePointer<(sequence: UInt64, sample: SampledToken)>
    ) {
        let first = rows.startIndex
        pool.run(pieces: rows.count, operations: 8 * rows.count * vocabularySize) { index, thread in
            // The first row of a sequence takes the others along: each needs to know what the one before has sampled.
            let sequence = rows[first + index].sequence
            guard index == 0 || rows[first + index - 1].sequence != sequence else { return }
            guard let state = states[sequence] else { preconditionFailure("a sequence that samples has begun") }
            for next in index..<rows.count {
                let row = rows[first + next]
                guard row.sequence == sequence else { return }
                samples[next].sequence = sequence
                guard state.accepts(row) else {
                    samples[next].sample.token = Self.notSampled
                    continue
                }
                sample(
                    logits + next * vocabularySize, state: state, position: row.position + 1,
                    chooser: choosers[thread], into: &samples[next].sample)
                state.sampled = samples[next].sample.token
            }
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
        sample.top.removeAll(keepingCapacity: true)
        // Who does not ask does not wait for it: it takes a pass over the vocabulary.
        let logSum = parameters.logProbabilityCount.map { _ in tk_log_sum_exp(logits, vocabularySize, logits[best]) }
        if let logSum, let count = parameters.logProbabilityCount, count > 0 {
            for token in chooser.best(count, of: logits) {
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
        sample.logProbability = logSum.map { Self.logProbability(sample.token, logits, logSum: $0) }
    }

    /// Penalties and biases, in this order.
    private func adjust(_ logits: UnsafeMutablePointer<Float>, state: State) {
        let parameters = state.parameters
        let vocabulary = 0..<Int32(vocabularySize)
        for (token, count) in state.counts where vocabulary.contains(token) {
            var logit = logits[Int(token)]
            if let penalty = parameters.activeRepeatPenalty {
                logit = logit < 0 ? logit * penalty : logit / penalty
            }
            if count > 0 {
                logit -= parameters.presencePenalty
                logit -= Float(count) * parameters.frequencyPenalty
            }
            logits[Int(token)] = logit
        }
        for bias in parameters.logitBias where vocabulary.contains(bias.token) { logits[Int(bias.token)] += bias.bias }
    }
}

extension SamplingParameters {
    /// nil where it changes nothing.
    fileprivate var activeRepeatPenalty: Float? {
        guard let repeatPenalty, repeatPenalty > 0, repeatPenalty != 1 else { return nil }
        return repeatPenalty
    }
}
