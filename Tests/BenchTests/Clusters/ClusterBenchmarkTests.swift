// Load benchmarks of a cluster inside this process: sweeps, traces, charts of both, and what is refused.
import Foundation
import Node
import Sequences
import Testing

@testable import Bench
@testable import NodeTests

extension ClusterTests {
    @Suite("Load benchmarks")
    struct ClusterBenchmarkTests {
        private func target(_ cluster: TestCluster) -> BenchmarkedCluster {
            var target = BenchmarkedCluster(address: cluster.address)
            target.state = cluster.state
            return target
        }

        private func measure(
            workers: Int, _ options: ClusterBenchmarkOptions
        ) async throws -> ClusterBenchmark.Result {
            try await TestCluster.with(ClusterShape(workers: workers, chunk: 64).options, workers: workers) { cluster in
                _ = try await cluster.serving()
                return try await ClusterBenchmark(options, on: target(cluster)).run { _ in
                }
            }
        }

        @Test("A sweep has a row for each concurrency, and its requests are those that the cluster computed")
        func sweep() async throws {
            var options = ClusterBenchmarkOptions()
            (options.promptTokens, options.answerTokens, options.repetitions) = (30, 6, 2)
            (options.concurrency, options.requests) = ([1, 3], 4)
            // All are good, however slow the machine is.
            (options.limits.firstTokenSeconds, options.limits.betweenTokensMilliseconds) = (600, 600_000)
            let result = try await measure(workers: 2, options)
            let report = result.report
            #expect((report.workers, report.threads, report.contextLength) == (2, [1, 1], 512))
            #expect(report.rows.map(\.concurrency) == [1, 3] && report.rows.allSatisfy { $0.test == "pp30+tg6" })
            for (row, runs) in zip(report.rows, result.records) {
                #expect(runs.count == 2 && runs.allSatisfy { $0.count == 4 })
                #expect((row.load.requests, row.load.completed, row.load.good) == (8, 8, 8))
                #expect((row.load.promptTokens, row.load.answerTokens) == (8 * 30, 8 * 6))
                #expect(row.load.tokensPerSecond.minimum > 0 && row.load.goodput == row.load.tokensPerSecond)
                #expect(row.cluster.generatedTokens == 8 * 6 && !row.cluster.isReplanned)
                #expect(row.cluster.stages.count == 2 && row.cluster.stages.allSatisfy { $0.steps > 0 })
                let busy = try #require(row.cluster.busyFractions)
                #expect(busy.lowerBound > 0 && busy.upperBound <= 1 && row.cluster.activeSeconds > 0)
                #expect(row.cluster.bubbleFraction.map { (0..<1).contains($0) } == true)
                #expect(row.cluster.stages.allSatisfy { $0.meanMicroseconds?.compute ?? 0 > 0 })
            }
            let svg = result.chart.svg()
            #expect(svg.contains("pp30+tg6") && svg.contains(">goodput<") && svg.contains(">concurrent requests<"))
        }

        @Test("A trace is clipped to the context, played at a share of the capacity, and counted")
        func trace() async throws {
            let lines = (0..<12).map {
                "{\"timestamp\": \($0 * 500), \"input_length\": \($0 == 3 ? 9000 : 40), \"output_length\": 5, \"hash_ids\": [1]}"
            }
            let trace = try RequestTrace(Data(lines.joined(separator: "\n").utf8), name: "t")
            var options = ClusterBenchmarkOptions()
            var wanted = ClusterBenchmarkOptions.Trace(trace, name: "t")
            (wanted.requests, wanted.load) = (10, 0.8)
            (options.trace, options.capacityConcurrency) = (wanted, 4)
            let result = try await measure(workers: 1, options)
            let row = try #require(result.report.rows.first)
            let facts = try #require(row.trace)
            #expect((facts.requests, facts.clipped.prompts, facts.clipped.answers) == (10, 1, 0))
            // 9 prompts of 40 tokens and one of 507.
            #expect((facts.meanPromptTokens, facts.meanAnswerTokens) == (87, 5))
            let capacity = try #require(facts.capacityRequestsPerSecond)
            #expect(abs(9 / facts.seconds - 0.8 * capacity) < 1e-6 * capacity)
            #expect((row.load.requests, row.load.completed, row.load.lost) == (10, 10, 0))
            #expect(row.load.answerTokens == 50 && row.load.promptTokens == 9 * 40 + 507)
            let svg = result.chart.svg()
            #expect(svg.contains(">Time to first token<") && svg.contains(">tokens/s<"))
        }

        @Test("What the context cannot hold and ids that the model does not have are told before any load")
        func refusals() async throws {
            var options = ClusterBenchmarkOptions()
            let tooLong = await #expect(throws: TandemError.self) { try await measure(workers: 1, options) }
            #expect(tooLong?.message.description.contains("a context of 640 tokens, but the cluster's is 512") == true)
            options.promptTokens = 10
            let refused = try await TestCluster.with(ClusterShape(workers: 1, chunk: 64).options, workers: 1) {
                cluster in
                _ = try await cluster.serving()
                var target = self.target(cluster)
                target.vocabularySize = 1 << 30
                return await #expect(throws: TandemError.self) {
                    try await ClusterBenchmark(options, on: target).run { _ in }
                }
            }
            #expect(refused?.message.description.contains("no load can be measured: the prompt holds token id") == true)
        }
    }
}

@Suite("Options of load benchmarks")
struct ClusterBenchmarkOptionTests {
    @Test("Options that make no sense are refused in a sentence that names the flag")
    func wrongOptions() throws {
        let trace = try RequestTrace(Data("{\"timestamp\":0,\"input_length\":7,\"output_length\":2}".utf8), name: "t")
        let wrong: [(String, @Sendable (inout ClusterBenchmarkOptions) -> Void)] = [
            ("pp is 0", { $0.promptTokens = 0 }), ("tg is 0", { $0.answerTokens = 0 }),
            ("concurrency is 2000", { $0.concurrency = [1, 2000] }),
            ("repetitions is 0", { $0.repetitions = 0 }),
            ("slo_ttft_seconds is nan", { $0.limits.firstTokenSeconds = .nan }),
            ("slo_tbt_milliseconds is -1", { $0.limits.betweenTokensMilliseconds = -1 }),
            ("requests is 0", { $0.trace?.requests = 0 }), ("rate is 0", { $0.trace?.rate = 0 }),
            ("maximum_prompt is 0", { $0.trace?.maximumPrompt = 0 }),
            (
                "time_scale, rate and load each",
                { wrong in
                    wrong.trace?.rate = 1
                    wrong.trace?.load = 1
                }
            ),
        ]
        var options = ClusterBenchmarkOptions()
        options.trace = .init(trace, name: "t")
        try options.validate()
        for (beginning, change) in wrong {
            var changed = options
            change(&changed)
            let error = #expect(throws: TandemError.self) { try changed.validate() }
            #expect(error?.message.description.hasPrefix(beginning) == true, "\(error?.message.description ?? "")")
        }
    }
}
