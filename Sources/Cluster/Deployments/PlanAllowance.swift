// Responsible for: how many plans may be made in a time. Must not know: why one is made.

/// Plans that fail must not follow each other without end: some at once, then one every few seconds.
struct PlanAllowance: Sendable {
    static let most = 8
    static let interval = Duration.seconds(5)

    private var left = PlanAllowance.most
    private var refilledAt: Moment

    init(now: Moment) { refilledAt = now }

    /// Whether a plan may be made now.
    mutating func allows(_ now: Moment) -> Bool {
        while left < Self.most, now - refilledAt >= Self.interval {
            left += 1
            refilledAt = refilledAt + Self.interval
        }
        if left == Self.most { refilledAt = now }
        return left > 0
    }

    mutating func spend() { left = max(0, left - 1) }

    /// There is somebody who was not there before, or a connection is gone: that is worth a plan.
    mutating func noteChange() { left = min(Self.most, left + 1) }
}
