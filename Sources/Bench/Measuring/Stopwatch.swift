// Responsible for: the time that measurements take. Must not know: what is measured.
import Generation
import Node

/// Runs from its beginning on.
struct Stopwatch {
    private let start = ContinuousClock.now

    /// Seconds since then, never 0.
    var seconds: Double { max(1e-9, start.duration(to: .now).seconds) }
}
