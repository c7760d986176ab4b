// Responsible for: how people read what a cluster under faults did. Must not know: how it came about.
import Bench
import Foundation

extension ChaosReport {
    /// A table with a line for each kind of fault, and sentences about all of them.
    var text: String {
        var lines = [
            "\(model), \(workers) workers, \(streams) streams, \(faults.count) faults in \(Int(seconds)) s, seed \(seed)",
            "",
        ]
        let header = ["fault", "times", "streams", "pause p50", "p90", "p99", "max", "computed again", "lost"]
        lines += table([header] + kinds.map(Self.cells))
        let wrong = tokens.wrong
        lines += [
            "",
            "tokens    \(tokens.received) received: \(wrong.lost) lost, \(wrong.altered) altered, \(wrong.doubled) doubled",
            "requests  \(requests.completed) ended well, \(requests.failed) failed, \(requests.lost) lost, "
                + "\(requests.unaccepted) not accepted and asked again, \(requests.cancelled) cancelled",
        ]
        if let times = answerTimes {
            lines.append(
                "answers   took \(threeDigits(times.p50)) times as long as undisturbed, one in a hundred "
                    + "\(threeDigits(times.p99)), the longest \(threeDigits(times.maximum))")
        }
        if let preparing {
            let share = Double(preparing.tokens) / max(1, preparing.tokensBefore)
            lines.append(
                "changes   \(preparing.changes) plans were prepared in \(threeDigits(preparing.seconds)) s, with "
                    + "\(threeDigits(share)) of the tokens of as long before")
        }
        lines += troubles.map { "trouble   \($0)" }
        lines.append(
            isRight ? "every token was right" : "NOT RIGHT: `--seed \(seed)` lets the same faults happen again")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cells(_ row: KindRow) -> [String] {
        let pauses = row.pauseSeconds.map { [$0.p50, $0.p90, $0.p99, $0.maximum].map { threeDigits($0) + " s" } }
        var cells = [row.kind.rawValue, "\(row.faults)", "\(row.streams)"] + (pauses ?? ["-", "-", "-", "-"])
        cells.append("\(row.rebuiltLayerTokens) layer-tokens")
        let share = Double(row.rebuiltLayerTokens) / Double(max(1, row.lostLayerTokens))
        cells.append(row.lostLayerTokens == 0 ? "-" : "\(row.lostLayerTokens) (x \(threeDigits(share)))")
        return cells
    }
}
