// Responsible for: the time that a node's machine decides by.
// Must not know: the time of day.

/// Milliseconds since a loop began, on a clock that never goes back.
struct LoopClock {
    private let start = ContinuousClock.now

    var milliseconds: UInt64 {
        let elapsed = start.duration(to: .now).components
        return UInt64(elapsed.seconds) * 1000 + UInt64(elapsed.attoseconds / 1_000_000_000_000_000)
    }
}

extension Duration {
    /// This duration as a number of seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
