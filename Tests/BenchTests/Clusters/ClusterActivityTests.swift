// What two states of a cluster say of the time between them.
import Testing
import Wire

@testable import Bench
@testable import Node
@testable import NodeTests

@Suite("What a cluster did")
struct ClusterActivityTests {
    @Test("Between two states a stage was busy for a share of the time with steps in flight, not of idle time before")
    func activity() throws {
        let before = ClusterStatus(
            ClusterStatusTests.reply(
                steps: 10, active: 1000, timings: [StageTiming(compute: 300), StageTiming(compute: 100)]))
        // 400 microseconds with steps in flight, after a million without any.
        let later = [StageTiming(wire: 60, queue: 20, compute: 600, wait: 1_000_100), StageTiming(compute: 200)]
        let after = ClusterStatus(ClusterStatusTests.reply(steps: 30, active: 1400, timings: later))
        let activity = ClusterActivity(before: before, after: after)
        #expect(activity.stages.map(\.worker) == ["h/0", "h/1"] && activity.stages.map(\.steps) == [20, 20])
        #expect(activity.stages.map(\.busyFraction) == [0.75, 0.25] && activity.busyFractions == 0.25...0.75)
        #expect(activity.bubbleFraction == 0.5 && activity.activeSeconds == 400e-6 && !activity.isReplanned)
        let mean = try #require(activity.stages[0].meanMicroseconds)
        #expect((mean.wire, mean.queue, mean.compute) == (3, 1, 15))
        #expect(activity.generatedTokens == 40)
    }

    @Test("A new plan counts from its beginning, and without any step there is nothing to tell")
    func replanned() {
        let timings = [StageTiming(compute: 300), StageTiming(compute: 100)]
        let before = ClusterStatus(ClusterStatusTests.reply(steps: 50, active: 9000, timings: timings))
        let after = ClusterStatus(ClusterStatusTests.reply(steps: 5, active: 400, timings: timings, epoch: 4))
        let activity = ClusterActivity(before: before, after: after)
        #expect(activity.isReplanned && activity.stages.map(\.busyFraction) == [0.75, 0.25])
        let idle = ClusterActivity(before: after, after: after)
        #expect(idle.stages.allSatisfy { $0.busyFraction == nil && $0.meanMicroseconds == nil })
        #expect(idle.bubbleFraction == nil && idle.busyFractions == nil && idle.activeSeconds == 0)
    }
}
