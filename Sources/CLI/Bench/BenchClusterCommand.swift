// Responsible for: `tandem bench cluster`: flags in, a table, JSON or a chart out.
import ArgumentParser
import Bench
import Foundation
import Generation
import Node
import Sequences

struct BenchClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Measure a cluster under load: closed loops, or a trace of requests.",
        discussion: """
            Starts a coordinator and workers on this machine, or uses a running cluster.
            Each request has a prompt of its own, so that no prefix cache helps, and a
            greedy answer of a fixed length. `cluster` may be left out where --workers,
            --concurrency, --trace or --coordinator is given. Examples:
              tandem bench --shape llama-1b --type q4_0 --workers 2 --concurrency 1,4,16
              tandem bench --coordinator 127.0.0.1:7070 --pp 512 --tg 128 --concurrency 4
              tandem bench --model model.gguf --trace trace.jsonl --load 0.8 --requests 500
              tandem bench --workers 2 --concurrency 1,2,4,8 --plot sweep.svg --json

            Traces are Azure's (TIMESTAMP,ContextTokens,GeneratedTokens; CSV or lines of
            JSON) or Mooncake's (lines of JSON; equal hash_ids give equal tokens, so that
            prompts share what they share in the trace).
            Shapes: \(syntheticShapeNames)
            """)

    @OptionGroup(title: "The cluster") var cluster: BenchClusterFlags
    @OptionGroup(title: "The load") var load: BenchLoadFlags
    @OptionGroup(title: "The pace and the lengths of a trace") var pace: BenchTraceFlags
    @Flag(help: "Print one JSON object.") var json = false
    @Option(help: "Draw a chart into this SVG file.") var plot: String?

    func run() async throws {
        let options = try benchmarkOptions()
        try cluster.validateFlags()
        let measurement = Task { try await measure(options) }
        let interrupt = Interrupt { measurement.cancel() }
        defer { interrupt.stop() }
        let result: ClusterBenchmark.Result
        do { result = try await measurement.value } catch is CancellationError { throw ExitStatus.interrupted.code }
        if let plot {
            do { try Data(result.chart.svg().utf8).write(to: URL(fileURLWithPath: plot), options: .atomic) } catch {
                throw TandemError("\(plot) cannot be written", hint: "check the path given to --plot")
            }
        }
        Terminal.put(json ? try JSONOutput.document(result.report) : result.report.text)
        if result.report.lost > 0 {
            throw TandemError("\(result.report.lost) requests were lost", hint: "look at the reasons above")
        }
    }

    private func measure(_ options: ClusterBenchmarkOptions) async throws -> ClusterBenchmark.Result {
        let count = EndCount()
        func run(on target: BenchmarkedCluster) async throws -> ClusterBenchmark.Result {
            try await ClusterBenchmark(options, on: target) { count.add() }.run { count.begin($0) }
        }
        if let address = cluster.coordinator {
            var target = BenchmarkedCluster(address: address)
            cluster.apply(to: &target)
            if let path = try cluster.made.model?.path {
                let model = try BenchmarkModel(path: path)
                (target.type, target.vocabularySize) = (model.type, model.vocabularySize)
            }
            return try await run(on: target)
        }
        let own = try OwnCluster(cluster, options)
        defer { own.stop() }
        return try await run(on: own.start())
    }

    private func benchmarkOptions() throws -> ClusterBenchmarkOptions {
        var options = ClusterBenchmarkOptions()
        (options.promptTokens, options.answerTokens, options.seed) = (load.pp, load.tg, load.promptSeed)
        options.concurrency = try load.concurrency.map { try ValueReader.numbers($0, Field("concurrency")) } ?? [1]
        options.requests = load.requests
        if let repetitions = load.repetitions { options.repetitions = repetitions }
        options.limits.firstTokenSeconds = load.ttft
        options.limits.betweenTokensMilliseconds = load.tbt
        if let parallel = cluster.parallel { options.capacityConcurrency = parallel }
        if let path = pace.trace {
            guard load.concurrency == nil && load.repetitions == nil else {
                throw TandemError(
                    "\(.trace) names a trace, which says itself how many requests come when",
                    hint: "leave out --concurrency and --repetitions, or \(.trace)")
            }
            options.trace = try pace.options(path: path, requests: load.requests)
        } else if pace.isGiven {
            throw TandemError(
                "--time-scale, --rate, --load and --maximum-... change a trace, but \(.trace) names none",
                hint: "name one with \(.trace)")
        }
        try options.validate()
        return options
    }
}

/// The flags that say what is sent.
struct BenchLoadFlags: ParsableArguments {
    @Option(help: "Tokens of each prompt.") var pp = 512
    @Option(help: "Tokens of each answer.") var tg = 128
    @Option(
        help: "Requests at the same time, as 1,4,16; each that ends is followed by another (default: 1).",
        transform: ValueReader.numbers(Field("concurrency")))
    var concurrency: String?
    @Option(help: "Requests of a repetition, or of a trace (default: twice the concurrency, or the whole trace).")
    var requests: Int?
    @Option(help: "How often each closed loop runs (default: 5).") var repetitions: Int?
    @Option(name: .customLong("slo-ttft-seconds"), help: "Goodput: the longest time to the first token.") var ttft =
        LatencyLimits().firstTokenSeconds
    @Option(name: .customLong("slo-tbt-milliseconds"), help: "Goodput: the longest mean time between tokens.") var tbt =
        LatencyLimits().betweenTokensMilliseconds
    @Option(help: "The seed of the prompts.", transform: SamplingFlags.parseSeed) var promptSeed: UInt64 = 1
}

/// The flags that fit a trace to the cluster.
struct BenchTraceFlags: ParsableArguments {
    @Option(help: "Send requests at the times of this trace.") var trace: String?
    @Option(help: "How many times as fast time passes.") var timeScale: Double?
    @Option(help: "Mean requests per second.") var rate: Double?
    @Option(help: "Mean requests per second, as a multiple of the capacity, which is measured first.")
    var load: Double?
    @Option(help: "The longest prompt; longer ones are clipped (default: what the context holds).")
    var maximumPrompt: Int?
    @Option(help: "The longest answer; longer ones are clipped (default: what the context holds).")
    var maximumAnswer: Int?

    /// Bytes: traces of a million requests have some dozens of megabytes.
    private static let longestTrace = 1 << 30

    var isGiven: Bool {
        timeScale != nil || rate != nil || load != nil || maximumPrompt != nil || maximumAnswer != nil
    }

    func options(path: String, requests: Int?) throws -> ClusterBenchmarkOptions.Trace {
        let data = Data(try InputText.file(path, called: "trace", .trace, limit: Self.longestTrace))
        let name = URL(fileURLWithPath: path).lastPathComponent
        var options = ClusterBenchmarkOptions.Trace(try RequestTrace(data, name: name), name: name)
        options.requests = requests
        (options.timeScale, options.rate, options.load) = (timeScale, rate, load)
        (options.maximumPrompt, options.maximumAnswer) = (maximumPrompt, maximumAnswer)
        return options
    }
}

/// Says what runs, and every few seconds how many requests have ended.
private final class EndCount: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    private var lastSaid = ContinuousClock.now

    func begin(_ what: String) {
        Terminal.say(what)
        lock.withLock { (count, lastSaid) = (0, .now) }
    }

    func add() {
        lock.withLock {
            count += 1
            guard lastSaid.duration(to: .now) > .seconds(10) else { return }
            lastSaid = .now
            Terminal.say(count == 1 ? "1 request has ended" : "\(count) requests have ended")
        }
    }
}
