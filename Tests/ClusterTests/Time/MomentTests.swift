// Responsible for: arithmetic of moments and durations at their limits. Must not know: clocks.

import Testing

@testable import Cluster

@Suite struct MomentTests {
    @Test("What lies between two moments may be negative, and has no smaller unit than is needed")
    func differences() {
        let early = Moment.milliseconds(5)
        let late = early + .nanoseconds(1_500_001)
        #expect(early < late)
        #expect(late - early == .nanoseconds(1_500_001))
        #expect(early - late == .nanoseconds(-1_500_001))
        #expect((late - early).wholeMilliseconds == 1)
        #expect((late - early).wholeMicroseconds == 1_500)
        #expect((early - late).wholeMilliseconds == 0)
    }

    @Test("The largest number of milliseconds that a peer can send is one like any other")
    func largest() {
        let largest = Duration.milliseconds(UInt64.max)
        #expect(largest.wholeMilliseconds == .max)
        #expect((Moment.start + largest * 2 - .start).wholeMilliseconds == .max)
        #expect(largest.wholeMicroseconds == .max)
    }
}
