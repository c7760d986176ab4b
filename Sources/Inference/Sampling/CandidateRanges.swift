// Candidates of a large vocabulary in ranges of logits, of which only one is put in order.
//
// Responsible for: finding the candidate at which the sum of probabilities in order reaches a target.
// Must not know: where targets come from.

import CKernels

/// The masses of `TK_LOGIT_RANGES` ranges of logits, the largest logits first.
struct CandidateRanges {
    private let logits: UnsafePointer<Float>
    private let probabilities: UnsafePointer<Float>
    private let count: Int
    private let floor: Float
    private let division: tk_division
    private let masses: UnsafeMutablePointer<Double>
    private let ids: UnsafeMutablePointer<UInt32>
    /// Of all ranges, added up in order.
    private let total: Double

    /// Of `count` logits with their probabilities; those less probable than `floor` are no candidates.
    /// `masses` [ranges] and `ids` [count] are scratch.
    init(
        logits: UnsafePointer<Float>, probabilities: UnsafePointer<Float>, count: Int, floor: Float,
        division: tk_division, masses: UnsafeMutablePointer<Double>, ids: UnsafeMutablePointer<UInt32>
    ) {
        (self.logits, self.probabilities, self.count, self.floor) = (logits, probabilities, count, floor)
        (self.division, self.masses, self.ids) = (division, masses, ids)
        tk_range_masses(masses, logits, probabilities, count, division, floor)
        var total = 0.0
        for range in 0..<Int(TK_LOGIT_RANGES) { total += masses[range] }
        self.total = total
    }

    /// The candidate that `share` (0..<1) of the mass falls on; of the first candidates that reach the mass `nucleus`
    /// where all have more.
    func token(share: Double, nucleus: Double = .infinity) -> Int32? {
        let kept = nucleus < total ? find { $0 >= nucleus } : nil
        let target = share * (kept?.sum ?? total)
        return find { $0 > target }?.token
    }

    /// The first candidate at which the sum of probabilities is enough, and that sum; rounding may leave the last one.
    private func find(_ isEnough: (_ sum: Double) -> Bool) -> (token: Int32, sum: Double)? {
        var (sum, last, before) = (0.0, -1, 0.0)
        for range in 0..<Int(TK_LOGIT_RANGES) where masses[range] > 0 {
            (last, before) = (range, sum)
            sum += masses[range]
            if isEnough(sum) { break }
        }
        guard last >= 0 else { return nil }
        let members = tk_range_members(ids, logits, count, division, UInt32(last))
        var candidates = CandidateHeap(keys: logits, ids: ids, count: members)
        var found: (token: Int32, sum: Double)?
        sum = before
        while let token = candidates.next() {
            let probability = probabilities[Int(token)]
            guard probability > 0, probability >= floor else { continue }
            sum += Double(probability)
            found = (token, sum)
            if isEnough(sum) { break }
        }
        return found
    }
}
