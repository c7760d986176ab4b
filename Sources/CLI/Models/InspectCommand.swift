// Responsible for: `tandem inspect`: what a model file holds and what running it takes, as tables or JSON.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a model's configuration, special tokens, chat template, memory and tensors.",
        discussion: """
            Examples:
              tandem inspect model.gguf
              tandem inspect model.gguf --context 32768     what that context takes in memory
              tandem inspect folder/ --template             the chat template and nothing else
              tandem inspect model.gguf --json
            """)

    @Argument(help: ModelArgument.help) var model: ModelArgument
    @Option(help: "The context whose memory is told, in tokens (default: what the model allows, up to 4096).")
    var context: Int?
    @Flag(help: "Print the chat template and nothing else.") var template = false
    @Flag(help: "Print one JSON object.") var json = false

    /// Lines of a chat template, and special tokens without a role, that are shown.
    private static let shownLines = 6
    private static let shownTokens = 12

    func run() async throws {
        let report = try ModelReport(path: model.path, contextLength: context)
        Terminal.warn(report.warnings.map { Sentence($0) })
        if template {
            guard let text = report.chatTemplate else {
                throw TandemError(
                    "\(report.name) has no chat template", hint: "see `tandem inspect` without --template")
            }
            return Terminal.put(text.hasSuffix("\n") ? text : text + "\n")
        }
        if json { return Terminal.put(try JSONOutput.document(report)) }
        let sections = [
            Self.facts(report), Self.memory(report.memory), Self.specialTokens(report.specialTokens),
            Self.chatTemplate(report.chatTemplate), Self.parts(report.parts), Self.tensors(report.tensors),
        ]
        Terminal.put(sections.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n"))
    }

    private static func facts(_ report: ModelReport) -> [String] {
        let types = report.types.map { "\($0.type) x\($0.tensors) (\(formatBytes($0.bytes)))" }
        return table(
            [
                ["name", report.name], ["parameters", "\(report.parameters)"],
                ["tensor types", types.joined(separator: ", ")],
                ["tokenizer", report.tokenizerTokens.map { "\($0) tokens" } ?? "none"],
                ["recommended sampling", Self.sampling(report)],
            ] + report.configurationFacts.map { [$0.name, $0.value] })
    }

    /// "temperature 0.6, top k 20".
    private static func sampling(_ report: ModelReport) -> String {
        let facts = report.samplingFacts.map { "\($0.name) \($0.value)" }
        return facts.isEmpty ? "none" : facts.joined(separator: ", ")
    }

    private static func memory(_ memory: ModelReport.Memory) -> [String] {
        table([
            ["memory for a context of \(memory.context)", formatBytes(memory.totalBytes)],
            ["  weights, repacked", formatBytes(memory.weightBytes)],
            [
                "  keys and values",
                "\(formatBytes(memory.keyValueBytes)), \(formatBytes(memory.keyValueBytesPerToken)) a token",
            ],
            ["  buffers", formatBytes(memory.bufferBytes)],
        ])
    }

    private static func specialTokens(_ tokens: [ModelReport.SpecialToken]) -> [String] {
        if tokens.isEmpty { return ["no special tokens"] }
        let plain = tokens.filter { $0.roles.isEmpty }
        let shown = tokens.filter { !$0.roles.isEmpty } + plain.prefix(shownTokens)
        let rows = shown.map { ["\($0.id)", $0.text.debugDescription, $0.roles.joined(separator: ", ")] }
        let rest = plain.count - min(plain.count, shownTokens)
        return table([["special", "text", "role"]] + rows) + (rest > 0 ? ["and \(rest) more; --json shows all"] : [])
    }

    private static func chatTemplate(_ template: String?) -> [String] {
        guard let template else { return ["no chat template"] }
        let lines = template.split(separator: "\n", omittingEmptySubsequences: false)
        let shown = lines.prefix(shownLines).map { line in
            "  " + (line.count > 110 ? line.prefix(107) + "..." : line)
        }
        let count = "\(lines.count) line\(lines.count == 1 ? "" : "s"), \(template.utf8.count) bytes"
        return ["chat template (\(count); --template shows all)"] + shown
    }

    private static func parts(_ parts: [ModelReport.Part]) -> [String] {
        table(
            [["part", "in the file", "in memory"]]
                + parts.map { [$0.name, formatBytes($0.fileBytes), formatBytes($0.memoryBytes)] })
    }

    private static func tensors(_ tensors: [ModelReport.Tensor]) -> [String] {
        table(
            [["tensor", "type", "shape", "bytes"]]
                + tensors.map {
                    [$0.name, $0.type, $0.rows == 1 ? "\($0.columns)" : "\($0.rows) x \($0.columns)", "\($0.bytes)"]
                })
    }
}
