// Responsible for: `tandem status`: what a coordinator says about its workers and requests, as a table or JSON.
import ArgumentParser
import Foundation
import Node

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a coordinator's workers, layers, memory, speed and requests.",
        discussion: """
            Examples:
              tandem status
              tandem status --coordinator tcp://127.0.0.1:7070 --json
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let status = try await CoordinatorClient(address: coordinator.coordinator).status()
        if json {
            Terminal.put(try JSONOutput.document(status))
        } else {
            Terminal.put(Self.text(status))
        }
    }

    private static func text(_ status: ClusterStatus) -> String {
        var lines = [
            "model    \(status.model), \(status.layerCount) layers, context \(status.contextLength)",
            "state    \(status.explanation)",
        ]
        lines.append("kv       \(status.kvBlocksTotal - status.kvBlocksFree) of \(status.kvBlocksTotal) blocks in use")
        lines.append("tokens   \(status.generatedTokens) generated in \(formatSeconds(status.uptimeSeconds))")
        var rows = [
            ["worker", "layers", "state", "memory", "weights", "read", "int8", "level", "transferred", "steps"]
        ]
        for worker in status.workers {
            rows.append([
                "\(worker.host)/\(worker.pid)", worker.layers.map { "\($0.first)-\($0.last)" } ?? "-", worker.state,
                "\(formatBytes(worker.residentBytes)) of \(formatBytes(worker.memoryBytes))",
                formatBytes(worker.weightBytes),
                String(format: "%.1f GB/s", worker.readBytesPerSecond / 1e9),
                String(format: "%.0f GOP/s", worker.int8OperationsPerSecond / 1e9), worker.instructionLevel,
                formatBytes(worker.transferredBytes), "\(worker.stepsCompleted)",
            ])
        }
        lines += table(rows)
        if !status.requests.isEmpty {
            lines += table(
                [["request", "state", "prompt", "generated"]]
                    + status.requests.map {
                        ["\($0.id)", $0.state, "\($0.promptTokens)", "\($0.generatedTokens)"]
                    })
        }
        return lines.joined(separator: "\n") + "\n"
    }

}

/// Rows as lines with aligned columns.
func table(_ rows: [[String]]) -> [String] {
    let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }
}
