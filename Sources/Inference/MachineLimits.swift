// What this machine can do at best, to set speeds of kernels and models beside.
//
// Responsible for: measuring memory bandwidth, products of bytes and fused multiply-adds, in rounds.
// Must not know: what is compared with them.

import CKernels
import Glibc
import Synchronization

/// The limits of some threads together, on the instruction set in use.
package struct MachineLimits: Sendable, Equatable, Codable {
    /// Bytes read from memory in a second.
    package var readBytesPerSecond: Double
    /// Products of bytes, a multiply and an add counting as two.
    package var int8OperationsPerSecond: Double
    /// Fused multiply-adds of floats, counting as two.
    package var floatOperationsPerSecond: Double

    /// Measured or given limits.
    package init(
        readBytesPerSecond: Double, int8OperationsPerSecond: Double, floatOperationsPerSecond: Double
    ) {
        self.readBytesPerSecond = readBytesPerSecond
        self.int8OperationsPerSecond = int8OperationsPerSecond
        self.floatOperationsPerSecond = floatOperationsPerSecond
    }

    private static let rounds = 5
    private static let iterations = 200_000
    private static let portionBytes = 1 << 20

    /// Measures for less than a second, the best of some rounds: what else the machine does should not count. Takes
    /// memory of eight times the last-level cache (256 MiB to 1 GiB) for that time.
    package static func measure(threads: Int) throws(InferenceError) -> MachineLimits {
        let pool = ThreadPool(threads: threads, threshold: 0)
        let cacheBytes = sysconf(Int32(_SC_LEVEL3_CACHE_SIZE))
        let bytes = min(max(8 * cacheBytes, 256 << 20), 1 << 30) / portionBytes * portionBytes
        let memory = try AnonymousMemory(byteCount: bytes, huge: true, purpose: "measuring bandwidth")
        let portions = bytes / portionBytes
        // Pages must be real: reading untouched ones would read one zero page from the cache.
        pool.run(pieces: portions, operations: .max) { piece, _ in
            memset(memory.base + piece * portionBytes, 1, portionBytes)
        }
        let sink = Atomic<UInt64>(0)
        let read = best(work: Double(bytes)) {
            pool.run(pieces: portions, operations: .max) { piece, _ in
                let sum = tk_limit_read(memory.base + piece * portionBytes, portionBytes)
                sink.bitwiseXor(sum, ordering: .relaxed)
            }
        }
        let pieces = 4 * threads
        var checksum: UInt32 = 0
        let int8 = tk_limit_int8(1, &checksum) * Double(iterations * pieces)
        let float = tk_limit_float(1, &checksum) * Double(iterations * pieces)
        return MachineLimits(
            readBytesPerSecond: read,
            int8OperationsPerSecond: best(work: int8) {
                pool.run(pieces: pieces, operations: .max) { _, _ in
                    var checksum: UInt32 = 0
                    _ = tk_limit_int8(iterations, &checksum)
                    sink.bitwiseXor(UInt64(checksum), ordering: .relaxed)
                }
            },
            floatOperationsPerSecond: best(work: float) {
                pool.run(pieces: pieces, operations: .max) { _, _ in
                    var checksum: UInt32 = 0
                    _ = tk_limit_float(iterations, &checksum)
                    sink.bitwiseXor(UInt64(checksum), ordering: .relaxed)
                }
            })
    }

    /// Work per second of the fastest round.
    private static func best(work: Double, _ round: () -> Void) -> Double {
        var shortest = UInt64.max
        for _ in 0..<rounds {
            let start = monotonicNanoseconds()
            round()
            shortest = min(shortest, max(1, monotonicNanoseconds() - start))
        }
        return work / (Double(shortest) * 1e-9)
    }
}
