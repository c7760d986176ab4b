// Responsible for: how people read a coordinator's state where nothing moves, and the words that the live view shares.
// Must not know: terminals, how the state came here.
import Foundation
import Node
import Sequences

/// Sentences and tables about a state.
enum StatusText {
    /// All of it.
    static func text(_ status: ClusterStatus) -> String {
        var lines = [
            "model    \(status.model), \(status.layerCount) layers, context \(status.contextLength)",
            "state    \(status.explanation)",
            "kv       \(keyValueText(status))",
            "tokens   \(status.generatedTokens) generated in \(formatSeconds(status.uptimeSeconds))",
            "pipeline \(pipelineFacts(status, bubble: status.pipeline.bubbleFraction).joined(separator: ", "))",
        ].map(\.printable)
        if let change = status.change { lines.append("change   \(changeText(change))".printable) }
        lines.append("journal  \(journalFacts(status).joined(separator: ", "))".printable)
        if let succession = successionText(status) { lines.append("standby  \(succession)".printable) }
        if status.pipeline.isSimulated { lines.append("note     \(pretence)") }
        lines += table(workerRows(status))
        if !status.stages.isEmpty { lines += table(stageRows(status)) }
        if !status.requests.isEmpty {
            lines += table(
                [["request", "state", "prompt", "generated"]]
                    + status.requests.map {
                        ["\($0.id)", $0.state, "\($0.promptTokens)", "\($0.generatedTokens)"]
                    })
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static let pretence = "the stages only pretend to compute: no figure here says anything about a model"

    private static func workerRows(_ status: ClusterStatus) -> [[String]] {
        let header = [
            "worker", "layers", "state", "memory", "weights", "read", "int8", "level", "transferred", "steps",
        ]
        return [header]
            + status.workers.map { worker in
                [
                    "\(worker.host)/\(worker.pid)", layersText(worker.layers), worker.state,
                    "\(formatBytes(worker.residentBytes)) of \(formatBytes(worker.memoryBytes))",
                    formatBytes(worker.weightBytes),
                    String(format: "%.1f GB/s", worker.readBytesPerSecond / 1e9),
                    String(format: "%.0f GOP/s", worker.int8OperationsPerSecond / 1e9), worker.instructionLevel,
                    formatBytes(worker.transferredBytes), "\(worker.stepsCompleted)",
                ]
            }
    }

    private static func stageRows(_ status: ClusterStatus) -> [[String]] {
        let header = [
            "layers", "stage", "busy lately", "compute/step", "wait", "wire", "queue", "steps", "queued", "decode",
            "predicted",
        ]
        return [header]
            + status.stages.map { stage in
                let (full, empty) = bar(stage.recentBusyFraction, width: 20)
                return [
                    layersText(stage.layers), "\(stage.host)/\(stage.pid)",
                    "[\(full)\(empty)] " + percent(stage.recentBusyFraction).padded(to: 4, isRight: true),
                ] + timeCells(stage.meanMicroseconds).map { $0 + ($0 == "-" ? "" : " ms") }
                    + ["\(stage.steps)", "\(stage.queuedSteps)"]
                    + [stage.decodingMicroseconds, stage.predictedMicroseconds].map { time in
                        time.map { threeDigits($0 / 1000) + " ms" } ?? "-"
                    }
            }
    }

    /// Milliseconds of compute, wait, wire and queue.
    static func timeCells(_ times: ClusterStatus.Times?) -> [String] {
        guard let times else { return ["-", "-", "-", "-"] }
        return [times.compute, times.wait, times.wire, times.queue].map { threeDigits($0 / 1000) }
    }

    /// `bubble` is a share of the time with steps in flight; nil where there was none.
    static func pipelineFacts(_ status: ClusterStatus, bubble: Double?) -> [String] {
        let pipeline = status.pipeline
        return [
            "\(pipeline.stepsInFlight) of \(pipeline.targetSteps) steps in flight",
            "bubble " + (bubble.map(percent) ?? "-"), "\(pipeline.runningRequests) running",
            "\(pipeline.waitingRequests) of \(pipeline.queueLimitRequests) waiting",
            "prompt tokens \(pipeline.promptTokens) computed", "\(pipeline.reusedTokens) reused",
            "guesses \(pipeline.acceptedTokens) of \(pipeline.draftedTokens) right",
            "\(pipeline.preemptions) preempted", "\(pipeline.refusals) refused",
        ] + changeFacts(pipeline)
    }

    /// A change of the plan under way: why, how far it is, and what comes of it.
    static func changeText(_ change: ClusterStatus.Change) -> String {
        let progress =
            switch change.phase {
            case "loading":
                change.bytesToLoad == 0
                    ? "loading weights"
                    : "loading weights, \(formatBytes(change.loadedBytes)) of \(formatBytes(change.bytesToLoad))"
            case "copying":
                "copying keys and values, \(change.copiedBlocks) blocks done and \(change.blocksLeft) left "
                    + "(\(formatBytes(change.copiedBytes)))"
            default: "copying the rest, \(change.blocksLeft) blocks left"
            }
        let stages = change.stages.map { "\(layersText($0.layers)) on \($0.host)/\($0.pid)" }
        let reason = change.reason.isEmpty ? "" : "\(change.reason): "
        return "\(reason)\(progress); then \(stages.joined(separator: ", "))"
    }

    /// Where what is accepted is written down, and whether it can be.
    static func journalFacts(_ status: ClusterStatus) -> [String] {
        guard let journal = status.journal else { return ["off: what is accepted ends with the coordinator"] }
        var facts = ["\(journal.requests) open request\(journal.requests == 1 ? "" : "s")"]
        if let problem = journal.problem {
            facts.append("cannot be written for \(formatSeconds(journal.problemSeconds ?? 0)): \(problem)")
            facts.append("new requests are refused")
        }
        facts.append("\(formatBytes(journal.bytes)) in \(journal.segments) segment\(journal.segments == 1 ? "" : "s")")
        if let mean = journal.meanCommitMicroseconds, let age = journal.secondsSinceCommit {
            facts.append("safe in \(threeDigits(Double(mean) / 1000)) ms on average")
            facts.append("last \(formatSeconds(age)) ago")
        }
        return facts + [journal.folder]
    }

    /// Its term and its standby; nil: it has neither.
    static func successionText(_ status: ClusterStatus) -> String? {
        let term = "term \(status.term)"
        guard let standby = status.standby else {
            return status.term > 0 || status.isStandby ? status.isStandby ? term : "none, \(term)" : nil
        }
        let state =
            standby.isFollowing
            ? "follows, heard \(threeDigits(standby.silentSeconds)) s ago, \(formatBytes(standby.unacknowledgedBytes)) behind"
            : "is away"
        return "\(standby.address) \(state); \(term), \(standby.electors) workers have a say"
    }

    /// Of the last change of the plan under answers; empty: there was none.
    private static func changeFacts(_ pipeline: ClusterStatus.Pipeline) -> [String] {
        guard pipeline.lastPauseMicroseconds > 0 else { return [] }
        return [
            "\(pipeline.rebuiltLayerTokens) layer-tokens computed again",
            "last pause \(threeDigits(Double(pipeline.lastPauseMicroseconds) / 1000)) ms",
        ]
    }

    static func keyValueText(_ status: ClusterStatus) -> String {
        let pipeline = status.pipeline
        let used = status.kvBlocksTotal - status.kvBlocksFree
        var text = "\(used) of \(status.kvBlocksTotal) blocks in use, \(pipeline.kvBlocksCached) cached"
        if !pipeline.kvType.isEmpty { text += " (\(pipeline.kvType))" }
        return text
    }

    static func layersText(_ layers: ClusterStatus.Layers?) -> String { layers.map { "\($0.first)-\($0.last)" } ?? "-" }
}

/// Rows as lines with aligned columns.
func table(_ rows: [[String]]) -> [String] {
    let rows = rows.map { $0.map(\.printable) }
    let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = zip(row, widths).map { $0.padded(to: $1) }
        return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }
}

/// A share as "45%".
func percent(_ fraction: Double) -> String { String(format: "%.0f%%", fraction * 100) }

/// Three digits that count.
func threeDigits(_ value: Double) -> String {
    if value == 0 { return "0" }
    return String(format: value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f", value)
}
