// Responsible for: sleeps of threads that are not the loop's. Must not know: what they wait for.
import Foundation

/// Lets other threads run for a moment.
func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }

/// Lets the kernel wake this thread from a sleep at once, where it may by default be 50 microseconds late to wake several
/// threads together (`proc(5)`, timerslack_ns; Glibc's module does not offer `prctl`). A failure only makes sleeps longer.
func wakeThisThreadOnTime() {
    // "4711/task/4712"
    let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
    guard let thread = place?.split(separator: "/").last else { return }
    let file = open("/proc/\(thread)/timerslack_ns", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = write(file, "1", 1)
    close(file)
}
