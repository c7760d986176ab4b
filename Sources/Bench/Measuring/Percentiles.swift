// Responsible for: percentiles of many numbers. Must not know: what was measured.

/// Three percentiles and the largest of some numbers, by nearest rank: each is one of the numbers.
package struct Percentiles: Sendable, Codable, Equatable {
    package var p50: Double
    package var p90: Double
    package var p99: Double
    package var maximum: Double

    /// nil: there are no numbers.
    package init?(_ numbers: [Double]) {
        let sorted = numbers.sorted()
        guard let last = sorted.last else { return nil }
        (p50, p90, p99) = (Self.rank(50, of: sorted), Self.rank(90, of: sorted), Self.rank(99, of: sorted))
        maximum = last
    }

    /// The smallest of `sorted` that at least `percent` % of them do not exceed.
    private static func rank(_ percent: Int, of sorted: [Double]) -> Double {
        sorted[max(1, (percent * sorted.count + 99) / 100) - 1]
    }
}
