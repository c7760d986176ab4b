// Responsible for: `tandem bench cluster` as people use it: a cluster of its own or a running one, a sweep or a trace.
import Foundation
import Testing

extension CommandTests {
    @Suite("Measuring clusters")
    struct BenchClusterCommandTests {
        private struct Report: Decodable {
            struct Row: Decodable {
                struct Load: Decodable {
                    struct Speed: Decodable { var median: Double, minimum: Double, maximum: Double }
                    struct Latency: Decodable { var p50: Double, p90: Double, p99: Double }
                    var requests: Int
                    var completed: Int
                    var refused: Int
                    var failed: Int
                    var lost: Int
                    var answerTokens: Int
                    var tokensPerSecond: Speed
                    var goodput: Speed
                    var timeToFirstTokenSeconds: Latency
                    var timeBetweenTokensMilliseconds: Latency
                    var longestGapSeconds: Double
                }
                struct Trace: Decodable {
                    struct Clipped: Decodable { var prompts: Int, answers: Int }
                    var clipped: Clipped
                }
                var test: String
                var concurrency: Int?
                var trace: Trace?
                var load: Load
            }
            var model: String
            var type: String
            var workers: Int
            var threads: [Int]
            var rows: [Row]
        }

        @Test("A synthetic model on a cluster of its own: JSON with a row for each concurrency, a chart, nothing left")
        func ownCluster() async throws {
            let folder = try TemporaryFolder()
            let plot = folder.path + "/sweep.svg"
            let process = try TandemProcess(
                [
                    "bench", "--shape", "gpt2-124m", "--type", "q4_0", "--layers", "2", "--workers", "2", "--threads",
                    "1",
                    "--pp", "24", "--tg", "4", "--concurrency", "1,2", "--repetitions", "2", "--json", "--plot", plot,
                ], cache: folder)
            let outcome = try await process.wait()
            try #require(outcome.status == 0, "\(outcome.talk)")
            let report = try decode(Report.self, outcome.output)
            #expect((report.model, report.type) == ("synthetic gpt2-124m q4_0", "q4_0"))
            #expect((report.workers, report.threads) == (2, [1, 1]))
            #expect(report.rows.map(\.test) == ["pp24+tg4", "pp24+tg4"] && report.rows.map(\.concurrency) == [1, 2])
            for (row, requests) in zip(report.rows, [4, 8]) {
                let load = row.load
                #expect((load.requests, load.completed, load.answerTokens) == (requests, requests, 4 * requests))
                #expect((load.refused, load.failed, load.lost) == (0, 0, 0))
                #expect(load.tokensPerSecond.minimum > 0 && load.goodput.median <= load.tokensPerSecond.median)
                #expect(load.timeToFirstTokenSeconds.p50 > 0)
                #expect(load.timeToFirstTokenSeconds.p50 <= load.timeToFirstTokenSeconds.p99)
                #expect(load.timeBetweenTokensMilliseconds.p99 <= load.longestGapSeconds * 1000 + 1e-6)
            }
            let svg = try String(contentsOfFile: plot, encoding: .utf8)
            #expect(svg.hasPrefix("<?xml") && svg.hasSuffix("</svg>\n"))
            #expect(!FileManager.default.fileExists(atPath: NSTemporaryDirectory() + "tandem-bench-\(process.pid)"))
        }

        @Test("A trace on a running cluster: a table, and how its requests ended")
        func trace() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let trace = cluster.folder.path + "/trace.csv"
            let lines = (0..<6).map { "2023-11-16 18:17:0\($0).1,\($0 == 2 ? 5000 : 30),4" }
            try (["TIMESTAMP,ContextTokens,GeneratedTokens"] + lines).joined(separator: "\n").write(
                toFile: trace, atomically: true, encoding: .utf8)
            let coordinator = ["--coordinator", cluster.address, "--trace", trace, "--time-scale", "10"]
            let outcome = try await TandemProcess(["bench"] + coordinator, cache: cluster.folder).wait()
            #expect(outcome.status == 0, "\(outcome.talk)")
            for text in ["ended well 6, refused 0, failed 0, cancelled 0, lost 0", "clipped: 1 prompts, 0 answers"] {
                #expect(outcome.output.contains(text), "\(outcome.output)")
            }
            let json = try await TandemProcess(["bench", "cluster"] + coordinator + ["--json"], cache: cluster.folder)
                .wait()
            #expect(json.status == 0, "\(json.talk)")
            #expect(json.output.contains("\"prompts\" : 1"))
        }

        @Test("Ctrl-C ends the run and every process of it, and leaves no file behind")
        func interrupt() async throws {
            let folder = try TemporaryFolder()
            let process = try TandemProcess(
                [
                    "bench", "--shape", "gpt2-124m", "--layers", "1", "--workers", "1", "--pp", "16", "--tg", "200",
                    "--concurrency", "1", "--repetitions", "1000",
                ], cache: folder)
            let isMeasuring = await eventually { process.talkSoFar.contains("repetition 1 of 1000") }
            #expect(isMeasuring, "\(process.talkSoFar)")
            process.signal(SIGINT)
            let outcome = try await process.wait()
            #expect(outcome.status == 130, "\(outcome.talk)")
            #expect(!FileManager.default.fileExists(atPath: NSTemporaryDirectory() + "tandem-bench-\(process.pid)"))
        }

        @Test(
            "Wrong flags and wrong traces are told in a sentence",
            arguments: [
                (["--workers", "0"], "--workers is 0"), (["--concurrency", "x"], "--concurrency is x"),
                (["--coordinator", "127.0.0.1:1", "--workers", "2"], "--workers is of a cluster that is started here"),
                (["cluster", "--rate", "2"], "change a trace"), (["--trace", "/nowhere"], "/nowhere cannot be read"),
                (["--trace", "/proc/self/status"], "line 1 of status begins no trace"),
                (["--coordinator", "127.0.0.1:1"], "no coordinator answers"),
                (["cluster", "--model", "/nowhere.gguf"], "/nowhere.gguf"),
            ])
        func wrongInput(arguments: [String], message: String) async throws {
            let outcome = try await TandemProcess(["bench"] + arguments, cache: TemporaryFolder()).wait()
            #expect([1, 2, 66, 69].contains(outcome.status) && outcome.talk.contains(message), "\(outcome)")
            #expect(outcome.talk.split(separator: "\n").count { $0.hasPrefix("error: ") } == 1, "\(outcome)")
        }
    }
}
