// Responsible for: memory that was freed and that the C library keeps. Must not know: who used it.
import Glibc

/// The allocator of this process.
package enum Allocator {
    private typealias Trim = @convention(c) (Int) -> Int32
    private typealias Option = @convention(c) (Int32, Int32) -> Int32
    /// M_MMAP_THRESHOLD of mallopt(3).
    private static let mapThreshold: Int32 = -3

    /// From now on blocks of a megabyte and more go back to the system when they are freed. By itself glibc raises what it
    /// calls large to the largest block that was freed, up to 32 MiB, and keeps twice as much at the end of each thread's
    /// heap for ever: a few large messages made a coordinator 70 MB larger.
    package static func returnLargeBlocks() {
        guard let symbol = dlsym(nil, "mallopt") else { return }
        _ = unsafeBitCast(symbol, to: Option.self)(mapThreshold, 1 << 20)
    }

    /// Gives whole pages that are free back to the system: what large messages leave behind lies between what stays, and
    /// glibc by itself gives back only what lies at the end. Takes some milliseconds.
    package static func trim() {
        // Glibc's Swift module leaves malloc_trim(3) out, and other C libraries have none.
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: Trim.self)(0)
    }
}
