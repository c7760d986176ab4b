// Responsible for: what results tell of the time of each stage, and what they cannot make anybody believe. Must not know:
// workers.

import Testing
import Wire

@testable import Cluster

@Suite struct StageTimesTests {
    private func stage(_ compute: UInt64, queue: UInt64 = 0) -> StageMicroseconds {
        StageMicroseconds(wire: 10, queue: queue, compute: compute)
    }

    private func times(
        _ timings: [StageMicroseconds], roundTrip: UInt64, tokens: Int = 1, samples: Int? = nil, steps: Int = 20
    ) -> StageTimes {
        var times = StageTimes()
        for _ in 0..<steps {
            times.note(timings[...], tokens: tokens, samples: samples ?? tokens, roundTrip: roundTrip)
        }
        return times
    }

    @Test("Means are kept for each size of step, and the smallest with enough steps counts")
    func sizes() {
        var times = times([stage(100), stage(300)], roundTrip: 500)
        #expect(times.decoding?.compute == [100, 300])
        #expect(times.decoding?.steps == 20 && times.decoding?.unexplained == 100)
        #expect(self.times([stage(100)], roundTrip: 500, steps: 15).decoding == nil)
        for _ in 0..<15 { times.note([stage(1), stage(1)], tokens: 1 << 14, samples: 1 << 14, roundTrip: 9) }
        #expect(times.decoding?.compute == [100, 300])
        var large = self.times([stage(900)], roundTrip: 1_000, tokens: 256)
        for _ in 0..<15 { large.note([stage(9)], tokens: 1, samples: 1, roundTrip: 10) }
        #expect(large.decoding?.compute == [900])
    }

    @Test("Moments in which a host does something else move a mean little")
    func noise() {
        var times = times([stage(100)], roundTrip: 120, steps: 100)
        times.note([stage(1_000_000)], tokens: 1, samples: 1, roundTrip: 1_000_100)
        #expect((times.decoding?.compute[0] ?? 0) < 120)
        for _ in 0..<200 { times.note([stage(50)], tokens: 1, samples: 1, roundTrip: 70) }
        #expect((times.decoding?.compute[0] ?? 0) < 55)
    }

    @Test("Nobody computes for longer than a step is under way, and no queue hides what was not computed")
    func lies() {
        #expect(times([stage(.max), stage(50)], roundTrip: 200).decoding?.compute == [200, 50])
        let hidden = times([stage(1, queue: 900), stage(100, queue: 100)], roundTrip: 1_200).decoding
        #expect(hidden?.unexplained == 991)
        #expect(times([stage(.max, queue: .max)], roundTrip: .max).decoding?.compute[0].isFinite == true)
    }

    @Test("Without a round trip, tokens, or as many stages as before nothing is learned")
    func nothing() {
        #expect(times([stage(5)], roundTrip: 0).decoding == nil)
        #expect(times([stage(5)], roundTrip: 9, tokens: 0).decoding == nil)
        var times = times([stage(5)], roundTrip: 9)
        times.note([stage(5), stage(5)], tokens: 1, samples: 1, roundTrip: 9)
        #expect(times.decoding?.steps == 20)
    }

    @Test(
        "Pieces of prompts are kept apart from steps that decode, and the largest of late counts; mixtures tell nothing"
    )
    func prompts() {
        var times = times([stage(100)], roundTrip: 120)
        for tokens in [32, 64, 300, 256] {
            for _ in 0..<16 { times.note([stage(1_000)], tokens: tokens, samples: tokens / 64, roundTrip: 1_100) }
        }
        #expect(times.prompts?.steps == 32 && (256...300).contains(times.prompts?.tokens ?? 0))
        #expect(times.decoding?.compute == [100])
        #expect(self.times([stage(9)], roundTrip: 9, tokens: 32, samples: 0).prompts == nil)
        let mixed = self.times([stage(9)], roundTrip: 9, tokens: 256, samples: 9)
        #expect(mixed.prompts == nil && mixed.decoding == nil)
        for _ in 0..<256 { times.note([stage(100)], tokens: 1, samples: 1, roundTrip: 120) }
        #expect(times.prompts == nil)
    }
}
