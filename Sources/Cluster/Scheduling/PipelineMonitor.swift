// Responsible for: where the time of the stages goes, and how many steps in flight keep them busy. Must not know:
// requests, workers.

import DequeModule
import Wire

/// What the results of one epoch's steps tell about its stages.
struct PipelineMonitor: Sendable {
    /// What one stage has done, in the words of its results (microseconds).
    struct StageTotals: Sendable {
        var steps: UInt64 = 0
        var tokens: UInt64 = 0
        var total = StageMicroseconds()
    }

    /// How much each stage had computed at a time.
    private struct Sample: Sendable {
        var time: Moment
        var computeMicroseconds: [UInt64]
    }

    private(set) var stages: [StageTotals]
    private(set) var costs = StepCosts()
    private(set) var times = StageTimes()
    /// Moving means: all hops of a step together, and its slowest stage.
    private var hopMicroseconds = 0.0
    private var slowestMicroseconds = 0.0
    /// [stages] slower means of each.
    private var stageMicroseconds: [Double]
    private var samples: Deque<Sample> = []
    /// The time with steps in flight, until they last came to an end, and since when there are some now.
    private var activeTime = Duration.zero
    private var activeSince: Moment?

    private static let sampleInterval = Duration.milliseconds(500)
    private static let sampleCount = 10
    private static let coldSteps = 4
    /// The weight of the newest step in the moving means.
    private static let weight = 0.1
    private static let stageWeight = 0.02

    init(stageCount: Int = 0) {
        stages = Array(repeating: StageTotals(), count: stageCount)
        stageMicroseconds = Array(repeating: 0, count: stageCount)
    }

    /// As many steps in flight as there are stages keep all busy, if the hops between them cost nothing; one more for
    /// each step that could be computed while hops take their time. More would only make steps smaller, and a small step
    /// reads as many weights as a large one.
    var targetSteps: Int {
        guard slowestMicroseconds > 0 else { return stages.count }
        return stages.count + Int(min(Double(stages.count), hopMicroseconds / slowestMicroseconds))
    }

    /// As many make most tokens of so many answers. What comes of prompts beside them needs its usual steps.
    func targetSteps(answers: Int, hasPrompts: Bool, most: Int) -> Int {
        let usual = min(targetSteps, most)
        guard let slowest = stageMicroseconds.max(), slowest > 0 else { return usual }
        let deal = StepDeal(
            stageCount: stages.count, costs: costs, stagesShare: stageMicroseconds.reduce(0, +) / slowest,
            hopMicroseconds: hopMicroseconds)
        let steps = deal.steps(answers: answers, usual: usual, most: most)
        return hasPrompts ? max(usual, steps) : steps
    }

    /// All hops of a step together; nil: none is through.
    var hopSeconds: Double? { hopMicroseconds > 0 ? hopMicroseconds / 1e6 : nil }

    /// A step was sent while no other was in flight.
    mutating func begin(_ now: Moment) { if activeSince == nil { activeSince = now } }

    /// No step is in flight any more.
    mutating func pause(_ now: Moment) {
        if let since = activeSince { activeTime += now - since }
        activeSince = nil
    }

    /// A step of so many tokens, after so many of which something was sampled, is through. `timings` has one entry for each stage and one for the way back to the
    /// coordinator, whose `wait` is the time from sending the step to its result by the coordinator's own clock (0: not
    /// measured): what a stage says of a step is no more than that. Other numbers of entries tell nothing.
    mutating func note(_ timings: [StageMicroseconds], tokens: Int, samples: Int, _ now: Moment) {
        guard timings.count == stages.count + 1, let last = timings.last else { return }
        let limit = last.wait > 0 ? min(last.wait, Limits.microseconds) : Limits.microseconds
        var resident: UInt64 = 0
        var most: UInt64 = 0
        for (index, timing) in timings.dropLast().enumerated() {
            var timing = timing
            timing.queue = min(timing.queue, limit)
            timing.compute = min(timing.compute, limit)
            stages[index].steps += 1
            stages[index].tokens += UInt64(tokens)
            stages[index].total += timing
            resident &+= timing.queue &+ timing.compute
            most = max(most, timing.compute)
            let mean = stageMicroseconds[index]
            let time = mean == 0 ? Double(timing.compute) : min(Double(timing.compute), 4 * mean)
            stageMicroseconds[index] += (time - mean) * max(Self.stageWeight, 1 / Double(stages[index].steps))
        }
        if most == 0 { return }
        // The first steps of a stage also bring its weights into caches.
        if stages[0].steps > Self.coldSteps {
            costs.note(tokens: tokens, microseconds: most)
            times.note(timings.dropLast(), tokens: tokens, samples: samples, roundTrip: last.wait, now)
        }
        let weight = slowestMicroseconds == 0 ? 1 : Self.weight
        if last.wait > 0 {
            let way = Double(last.wait - min(last.wait, resident))
            // Moments in which a host did something else say nothing about the way.
            let usual = slowestMicroseconds == 0 ? way : min(way, 4 * max(hopMicroseconds, 100))
            hopMicroseconds += (usual - hopMicroseconds) * weight
        }
        slowestMicroseconds += (Double(most) - slowestMicroseconds) * weight
        sample(now)
    }

    private mutating func sample(_ now: Moment) {
        if let newest = samples.last, now - newest.time < Self.sampleInterval { return }
        samples.append(Sample(time: now, computeMicroseconds: stages.map(\.total.compute)))
        if samples.count > Self.sampleCount { samples.removeFirst() }
    }

    // MARK: For people

    /// The share of the last seconds in which a stage computed, 0 to 1.
    func recentBusy(_ stage: Int, _ now: Moment) -> Double {
        let window = Self.sampleInterval * Self.sampleCount
        guard let oldest = samples.first(where: { now - $0.time <= window + Self.sampleInterval }),
            now > oldest.time
        else { return 0 }
        let compute = stages[stage].total.compute &- oldest.computeMicroseconds[stage]
        return min(1, Double(compute) / ((now - oldest.time) / .microseconds(1)))
    }

    /// The time with steps in flight.
    func active(_ now: Moment) -> Duration { activeTime + (activeSince.map { now - $0 } ?? .zero) }

    /// The share of the time with steps in flight in which the stages, on average, did not compute.
    func bubble(_ now: Moment) -> Double {
        let active = active(now) / .microseconds(1) * Double(stages.count)
        guard active > 0 else { return 0 }
        let compute = stages.reduce(0.0) { $0 + Double($1.total.compute) }
        return max(0, min(1, 1 - compute / active))
    }
}
