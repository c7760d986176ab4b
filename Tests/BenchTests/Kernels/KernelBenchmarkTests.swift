// Measurements of kernels: that there is one for everything asked for, and that its numbers belong together.

import Inference
import ModelFile
import Testing

@testable import Bench

@Suite("Kernel benchmark")
struct KernelBenchmarkTests {
    private func small() -> KernelBenchmark {
        var benchmark = KernelBenchmark()
        benchmark.rows = 40
        benchmark.columns = 256
        benchmark.batches = [1, 3, 17]
        benchmark.threads = [1, 2]
        benchmark.context = 70
        benchmark.repetitions = 3
        benchmark.repetitionSeconds = 0.000_01
        benchmark.workingSetBytes = 100_000
        return benchmark
    }

    @Test("There is one product for every type, batch and number of threads, and one of every other kernel")
    func combinations() throws {
        let benchmark = small()
        var told: [Int] = []
        let report = try benchmark.run { done, total in
            told.append(done)
            #expect(total == benchmark.measurementCount)
        }
        #expect(told == Array(1...benchmark.measurementCount))
        #expect(report.limits.map(\.threads) == [1, 2])
        for threads in benchmark.threads {
            let works = report.results.map(\.work).filter { $0.threads == threads }
            for type in benchmark.types {
                let products = works.filter { $0.kernel == .matmul && $0.type == type.name }
                #expect(products.map(\.tokens) == benchmark.batches)
            }
            for type in KeyValueType.allCases {
                for kernel in [KernelReport.Kernel.attentionDecode, .attentionPrefill] {
                    #expect(works.filter { $0.kernel == kernel && $0.type == type.rawValue }.count == 1)
                }
            }
            for kernel in KernelReport.Kernel.allCases { #expect(works.contains { $0.kernel == kernel }) }
        }
        for result in report.results {
            let seconds = result.seconds
            #expect(seconds.minimum > 0 && seconds.minimum <= seconds.median && seconds.median <= seconds.maximum)
            #expect((result.operationsPerSecond == nil) == (result.work.arithmetic == nil))
        }
    }

    @Test("Rates and shares are those of the median")
    func rates() {
        let seconds = Spread([0.5, 0.125, 0.25, 8])
        #expect(seconds.median == 0.375 && seconds.minimum == 0.125 && seconds.maximum == 8)
        #expect(Spread([3, 1, 2]).median == 2)
        let limits = MachineLimits(
            readBytesPerSecond: 80, int8OperationsPerSecond: 400, floatOperationsPerSecond: 100)
        var work = KernelReport.Work(
            kernel: .matmul, type: "Q8_0", tokens: 1, shape: "", threads: 1, bytes: 15, operations: 75,
            arithmetic: .int8)
        let quantized = KernelReport.Result(work, seconds: seconds, limits: limits)
        #expect(quantized.bytesPerSecond == 40 && quantized.shareOfBandwidth == 0.5)
        #expect(quantized.operationsPerSecond == 200 && quantized.shareOfPeak == 0.5)
        work.arithmetic = .float
        #expect(KernelReport.Result(work, seconds: seconds, limits: limits).shareOfPeak == 2)
        work.arithmetic = nil
        #expect(KernelReport.Result(work, seconds: seconds, limits: limits).shareOfPeak == nil)
    }
}
