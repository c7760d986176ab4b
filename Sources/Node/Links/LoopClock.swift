// Responsible for: the times that a node reads: one that its machine decides by, one that stamps what it sends, one that
// measures.
// Must not know: what they are compared with.
import Cluster
import Glibc
import Wire

/// The time since a loop began, on a clock that never goes back.
struct LoopClock {
    private let start = ContinuousClock.now

    var now: Moment { Moment(sinceStart: start.duration(to: .now)) }

    /// For how long to poll so as not to miss the first of these times, in whole milliseconds rounded up; -1: for ever.
    func pollMilliseconds(until deadlines: Moment?...) -> Int {
        guard let deadline = deadlines.compactMap({ $0 }).min() else { return -1 }
        let rest = deadline - now
        return rest > .zero ? Int((rest + .nanoseconds(999_999)).wholeMilliseconds) : 0
    }
}

/// Microseconds of a system clock.
enum Microseconds {
    /// Of the time of day, which processes of one host share: a step is stamped with it when it is sent.
    static var ofDay: UInt64 { read(CLOCK_REALTIME) }

    /// Of a clock that never goes back.
    static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }

    /// From a stamp of `ofDay` until now; 0 where there was none, or where the sender's clock is ahead.
    static func since(_ stamp: UInt64) -> UInt64 {
        let now = ofDay
        return stamp == 0 || stamp > now ? 0 : now - stamp
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
    }
}

/// How long steps take from their sending to their results, by the sender's clock alone.
struct RoundTrips {
    /// The newest epoch, and when its steps in flight were sent.
    private var epoch = Epoch.none
    private var departures: [StepID: UInt64] = [:]

    /// A step is sent now.
    mutating func begin(of step: StepID, _ epoch: Epoch) {
        if epoch != self.epoch { (self.epoch, departures) = (epoch, [:]) }
        departures[step] = Microseconds.monotonic
    }

    /// Its result is here: microseconds since it was sent; 0 where that is not known.
    mutating func end(of step: StepID, _ epoch: Epoch) -> UInt64 {
        guard epoch == self.epoch, let departure = departures.removeValue(forKey: step) else { return 0 }
        return Microseconds.monotonic - departure
    }
}
