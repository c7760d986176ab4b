// How fast the kernels are, one by one, beside what the machine does at most.
//
// Responsible for: which kernels are measured at which sizes.
// Must not know: clocks, how results are shown.

import Inference
import ModelFile

/// A series of measurements of single kernels, with the threads and the memory layout of a stage. As it is made: what
/// `tandem bench kernels` measures where nothing else is asked for.
struct KernelBenchmark: Sendable {
    /// Types of the matrices.
    var types = TensorType.allCases
    /// Tokens of a matrix product.
    var batches = [1, 2, 3, 4, 8, 16, 32, 64, 128, 512]
    /// Numbers of threads.
    var threads = [1, 2]
    /// Outputs of a matrix.
    var rows = 8192
    /// Inputs of a matrix, and the length of the rows that other kernels take; a multiple of `columnUnit`.
    var columns = 2048
    /// Positions that the token of a decode sees.
    var context = 4096
    /// How often each measurement is repeated.
    var repetitions = 5
    /// A repetition calls its kernel over and over for at least this long.
    var repetitionSeconds = 0.002
    /// Bytes that products and attention go round in, so that weights, keys and values come from memory.
    var workingSetBytes = MachineLimits.uncachedBytes

    /// What columns are a multiple of: the longest block of a type.
    static let columnUnit = 256

    /// Measures everything with the instruction set in use. `progress` gets the measurements done and in all.
    func run(progress: @escaping (_ done: Int, _ total: Int) -> Void) throws(InferenceError) -> KernelReport {
        var report = KernelReport(instructionSet: InstructionSet.current, limits: [], results: [])
        for count in threads {
            let limits = try MachineLimits.measure(threads: count)
            report.limits.append(ThreadLimits(threads: count, rates: limits))
            var done = report.results.count
            let timer = try KernelTimer(self, pool: ThreadPool(threads: count, threshold: 0), limits: limits) {
                done += 1
                progress(done, measurementCount)
            }
            try measureProducts(timer)
            try measureAttention(timer)
            try measureRows(timer)
            report.results += timer.results
        }
        return report
    }

    /// Measurements in all.
    var measurementCount: Int {
        threads.count * (types.count * batches.count + Self.attentionMeasurements + Self.rowMeasurements)
    }

    /// Bytes of the memory for weights, keys and values: the working set, or the largest piece of it.
    var memoryBytes: Int {
        let matrix = types.compactMap { PackedMatrix.byteCount(type: $0.kernelType, rows: rows, columns: columns) }
        return max(workingSetBytes, matrix.max() ?? 0, attentionBytes)
    }
}
