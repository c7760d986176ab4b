// How fast this machine runs the kernels that matter.
//
// Responsible for: a short measurement with the real kernels and threads.
// Must not know: what a plan makes of it.

import CKernels
import Glibc
import Synchronization

/// What decides the speed of a stage: memory bandwidth for decoding, int8 arithmetic for prompts.
package struct MachineSpeed: Sendable, Equatable {
    /// Bytes of packed weights that all threads together read and multiply with one token in a second.
    package var readBytesPerSecond: Double
    /// Int8 operations (a multiply and an add are two) per second of all threads in products with many tokens.
    package var int8OperationsPerSecond: Double

    /// A measured or reported speed.
    package init(readBytesPerSecond: Double, int8OperationsPerSecond: Double) {
        self.readBytesPerSecond = readBytesPerSecond
        self.int8OperationsPerSecond = int8OperationsPerSecond
    }

    /// Measures for about 100 milliseconds. Takes memory of twice the last-level cache (64 to 256 MiB) for that time.
    package static func measure(threads: Int) throws(InferenceError) -> MachineSpeed {
        let pool = ThreadPool(threads: threads, threshold: 0)
        let cacheBytes = sysconf(Int32(_SC_LEVEL3_CACHE_SIZE))
        let bytes = min(max(2 * cacheBytes, 64 << 20), 256 << 20)
        return MachineSpeed(
            readBytesPerSecond: try bandwidth(bytes: bytes, pool: pool),
            int8OperationsPerSecond: try arithmetic(pool: pool))
    }

    private static let columns = 1024
    private static let budgetNanoseconds: UInt64 = 40_000_000

    /// One token times a Q8_0 matrix larger than the cache, again and again.
    private static func bandwidth(bytes: Int, pool: ThreadPool) throws(InferenceError) -> Double {
        let panelBytes = tk_panel_bytes(TK_Q8_0, columns)
        let rows = bytes / panelBytes * PackedMatrix.panelRows
        let matrix = try PackedMatrix(type: TK_Q8_0, rows: rows, columns: columns, name: "speed measurement")
        // Pages must be real: reading untouched ones would read one zero page from the cache.
        pool.run(pieces: matrix.panelCount, operations: rows * columns) { panel, _ in
            memset(matrix.panel(panel), 1, panelBytes)
        }
        let operations = try measure(matrix, tokens: 1, pool: pool)
        return operations / Double(2 * columns * PackedMatrix.panelRows) * Double(panelBytes)
    }

    /// Many tokens times a matrix that stays in the cache.
    private static func arithmetic(pool: ThreadPool) throws(InferenceError) -> Double {
        let rows = 16 * PackedMatrix.panelRows * pool.threads
        let matrix = try PackedMatrix(type: TK_Q8_0, rows: rows, columns: columns, name: "speed measurement")
        memset(matrix.panel(0), 1, matrix.panelCount * matrix.panelBytes)
        return try measure(matrix, tokens: 64, pool: pool)
    }

    /// Operations per second of products with `tokens` tokens.
    private static func measure(
        _ matrix: PackedMatrix, tokens: Int, pool: ThreadPool
    ) throws(InferenceError) -> Double {
        let panelsPerPiece = 16
        let outputs = PackedMatrix.panelRows * panelsPerPiece
        let inputs = try AnonymousMemory(byteCount: tokens * columns * 2, purpose: "speed measurement")
        let output = try AnonymousMemory(
            byteCount: pool.threads * tokens * outputs * MemoryLayout<Float>.stride, purpose: "speed measurement")
        let floats = output.base.assumingMemoryBound(to: Float.self)
        let blocks = tokens * columns / Int(TK_BLOCK)
        let x = tk_quantized(
            quants: inputs.base.assumingMemoryBound(to: Int8.self),
            scales: (inputs.base + tokens * columns).assumingMemoryBound(to: Float.self),
            sums: (inputs.base + tokens * columns + 4 * blocks).assumingMemoryBound(to: Int32.self))
        let pieces = matrix.panelCount / panelsPerPiece
        let done = Atomic<Int>(0)
        let start = monotonicNanoseconds()
        let deadline = start + budgetNanoseconds
        repeat {
            pool.run(pieces: pieces, operations: Int.max) { piece, thread in
                guard monotonicNanoseconds() < deadline else { return }
                tk_matmul_quantized(
                    matrix.type, floats + thread * tokens * outputs, outputs, matrix.panel(piece * panelsPerPiece), x,
                    tokens, outputs, columns)
                done.add(2 * tokens * outputs * columns, ordering: .relaxed)
            }
        } while monotonicNanoseconds() < deadline
        let seconds = Double(monotonicNanoseconds() - start) * 1e-9
        return Double(done.load(ordering: .relaxed)) / seconds
    }
}

extension MachineSpeed {
    /// The instruction set whose kernels are in use: "avx512", "avx2" or "portable".
    package static var instructionLevel: String {
        switch tk_current_level() {
        case TK_LEVEL_AVX512: "avx512"
        case TK_LEVEL_AVX2: "avx2"
        default: "portable"
        }
    }
}
