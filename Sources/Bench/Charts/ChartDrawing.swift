// Responsible for: charts as SVG 1.1 (https://www.w3.org/TR/SVG11/), readable without a script or a font of its own.
// Must not know: what is shown.
import Foundation

extension Chart {
    /// The whole file.
    package func svg() -> String {
        let width = Double(panels.count) * ChartDrawing.panelWidth
        var drawing = ChartDrawing(width: width, height: ChartDrawing.titleHeight + ChartDrawing.panelHeight)
        drawing.text(title, width / 2, 24, size: 16, anchor: "middle", isBold: true)
        for (index, panel) in panels.enumerated() { drawing.draw(panel, x: Double(index) * ChartDrawing.panelWidth) }
        return drawing.file
    }
}

/// An SVG file that grows. Lengths are pixels.
private struct ChartDrawing {
    static let panelWidth = 480.0
    static let panelHeight = 360.0
    static let titleHeight = 36.0
    private static let margins = (left: 68.0, right: 20.0, top: 56.0, bottom: 48.0)
    /// The colours of Okabe and Ito, which people who see few colours can tell apart too.
    private static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

    private var lines: [String]

    init(width: Double, height: Double) {
        let size = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
        lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) "
                + "viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\" font-family=\"sans-serif\">",
            "<rect \(size) fill=\"#ffffff\"/>",
        ]
    }

    var file: String { (lines + ["</svg>", ""]).joined(separator: "\n") }

    /// A panel whose left edge is at `x`.
    mutating func draw(_ panel: Chart.Panel, x left: Double) {
        let shown = panel.series.map { series in
            series.points.filter { $0.x.isFinite && $0.y.isFinite && (!panel.isXLogarithmic || $0.x > 0) }
        }
        let points = shown.flatMap(\.self)
        let limits = panel.limit.map { [$0.x] } ?? []
        let frame = Frame(
            left: left + Self.margins.left, top: Self.titleHeight + Self.margins.top,
            width: Self.panelWidth - Self.margins.left - Self.margins.right,
            height: Self.panelHeight - Self.margins.top - Self.margins.bottom,
            xAxis: ChartAxis(points.map(\.x) + limits, isLogarithmic: panel.isXLogarithmic, ticks: panel.xTicks),
            yAxis: ChartAxis(points.map { max($0.y, $0.range?.upperBound ?? $0.y) }))
        text(panel.title, frame.left + frame.width / 2, Self.titleHeight + 16, size: 14, anchor: "middle")
        drawAxes(panel, frame)
        if let limit = panel.limit {
            let x = frame.x(limit.x)
            line(x, frame.top, x, frame.bottom, color: "#888888", dashes: "4 3")
            text(limit.name, x - 4, frame.bottom - 6, size: 11, anchor: "end", color: "#666666")
        }
        for (index, points) in shown.enumerated() {
            draw(points, of: panel.series[index], frame, color: Self.colors[index % Self.colors.count])
        }
        drawLegend(panel.series.map(\.name), frame)
    }

    /// Where values of a panel lie on the page.
    private struct Frame {
        var left: Double
        var top: Double
        var width: Double
        var height: Double
        var xAxis: ChartAxis
        var yAxis: ChartAxis

        var bottom: Double { top + height }
        func x(_ value: Double) -> Double { left + width * xAxis.place(value) }
        func y(_ value: Double) -> Double { bottom - height * yAxis.place(value) }
    }

    private mutating func drawAxes(_ panel: Chart.Panel, _ frame: Frame) {
        for tick in frame.yAxis.ticks {
            let y = frame.y(tick)
            line(frame.left, y, frame.left + frame.width, y, color: "#e4e4e4")
            text(ChartAxis.label(tick), frame.left - 6, y + 4, size: 11, anchor: "end")
        }
        for tick in frame.xAxis.ticks {
            let x = frame.x(tick)
            line(x, frame.bottom, x, frame.bottom + 4, color: "#444444")
            text(ChartAxis.label(tick), x, frame.bottom + 17, size: 11, anchor: "middle")
        }
        line(frame.left, frame.bottom, frame.left + frame.width, frame.bottom, color: "#444444")
        line(frame.left, frame.top, frame.left, frame.bottom, color: "#444444")
        text(panel.xLabel, frame.left + frame.width / 2, frame.bottom + 36, size: 12, anchor: "middle")
        let (x, y) = (frame.left - Self.margins.left + 16, frame.top + frame.height / 2)
        text(panel.yLabel, x, y, size: 12, anchor: "middle", isUpright: true)
    }

    private mutating func draw(_ points: [Chart.Point], of series: Chart.Series, _ frame: Frame, color: String) {
        let places = points.map { "\(Self.number(frame.x($0.x))),\(Self.number(frame.y($0.y)))" }
        if points.count > 1 {
            let joined = places.joined(separator: " ")
            let stroke = "stroke=\"\(color)\" stroke-width=\"2\"" + (series.isDashed ? Self.dashes("7 5") : "")
            lines.append("<polyline points=\"\(joined)\" fill=\"none\" \(stroke)/>")
        }
        for point in points {
            let x = frame.x(point.x)
            if let range = point.range, range.upperBound > range.lowerBound {
                let (low, high) = (frame.y(range.lowerBound), frame.y(range.upperBound))
                line(x, low, x, high, color: color)
                for end in [low, high] { line(x - 4, end, x + 4, end, color: color) }
            }
            guard series.hasMarks || points.count == 1 else { continue }
            let (cx, cy) = (Self.number(x), Self.number(frame.y(point.y)))
            lines.append("<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"3.5\" fill=\"\(color)\"/>")
        }
    }

    /// One row above the frame; nothing where a single line needs no name.
    private mutating func drawLegend(_ names: [String], _ frame: Frame) {
        guard names.count > 1 else { return }
        var x = frame.left
        let y = frame.top - 14
        for (index, name) in names.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            lines.append(
                "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y - 4))\" width=\"16\" height=\"4\" fill=\"\(color)\"/>"
            )
            text(name, x + 21, y + 2, size: 11)
            x += 36 + 6.5 * Double(name.count)
        }
    }

    private mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, color: String, dashes: String? = nil
    ) {
        let ends = zip(["x1", "y1", "x2", "y2"], [x1, y1, x2, y2]).map { "\($0)=\"\(Self.number($1))\"" }
        let pattern = dashes.map(Self.dashes) ?? ""
        lines.append("<line \(ends.joined(separator: " ")) stroke=\"\(color)\"\(pattern)/>")
    }

    /// Lengths of dashes and of gaps, in turn.
    private static func dashes(_ lengths: String) -> String { " stroke-dasharray=\"\(lengths)\"" }

    mutating func text(
        _ text: String, _ x: Double, _ y: Double, size: Int, anchor: String = "start", color: String = "#222222",
        isBold: Bool = false, isUpright: Bool = false
    ) {
        let (x, y) = (Self.number(x), Self.number(y))
        var attributes = "x=\"\(x)\" y=\"\(y)\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" fill=\"\(color)\""
        if isBold { attributes += " font-weight=\"bold\"" }
        if isUpright { attributes += " transform=\"rotate(-90 \(x) \(y))\"" }
        lines.append("<text \(attributes)>\(Self.escaped(text))</text>")
    }

    /// A length with a tenth of a pixel.
    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    /// Text as the content of an element (XML 1.0, 2.4); characters that XML does not have become spaces.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
