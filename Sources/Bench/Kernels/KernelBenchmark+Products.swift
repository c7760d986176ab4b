// Measurements of matrix products.
//
// Responsible for: matrices with ordinary values in all types, and their products with batches of tokens.
// Must not know: clocks.

import CKernels
import Inference
import ModelFile

extension KernelBenchmark {
    /// Every type with every batch, the matrices in turn.
    func measureProducts(_ timer: KernelTimer) throws(InferenceError) {
        let most = batches.max() ?? 0
        let memory = try AnonymousMemory(
            byteCount: BufferCutter.floatBytes(most * columns) + BufferCutter.quantizedBytes(most * columns)
                + BufferCutter.floatBytes(most * rows), purpose: "measuring kernels")
        var cut = BufferCutter(next: memory.base)
        let x = Activations(values: cut.floats(most * columns), quantized: cut.quantized(most * columns))
        let out = cut.floats(most * rows)
        x.values.update(from: KernelTimer.noise(most * columns), count: most * columns)
        for type in types {
            let matrices = makeMatrices(type, timer)
            for tokens in batches {
                for row in 0..<tokens where matrices[0].isQuantized {
                    x.quantizeRow(row, of: tokens, columns: columns)
                }
                let work = KernelReport.Work(
                    kernel: .matmul, type: type.name, tokens: tokens, shape: "\(rows) x \(columns)",
                    threads: timer.pool.threads, bytes: matrices[0].panelCount * matrices[0].panelBytes,
                    operations: 2 * tokens * rows * columns, arithmetic: matrices[0].isQuantized ? .int8 : .float)
                timer.measure(work) { call in
                    matrices[call % matrices.count].multiply(
                        x, into: out, stride: rows, tokens: tokens, pool: timer.pool)
                }
            }
        }
    }

    /// As many matrices as the working set holds, at least one. All panels are alike, which no kernel notices.
    private func makeMatrices(_ type: TensorType, _ timer: KernelTimer) -> [PackedMatrix] {
        let kernelType = type.kernelType
        let rowBytes = columns / type.blockElements * type.blockBytes
        let panelBytes = tk_panel_bytes(kernelType, columns)
        let panelRows = PackedMatrix.panelRows
        let values = KernelTimer.noise(panelRows * columns)
        var file = [UInt8](repeating: 0, count: panelRows * rowBytes)
        var panel = [UInt8](repeating: 0, count: panelBytes)
        file.withUnsafeMutableBytes { file in
            guard let base = file.baseAddress else { return }
            values.withUnsafeBufferPointer { values in
                for row in 0..<panelRows {
                    tk_quantize_row(
                        kernelType, base + row * rowBytes, values.baseAddress.map { $0 + row * columns }, columns)
                }
            }
            panel.withUnsafeMutableBytes {
                tk_pack_panel(kernelType, $0.baseAddress, base, rowBytes, panelRows, columns)
            }
        }
        let matrixBytes = (rows + panelRows - 1) / panelRows * panelBytes
        let count = max(1, workingSetBytes / matrixBytes)
        panel.withUnsafeBytes { timer.fillMemory(count * matrixBytes, with: $0) }
        return (0..<count).map {
            PackedMatrix(
                type: kernelType, rows: rows, columns: columns, memory: timer.memory, offset: $0 * matrixBytes)
        }
    }
}
