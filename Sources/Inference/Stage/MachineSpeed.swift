// How fast this machine runs the kernels that matter.
//
// Responsible for: a short measurement with the real kernels and threads.
// Must not know: what a plan makes of it.

import CKernels
import Glibc

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

    /// Measures for about 100 milliseconds. Takes memory of twice the last-level cache (64 to 256 MiB) for that time, but
    /// no more than an eighth of `availableBytes`; nil: that is too little to tell anything.
    package static func measure(threads: Int, availableBytes: Int = .max) throws(InferenceError) -> MachineSpeed? {
        let cacheBytes = sysconf(Int32(_SC_LEVEL3_CACHE_SIZE))
        let bytes = min(max(2 * cacheBytes, 64 << 20), 256 << 20, availableBytes / 8)
        guard bytes >= leastBytes else { return nil }
        let pool = ThreadPool(threads: threads, threshold: 0)
        return MachineSpeed(
            readBytesPerSecond: try bandwidth(bytes: bytes, pool: pool),
            int8OperationsPerSecond: try arithmetic(pool: pool))
    }

    private static let leastBytes = 16 << 20
    private static let columns = 1024
    /// Rows that one thread multiplies at once.
    private static let pieceRows = 16 * PackedMatrix.panelRows
    private static let budgetNanoseconds: UInt64 = 30_000_000

    /// One token times a Q8_0 matrix larger than the cache, an eighth of it in each round.
    private static func bandwidth(bytes: Int, pool: ThreadPool) throws(InferenceError) -> Double {
        let panelBytes = tk_panel_bytes(TK_Q8_0, columns)
        let pieces = max(8, bytes / (panelBytes * pieceRows / PackedMatrix.panelRows))
        let operations = try bestRate(pieces: pieces, piecesPerRound: pieces / 8, tokens: 1, pool: pool)
        return operations / Double(2 * columns * PackedMatrix.panelRows) * Double(panelBytes)
    }

    /// Many tokens times a matrix that stays in the cache.
    private static func arithmetic(pool: ThreadPool) throws(InferenceError) -> Double {
        try bestRate(pieces: pool.threads, piecesPerRound: 2 * pool.threads, tokens: 32, pool: pool)
    }

    /// Operations per second in the best round.
    private static func bestRate(
        pieces: Int, piecesPerRound: Int, tokens: Int, pool: ThreadPool
    ) throws(InferenceError) -> Double {
        let matrix = try PackedMatrix(
            type: TK_Q8_0, rows: pieces * pieceRows, columns: columns, name: "speed measurement")
        let piecePanels = pieceRows / PackedMatrix.panelRows
        // Pages must be real: reading untouched ones would read one zero page from the cache.
        pool.run(pieces: pieces, operations: Int.max) { piece, _ in
            memset(matrix.panel(piece * piecePanels), 1, piecePanels * matrix.panelBytes)
        }
        let blocks = tokens * columns / Int(TK_BLOCK)
        let inputs = try AnonymousMemory(
            byteCount: blocks * MemoryLayout<tk_quantized_block>.stride, purpose: "speed measurement")
        let output = try AnonymousMemory(
            byteCount: pool.threads * tokens * pieceRows * MemoryLayout<Float>.stride, purpose: "speed measurement")
        let floats = output.base.assumingMemoryBound(to: Float.self)
        let x = tk_quantized(
            blocks: inputs.base.bindMemory(to: tk_quantized_block.self, capacity: blocks), tokens: tokens)
        let seconds = pool.shortestRound(
            pieces: piecesPerRound, budgetNanoseconds: budgetNanoseconds
        ) { round, piece, thread in
            let panel = (round * piecesPerRound + piece) % pieces * piecePanels
            tk_matmul_quantized(
                matrix.type, floats + thread * tokens * pieceRows, pieceRows, matrix.panel(panel), x, 0, tokens,
                pieceRows, columns)
        }
        return Double(2 * piecesPerRound * pieceRows * columns * tokens) / seconds
    }
}
