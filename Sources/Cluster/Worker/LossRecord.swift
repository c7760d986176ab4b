// Responsible for: how long a worker stays away from a link that loses steps again and again. Must not know: which link.

/// Losses in a row: each beyond the first makes the pause before joining again twice as long.
struct LossRecord: Sendable {
    private(set) var count = 0
    /// A loss after this is the first again.
    private var forgottenAt = Moment.start

    private static let firstPause = Duration.seconds(1)
    private static let mostDoublings = 5
    private static let memory = Duration.seconds(60)

    /// Steps were lost: for how long to stay away; nil: not at all.
    mutating func note(_ now: Moment) -> Duration? {
        if now > forgottenAt { count = 0 }
        count += 1
        let pause = count > 1 ? Self.firstPause * (1 << min(count - 2, Self.mostDoublings)) : nil
        forgottenAt = now + (pause ?? .zero) + Self.memory
        return pause
    }
}
