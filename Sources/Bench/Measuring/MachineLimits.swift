// What this machine does at most, with nothing in the way.
//
// Responsible for: timing the limits of the kernels' instruction set on all threads at once.
// Must not know: what comes close to them.

import CKernels
import Glibc
import Inference

/// What kernels are compared with; each number is that of all threads together.
package struct MachineLimits: Sendable, Codable, Equatable {
    /// Bytes per second from memory, each read once.
    package var readBytesPerSecond: Double
    /// Int8 operations per second with operands in registers; a multiply and an add are two.
    package var int8OperationsPerSecond: Double
    /// The same of float.
    package var floatOperationsPerSecond: Double

    /// Measures the instruction set in use for less than a second. Takes memory of twice the last-level cache (256 MiB
    /// to 1 GiB) for that time.
    static func measure(threads: Int) throws(InferenceError) -> MachineLimits {
        let pool = ThreadPool(threads: threads, threshold: 0)
        return MachineLimits(
            readBytesPerSecond: try readRate(pool: pool),
            int8OperationsPerSecond: operationRate(pool: pool, tk_limit_int8),
            floatOperationsPerSecond: operationRate(pool: pool, tk_limit_float))
    }

    /// Bytes of which next to none are in a cache when they are read round and round: twice the last-level cache, 256 MiB
    /// to 1 GiB, but no more than a quarter of the machine's memory.
    static var uncachedBytes: Int {
        let cache = Int(sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)))
        let memory = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        return min(max(2 * cache, 256 << 20), 1 << 30, memory / 4)
    }

    private static let readBudgetNanoseconds: UInt64 = 200_000_000
    private static let operationBudgetNanoseconds: UInt64 = 50_000_000
    private static let operationRoundSeconds = 0.002
    /// What `tk_limit_read` reads in whole pieces of.
    private static let readUnitBytes = 512
    /// Most steps of `tk_limit_int8` and `tk_limit_float`.
    private static let maximumSteps = 1 << 24

    /// Every thread reads its own part of one buffer.
    private static func readRate(pool: ThreadPool) throws(InferenceError) -> Double {
        let part = uncachedBytes / pool.threads / readUnitBytes * readUnitBytes
        let memory = try AnonymousMemory(
            byteCount: part * pool.threads, huge: true, purpose: "the measurement of this machine's limits")
        // Pages must be real: reading untouched ones would read one zero page from the cache.
        pool.run(pieces: pool.threads, operations: Int.max) { piece, _ in
            memset(memory.base + piece * part, 1, part)
        }
        let seconds = pool.shortestRound(
            pieces: pool.threads, budgetNanoseconds: readBudgetNanoseconds
        ) { _, piece, _ in
            _ = tk_limit_read(memory.base + piece * part, part)
        }
        return Double(part * pool.threads) / seconds
    }

    /// Every thread does the same number of steps, which return how many multiplications and additions they were.
    private static func operationRate(pool: ThreadPool, _ work: (_ steps: Int) -> UInt64) -> Double {
        var steps = 1
        var pairs: UInt64
        var duration: Double
        repeat {
            steps *= 2
            let watch = Stopwatch()
            pairs = work(steps)
            duration = watch.seconds
        } while duration < operationRoundSeconds && steps < maximumSteps
        let seconds = pool.shortestRound(
            pieces: pool.threads, budgetNanoseconds: operationBudgetNanoseconds
        ) { [steps] _, _, _ in
            _ = work(steps)
        }
        return Double(2 * pairs) * Double(pool.threads) / seconds
    }
}

/// What the machine does at most with a number of threads.
package struct ThreadLimits: Sendable, Codable {
    package var threads: Int
    /// Of all of them together.
    package var rates: MachineLimits
}
