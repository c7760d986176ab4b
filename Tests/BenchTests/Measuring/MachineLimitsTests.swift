// The measurement gives numbers that a machine can have.

import Testing

@testable import Bench

@Suite("Machine limits")
struct MachineLimitsTests {
    @Test("All limits are positive and no larger than those of any machine there is", arguments: [1, 2])
    func measure(threads: Int) throws {
        let limits = try MachineLimits.measure(threads: threads)
        #expect((1e7...1e13).contains(limits.readBytesPerSecond))
        #expect((1e7...1e16).contains(limits.int8OperationsPerSecond))
        #expect((1e7...1e16).contains(limits.floatOperationsPerSecond))
    }
}
