// What repetitions of one measurement came to.
//
// Responsible for: the median and the ends.
// Must not know: what was measured.

/// The middle and the ends of some numbers.
package struct Spread: Sendable, Codable, Equatable {
    package var median: Double
    package var minimum: Double
    package var maximum: Double

    /// Of at least one number.
    init(_ numbers: [Double]) {
        let sorted = numbers.sorted()
        (minimum, maximum) = (sorted[0], sorted[sorted.count - 1])
        median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
