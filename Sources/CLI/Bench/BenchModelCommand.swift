// Responsible for: `tandem bench model`: flags in, a table or JSON out.
import ArgumentParser
import Bench
import Foundation
import Node
import Sequences

struct BenchModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Measure prompts and decoding of one model in this process.",
        discussion: """
            Without --model, weights come from a seed: nothing is downloaded. Limits of the
            machine are measured in the same run, and each speed is shown as a share of
            them. Examples:
              tandem bench --shape llama-1b --type q4_k_m
              tandem bench --model model.gguf --threads 1,2 --pp 512 --tg 64
              tandem bench --shape llama-1b --type q4_0 --batch 1,8,16,32
              tandem bench --shape gpt2-124m --type f16 --peer llama-cpp-python

            Shapes: \(syntheticShapeNames)
            """)

    @OptionGroup var model: BenchedModelFlags
    @Option(help: "Tokens of prompts, as 512 or 128,512 (0: none).", transform: ValueReader.numbers(Field("pp")))
    var pp = "512"
    @Option(help: "Steps of decoding (0: none).") var tg = 64
    @Option(help: "Sequences that decode together, as 1,8,16.", transform: ValueReader.numbers(Field("batch")))
    var batch = "1"
    @Option(help: "Tokens in the context when decoding begins.") var context = 0
    @Option(help: "Threads that compute, as 1,2 (default: one per core).", transform: ValueReader.numbers(.threads))
    var threads: String?
    @Option(help: "How often each test runs.") var repetitions = 5
    @Option(
        name: .customLong("kv-type"), help: "How keys and values are kept: f32, f16 or q8_0.",
        transform: ValueReader.keyValueType)
    var keyValueType = "f32"
    @Option(help: "Run the same model with another program in turn: llama-cpp-python.") var peer: Peer?
    @Option(help: "The Python interpreter that has it.") var python = "python3"
    @Flag(help: "Print one JSON object.") var json = false

    /// Other programs that run models.
    enum Peer: String, ExpressibleByArgument, CaseIterable { case llamaCpp = "llama-cpp-python" }

    func run() async throws {
        var options = ModelBenchmarkOptions()
        try model.check()
        try model.apply(to: &options)
        options.prompts = try ValueReader.numbers(pp, Field("pp"))
        options.batches = try ValueReader.numbers(batch, Field("batch"))
        options.threads = try threads.map { try ValueReader.numbers($0, Field("threads")) }
        (options.steps, options.context, options.repetitions) = (tg, context, repetitions)
        options.keyValueType = keyValueType
        if peer != nil { options.peerPython = python }
        let report = try ModelBenchmark(options).run { Terminal.say($0) }
        Terminal.put(json ? try JSONOutput.document(report) : Self.text(report))
    }

    private static func text(_ report: ModelBenchmarkReport) -> String {
        var lines = [
            "\(report.model), \(formatBytes(report.weightBytes)), \(report.instructionSet), keys and values in "
                + report.keyValueType
        ]
        lines += report.limits.map(BenchCommand.text)
        lines.append("")
        var header = ["test", "threads", "tokens/s", "min-max", "of bandwidth", "of peak"]
        if let peer = report.peer { header += [peer, "min-max", "ratio"] }
        var rows = [header]
        for row in report.rows {
            var cells = [row.test, "\(row.threads)"] + speed(row.tokensPerSecond)
            cells += [row.bandwidthShare, row.peakShare].map { String(format: "%.0f %%", 100 * $0) }
            if let peer = row.peer { cells += speed(peer) + [row.ratio.map { String(format: "%.2f", $0) } ?? ""] }
            rows.append(cells)
        }
        lines += table(rows)
        lines.append("")
        lines.append(
            String(
                format: "loaded in %.2f s (%@/s), ", report.loadSeconds,
                formatBytes(Int(Double(report.weightBytes) / max(report.loadSeconds, 1e-9))) as NSString)
                + "at most \(formatBytes(report.peakResidentBytes)) of memory")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func speed(_ speed: Spread) -> [String] {
        [String(format: "%.1f", speed.median), String(format: "%.1f-%.1f", speed.minimum, speed.maximum)]
    }
}
