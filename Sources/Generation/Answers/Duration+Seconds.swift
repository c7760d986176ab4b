// Responsible for: durations as the numbers that people read. Must not know: clocks.

extension Duration {
    /// The same as a number.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
