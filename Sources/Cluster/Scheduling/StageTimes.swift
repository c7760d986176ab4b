// Responsible for: what each stage took for steps of like size, and what no stage accounts for, as the coordinator's own
// clock tells. Must not know: workers, what follows from it.

import Wire

/// Moving means for each power of two of a step's tokens, of steps that decode and of pieces of prompts.
struct StageTimes: Sendable {
    /// Steps of about one size, in microseconds.
    struct Mean: Sendable, Equatable {
        var steps = 0
        var tokens: Double
        /// Of each stage, by its own word.
        var compute: [Double]
        /// The rest of a step's round trip: on its way, or not told.
        var unexplained = 0.0
        /// The number of the last of its steps, among all.
        fileprivate var last = 0
    }

    /// [sizes] sizes are 2^index. Of every token of the step something is sampled, or of none or few.
    private var decodingMeans: [Mean?] = Array(repeating: nil, count: 16)
    private var promptMeans: [Mean?] = Array(repeating: nil, count: 16)
    private var steps = 0

    /// Fewer steps of a size than this tell nothing.
    private static let fewestSteps = 16
    /// Smaller pieces of a prompt read the weights for longer than they compute with them.
    private static let fewestPromptTokens = 64.0
    /// So many tokens of a prompt to one that is sampled, at least.
    private static let promptShare = 32
    /// What was measured so many steps ago tells of another time.
    private static let memory = 256
    /// The weight of the newest step, at least.
    private static let weight = 0.05
    /// What took longer than so many times the mean says more about a moment than about a stage.
    private static let mostDeviation = 4.0
    /// A step waits at a stage for so many others of its kind at most, or for something that is not its computing.
    private static let mostQueued = 8.0

    /// A step of so many tokens, after so many of which something was sampled, is through, `roundTrip` microseconds after it
    /// was sent. `timings` [stages].
    mutating func note(_ timings: ArraySlice<StageMicroseconds>, tokens: Int, samples: Int, roundTrip: UInt64) {
        guard tokens > 0, roundTrip > 0 else { return }
        steps += 1
        let place = min(Int.bitWidth - 1 - tokens.leadingZeroBitCount, promptMeans.count - 1)
        if samples >= tokens {
            Self.note(timings, tokens, roundTrip, number: steps, in: &decodingMeans[place])
        } else if samples <= tokens / Self.promptShare {
            Self.note(timings, tokens, roundTrip, number: steps, in: &promptMeans[place])
        }
    }

    private static func note(
        _ timings: ArraySlice<StageMicroseconds>, _ tokens: Int, _ roundTrip: UInt64, number: Int, in place: inout Mean?
    ) {
        let whole = Double(roundTrip)
        // Nobody computes for longer than a step is under way.
        let compute = timings.map { min(Double($0.compute), whole) }
        let queued = zip(timings, compute).reduce(0) { $0 + min(Double($1.0.queue), Self.mostQueued * $1.1) }
        let unexplained = max(0, whole - queued - compute.reduce(0, +))
        var mean = place ?? Mean(tokens: Double(tokens), compute: compute, unexplained: unexplained)
        guard mean.compute.count == compute.count else { return }
        mean.steps += 1
        mean.last = number
        let weight = max(Self.weight, 1 / Double(mean.steps))
        mean.tokens += (Double(tokens) - mean.tokens) * weight
        for index in compute.indices { Self.move(&mean.compute[index], to: compute[index], weight) }
        Self.move(&mean.unexplained, to: unexplained, weight)
        place = mean
    }

    private static func move(_ mean: inout Double, to value: Double, _ weight: Double) {
        mean += (min(value, mostDeviation * max(mean, 1)) - mean) * weight
    }

    /// Of the smallest steps that decoded and of which there were enough: these read the weights for the fewest tokens.
    /// nil: there were not.
    var decoding: Mean? { decodingMeans.lazy.compactMap { $0 }.first { $0.steps >= Self.fewestSteps } }

    /// Of the largest pieces of prompts of which there were enough lately: these compute most. nil: there were not.
    var prompts: Mean? {
        promptMeans.lazy.compactMap { $0 }.last {
            $0.steps >= Self.fewestSteps && $0.tokens >= Self.fewestPromptTokens && steps - $0.last < Self.memory
        }
    }
}
