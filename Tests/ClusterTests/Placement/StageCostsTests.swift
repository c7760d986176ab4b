// Responsible for: how long a step is thought to take at a stage. Must not know: plans.

import Testing

@testable import Cluster

@Suite struct StageCostsTests {
    /// 6 layers of 100 bytes and 200 operations, head of 50 bytes and 100 operations.
    private let costs = StageCosts(Example.model())
    private let speed = WorkerSpeed(readBytesPerSecond: 100, operationsPerSecond: 2_000)

    @Test("Few tokens take as long as the weights take to be read, many as long as they are computed with")
    func roofline() {
        #expect(costs.seconds(.prompt(1), at: 0..<3, speed) == 3)
        #expect(costs.seconds(.prompt(10), at: 0..<3, speed) == 3)
        #expect(costs.seconds(.prompt(20), at: 0..<3, speed) == 6)
    }

    @Test("The output matrix costs the last stage, and only steps that sample")
    func head() {
        #expect(costs.seconds(.decoding(1), at: 3..<6, speed) == 3.5)
        #expect(costs.seconds(.prompt(1), at: 3..<6, speed) == 3)
        #expect(costs.seconds(.decoding(1), at: 0..<3, speed) == 3)
        #expect(costs.seconds(.decoding(20), at: 3..<6, speed) == 7)
        // The last piece of a prompt: one row is sampled.
        #expect(costs.seconds(.init(tokens: 20, samples: 1), at: 3..<6, speed) == 6.5)
        #expect(costs.operations(of: 3..<6) == 600)
    }

    @Test("What is not known of a worker follows from the rest, and nothing is 0")
    func unknown() {
        #expect(WorkerSpeed(readBytesPerSecond: 2).known == WorkerSpeed(readBytesPerSecond: 2, operationsPerSecond: 64))
        #expect(WorkerSpeed(operationsPerSecond: 64).known.readBytesPerSecond == 2)
        #expect(WorkerSpeed().known.readBytesPerSecond > 0 && WorkerSpeed().known.operationsPerSecond > 0)
    }
}
