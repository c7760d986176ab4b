// Responsible for: `tandem perplexity`: how well a model predicts a text, in this process or on a cluster.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences
import Synchronization

struct PerplexityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measure how well a model predicts a text, as llama-perplexity does.",
        discussion: """
            The text is cut into windows, and the second half of each is scored: the
            numbers can be compared with those of llama.cpp's llama-perplexity for the
            same model, text and context. Examples:
              tandem perplexity --model model.gguf --file wiki.test.raw
              tandem perplexity --model model.gguf --file wiki.test.raw --chunks 10
              tandem perplexity --model model.gguf --file wiki.test.raw --coordinator tcp://127.0.0.1:7070
            """)

    @Option(name: .shortAndLong, help: "\(ModelArgument.forms); with --coordinator only for its tokenizer.")
    var model: ModelArgument
    @Option(name: .shortAndLong, help: "The text.") var file: String
    @Option(help: "Tokens of a window.") var context: Int = PerplexityText.defaultWindowLength
    @Option(help: "Score only the first so many windows (default: all).") var chunks: Int?
    @Option(help: "Threads that compute (default: one per core).") var threads: Int?
    @Option(
        help: "Compute on the cluster of this coordinator instead of in this process.",
        transform: ValueReader.address(.coordinator))
    var coordinator: String?
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag
    @OptionGroup var quantization: QuantizationFlag
    @OptionGroup var keyValues: KeyValueTypeFlag
    @Flag(help: "Print one JSON object.") var json = false

    /// Windows that a cluster computes at once, so that all its stages are busy.
    private static let windowsAtOnce = 4

    func run() async throws {
        if let type = keyValues.keyValueType, coordinator != nil {
            throw TandemError(
                "\(.keyValueType) is \(type), but the cluster of \(.coordinator) has its own",
                hint: "leave out one of them")
        }
        let loaded = try LoadedModel(
            path: model.path, contextLength: context, quantization: coordinator == nil ? quantization.quantize : nil,
            threads: threads)
        Terminal.warn(loaded.notices)
        let text = try PerplexityText(path: file, for: loaded, windowLength: context, maximumWindows: chunks)
        let generator: any Generator
        if let coordinator {
            generator = try CoordinatorClient(
                address: coordinator, state: state.folder, isInsecure: security.insecure)
        } else {
            let progress = Progress()
            generator = try LocalGenerator(loaded, threads: threads, keyValueType: keyValues.keyValueType) {
                progress.update("loading", done: $0, total: $1)
            }
            progress.end()
        }
        Terminal.say("\(text.windows.count) windows of \(context) tokens, \(context - context / 2 - 1) scored in each")
        let report = RunningReport(windows: text.windows.count, json: json)
        let work = Task { [concurrency = coordinator == nil ? 1 : Self.windowsAtOnce] in
            try await text.measure(concurrency: concurrency, by: generator, notice: report.notice) {
                report.add($0, $1)
            }
        }
        let interrupt = Interrupt { work.cancel() }
        defer { interrupt.stop() }
        do {
            let estimate = try await work.value
            Terminal.put(try report.end(estimate, model: loaded.name, context: context))
        } catch is CancellationError {
            Terminal.say("\ncancelled")
            throw ExitStatus.interrupted.code
        }
    }
}

/// What is shown while windows are scored: the perplexity so far after each, and the time left. Used by one task at a
/// time, but for `notice`.
private final class RunningReport: @unchecked Sendable {
    /// The object that `--json` prints; its property names are the keys people see.
    private struct Result: Encodable {
        var model: String
        var context: Int
        var windows: Int
        var scored_tokens: Int
        /// null where a token was impossible: the perplexity is infinite.
        var perplexity: Double?
        var standard_error: Double?
        /// After each window.
        var running: [Double?]
    }

    private let windows: Int
    private let json: Bool
    private let start = ContinuousClock.now
    private var lastTold = ContinuousClock.now
    private var running: [Double] = []
    private let lastNotice = Mutex("")

    init(windows: Int, json: Bool) {
        self.windows = windows
        self.json = json
    }

    /// Says what has not just been said. From any thread.
    @Sendable func notice(_ sentence: Sentence) {
        let text = sentence.spelled
        let isNew = lastNotice.withLock { last in
            defer { last = text }
            return last != text
        }
        if isNew { Terminal.say(text) }
    }

    func add(_ done: Int, _ estimate: PerplexityEstimate) {
        running.append(estimate.value)
        if !json { Terminal.put(String(format: "[%d]%.4f,", done, estimate.value)) }
        let interval: Duration = json ? .seconds(2) : .seconds(60)
        guard done == 1 || lastTold.duration(to: .now) > interval, done < windows else { return }
        lastTold = .now
        let left = start.duration(to: .now).seconds / Double(done) * Double(windows - done)
        Terminal.say(
            (json ? "" : "\n") + "window \(done) of \(windows): PPL = " + String(format: "%.4f", estimate.value)
                + ", about \(formatSeconds(left)) left")
    }

    /// The end of what goes to stdout.
    func end(_ estimate: PerplexityEstimate, model: String, context: Int) throws -> String {
        guard json else {
            return String(format: "\nFinal estimate: PPL = %.4f +/- %.5f\n", estimate.value, estimate.standardError)
        }
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        let result = Result(
            model: model, context: context, windows: windows, scored_tokens: estimate.count,
            perplexity: finite(estimate.value), standard_error: finite(estimate.standardError),
            running: running.map(finite))
        return try JSONOutput.line(result)
    }
}
