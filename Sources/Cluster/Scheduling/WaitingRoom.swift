// Responsible for: what those who wait, or find no place to wait, are told. Must not know: which requests there are.

import Sequences

/// How fast places become free, and the reason for waiting that was last told.
struct WaitingRoom: Sendable {
    /// Requests that found no place.
    private(set) var refusals = 0
    /// A moving mean of the time between ends of requests, and when the last one ended.
    private var finishInterval = Duration.seconds(1)
    private var lastFinish: Moment
    private var lastReason: Sentence?

    private static let shortestRetry = Duration.milliseconds(250)
    private static let longestRetry = Duration.seconds(60)

    init(now: Moment) { lastFinish = now }

    /// A request has ended.
    mutating func noteFinish(_ now: Moment) {
        finishInterval += ((now - lastFinish) - finishInterval) * 0.1
        lastFinish = now
    }

    /// There is no place, as so many wait: the time after which one may be free.
    mutating func refuse(waiting: Int) -> Duration {
        refusals += 1
        // Who is refused comes back with many others, so not for the very next place.
        return max(Self.shortestRetry, min(Self.longestRetry, finishInterval * max(1, waiting / 4)))
    }

    /// Someone was told this reason.
    mutating func noteTold(_ reason: Sentence) { lastReason = reason }

    /// The reason for all who wait, where it is another than they were last told; nil: there is nothing new.
    mutating func news(_ reason: Sentence?) -> Sentence? {
        defer { lastReason = reason }
        return reason == lastReason ? nil : reason
    }
}
