// The repetitions of a measurement.
//
// Responsible for: calling a kernel often enough, the clock, and the memory that kernels are measured in.
// Must not know: what is called.

import Glibc
import Inference
import ModelFile

/// Times kernels on the threads of one pool.
final class KernelTimer {
    let pool: ThreadPool
    /// What weights, keys and values are written to; larger than the caches.
    let memory: AnonymousMemory
    private(set) var results: [KernelReport.Result] = []

    private let limits: MachineLimits
    private let benchmark: KernelBenchmark
    private let finished: () -> Void

    /// `finished` is called after each measurement.
    init(
        _ benchmark: KernelBenchmark, pool: ThreadPool, limits: MachineLimits, finished: @escaping () -> Void
    ) throws(InferenceError) {
        self.benchmark = benchmark
        self.pool = pool
        self.limits = limits
        self.finished = finished
        memory = try AnonymousMemory(byteCount: benchmark.memoryBytes, huge: true, purpose: "measuring kernels")
    }

    /// Measures one kernel. `call` does the work once; it is given the number of the call, so that it can go round in
    /// what does not fit a cache.
    func measure(_ work: KernelReport.Work, _ call: (_ index: Int) -> Void) {
        var index = 0
        func seconds(calls: Int) -> Double {
            let watch = Stopwatch()
            for _ in 0..<calls {
                call(index)
                index += 1
            }
            return watch.seconds
        }
        // Finding out how many calls a repetition takes also warms up caches and threads.
        var calls = 1
        while seconds(calls: calls) < benchmark.repetitionSeconds { calls *= 2 }
        let repetitions = (0..<benchmark.repetitions).map { _ in seconds(calls: calls) / Double(calls) }
        results.append(KernelReport.Result(work, seconds: .init(repetitions), limits: limits))
        finished()
    }

    /// Writes copies of `bytes` one behind the other over the first `byteCount` bytes of the memory, a multiple of theirs.
    func fillMemory(_ byteCount: Int, with bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        let copies = byteCount / bytes.count
        let parts = min(copies, pool.threads)
        pool.run(pieces: parts, operations: Int.max) { part, _ in
            for copy in copies * part / parts..<copies * (part + 1) / parts {
                memcpy(memory.base + copy * bytes.count, source, bytes.count)
            }
        }
    }

    /// Numbers evenly spread over -1..<1, the same ones each time.
    static func noise(_ count: Int) -> [Float] {
        (0..<count).map { Float(SplitMix64.number(at: UInt64($0 % noisePeriod)) >> 40) * 0x1p-23 - 1 }
    }

    private static let noisePeriod = 8191
}
