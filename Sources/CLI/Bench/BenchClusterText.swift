// Responsible for: how people read the figures of a load benchmark. Must not know: how they came about.
import Bench
import Foundation
import Node

extension ClusterBenchmarkReport {
    /// A table with a line for each load, and sentences about what it does not hold.
    var text: String {
        var header = ["model", "type", "workers", "threads", "concurrency", "test", "tokens/s", "min-max", "goodput"]
        header += ["TTFT p50", "p99", "TBT p50", "p99", "stages busy"]
        var lines: [String] = []
        if simulatedStageMilliseconds != nil { lines += [pretence, ""] }
        lines += table([header] + rows.map(cells))
        for row in rows {
            let details = Self.details(row)
            if !details.isEmpty { lines += ["", "\(row.test), \(Self.pace(row))"] + details.map { "  " + $0 } }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var pretence: String {
        let milliseconds = (simulatedStageMilliseconds ?? 0).formatted()
        return "Pretended arithmetic: each step of a worker waits \(milliseconds) ms instead of computing. "
            + "These figures are of scheduling and messages only."
    }

    private func cells(_ row: Row) -> [String] {
        let (load, speed) = (row.load, row.load.tokensPerSecond)
        return [
            model, type ?? "-", "\(workers)", threadsText, row.concurrency.map(String.init) ?? "trace", row.test,
            String(format: "%.1f", speed.median),
            speed.minimum < speed.maximum ? String(format: "%.1f-%.1f", speed.minimum, speed.maximum) : "-",
            String(format: "%.1f", load.goodput.median),
        ] + Self.cells(load.timeToFirstTokenSeconds, "s") + Self.cells(load.timeBetweenTokensMilliseconds, "ms")
            + [row.cluster.busyFractions.map(Self.range) ?? "-"]
    }

    /// Of each worker where they have as many, else from the fewest to the most.
    private var threadsText: String {
        guard let least = threads.min(), let most = threads.max() else { return "-" }
        return least == most ? "\(least)" : "\(least)-\(most)"
    }

    private static func cells(_ percentiles: Percentiles?, _ unit: String) -> [String] {
        guard let percentiles else { return ["-", "-"] }
        return [percentiles.p50, percentiles.p99].map { threeDigits($0) + " " + unit }
    }

    /// "64-91%", or "64%" where both are the same.
    private static func range(_ shares: ClosedRange<Double>) -> String {
        let (least, most) = (percent(shares.lowerBound), percent(shares.upperBound))
        return least == most ? most : "\(least.dropLast())-\(most)"
    }

    private static func pace(_ row: Row) -> String {
        if let concurrency = row.concurrency { return "\(concurrency) at a time:" }
        guard let trace = row.trace else { return "" }
        return String(format: "%d requests within %.1f s:", trace.requests, trace.seconds)
    }

    /// What the table does not hold. Of a closed loop in which all went well: nothing.
    private static func details(_ row: Row) -> [String] {
        let load = row.load
        var lines: [String] = []
        if let trace = row.trace {
            let clipped = trace.clipped
            lines.append(
                "mean lengths \(trace.meanPromptTokens)+\(trace.meanAnswerTokens) tokens; clipped: "
                    + "\(clipped.prompts) prompts, \(clipped.answers) answers")
            if let capacity = trace.capacityRequestsPerSecond {
                lines.append(String(format: "capacity at these lengths: %.3g requests/s", capacity))
            }
            lines += [
                latencies("time to first token", load.timeToFirstTokenSeconds, "s"),
                latencies("time between tokens", load.timeBetweenTokensMilliseconds, "ms"),
                "longest gap between tokens " + threeDigits(load.longestGapSeconds) + " s",
            ]
        }
        if row.trace != nil || load.completed < load.requests {
            lines.append(
                "ended well \(load.completed), refused \(load.refused), failed \(load.failed), "
                    + "cancelled \(load.cancelled), lost \(load.lost)")
            lines.append(
                "good \(load.good): first token within \(threeDigits(load.limits.firstTokenSeconds)) s, then "
                    + "\(threeDigits(load.limits.betweenTokensMilliseconds)) ms or less between tokens on average")
        }
        lines += load.reasons.map { "\($0.requests) x \($0.message)" }
        if row.cluster.isReplanned { lines.append("the layers were spread anew in between: a worker left or came") }
        return lines
    }

    private static func latencies(_ name: String, _ values: Percentiles?, _ unit: String) -> String {
        guard let values else { return name + " -" }
        return name
            + " p50 \(threeDigits(values.p50)), p90 \(threeDigits(values.p90)), p99 \(threeDigits(values.p99)) \(unit)"
    }
}
