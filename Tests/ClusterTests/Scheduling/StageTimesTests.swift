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
            times.note(timings[...], tokens: tokens, samples: samples ?? tokens, roundTrip: roundTrip, .start)
        }
        return times
    }

    @Test("Means are kept for each size of step, and the smallest with enough steps counts")
    func sizes() {
        var times = times([stage(100), stage(300)], roundTrip: 500)
        #expect(times.decoding?.compute == [100, 300])
        #expect(times.decoding?.steps == 20 && times.decoding?.unexplained == 100)
        #expect(self.times([stage(100)], roundTrip: 500, steps: 15).decoding == nil)
        for _ in 0..<15 { times.note([stage(1), stage(1)], tokens: 1 << 14, samples: 1 << 14, roundTrip: 9, .start) }
        #expect(times.decoding?.compute == [100, 300])
        var large = self.times([stage(900)], roundTrip: 1_000, tokens: 256)
        for _ in 0..<15 { large.note([stage(9)], tokens: 1, samples: 1, roundTrip: 10, .start) }
        #expect(large.decoding?.compute == [900])
    }

    @Test("Moments in which a host does something else move a mean little")
    func noise() {
        var times = times([stage(100)], roundTrip: 120, steps: 100)
        times.note([stage(1_000_000)], tokens: 1, samples: 1, roundTrip: 1_000_100, .start)
        #expect((times.decoding?.compute[0] ?? 0) < 120)
        for step in 1...200 {
            times.note([stage(50)], tokens: 1, samples: 1, roundTrip: 70, .milliseconds(step * 100))
        }
        #expect((times.decoding?.compute[0] ?? 0) < 55)
    }

    @Test("A stage that computes most steps as fast as ever, and then none for a while, is as slow as it is on average")
    func quota() {
        // 15 ms of each 100: small steps, and ones that take most of it.
        for (compute, others) in [(UInt64(1_500), 9), (10_000, 1)] {
            var times = times([stage(compute)], roundTrip: compute + 100, steps: 200)
            let pause = UInt64(85_000)
            for round in 0..<120 {
                for step in 0...others {
                    let time = compute + (step == others ? pause : 0)
                    times.note([stage(time)], tokens: 1, samples: 1, roundTrip: time + 100, .milliseconds(round * 100))
                }
            }
            let expected = (Double(compute) * Double(others + 1) + Double(pause)) / Double(others + 1)
            let found = times.decoding?.compute[0] ?? 0
            #expect((0.75...1.15).contains(found / expected), "\(found) instead of \(expected)")
        }
    }

    @Test(
        "A stage that pauses before its steps, though they were sent to it, counts as slow; one that is far away does not"
    )
    func pauses() {
        var times = StageTimes()
        let far = StageMicroseconds(wire: 40_000, queue: 10, compute: 1_000, wait: 50_000)
        for step in 0..<2000 {
            // Of ten steps the first comes after a pause, and the others have waited for it meanwhile.
            let near =
                step % 10 == 0
                ? StageMicroseconds(wire: 60_000, queue: 40_000, compute: 1_000, wait: 85_000)
                : StageMicroseconds(wire: 50_000, queue: 45_000, compute: 1_000, wait: 20)
            let roundTrip = near.wire + near.queue + 50_000
            times.note([far, near], tokens: 1, samples: 1, roundTrip: roundTrip, .milliseconds(step * 10))
        }
        #expect(times.decoding?.compute[0] == 1_000)
        let found = times.decoding?.compute[1] ?? 0
        #expect((8_500...10_500).contains(found), "\(found)")
    }

    @Test("What small steps took long ago says nothing where there are only larger ones now")
    func longAgo() {
        var times = times([stage(100)], roundTrip: 120)
        for step in 0..<130 { times.note([stage(400)], tokens: 3, samples: 3, roundTrip: 420, .milliseconds(step)) }
        #expect(times.decoding?.compute == [400])
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
        times.note([stage(5), stage(5)], tokens: 1, samples: 1, roundTrip: 9, .start)
        #expect(times.decoding?.steps == 20)
    }

    @Test(
        "Pieces of prompts are kept apart from steps that decode, and the largest of late counts; mixtures tell nothing"
    )
    func prompts() {
        var times = times([stage(100)], roundTrip: 120)
        for tokens in [32, 64, 300, 256] {
            for _ in 0..<16 {
                times.note([stage(1_000)], tokens: tokens, samples: tokens / 64, roundTrip: 1_100, .start)
            }
        }
        #expect(times.prompts?.steps == 32 && (256...300).contains(times.prompts?.tokens ?? 0))
        #expect(times.decoding?.compute == [100])
        #expect(self.times([stage(9)], roundTrip: 9, tokens: 32, samples: 0).prompts == nil)
        let mixed = self.times([stage(9)], roundTrip: 9, tokens: 256, samples: 9)
        #expect(mixed.prompts == nil && mixed.decoding == nil)
        for _ in 0..<256 { times.note([stage(100)], tokens: 1, samples: 1, roundTrip: 120, .start) }
        #expect(times.prompts == nil)
    }
}
