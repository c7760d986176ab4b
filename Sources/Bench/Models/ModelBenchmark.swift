// Responsible for: `tandem bench model`: tests of one model with some numbers of threads, beside the machine's limits and,
// where asked for, beside another program, all in one run.
// Must not know: flags, tables.
import Foundation
import Generation
import Inference
import ModelFile
import Node
import Sequences

/// One run.
package struct ModelBenchmark {
    private let options: ModelBenchmarkOptions
    private let opened: BenchmarkModel
    private var model: Model { opened.model }
    private let threads: [Int]
    private let tests: [StageBenchmark.Test]
    private let keyValueType: KeyValueType

    /// Opens the model. Throws what is wrong with the options or the file.
    package init(_ options: ModelBenchmarkOptions) throws(TandemError) {
        self.options = options
        for prompt in options.prompts { try TandemError.checked(prompt, .promptLength, in: 0...1_000_000) }
        try TandemError.checked(options.steps, .answerLength, in: 0...100_000)
        for batch in options.batches { try TandemError.checked(batch, .batch, in: 1...512) }
        try TandemError.checked(options.context, .context, in: 0...1_000_000)
        try TandemError.checked(options.repetitions, .repetitions, in: 1...1000)
        keyValueType = try KeyValueType.named(options.keyValueType)
        var threads: [Int] = []
        for count in options.threads ?? [MachineDescription.coreCount] {
            threads.append(try MachineDescription.threadCount(count))
        }
        self.threads = threads
        let prompts = options.prompts.filter { $0 > 0 }.map { StageBenchmark.Test.prefill(tokens: $0) }
        let decoding = options.batches.map {
            StageBenchmark.Test.decode(sequences: $0, steps: options.steps, context: options.context)
        }
        tests = prompts + (options.steps > 0 ? decoding : [])
        guard !tests.isEmpty else {
            throw TandemError("there is nothing to measure", hint: "give \(.promptLength) or \(.answerLength) above 0")
        }
        opened = try BenchmarkModel(options)
    }

    /// Runs all tests; `notice` is told what is going on.
    package func run(notice: (String) -> Void) throws(TandemError) -> ModelBenchmarkReport {
        var report = ModelBenchmarkReport(
            model: model.name, weightBytes: model.tensors.reduce(0) { $0 + $1.byteCount },
            instructionSet: MachineDescription.instructionLevel, keyValueType: keyValueType.rawValue)
        let peer = try startPeer(notice: notice)
        report.peer = peer?.name
        for threads in threads {
            notice("measuring the limits of \(threads) threads")
            let limits = try Self.told { () throws(InferenceError) in try MachineLimits.measure(threads: threads) }
            report.limits.append(ThreadLimits(threads: threads, rates: limits))
            MachineDescription.forgetPeakResidentBytes()
            notice("loading \(model.name)")
            let watch = Stopwatch()
            let benchmark = try Self.told { () throws(InferenceError) in
                try StageBenchmark(
                    model: model.configuration, tensors: model.tensors, source: model, tests: tests, threads: threads,
                    keyValueType: keyValueType)
            }
            report.loadSeconds = watch.seconds
            for test in tests {
                notice("\(Self.name(of: test)), \(threads) threads")
                report.rows.append(try measure(test, benchmark, peer: peer, threads: threads, limits: limits))
            }
            report.peakResidentBytes = max(report.peakResidentBytes, MachineDescription.peakResidentBytes)
            try peer?.forget()
        }
        return report
    }

    private static func told<Value>(
        _ body: () throws(InferenceError) -> Value
    ) throws(TandemError) -> Value {
        do { return try body() } catch { throw TandemError(error) }
    }

    /// One test, ours and the peer's in turn.
    private func measure(
        _ test: StageBenchmark.Test, _ benchmark: StageBenchmark, peer: BenchmarkPeer?, threads: Int,
        limits: MachineLimits
    ) throws(TandemError) -> ModelBenchmarkRow {
        func runOwn(_ test: StageBenchmark.Test) throws(TandemError) -> Double {
            try Self.told { () throws(InferenceError) in try benchmark.run(test) }
        }
        var (own, others): ([Double], [Double]) = ([], [])
        _ = try runOwn(Self.warmUp(test))
        for _ in 0..<options.repetitions {
            own.append(try runOwn(test))
            if let peer { others.append(try peer.run(test, threads: threads)) }
        }
        let tokens = StageBenchmark.tokens(of: test)
        let speed = Spread(tokens: tokens, seconds: own)
        let seconds = Double(tokens) / speed.median
        let isQuantized = model.tensors.contains { $0.rows > 1 && $0.type.isQuantized }
        let peak = isQuantized ? limits.int8OperationsPerSecond : limits.floatOperationsPerSecond
        var row = ModelBenchmarkRow(
            test: Self.name(of: test), threads: threads, tokensPerSecond: speed,
            bandwidthShare: benchmark.bytesRead(test) / seconds / limits.readBytesPerSecond,
            peakShare: benchmark.operations(test) / seconds / peak)
        if !others.isEmpty {
            row.peer = Spread(tokens: tokens, seconds: others)
            row.ratio = row.peer.map { speed.median / $0.median }
        }
        return row
    }

    /// A short run of the same kind, so that pages are there and threads are up.
    private static func warmUp(_ test: StageBenchmark.Test) -> StageBenchmark.Test {
        switch test {
        case .prefill(let tokens): .prefill(tokens: min(tokens, StageBenchmark.batchTokens))
        case .decode: test
        }
    }

    static func name(of test: StageBenchmark.Test) -> String {
        switch test {
        case .prefill(let tokens): "pp\(tokens)"
        case .decode(let sequences, let steps, let context):
            "tg\(steps)" + (sequences > 1 ? "@\(sequences)" : "") + (context > 0 ? "+\(context)" : "")
        }
    }

    /// A synthetic model is written to a file that loses its name as soon as the peer has it open.
    private func startPeer(notice: (String) -> Void) throws(TandemError) -> BenchmarkPeer? {
        guard let python = options.peerPython else { return nil }
        if let path = options.modelPath { return try BenchmarkPeer(python: python, modelPath: path) }
        let path = NSTemporaryDirectory() + "tandem-bench-\(MachineDescription.processID).gguf"
        notice("writing \(model.name) for the peer")
        try opened.write(to: path)
        defer { unlink(path) }
        return try BenchmarkPeer(python: python, modelPath: path)
    }
}

extension Spread {
    fileprivate init(tokens: Int, seconds: [Double]) { self.init(seconds.map { Double(tokens) / max($0, 1e-9) }) }
}
