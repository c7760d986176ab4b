// Responsible for: `tandem bench model` as people use it: a table and JSON, of a model from a seed and of a file.
import Foundation
import Testing

extension CommandTests {
    @Suite("Measuring models")
    struct BenchModelCommandTests {
        private struct Report: Decodable {
            struct Limits: Decodable { var threads: Int }
            struct Row: Decodable {
                struct Speed: Decodable { var median: Double, minimum: Double, maximum: Double }
                var test: String
                var threads: Int
                var tokensPerSecond: Speed
                var bandwidthShare: Double
                var peakShare: Double
            }
            var model: String
            var limits: [Limits]
            var rows: [Row]
        }

        private func measure(_ arguments: String...) async throws -> TandemProcess.Outcome {
            let few = ["--threads", "1", "--repetitions", "1", "--pp", "16", "--tg", "2", "--batch", "1,2"]
            return try await TandemProcess(["bench"] + arguments + few, cache: TemporaryFolder()).wait()
        }

        @Test("The JSON has a row for each test; a model of a known shape needs no file")
        func json() async throws {
            let outcome = try await measure("--shape", "gpt2-124m", "--type", "q4_0", "--layers", "1", "--json")
            #expect(outcome.status == 0, "\(outcome.talk)")
            let report = try decode(Report.self, outcome.output)
            #expect(report.model == "synthetic gpt2-124m q4_0" && report.limits.map(\.threads) == [1])
            #expect(report.rows.map(\.test) == ["pp16", "tg2", "tg2@2"])
            for row in report.rows {
                #expect(row.threads == 1 && row.tokensPerSecond.minimum > 0)
                #expect(row.tokensPerSecond.minimum <= row.tokensPerSecond.median)
                #expect(row.tokensPerSecond.median <= row.tokensPerSecond.maximum)
                #expect(row.bandwidthShare > 0 && row.peakShare > 0)
            }
        }

        @Test("The table of a model file has the limits and a line for each test")
        func table() async throws {
            let outcome = try await measure("--model", Place.tales)
            #expect(outcome.status == 0, "\(outcome.talk)")
            let lines = outcome.output.split(separator: "\n")
            for word in ["limits", "test ", "pp16 ", "tg2 ", "tg2@2 ", "loaded in"] {
                #expect(lines.filter { $0.hasPrefix(word) }.count == 1, "\(word)")
            }
        }
    }
}
