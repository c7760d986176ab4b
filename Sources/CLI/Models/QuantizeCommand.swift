// Responsible for: `tandem quantize`: flags in, a GGUF file and a summary out.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

struct QuantizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Write a model as a GGUF file with smaller weights.",
        discussion: """
            Reads a GGUF file or a Hugging Face folder; llama.cpp reads what it writes.
            The file appears under its name when it is complete; Ctrl-C leaves nothing
            behind. Examples:
              tandem quantize folder/ model-q4_k_m.gguf --type q4_k_m
              tandem quantize model-f16.gguf model-q8_0.gguf --type q8_0 --json

            Types: \(weightTypeNames)
            """)

    @Argument(help: ModelArgument.help) var input: ModelArgument
    @Argument(help: "The GGUF file to write.") var output: String
    @Option(help: "The type of most weights; some get a better one.", transform: ValueReader.weightType(Field("type")))
    var type: String
    @Option(help: "Threads that compute (default: one per core).") var threads: Int?
    @Flag(help: "Replace the output file if there is one.") var force = false
    @Flag(help: "Convert weights that are quantized already; the result is worse than one made of the original.")
    var allowRequantize = false
    @Flag(help: "Print the summary as one JSON object.") var json = false

    func run() async throws {
        var options = ConversionOptions(input: try input.path, output: output, type: type)
        options.threads = threads
        options.replaces = force
        options.requantizes = allowRequantize
        let converter = try ModelConverter(options)
        Terminal.warn(converter.notices)
        let isStopped = Cancellation()
        let interrupt = Interrupt { isStopped.set() }
        defer { interrupt.stop() }
        let progress = Progress()
        let isComplete = try converter.run { done, total in
            progress.update("quantizing", done: done, total: total)
            return !isStopped.isSet
        }
        progress.end()
        guard isComplete else {
            Terminal.say("stopped; \(output) was not written")
            throw ExitStatus.interrupted.code
        }
        try show(converter.report)
    }

    private func show(_ report: ConversionReport) throws {
        if json { return Terminal.put(try JSONOutput.line(report)) }
        var lines = table(
            [["type", "tensors", "bytes"]] + report.types.map { [$0.type, "\($0.tensors)", formatBytes($0.bytes)] })
        lines.append("")
        lines.append(
            "\(report.output): \(formatBytes(report.inputBytes)) became \(formatBytes(report.outputBytes)), "
                + String(format: "%.2f bits per weight", report.bitsPerWeight))
        if !report.fallbacks.isEmpty {
            let some = report.fallbacks.prefix(3).joined(separator: ", ")
            lines.append(
                "\(report.fallbacks.count) tensors have another type than \(report.type) asks for, because their rows "
                    + "are no whole blocks of it: \(some)\(report.fallbacks.count > 3 ? ", ..." : "")")
        }
        Terminal.put(lines.joined(separator: "\n") + "\n")
    }
}
