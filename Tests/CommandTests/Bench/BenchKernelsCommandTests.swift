// Responsible for: `tandem bench kernels` as people use it: a table, JSON, and sentences about wrong flags.
import Foundation
import Testing

extension CommandTests {
    @Suite("Measuring kernels")
    struct BenchKernelsCommandTests {
        private struct Report: Decodable {
            struct Limits: Decodable {
                struct Rates: Decodable {
                    var readBytesPerSecond: Double
                    var int8OperationsPerSecond: Double
                    var floatOperationsPerSecond: Double
                }
                var threads: Int
                var rates: Rates
            }
            struct Result: Decodable {
                struct Work: Decodable {
                    var kernel: String
                    var type: String?
                    var tokens: Int
                    var threads: Int
                    var shape: String
                    var bytes: Int
                }
                struct Seconds: Decodable {
                    var median: Double
                    var minimum: Double
                    var maximum: Double
                }
                var work: Work
                var seconds: Seconds
                var bytesPerSecond: Double
                var shareOfBandwidth: Double
                var shareOfPeak: Double?
            }
            var instructionSet: String
            var limits: [Limits]
            var results: [Result]
        }

        private static let small = [
            "bench", "kernels", "--types", "q8_0,F16", "--batch", "1,4", "--threads", "1", "--rows", "32",
            "--columns", "256", "--context", "64", "--repetitions", "1",
        ]

        private func measure(_ arguments: String...) async throws -> TandemProcess.Outcome {
            try await TandemProcess(Self.small + arguments, cache: TemporaryFolder()).wait()
        }

        @Test("The JSON has the limits and one result for every combination, with the instruction set asked for")
        func json() async throws {
            let outcome = try await measure("--json", "--level", "portable")
            #expect(outcome.status == 0, "\(outcome.talk)")
            let report = try decode(Report.self, outcome.output)
            #expect(report.instructionSet == "portable")
            #expect(report.limits.map(\.threads) == [1])
            #expect(report.results.allSatisfy { $0.shareOfBandwidth > 0 && $0.seconds.median > 0 })
            let products = report.results.map(\.work).filter { $0.kernel == "matmul" }
            #expect(products.map(\.type) == ["Q8_0", "Q8_0", "F16", "F16"])
            #expect(products.map(\.tokens) == [1, 4, 1, 4])
            #expect(products.allSatisfy { $0.shape == "32 x 256" && $0.threads == 1 && $0.bytes > 0 })
        }

        @Test("The table has a line for every measurement")
        func table() async throws {
            let outcome = try await measure()
            #expect(outcome.status == 0, "\(outcome.talk)")
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("matmul") }.count == 4)
            #expect(lines.filter { $0.hasPrefix("attention") }.count == 6)
            for word in [
                "instruction set", "limits", "quantize", "rms-norm", "silu-multiply", "rope", "softmax", "argmax",
            ] {
                #expect(lines.contains { $0.hasPrefix(word) })
            }
        }
    }
}
