// Responsible for: `tandem bench cluster`: loads on a running cluster, and the figures of each.
// Must not know: flags, tables, who started the cluster.
import Node
import Sequences

/// What is known of a cluster before it is asked.
package struct BenchmarkedCluster: Sendable {
    package var address: String
    /// Where this user's key is kept, and whether the cluster does without keys.
    package var state = StateFolder(nil)
    package var isInsecure = false
    /// The type of most weights; nil: not known.
    package var type: String?
    /// Prompts hold ids below this. Without a better number, one that every real model exceeds.
    package var vocabularySize = 256
    package var simulatedStageMilliseconds: Double?

    /// A cluster of which nothing else is known.
    package init(address: String) { self.address = address }

    /// A client of it; nothing is opened yet.
    package func client() throws(TandemError) -> CoordinatorClient {
        try CoordinatorClient(address: address, state: state, isInsecure: isInsecure)
    }
}

/// One run.
package struct ClusterBenchmark: Sendable {
    /// The figures, and the requests of each run of each row.
    package struct Result: Sendable {
        package var report: ClusterBenchmarkReport
        package var records: [[[RequestRecord]]]
    }

    private let options: ClusterBenchmarkOptions
    private let cluster: BenchmarkedCluster
    private let client: CoordinatorClient
    private let generator: LoadGenerator
    private let prompts: LoadPrompts

    /// Numbers of prompts that no load uses: those of the requests before the first.
    private static let warmUpNumber = 1 << 40

    /// Throws what is wrong with the options. `didEnd` is called at the end of each request, from any thread.
    package init(
        _ options: ClusterBenchmarkOptions, on cluster: BenchmarkedCluster,
        didEnd: @escaping @Sendable () -> Void = {}
    ) throws(TandemError) {
        try options.validate()
        (self.options, self.cluster) = (options, cluster)
        client = try cluster.client()
        generator = try LoadGenerator(connect: cluster.client, didEnd: didEnd)
        prompts = LoadPrompts(seed: options.seed, vocabularySize: cluster.vocabularySize)
    }

    /// Runs all loads; `notice` is told what is going on. Throws where the cluster does not serve, and
    /// `CancellationError` after a cancellation.
    package func run(notice: @Sendable (String) -> Void) async throws -> Result {
        let status = try await client.status()
        guard status.isServing else {
            throw TandemError("the cluster at \(cluster.address) does not serve: \(status.explanation)")
        }
        var result = Result(report: report(of: status), records: [])
        if let trace = options.trace {
            try await play(trace, context: status.contextLength, into: &result, notice: notice)
        } else {
            try await sweep(context: status.contextLength, into: &result, notice: notice)
        }
        return result
    }

    private func report(of status: ClusterStatus) -> ClusterBenchmarkReport {
        let workers = status.workers.filter { $0.layers != nil }
        return ClusterBenchmarkReport(
            model: status.model, type: cluster.type, layerCount: status.layerCount,
            contextLength: status.contextLength, workers: workers.count, threads: workers.map(\.threads),
            instructionLevels: workers.map(\.instructionLevel),
            simulatedStageMilliseconds: cluster.simulatedStageMilliseconds)
    }

    /// Closed loops of every concurrency.
    private func sweep(context: Int, into result: inout Result, notice: (String) -> Void) async throws {
        let (prompt, answer) = (options.promptTokens, options.answerTokens)
        guard prompt + answer <= context else {
            throw TandemError(
                "\(.promptLength) \(prompt) and \(.answerLength) \(answer) need a context of \(prompt + answer) tokens, but the cluster's is "
                    + "\(context)",
                hint: "ask for less, or give a larger \(.context) to its coordinator if the model allows it")
        }
        try await warmUp(prompt: prompt)
        var first = 0
        for concurrency in options.concurrency {
            let count = options.requests ?? 2 * concurrency
            let test = "pp\(prompt)+tg\(answer)"
            let before = try await settledStatus()
            var runs: [[RequestRecord]] = []
            for repetition in 1...options.repetitions {
                notice("\(test), \(concurrency) at a time, repetition \(repetition) of \(options.repetitions)")
                runs.append(
                    try await closedLoop(concurrency, count: count, first: first, prompt: prompt, answer: answer))
                first += count
                if runs.last?.contains(where: \.isLost) == true { break }
            }
            result.report.rows.append(
                .init(
                    test: test, concurrency: concurrency, load: try LoadReport(runs, limits: options.limits),
                    cluster: ClusterActivity(before: before, after: try await lastStatus(before, runs))))
            result.records.append(runs)
            if runs.last?.contains(where: \.isLost) == true { return }
        }
    }

    /// The requests of a trace.
    private func play(
        _ wanted: ClusterBenchmarkOptions.Trace, context: Int, into result: inout Result, notice: (String) -> Void
    ) async throws {
        var trace = wanted.trace
        if let count = wanted.requests { trace.keepFirst(count) }
        let clipped = trace.clip(
            maximumPrompt: wanted.maximumPrompt, maximumAnswer: wanted.maximumAnswer, context: context)
        let (prompt, answer) = (trace.meanPromptTokens, min(trace.meanAnswerTokens, context - trace.meanPromptTokens))
        try await warmUp(prompt: prompt)
        if let factor = wanted.timeScale { trace.speedUp(by: factor) }
        if let rate = wanted.rate { try trace.setRate(rate) }
        var facts = ClusterBenchmarkReport.TraceFacts(
            requests: trace.entries.count, seconds: trace.duration, meanPromptTokens: prompt,
            meanAnswerTokens: trace.meanAnswerTokens, clipped: clipped)
        if let load = wanted.load {
            let concurrency = options.capacityConcurrency
            notice("measuring the capacity with pp\(prompt)+tg\(answer), \(concurrency) at a time")
            let run = try await closedLoop(
                concurrency, count: 2 * concurrency, first: Self.warmUpNumber + 1, prompt: prompt, answer: answer)
            let capacity = try LoadReport([run], limits: options.limits).requestsPerSecond.median
            guard capacity > 0 else { throw TandemError("no request that measures the capacity ended well") }
            facts.capacityRequestsPerSecond = capacity
            try trace.setRate(load * capacity)
            facts.seconds = trace.duration
        }
        notice("\(trace.entries.count) requests of \(wanted.name) in \(Int(trace.duration.rounded(.up))) s")
        let before = try await settledStatus()
        let entries = trace.entries
        let run = await generator.openLoop(at: entries.map(\.time)) { number in
            let entry = entries[number]
            let prompt = prompts.shared(blocks: entry.blocks, number: number, count: entry.promptTokens)
            return .load(prompt: prompt, answerTokens: entry.answerTokens)
        }
        try Task.checkCancellation()
        result.report.rows.append(
            .init(
                test: wanted.name, trace: facts, load: try LoadReport([run], limits: options.limits),
                cluster: ClusterActivity(before: before, after: try await lastStatus(before, [run]))))
        result.records.append([run])
    }

    private func closedLoop(
        _ concurrency: Int, count: Int, first: Int, prompt: Int, answer: Int
    ) async throws -> [RequestRecord] {
        let run = await generator.closedLoop(concurrency: concurrency, count: count) { number in
            .load(prompt: prompts.distinct(number: first + number, count: prompt), answerTokens: answer)
        }
        try Task.checkCancellation()
        return run
    }

    /// One request that is not counted: weights come into memory, and what all requests would be refused for is told.
    private func warmUp(prompt: Int) async throws {
        let run = try await closedLoop(1, count: 1, first: Self.warmUpNumber, prompt: prompt, answer: 1)
        switch run.first?.ending {
        case .refused(let why), .failed(let why), .lost(let why): throw TandemError("no load can be measured: \(why)")
        default: return
        }
    }

    /// The state of an idle cluster once each worker has told its own: heartbeats come every 250 ms.
    private func settledStatus() async throws -> ClusterStatus {
        try await Task.sleep(for: .milliseconds(400))
        return try await client.status()
    }

    /// The state after `runs`; that before them where the coordinator is gone, so that what was measured is told.
    private func lastStatus(_ before: ClusterStatus, _ runs: [[RequestRecord]]) async throws -> ClusterStatus {
        do { return try await settledStatus() } catch {
            guard runs.contains(where: { $0.contains(where: \.isLost) }) else { throw error }
            return before
        }
    }
}

extension RequestRecord {
    fileprivate var isLost: Bool { if case .lost = ending { true } else { false } }
}
