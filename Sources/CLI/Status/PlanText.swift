// Responsible for: how people read a preview of a plan. Must not know: how it came about.
import Foundation
import Node
import Sequences

extension ClusterPlan {
    /// A table with a line for each stage, and sentences about all of them.
    var text: String {
        var lines = table([Self.header] + stages.enumerated().map { row($1, $0) })
        lines.append("")
        if !idle.isEmpty { lines.append("without layers: " + idle.joined(separator: ", ").printable) }
        lines.append("one answer    " + comparison(\.oneAnswerTokensPerSecond))
        lines.append("\(figures.answers) answers".padded(to: 14) + comparison(\.manyAnswersTokensPerSecond))
        lines.append("a prompt      " + comparison(\.promptTokensPerSecond))
        lines.append("kv            \(kvBlocks) blocks")
        lines.append("moves         " + moves)
        if isApplied { lines.append(isServing ? "it serves already" : "it is carried out as soon as it can be") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let header = [
        "layers", "worker", "memory", "weights", "kv", "to fetch", "answers", "prompts", "decides",
    ]

    private func row(_ stage: Stage, _ index: Int) -> [String] {
        let decides = [
            index == figures.decodingBottleneck ? "answers" : nil, index == figures.promptBottleneck ? "prompts" : nil,
        ]
        return [
            StatusText.layersText(stage.layers), stage.name,
            "\(formatBytes(stage.plannedBytes)) of \(formatBytes(stage.memoryBytes))", formatBytes(stage.weightBytes),
            formatBytes(stage.kvBytes), formatBytes(stage.fetchedBytes),
            threeDigits(stage.decodingMicroseconds / 1000) + " ms",
            threeDigits(stage.promptMicroseconds / 1000) + " ms",
            decides.compactMap(\.self).joined(separator: ", "),
        ]
    }

    /// A speed, and that of what serves where that is another.
    private func comparison(_ path: KeyPath<Figures, Double>) -> String {
        let text = threeDigits(figures[keyPath: path]) + " tokens/s"
        guard !isServing, let serving, serving[keyPath: path] > 0 else { return text }
        let change = figures[keyPath: path] / serving[keyPath: path] - 1
        return text + String(format: " (%+.0f%% of ", change * 100) + threeDigits(serving[keyPath: path]) + " now)"
    }

    private var moves: String {
        if move.weightBytes == 0, move.kvBytes == 0 { return "nothing" }
        var parts = [
            "\(formatBytes(move.weightBytes)) of weights in \(threeDigits(move.weightSeconds)) s unless cached"
        ]
        if move.kvBytes > 0 {
            parts.append(
                "\(move.kvBlocks) KV blocks, \(formatBytes(move.kvBytes)) in \(threeDigits(move.kvSeconds)) s")
        }
        return parts.joined(separator: "; ")
    }
}
