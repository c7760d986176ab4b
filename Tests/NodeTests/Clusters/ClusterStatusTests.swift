// What a status says of stages, and what two of them say of the time between them.
import Testing
import Wire

@testable import Node

@Suite("The state of a cluster")
struct ClusterStatusTests {
    /// Two stages, of which the worker that joined later has the first layers.
    private static func reply(steps: UInt64, active: UInt64, timings: [StageMicroseconds], epoch: UInt64 = 3)
        -> StatusReply
    {
        var reply = StatusReply()
        reply.epoch = Epoch(epoch)
        reply.generatedTokens = 2 * steps
        reply.pipeline.activeMicroseconds = active
        for (index, timing) in timings.enumerated() {
            var worker = WorkerStatus(id: WorkerID(UInt64(10 + index)))
            (worker.hostName, worker.processID, worker.stepsCompleted) = ("h", Int32(index), steps)
            worker.layers = index == 1 ? 0..<2 : 2..<5
            reply.workers.append(worker)
            var stage = StageStatus(worker: worker.id)
            (stage.steps, stage.tokens, stage.total) = (steps, 3 * steps, timing)
            reply.stages.insert(stage, at: 0)
        }
        return reply
    }

    @Test("A stage has the layers and the name of its worker, its mean times and its busy share")
    func stages() throws {
        let timings = [
            StageMicroseconds(wire: 100, queue: 50, compute: 300, wait: 100), StageMicroseconds(compute: 10, wait: 30),
        ]
        let status = ClusterStatus(Self.reply(steps: 10, active: 1000, timings: timings))
        #expect(status.stages.map(\.worker) == ["b", "a"] && status.stages.map(\.pid) == [1, 0])
        #expect(status.stages.map(\.layers) == [.init(0..<2), .init(2..<5)])
        #expect(status.stages.map(\.busyFraction) == [0.25, 0.75] && status.stages.map(\.tokens) == [30, 30])
        let mean = try #require(status.stages[1].meanMicroseconds)
        #expect((mean.wire, mean.queue, mean.compute, mean.wait) == (10, 5, 30, 10))
        let new = ClusterStatus(Self.reply(steps: 0, active: 0, timings: [StageMicroseconds(), StageMicroseconds()]))
        #expect(new.stages.allSatisfy { $0.meanMicroseconds == nil && $0.busyFraction == nil })
    }

    @Test("Between two states a stage was busy for a share of the time with steps in flight, not of idle time before")
    func activity() throws {
        let before = ClusterStatus(
            Self.reply(
                steps: 10, active: 1000, timings: [StageMicroseconds(compute: 300), StageMicroseconds(compute: 100)]))
        // 400 microseconds with steps in flight, after a million without any.
        let later = [
            StageMicroseconds(wire: 60, queue: 20, compute: 600, wait: 1_000_100), StageMicroseconds(compute: 200),
        ]
        let after = ClusterStatus(Self.reply(steps: 30, active: 1400, timings: later))
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
        let timings = [StageMicroseconds(compute: 300), StageMicroseconds(compute: 100)]
        let before = ClusterStatus(Self.reply(steps: 50, active: 9000, timings: timings))
        let after = ClusterStatus(Self.reply(steps: 5, active: 400, timings: timings, epoch: 4))
        let activity = ClusterActivity(before: before, after: after)
        #expect(activity.isReplanned && activity.stages.map(\.busyFraction) == [0.75, 0.25])
        let idle = ClusterActivity(before: after, after: after)
        #expect(idle.stages.allSatisfy { $0.busyFraction == nil && $0.meanMicroseconds == nil })
        #expect(idle.bubbleFraction == nil && idle.busyFractions == nil && idle.activeSeconds == 0)
    }
}
