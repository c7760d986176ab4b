// Measurements of the kernels that go over single rows of activations or logits.
//
// Responsible for: rows with ordinary values, and each kernel over them as a stage calls it.
// Must not know: clocks.

import CKernels
import Inference

extension KernelBenchmark {
    private static let rowTokens = 64
    private static let vocabularySize = 128_256
    private static let headSize = 128

    /// One for each of the kernels below.
    static let rowMeasurements = 6

    /// Rows of activations stay in the cache, as they do between two products.
    func measureRows(_ timer: KernelTimer) throws(InferenceError) {
        let length = Self.rowTokens * columns
        let memory = try AnonymousMemory(
            byteCount: 2 * BufferCutter.floatBytes(length) + BufferCutter.quantizedBytes(length),
            purpose: "measuring kernels")
        var cut = BufferCutter(next: memory.base)
        let x = Activations(values: cut.floats(length), quantized: cut.quantized(length))
        let y = cut.floats(length)
        x.values.update(from: KernelTimer.noise(length), count: length)
        let quantizedBytes = MemoryLayout<tk_quantized_block>.stride / Int(TK_BLOCK)
        let floatBytes = MemoryLayout<Float>.stride

        measureRow(.quantize, bytes: length * (floatBytes + quantizedBytes), timer) { row in
            x.quantizeRow(row, of: Self.rowTokens, columns: columns)
        }
        // The weight is read for each row.
        measureRow(.rmsNorm, bytes: 3 * length * floatBytes, timer) { row in
            tk_rms_norm(y + row * columns, x.values + row * columns, x.values, columns, 1e-5)
        }
        measureRotation(y, timer)
        // With this factor values neither vanish nor grow however often they are replaced.
        y.update(repeating: -4, count: length)
        measureRow(.siluMultiply, bytes: 3 * length * floatBytes, timer) { row in
            tk_silu_multiply(x.values + row * columns, y + row * columns, columns)
        }
        try measureLogits(timer)
    }

    /// `body` is called with each of the rows.
    private func measureRow(
        _ kernel: KernelReport.Kernel, bytes: Int, _ timer: KernelTimer, _ body: (_ row: Int) -> Void
    ) {
        let work = KernelReport.Work(
            kernel: kernel, tokens: Self.rowTokens, shape: "\(columns)", threads: timer.pool.threads, bytes: bytes)
        timer.measure(work) { _ in
            timer.pool.run(pieces: Self.rowTokens, operations: Int.max) { row, _ in body(row) }
        }
    }

    /// x [rowTokens, columns] as whole heads.
    private func measureRotation(_ x: UnsafeMutablePointer<Float>, _ timer: KernelTimer) {
        let pairs = Self.headSize / 2
        var frequencies = [Float](repeating: 0, count: pairs)
        var cosines = frequencies
        var sines = frequencies
        tk_rope_frequencies(&frequencies, Self.headSize, 10_000)
        tk_rope_angles(&cosines, &sines, frequencies, pairs, 1000)
        let bytes = 2 * Self.rowTokens * columns * MemoryLayout<Float>.stride
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                measureRow(.rope, bytes: bytes, timer) { row in
                    tk_rope(
                        x + row * columns, columns / Self.headSize, Self.headSize, cosines.baseAddress,
                        sines.baseAddress, pairs, 1)
                }
            }
        }
    }

    /// A row of logits for each thread.
    private func measureLogits(_ timer: KernelTimer) throws(InferenceError) {
        let threads = timer.pool.threads
        let count = Self.vocabularySize
        let memory = try AnonymousMemory(
            byteCount: BufferCutter.floatBytes(threads * count), purpose: "measuring kernels")
        let logits = memory.base.bindMemory(to: Float.self, capacity: threads * count)
        logits.update(from: KernelTimer.noise(threads * count), count: threads * count)
        func measure(_ kernel: KernelReport.Kernel, passes: Int, _ body: (_ row: Int) -> Void) {
            let bytes = passes * threads * count * MemoryLayout<Float>.stride
            let work = KernelReport.Work(
                kernel: kernel, tokens: threads, shape: "\(count)", threads: threads, bytes: bytes)
            timer.measure(work) { _ in
                timer.pool.run(pieces: threads, operations: Int.max) { row, _ in body(row) }
            }
        }
        measure(.argmax, passes: 1) { row in _ = tk_argmax(logits + row * count, count) }
        measure(.softmax, passes: 2) { row in tk_softmax(logits + row * count, count) }
    }
}
