// The measurement gives plausible numbers.

import Testing

@testable import Inference

@Suite("Machine speed")
struct MachineSpeedTests {
    @Test("The measurement ends, and its numbers are those of a real machine")
    func measure() throws {
        let start = ContinuousClock.now
        let speed = try #require(try MachineSpeed.measure(threads: 2))
        #expect(start.duration(to: .now) < .seconds(10))
        #expect((1e7...1e13).contains(speed.readBytesPerSecond))
        #expect((1e7...1e16).contains(speed.int8OperationsPerSecond))
    }

    @Test("It takes no more than an eighth of what there is, and nothing where that would tell nothing")
    func small() throws {
        #expect(try MachineSpeed.measure(threads: 1, availableBytes: 127 << 20) == nil)
        #expect(try MachineSpeed.measure(threads: 1, availableBytes: 0) == nil)
        let speed = try #require(try MachineSpeed.measure(threads: 1, availableBytes: 128 << 20))
        #expect((1e7...1e13).contains(speed.readBytesPerSecond))
    }
}
