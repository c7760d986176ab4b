// Responsible for: buffers of threads count in a plan. Must not know: what they are for.

import Testing
import Wire

@testable import Cluster

@Suite struct WorkspaceTests {
    @Test("A worker with many threads needs memory for each, and no plan gives it more than it offers")
    func threads() {
        var model = Example.model()
        model.workspaceBytesPerThread = 5
        #expect(model.workspaceBytes(threads: 1) == 10 && model.workspaceBytes(threads: 3) == 20)
        #expect(model.workspaceBytes(threads: 0) == 10)
        #expect(model.workspaceBytes(threads: .max) == model.workspaceBytes(threads: 1024))
        let planner = Planner(model: model, minimumBlocks: 2, wantedBlocks: 2)
        func plan(_ memory: UInt64, threads: Int) -> Result<Plan, PlanRefusal> {
            planner.plan([
                Planner.Candidate(
                    worker: WorkerID(1), memoryBytes: memory, speed: WorkerSpeed(readBytesPerSecond: 1e9),
                    threads: threads)
            ])
        }
        // 6 layers: 680 bytes of weights, 12 of keys and values, 10 of workspace and 5 for each further thread.
        for (threads, bytes) in [(1, 702), (2, 707), (9, 742)] as [(Int, UInt64)] {
            #expect((try? plan(bytes, threads: threads).get())?.stages.count == 1)
            #expect((try? plan(bytes - 1, threads: threads).get()) == nil)
        }
        let split = planner.plan(
            split: [0..<6],
            [
                Planner.Candidate(
                    worker: WorkerID(1), memoryBytes: 741, speed: WorkerSpeed(readBytesPerSecond: 1), threads: 9)
            ])
        guard case .failure(.splitDoesNotFit(_, _, needed: 742, offered: 741)) = split else {
            Issue.record("\(split)")
            return
        }
    }
}
