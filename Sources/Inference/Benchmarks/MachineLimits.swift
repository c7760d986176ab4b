// What this machine does at most, with nothing in the way.
//
// Responsible for: timing the limits of the kernels' instruction set on all threads at once.
// Must not know: what comes close to them.

import CKernels
import Glibc

/// What kernels are compared with; each number is that of all threads together.
package struct MachineLimits: Sendable, Codable, Equatable {
    /// Bytes per second from memory, each read once.
    package var readBytesPerSecond: Double
    /// Int8 operations per second with operands in registers; a multiply and an add are two.
    package var int8OperationsPerSecond: Double
    /// The same of float.
    package var floatOperationsPerSecond: Double

    /// Measured or made-up limits.
    package init(
        readBytesPerSecond: Double, int8OperationsPerSecond: Double, floatOperationsPerSecond: Double
    ) {
        self.readBytesPerSecond = readBytesPerSecond
        self.int8OperationsPerSecond = int8OperationsPerSecond
        self.floatOperationsPerSecond = floatOperationsPerSecond
    }

    /// Measures the instruction set in use for less than a second. Takes memory of twice the last-level cache (256 MiB
    /// to 1 GiB) for that time.
    package static func measure(threads: Int) throws(InferenceError) -> MachineLimits {
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
    private static let operationRoundNanoseconds: UInt64 = 2_000_000
    /// Rounds even where they take longer than the budget.
    private static let minimumRounds = 3
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
        let seconds = shortestRound(pool: pool, budgetNanoseconds: readBudgetNanoseconds) { piece in
            _ = tk_limit_read(memory.base + piece * part, part)
        }
        return Double(part * pool.threads) / seconds
    }

    /// Every thread does the same number of steps, which return how many multiplications and additions they were.
    private static func operationRate(pool: ThreadPool, _ work: (_ steps: Int) -> UInt64) -> Double {
        var steps = 1
        var pairs: UInt64
        var duration: UInt64
        repeat {
            steps *= 2
            let start = monotonicNanoseconds()
            pairs = work(steps)
            duration = monotonicNanoseconds() - start
        } while duration < operationRoundNanoseconds && steps < maximumSteps
        let seconds = shortestRound(pool: pool, budgetNanoseconds: operationBudgetNanoseconds) { [steps] _ in
            _ = work(steps)
        }
        return Double(2 * pairs) * Double(pool.threads) / seconds
    }

    /// Seconds of the best round of one piece a thread: what else the machine does at the moment should not count.
    private static func shortestRound(
        pool: ThreadPool, budgetNanoseconds: UInt64, _ body: (_ piece: Int) -> Void
    ) -> Double {
        let deadline = monotonicNanoseconds() + budgetNanoseconds
        var shortest = UInt64.max
        var rounds = 0
        repeat {
            let start = monotonicNanoseconds()
            pool.run(pieces: pool.threads, operations: Int.max) { piece, _ in body(piece) }
            shortest = min(shortest, max(1, monotonicNanoseconds() - start))
            rounds += 1
        } while monotonicNanoseconds() < deadline || rounds < minimumRounds
        return Double(shortest) * 1e-9
    }
}
