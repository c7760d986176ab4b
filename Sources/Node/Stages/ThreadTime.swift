// Responsible for: when threads that are not the loop's run. Must not know: what they do.
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

/// Lets all others go before this thread, for good: about a tenth of a core that another thread wants too (`nice(2)`: on
/// Linux a thread has its own, and those that it starts have the same). A failure only makes it go first.
func letOthersGoFirst() { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }
