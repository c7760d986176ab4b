// Responsible for: line charts as values: panels, series, axes and where their ticks are.
// Must not know: what is shown, how it is drawn.
import Foundation

/// Some panels beside each other.
package struct Chart: Sendable {
    /// A point, with whiskers where the measurement was repeated.
    package struct Point: Sendable, Equatable {
        package var x: Double
        package var y: Double
        /// The smallest and the largest; nil: no whiskers.
        package var range: ClosedRange<Double>?

        /// A point without whiskers unless a range is given.
        package init(_ x: Double, _ y: Double, range: ClosedRange<Double>? = nil) {
            (self.x, self.y, self.range) = (x, y, range)
        }
    }

    /// A line through points, in the order of x.
    package struct Series: Sendable {
        package var name: String
        package var points: [Point]
        package var hasMarks: Bool
        package var isDashed: Bool

        /// A named line; `hasMarks`: each point gets a dot. A dashed line lets one below it be seen.
        package init(name: String, points: [Point], hasMarks: Bool = true, isDashed: Bool = false) {
            (self.name, self.points, self.hasMarks, self.isDashed) = (name, points, hasMarks, isDashed)
        }
    }

    /// One coordinate system.
    package struct Panel: Sendable {
        package var title: String
        package var xLabel: String
        package var yLabel: String
        /// Equal factors have equal lengths; values that are not above zero are left out.
        package var isXLogarithmic = false
        /// The ticks of the x axis; nil: chosen.
        package var xTicks: [Double]?
        package var series: [Series]
        /// A line drawn across at this x, with a name.
        package var limit: (x: Double, name: String)?

        /// A panel with a linear x axis.
        package init(title: String, xLabel: String, yLabel: String, series: [Series]) {
            (self.title, self.xLabel, self.yLabel, self.series) = (title, xLabel, yLabel, series)
        }
    }

    package var title: String
    package var panels: [Panel]

    /// A chart of at least one panel.
    package init(title: String, panels: [Panel]) { (self.title, self.panels) = (title, panels) }
}

/// The values of an axis and where they lie.
struct ChartAxis {
    private let low: Double
    private let high: Double
    private let isLogarithmic: Bool
    let ticks: [Double]

    /// An axis that shows `values`. A linear one begins at 0 and ends at a tick; a logarithmic one ends a little outside
    /// of its values.
    init(_ values: [Double], isLogarithmic: Bool = false, ticks: [Double]? = nil) {
        self.isLogarithmic = isLogarithmic
        if isLogarithmic {
            let positive = values.filter { $0 > 0 }
            let (least, most) = (positive.min() ?? 1, positive.max() ?? 10)
            let margin = most > least ? pow(most / least, 0.03) : 2
            (low, high) = (least / margin, most * margin)
            let (first, last) = (low, high)
            self.ticks = (ticks ?? Self.decades(low, high)).filter { $0 >= first && $0 <= last }
        } else {
            let most = max(values.max() ?? 1, 0)
            let step = Self.step(most > 0 ? most : 1)
            let count = max(1, Int((most / step - 1e-9).rounded(.up)))
            (low, high) = (0, step * Double(count))
            self.ticks = ticks ?? (0...count).map { step * Double($0) }
        }
    }

    /// Where a value lies: 0 at the beginning of the axis, 1 at its end.
    func place(_ value: Double) -> Double {
        isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
    }

    /// A step of 1, 2 or 5 times a power of ten that makes four to ten of `most`.
    private static func step(_ most: Double) -> Double {
        let power = pow(10, floor(log10(most / 4)))
        return [5, 2, 1].first { $0 * power * 4 <= most }.map { $0 * power } ?? power
    }

    /// 1, 2 and 5 times the powers of ten from `low` to `high`; only the powers where that would be many.
    private static func decades(_ low: Double, _ high: Double) -> [Double] {
        let powers = Int(floor(log10(low)))...Int(ceil(log10(high)))
        let factors: [Double] = powers.count > 4 ? [1] : [1, 2, 5]
        return powers.flatMap { power in factors.map { $0 * pow(10, Double(power)) } }
    }

    /// A value as a label: at most three digits that count, thousands as k.
    static func label(_ value: Double) -> String {
        if value >= 10_000 { return label(value / 1000) + "k" }
        return value == value.rounded() ? String(Int(value)) : String(format: "%.3g", value)
    }
}
