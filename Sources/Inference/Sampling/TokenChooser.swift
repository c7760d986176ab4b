// The choice of one token from adjusted logits.
//
// Responsible for: temperature, filters and the draw, and the memory they need for a large vocabulary.
// Must not know: sequences, penalties, log-probabilities.
//
// Candidates stand in the order of their logits, the lower id first on a tie. Every filter keeps a prefix of them, and
// a draw takes the first at which the sum of probabilities exceeds a random share. Few are looked at in most steps:
// the best `listed` are found first. Where these do not decide, the masses of ranges of logits tell which range does,
// and only that one is put in order.

import CKernels
import Sequences

/// Chooses tokens on one thread.
final class TokenChooser {
    /// [vocabulary] scratch for logits that somebody adjusts.
    let adjusted: UnsafeMutablePointer<Float>
    /// [vocabulary] of the logits at work, the largest 1, not normalized; 0 where a logit is no number.
    private let probabilities: UnsafeMutablePointer<Float>
    /// [vocabulary]
    private let ids: UnsafeMutablePointer<UInt32>
    /// [`TK_LOGIT_RANGES`]
    private let masses: UnsafeMutablePointer<Double>
    private let vocabularySize: Int
    private let memory: AnonymousMemory

    /// Candidates that are put in order before ranges are looked at.
    private static let listed = 64

    init(vocabularySize: Int) throws(InferenceError) {
        self.vocabularySize = vocabularySize
        memory = try AnonymousMemory(byteCount: Self.byteCount(vocabularySize: vocabularySize), purpose: "sampling")
        var cut = BufferCutter(next: memory.base)
        adjusted = cut.floats(vocabularySize)
        probabilities = cut.floats(vocabularySize)
        ids = cut.indices(vocabularySize)
        masses = cut.next.bindMemory(to: Double.self, capacity: Int(TK_LOGIT_RANGES))
    }

    /// Bytes of a chooser's buffers.
    static func byteCount(vocabularySize: Int) -> Int {
        3 * BufferCutter.floatBytes(vocabularySize) + Int(TK_LOGIT_RANGES) * MemoryLayout<Double>.stride
    }

    /// The ids of the `count` largest logits above -infinity (or as many as there are), the best first.
    func best(_ count: Int, of logits: UnsafePointer<Float>) -> UnsafeBufferPointer<UInt32> {
        let found = tk_top_k(ids, min(count, vocabularySize), logits, vocabularySize)
        return UnsafeBufferPointer(start: ids, count: found)
    }

    /// The token of the logits [vocabulary], of which `best` is the first of the largest. Where no token is possible (all
    /// banned, or not numbers) it is that one.
    func choose(
        _ logits: UnsafePointer<Float>, best first: Int, parameters: SamplingParameters, position: Int
    ) -> Int32 {
        let maximum = logits[first]
        let wanted = parameters.temperature ?? 1
        guard wanted > 0, maximum.isFinite else { return Int32(first) }
        let temperature = min(wanted, .greatestFiniteMagnitude)
        let (topK, topP, minP) = (parameters.topK ?? 0, parameters.topP ?? 1, parameters.minP ?? 0)
        let all = tk_exp_scaled(probabilities, logits, vocabularySize, maximum, temperature)
        let share = Philox.uniform(seed: parameters.seed, position: UInt64(position))

        let isCut = topK > 0
        let list = best(isCut ? topK : Self.listed, of: logits)
        let isWhole = isCut || list.count < Self.listed
        let mass = isCut ? list.reduce(0) { $0 + Double(probabilities[Int($1)]) } : all
        let nucleus = topP < 1 ? Double(topP) * mass : .infinity
        guard topP < 1 || minP > 0 || isCut else {
            // No filter: the target is known before the candidates are.
            if let token = draw(share * mass, from: list, isWhole: isWhole) { return token }
            return ranges(logits, maximum, temperature).token(share: share) ?? Int32(first)
        }
        var (kept, keptMass) = (0, 0.0)
        while kept < list.count, kept == 0 || keptMass < nucleus {
            let probability = probabilities[Int(list[kept])]
            if kept > 0, probability < minP { break }
            kept += 1
            keptMass += Double(probability)
        }
        if isWhole || kept < list.count || keptMass >= nucleus {
            let prefix = UnsafeBufferPointer(rebasing: list[..<kept])
            return draw(share * keptMass, from: prefix, isWhole: true) ?? Int32(first)
        }
        return ranges(logits, maximum, temperature, floor: minP).token(share: share, nucleus: nucleus)
            ?? Int32(first)
    }

    /// The first candidate at which the sum of probabilities exceeds `target`; where none does, nil or, of the whole
    /// list of candidates, the last one, which rounding may leave.
    private func draw(_ target: Double, from candidates: UnsafeBufferPointer<UInt32>, isWhole: Bool) -> Int32? {
        var last: Int32?
        var sum = 0.0
        for token in candidates {
            let probability = Double(probabilities[Int(token)])
            guard probability > 0 else { return last }
            last = Int32(token)
            sum += probability
            if sum > target { return last }
        }
        return isWhole ? last : nil
    }

    private func ranges(
        _ logits: UnsafePointer<Float>, _ maximum: Float, _ temperature: Float, floor: Float = 0
    ) -> CandidateRanges {
        CandidateRanges(
            logits: logits, probabilities: probabilities, count: vocabularySize, floor: floor,
            division: tk_logit_division(logits, vocabularySize, maximum, temperature), masses: masses, ids: ids)
    }
}
