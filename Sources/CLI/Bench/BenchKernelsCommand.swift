// Responsible for: `tandem bench kernels`: flags in, a table or JSON of rates beside the machine's limits out.
import ArgumentParser
import Bench
import Foundation
import Node
import Sequences

struct BenchKernelsCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Measure the kernels one by one, beside what the machine does at most.",
        discussion: """
            First the limits: bytes read from memory, int8 and float operations with
            operands in registers, per second. Then matrix products by type and number
            of tokens, attention, and the kernels that go over single rows. Weights, keys
            and values come from memory, rows from the cache: these may exceed the
            bandwidth. Shares are those of the median. Examples:
              tandem bench kernels
              tandem bench kernels --types q8_0,q4_k --batch 1,512 --threads 2
              tandem bench kernels --types f16 --rows 4096 --columns 14336 --json
              tandem bench kernels --types q8_0 --level avx2
            """)

    @Option(help: "Types of the matrices, as q8_0,q4_k (default: all).") var types: String?
    @Option(
        help: "Tokens of a product, as 1,8,512 (default: 1 to 512 in ten steps).",
        transform: ValueReader.numbers(Field("batch")))
    var batch: String?
    @Option(
        help: "Numbers of threads, as 1,2 (default: 1 and one per core).", transform: ValueReader.numbers(.threads))
    var threads: String?
    @Option(help: "Outputs of the matrices (default: 8192).") var rows: Int?
    @Option(help: "Inputs of the matrices, and the length of other rows (default: 2048).") var columns: Int?
    @Option(help: "Positions that a decoded token attends to (default: 4096).") var context: Int?
    @Option(help: "How often each measurement is repeated (default: 5).") var repetitions: Int?
    @Option(help: "Force an instruction set: portable, avx2, avx-vnni, avx512, avx512-vnni.") var level: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let report = try measurement().run { done, total in
            guard Terminal.isInteractive else { return }
            Terminal.sayPart("\r\u{1B}[K" + (done < total ? "measured \(done) of \(total)" : ""))
        }
        Terminal.put(json ? try JSONOutput.document(report) : Self.text(report))
    }

    func checkSettings() throws(TandemError) { _ = try measurement() }

    private func measurement() throws(TandemError) -> KernelMeasurement {
        var options = KernelMeasurementOptions()
        options.types = types.map { Self.items($0).map(String.init) }
        if let batch { options.batches = try ValueReader.numbers(batch, Field("batch")) }
        if let threads { options.threads = try ValueReader.numbers(threads, .threads) }
        options.rows = rows
        options.columns = columns
        options.context = context
        options.repetitions = repetitions
        options.level = level
        return try KernelMeasurement(options)
    }

    private static func items(_ list: String) -> [Substring] {
        list.split(separator: ",", omittingEmptySubsequences: false)
    }

    private static func text(_ report: KernelReport) -> String {
        var lines = ["instruction set  \(report.instructionSet)"]
        lines += report.limits.map(BenchCommand.text)
        lines.append("")
        let heading = [
            "kernel", "type", "shape", "tokens", "threads", "GB/s", "of read", "GOP/s", "of peak", "median", "min-max",
        ]
        lines += table([heading] + report.results.map(cells))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cells(_ result: KernelReport.Result) -> [String] {
        func percent(_ share: Double) -> String { String(format: "%.0f%%", share * 100) }
        func micro(_ seconds: Double) -> String { String(format: "%.1f", seconds * 1e6) }
        let work = result.work
        return [
            work.kernel.rawValue, work.type ?? "-", work.shape, "\(work.tokens)", "\(work.threads)",
            String(format: "%.1f", result.bytesPerSecond / 1e9), percent(result.shareOfBandwidth),
            result.operationsPerSecond.map { String(format: "%.1f", $0 / 1e9) } ?? "-",
            result.shareOfPeak.map(percent) ?? "-",
            micro(result.seconds.median) + " us", micro(result.seconds.minimum) + "-" + micro(result.seconds.maximum),
        ]
    }
}
