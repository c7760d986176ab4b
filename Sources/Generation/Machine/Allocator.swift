// Responsible for: memory that was freed and that the C library keeps. Must not know: who used it.
import Glibc

/// The allocator of this process.
package enum Allocator {
    private typealias Trim = @convention(c) (Int) -> Int32

    /// Gives whole pages that are free back to the system: what large messages leave behind lies between what stays, and
    /// glibc by itself gives back only what lies at the end. Takes some milliseconds.
    package static func trim() {
        // Glibc's Swift module leaves malloc_trim(3) out, and other C libraries have none.
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: Trim.self)(0)
    }
}
