// Responsible for: what each stage took for steps of like size, and what no stage accounts for, as the coordinator's own
// clock tells. Must not know: workers, what follows from it.

import Wire

/// Moving means for each power of two of a step's tokens.
struct StageTimes: Sendable {
    /// Steps of about one size, in microseconds.
    struct Mean: Sendable, Equatable {
        var steps = 0
        /// Of each stage, by its own word.
        var compute: [Double]
        /// The rest of a step's round trip: on its way, or not told.
        var unexplained = 0.0
    }

    /// [sizes] sizes are 2^index.
    private var means: [Mean?] = Array(repeating: nil, count: 16)

    /// Fewer steps of a size than this tell nothing.
    private static let fewestSteps = 16
    /// The weight of the newest step, at least.
    private static let weight = 0.05
    /// What took longer than so many times the mean says more about a moment than about a stage.
    private static let mostDeviation = 4.0
    /// A step waits at a stage for so many others of its kind at most, or for something that is not its computing.
    private static let mostQueued = 8.0

    /// A step of so many tokens is through, `roundTrip` microseconds after it was sent. `timings` [stages].
    mutating func note(_ timings: ArraySlice<StageMicroseconds>, tokens: Int, roundTrip: UInt64) {
        guard tokens > 0, roundTrip > 0 else { return }
        let whole = Double(roundTrip)
        // Nobody computes for longer than a step is under way.
        let compute = timings.map { min(Double($0.compute), whole) }
        let queued = zip(timings, compute).reduce(0) { $0 + min(Double($1.0.queue), Self.mostQueued * $1.1) }
        let unexplained = max(0, whole - queued - compute.reduce(0, +))
        let place = min(Int.bitWidth - 1 - tokens.leadingZeroBitCount, means.count - 1)
        var mean = means[place] ?? Mean(compute: compute, unexplained: unexplained)
        guard mean.compute.count == compute.count else { return }
        mean.steps += 1
        let weight = max(Self.weight, 1 / Double(mean.steps))
        for index in compute.indices { Self.move(&mean.compute[index], to: compute[index], weight) }
        Self.move(&mean.unexplained, to: unexplained, weight)
        means[place] = mean
    }

    private static func move(_ mean: inout Double, to value: Double, _ weight: Double) {
        mean += (min(value, mostDeviation * max(mean, 1)) - mean) * weight
    }

    /// Of the smallest steps of which there were enough: these read the weights for the fewest tokens. nil: there were not.
    var smallest: Mean? { means.lazy.compactMap { $0 }.first { $0.steps >= Self.fewestSteps } }
}
