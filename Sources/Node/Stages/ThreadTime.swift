// Responsible for: when threads that are not the loop's run, and how much. Must not know: what they do.
import Foundation
import Transport

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

/// How much of the time that threads want the processors give them: less than all where a control group has a quota, or
/// others compute beside them.
enum ProcessorShare {
    /// Two periods of a quota (cpu.max of Linux's control groups, 100 ms if nobody chose another).
    private static let milliseconds = 200.0

    /// So many threads compute for a while; 0: there were none to be had.
    static func measured(threads: Int) -> Double {
        let others = (1..<max(1, threads)).compactMap { _ in
            try? LoopThread(name: "spare") { measuredHere() }
        }
        let shares = [measuredHere()] + others.compactMap { try? $0.join() }
        return shares.reduce(0, +) / Double(shares.count)
    }

    private static func measuredHere() -> Double {
        let (start, used) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_THREAD_CPUTIME_ID))
        var end = start
        while end - start < milliseconds / 1000 { end = seconds(CLOCK_MONOTONIC) }
        return min(1, max(0, (seconds(CLOCK_THREAD_CPUTIME_ID) - used) / (end - start)))
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
