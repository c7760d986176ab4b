// Responsible for: how long steps take by the number of their tokens, as measured, and what sizes follow from that. Must
// not know: requests, stages.

/// What the slowest stage takes for steps of different sizes: a moving mean for each power of two, and lines between.
struct StepCosts: Sendable {
    /// [sizes] sizes are 2^index: the mean number of tokens of the steps in this class, and their mean microseconds.
    private var classes: [(tokens: Double, time: Double)?] = Array(repeating: nil, count: 16)
    /// The weight of the newest measurement: what is slower than usual says more about the host than about the model.
    private static let weightFaster = 0.4
    private static let weightSlower = 0.1

    /// A step of so many tokens took so long at its slowest stage.
    mutating func note(tokens: Int, microseconds: UInt64) {
        guard tokens > 0 else { return }
        let place = min(Int.bitWidth - 1 - tokens.leadingZeroBitCount, classes.count - 1)
        let new = (tokens: Double(tokens), time: Double(microseconds))
        guard let old = classes[place] else { return classes[place] = new }
        // A machine that does something else for a moment says nothing about the model.
        let time = min(new.time, 4 * max(old.time, 1))
        let weight = time < old.time ? Self.weightFaster : Self.weightSlower
        classes[place] = (old.tokens + (new.tokens - old.tokens) * weight, old.time + (time - old.time) * weight)
    }

    /// Nothing was measured yet.
    var isEmpty: Bool { classes.allSatisfy { $0 == nil } }

    /// Microseconds for a step of `tokens` tokens; nil: nothing was measured. Beyond what was measured a token more costs
    /// as much as it did on average there; below, steps are taken to cost as much as the smallest one measured.
    func microseconds(tokens: Int) -> Double? { microseconds(meanTokens: Double(tokens)) }

    /// The same for steps of different sizes.
    func microseconds(meanTokens wanted: Double) -> Double? {
        var below: (tokens: Double, time: Double)?
        var beforeBelow: (tokens: Double, time: Double)?
        for point in classes.lazy.compactMap({ $0 }) {
            guard point.tokens < wanted else {
                guard let below else { return point.time }
                let share = (wanted - below.tokens) / (point.tokens - below.tokens)
                return below.time + share * max(0, point.time - below.time)
            }
            beforeBelow = below
            below = point
        }
        guard let below else { return nil }
        var slope = below.time / max(below.tokens, Self.tokensBelowOneWeightPass)
        if let beforeBelow {
            slope = max(0, below.time - beforeBelow.time) / (below.tokens - beforeBelow.tokens)
        }
        return below.time + slope * (wanted - below.tokens)
    }

    /// Up to about so many tokens a step costs what reading the weights costs.
    private static let tokensBelowOneWeightPass = 16.0

    /// The most tokens of a prompt, in steps of `granularity` up to `limit`, that a step with `others` other tokens may
    /// have so as to take no longer than `microseconds`; at least `granularity`.
    func promptTokens(besides others: Int, within microseconds: Double, limit: Int, granularity: Int) -> Int {
        guard !isEmpty else { return min(limit, 4 * granularity) }
        var best = min(limit, granularity)
        for count in stride(from: granularity, through: limit, by: granularity) {
            guard let time = self.microseconds(tokens: others + count), time <= microseconds else { break }
            best = count
        }
        return best
    }

    /// The chunk, a power of two from `smallest` to `limit`, by which a prompt of `tokens` tokens is soonest through
    /// `stages` stages: many chunks cost many passes over the weights, few leave stages empty at the beginning and end.
    func chunk(tokens: Int, stages: Int, smallest: Int, limit: Int) -> Int {
        guard stages > 1, !isEmpty else { return limit }
        var best = (chunk: limit, time: Double.infinity)
        var chunk = limit
        while chunk >= min(smallest, limit) {
            let rounds = Double((tokens + chunk - 1) / chunk + stages - 1)
            let time = rounds * (microseconds(tokens: min(chunk, tokens)) ?? 0)
            // Larger ones first, and only a real gain takes a smaller one.
            if time < best.time * 0.99 { best = (chunk, time) }
            chunk /= 2
        }
        return best.chunk
    }

    /// How many guesses, up to `limit`, make a step with `others` tokens worth most: tokens gained by its time, where each
    /// guess is right with probability `acceptance` if those before are.
    func guesses(besides others: Int, acceptance: Double, limit: Int) -> Int {
        guard acceptance > 0, let plain = microseconds(tokens: others), plain > 0 else { return 0 }
        var best = (count: 0, rate: 1.02 / plain)
        var gain = 1.0
        var product = 1.0
        for count in 1...max(1, limit) {
            product *= acceptance
            gain += product
            guard count <= limit, let time = guessTime(others, count, plain) else { break }
            if gain / time > best.rate { best = (count, gain / time) }
        }
        return best.count
    }

    private func guessTime(_ others: Int, _ count: Int, _ plain: Double) -> Double? {
        microseconds(tokens: others + count).map { max($0, plain) }
    }
}
