// Responsible for: what each stage took for steps of like size, and what no stage accounts for, as the coordinator's own
// clock tells. Must not know: workers, what follows from it.

import Wire

/// Means over the last seconds for each power of two of a step's tokens, of steps that decode and of pieces of prompts.
///
/// A worker that has only a part of a core, by a quota or beside others, computes most steps as fast as ever and then none
/// for a while: what it is worth shows in the sum of all, the long ones among them. One moment in which a host did something
/// else must not look like that; so the mean is over many steps, and one of them moves it by little. Linux stops threads that
/// have used up a quota when they wake, so that most of these pauses lie before a step, and not in it: a stage that computes
/// nothing although its next step was sent to it, for much longer than steps are on their way to it otherwise, pauses.
struct StageTimes: Sendable {
    /// Steps of about one size, in microseconds.
    struct Mean: Sendable, Equatable {
        var steps = 0
        var tokens: Double
        /// Of each stage, by its own word, with its pauses.
        var compute: [Double]
        /// The rest of a step's round trip: on its way, or not told.
        var unexplained = 0.0
        /// For how many steps of the size of the newest one the mean stands: older ones count for less.
        fileprivate var weight = 0.0
        /// The number of the last of its steps, among all, and when it came.
        fileprivate var last = 0
        fileprivate var lastAt = Moment.start
    }

    /// [sizes] sizes are 2^index. Of every token of the step something is sampled, or of none or few.
    private var decodingMeans: [Mean?] = Array(repeating: nil, count: 16)
    private var promptMeans: [Mean?] = Array(repeating: nil, count: 16)
    private var steps = 0
    /// [stages] how long steps usually are on their way to a stage that is free.
    private var ways: [Double] = []

    /// Fewer steps of a size than this tell nothing.
    private static let fewestSteps = 16
    /// Smaller pieces of a prompt read the weights for longer than they compute with them.
    private static let fewestPromptTokens = 64.0
    /// So many tokens of a prompt to one that is sampled, at least.
    private static let promptShare = 32
    /// What was measured so many steps ago tells of another time.
    private static let memory = 256
    private static let decodingMemory = 128
    /// What is so old counts for a third, where that leaves neither too few steps for a mean nor more than it needs.
    private static let timeConstant = Duration.seconds(4)
    private static let fewestInMean = 32.0
    private static let mostInMean = 4096.0
    /// A step moves a mean up by no more than this part of it.
    private static let mostGrowth = 0.15
    /// What takes so many times as long as usual, and so long at least, is a pause.
    private static let leastPause = (times: 4.0, microseconds: 2_000.0)
    private static let wayWeight = 0.05
    /// A step waits at a stage for so many others of its kind at most, or for something that is not its computing.
    private static let mostQueued = 8.0

    /// A step of so many tokens, after so many of which something was sampled, is through, `roundTrip` microseconds after it
    /// was sent. `timings` [stages].
    mutating func note(
        _ timings: ArraySlice<StageMicroseconds>, tokens: Int, samples: Int, roundTrip: UInt64, _ now: Moment
    ) {
        guard tokens > 0, roundTrip > 0 else { return }
        steps += 1
        let timings = withPauses(timings, roundTrip)
        let place = min(Int.bitWidth - 1 - tokens.leadingZeroBitCount, promptMeans.count - 1)
        if samples >= tokens {
            Self.note(timings, tokens, roundTrip, number: steps, now, in: &decodingMeans[place])
        } else if samples <= tokens / Self.promptShare {
            Self.note(timings, tokens, roundTrip, number: steps, now, in: &promptMeans[place])
        }
    }

    /// What stages computed with the pauses before it. Of two hosts whose clocks differ steps seem to be longer on their way,
    /// or no time at all; but always.
    private mutating func withPauses(
        _ timings: ArraySlice<StageMicroseconds>, _ roundTrip: UInt64
    ) -> ArraySlice<StageMicroseconds> {
        let now = timings.map { timing in
            let (onTheWay, overflow) = timing.wire.addingReportingOverflow(timing.queue)
            return Double(min(timing.wait, overflow ? .max : onTheWay, roundTrip))
        }
        if ways.count != now.count { ways = now }
        var timings = timings
        for (stage, index) in timings.indices.enumerated() {
            let (way, usual) = (now[stage], ways[stage])
            if way > max(Self.leastPause.times * usual, Self.leastPause.microseconds) {
                let (time, overflow) = timings[index].compute.addingReportingOverflow(UInt64(way - usual))
                timings[index].compute = overflow ? .max : time
            }
            ways[stage] += (min(way, 2 * max(usual, 100)) - usual) * Self.wayWeight
        }
        return timings
    }

    private static func note(
        _ timings: ArraySlice<StageMicroseconds>, _ tokens: Int, _ roundTrip: UInt64, number: Int, _ now: Moment,
        in place: inout Mean?
    ) {
        let whole = Double(roundTrip)
        // Nobody computes for longer than a step is under way.
        let compute = timings.map { min(Double($0.compute), whole) }
        let queued = zip(timings, compute).reduce(0) { $0 + min(Double($1.0.queue), Self.mostQueued * $1.1) }
        let unexplained = max(0, whole - queued - compute.reduce(0, +))
        var mean = place ?? Mean(tokens: Double(tokens), compute: compute, unexplained: unexplained)
        guard mean.compute.count == compute.count else { return }
        let weight = weight(of: mean, number, now) + 1
        (mean.steps, mean.weight, mean.last, mean.lastAt) = (mean.steps + 1, weight, number, now)
        mean.tokens += (Double(tokens) - mean.tokens) / weight
        for index in compute.indices { Self.move(&mean.compute[index], to: compute[index], weight) }
        Self.move(&mean.unexplained, to: unexplained, weight)
        place = mean
    }

    /// For how many of the next step what a mean is made of counts.
    private static func weight(of mean: Mean, _ number: Int, _ now: Moment) -> Double {
        let age = max(0, (now - mean.lastAt) / timeConstant)
        let passed = Double(number - mean.last)
        let kept = max(1 / (1 + age), 1 - passed / fewestInMean)
        return min(mean.weight * kept, mostInMean - 1)
    }

    private static func move(_ mean: inout Double, to value: Double, _ weight: Double) {
        mean += min((value - mean) / weight, mostGrowth * max(mean, 1))
    }

    /// Of the smallest steps that decoded and of which there were enough lately: these read the weights for the fewest
    /// tokens. nil: there were not.
    var decoding: Mean? {
        decodingMeans.lazy.compactMap { $0 }.first {
            $0.steps >= Self.fewestSteps && steps - $0.last < Self.decodingMemory
        }
    }

    /// Of the largest pieces of prompts of which there were enough lately: these compute most. nil: there were not.
    var prompts: Mean? {
        promptMeans.lazy.compactMap { $0 }.last {
            $0.steps >= Self.fewestSteps && $0.tokens >= Self.fewestPromptTokens && steps - $0.last < Self.memory
        }
    }
}
