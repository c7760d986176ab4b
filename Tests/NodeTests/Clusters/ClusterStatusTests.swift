// What a status says of stages.
import Testing
import Wire

@testable import Node

@Suite("The state of a cluster")
struct ClusterStatusTests {
    /// Two stages, of which the worker that joined later has the first layers.
    static func reply(steps: UInt64, active: UInt64, timings: [StageTiming], epoch: UInt64 = 3) -> StatusReply {
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
        let timings = [StageTiming(wire: 100, queue: 50, compute: 300, wait: 100), StageTiming(compute: 10, wait: 30)]
        let status = ClusterStatus(Self.reply(steps: 10, active: 1000, timings: timings))
        #expect(status.stages.map(\.worker) == ["b", "a"] && status.stages.map(\.pid) == [1, 0])
        #expect(status.stages.map(\.layers) == [.init(0..<2), .init(2..<5)])
        #expect(status.stages.map(\.busyFraction) == [0.25, 0.75] && status.stages.map(\.tokens) == [30, 30])
        let mean = try #require(status.stages[1].meanMicroseconds)
        #expect((mean.wire, mean.queue, mean.compute, mean.wait) == (10, 5, 30, 10))
        let new = ClusterStatus(Self.reply(steps: 0, active: 0, timings: [StageTiming(), StageTiming()]))
        #expect(new.stages.allSatisfy { $0.meanMicroseconds == nil && $0.busyFraction == nil })
    }
}
