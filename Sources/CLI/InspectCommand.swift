// Responsible for: `tandem inspect`: what a model file holds, as tables.
import ArgumentParser
import Node

struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a model's architecture, tensors, types and bytes per layer.",
        discussion: """
            Example:
              tandem inspect model.gguf
            """)

    @Argument(help: "A GGUF file or a Hugging Face folder.") var model: String

    func run() async throws {
        let report = try ModelReport(path: model)
        var lines = table(report.facts.map { [$0.name, $0.value] })
        lines.append("")
        lines += table(
            [["part", "in the file", "in memory"]]
                + report.parts.map { [$0.name, formatBytes($0.fileBytes), formatBytes($0.memoryBytes)] })
        lines.append("")
        lines += table(
            [["tensor", "type", "shape", "bytes"]] + report.tensors.map { [$0.name, $0.type, $0.shape, "\($0.bytes)"] })
        Terminal.put(lines.joined(separator: "\n") + "\n")
    }
}
