// Responsible for: which charts show a load benchmark. Must not know: how charts are drawn.

extension ClusterBenchmark.Result {
    /// Of closed loops: throughput and latencies over concurrency. Of a trace: the distributions of latencies, and
    /// throughput over time.
    package var chart: Chart {
        var title = report.model
        if let type = report.type, !title.lowercased().contains(type.lowercased()) { title += " \(type)" }
        title += ", \(report.workers) worker\(report.workers == 1 ? "" : "s")"
        if let name = report.rows.first?.test { title += ", \(name)" }
        if report.simulatedStageMilliseconds != nil { title += " (pretended arithmetic)" }
        let isTrace = report.rows.contains { $0.trace != nil }
        return Chart(title: title, panels: isTrace ? tracePanels : sweepPanels)
    }

    private var sweepPanels: [Chart.Panel] {
        func points(_ value: (LoadReport) -> (Double, ClosedRange<Double>?)?) -> [Chart.Point] {
            report.rows.compactMap { row in
                guard let concurrency = row.concurrency, let (y, range) = value(row.load) else { return nil }
                return Chart.Point(Double(concurrency), y, range: range)
            }.sorted { $0.x < $1.x }
        }
        func rate(
            _ name: String, _ path: KeyPath<LoadReport, Spread>, isDashed: Bool = false
        ) -> Chart.Series {
            let speeds = points { ($0[keyPath: path].median, $0[keyPath: path].minimum...$0[keyPath: path].maximum) }
            return Chart.Series(name: name, points: speeds, isDashed: isDashed)
        }
        func latency(_ percent: String, _ path: KeyPath<Percentiles, Double>) -> Chart.Series {
            Chart.Series(
                name: percent,
                points: points { load in load.timeBetweenTokensMilliseconds.map { ($0[keyPath: path], nil) } })
        }
        var panels = [
            Chart.Panel(
                title: "Throughput", xLabel: "concurrent requests", yLabel: "tokens/s",
                series: [rate("tokens/s", \.tokensPerSecond), rate("goodput", \.goodput, isDashed: true)]),
            Chart.Panel(
                title: "Time between tokens", xLabel: "concurrent requests", yLabel: "ms",
                series: [latency("p50", \.p50), latency("p99", \.p99)]),
        ]
        for index in panels.indices {
            panels[index].isXLogarithmic = true
            panels[index].xTicks = report.rows.compactMap(\.concurrency).map(Double.init)
        }
        return panels
    }

    private var tracePanels: [Chart.Panel] {
        let all = records.flatMap(\.self).flatMap(\.self)
        let limits = report.rows.first?.load.limits ?? LatencyLimits()
        var first = Chart.Panel(
            title: "Time to first token", xLabel: "s", yLabel: "share of requests",
            series: [.init(name: "", points: Self.distribution(all.compactMap(\.timeToFirstToken)), hasMarks: false)])
        first.limit = (limits.firstTokenSeconds, "limit")
        let milliseconds = all.flatMap(\.gaps).map { $0 * 1000 }
        var between = Chart.Panel(
            title: "Time between tokens", xLabel: "ms", yLabel: "share of tokens",
            series: [.init(name: "", points: Self.distribution(milliseconds), hasMarks: false)])
        between.limit = (limits.betweenTokensMilliseconds, "limit of the mean")
        (first.isXLogarithmic, between.isXLogarithmic) = (true, true)
        let (made, good) = (Self.rates(all), Self.rates(all.filter { $0.isGood(limits) }, until: all))
        return [
            first, between,
            Chart.Panel(
                title: "Throughput", xLabel: "s since the first request", yLabel: "tokens/s",
                series: [
                    .init(name: "tokens/s", points: made, hasMarks: false),
                    .init(name: "of good requests", points: good, hasMarks: false, isDashed: true),
                ]),
        ]
    }

    /// The share of `values` that each of them is at least as large as, thinned to `mostPoints`.
    static func distribution(_ values: [Double]) -> [Chart.Point] {
        let sorted = values.sorted()
        let step = max(1, sorted.count / mostPoints)
        return sorted.indices.filter { $0 % step == 0 || $0 == sorted.count - 1 }.map { index in
            Chart.Point(sorted[index], Double(index + 1) / Double(sorted.count))
        }
    }

    /// Tokens per second in each of some intervals as long as each other.
    static func rates(_ records: [RequestRecord], until all: [RequestRecord]? = nil) -> [Chart.Point] {
        let end = (all ?? records).map(\.ended).max() ?? 0
        guard end > 0 else { return [] }
        let count = min(120, max(20, Int(end)))
        let length = end / Double(count)
        var tokens = [Int](repeating: 0, count: count)
        for time in records.lazy.flatMap(\.tokenTimes) { tokens[min(count - 1, Int(time / length))] += 1 }
        return tokens.enumerated().map { Chart.Point((Double($0) + 0.5) * length, Double($1) / length) }
    }

    private static let mostPoints = 400
}
