// What measurements of kernels are told as.
//
// Responsible for: one value for each measurement, with its rates and what part of the machine's limits they are.
// Must not know: how anything is measured or shown.

/// The results of a `KernelBenchmark`.
package struct KernelReport: Sendable, Codable {
    /// A kernel that is measured.
    package enum Kernel: String, Sendable, Codable, CaseIterable {
        case matmul
        case attentionDecode = "attention-decode"
        case attentionPrefill = "attention-prefill"
        case quantize
        case rmsNorm = "rms-norm"
        case siluMultiply = "silu-multiply"
        case rope
        case softmax
        case argmax
    }

    /// The units that the operations of a kernel take up.
    package enum Arithmetic: String, Sendable, Codable {
        case int8
        case float
    }

    /// What one call of a kernel does, all threads together.
    package struct Work: Sendable, Codable, Equatable {
        package var kernel: Kernel
        /// Of weights, or of keys and values.
        package var type: String?
        /// Rows of activations.
        package var tokens: Int
        /// Such as "8192 x 2048".
        package var shape: String
        package var threads: Int
        /// Bytes of weights or of keys and values, each counted once; of kernels that have none of these, bytes of
        /// activations read and written.
        package var bytes: Int
        /// A multiply and an add are two; 0 where operations are not what counts.
        package var operations = 0
        /// nil where operations are not what counts.
        package var arithmetic: Arithmetic?
    }

    /// One measurement. Rates are those of the median.
    package struct Result: Sendable, Codable {
        package var work: Work
        /// Of one call in the repetitions.
        package var seconds: Spread
        package var bytesPerSecond: Double
        package var operationsPerSecond: Double?
        /// Parts of what the machine does at most with as many threads, 1 being all.
        package var shareOfBandwidth: Double
        package var shareOfPeak: Double?

        init(_ work: Work, seconds: Spread, limits: MachineLimits) {
            self.work = work
            self.seconds = seconds
            bytesPerSecond = Double(work.bytes) / seconds.median
            shareOfBandwidth = bytesPerSecond / limits.readBytesPerSecond
            guard let arithmetic = work.arithmetic else { return }
            let rate = Double(work.operations) / seconds.median
            operationsPerSecond = rate
            shareOfPeak =
                switch arithmetic {
                case .int8: rate / limits.int8OperationsPerSecond
                case .float: rate / limits.floatOperationsPerSecond
                }
        }
    }

    /// The name of the kernels' variant.
    package var instructionSet: String
    package var limits: [ThreadLimits]
    package var results: [Result]
}
