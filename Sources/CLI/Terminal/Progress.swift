// Responsible for: showing how far a transfer or a load is: a bar with rate and time left on a terminal, a plain
// line now and then elsewhere.
import Foundation
import Generation
import Node

/// One thing in progress, counted in bytes. Used from one thread at a time.
final class Progress: @unchecked Sendable {
    private let lock = NSLock()
    private var run = Run()
    private var lastShown: ContinuousClock.Instant?
    private var isShowing = false

    /// Shows `done` of `total` bytes of the work called `label`.
    func update(_ label: String, done: Int, total: Int) {
        lock.withLock {
            let isComplete = done >= total
            let wasComplete = run.isComplete
            let isNew = run.add(label, done: done, total: total, at: .now)
            if isNew { lastShown = nil }
            // What is done when it begins has no rate, and what is done is told once.
            if isComplete, isNew || wasComplete { return }
            // A plain line is worth writing only for what takes seconds.
            let interval: Duration = Terminal.isInteractive ? .milliseconds(100) : .seconds(2)
            let isDue = (lastShown ?? run.start).duration(to: .now) >= interval
            guard isDue || (isComplete && (Terminal.isInteractive || lastShown != nil)) else { return }
            lastShown = .now
            let line = run.line(at: .now)
            if Terminal.isInteractive {
                Terminal.sayPart("\r\u{1B}[K" + line)
                isShowing = true
                if isComplete { finishLine() }
            } else {
                Terminal.say(line)
            }
        }
    }

    /// Ends the bar's line, if one is shown.
    func end() { lock.withLock { finishLine() } }

    private func finishLine() {
        if isShowing { Terminal.say("") }
        isShowing = false
    }

    /// One piece of work from its beginning to its end. The same work may begin again, after a loss or with another
    /// plan, and may find some of its bytes done: rate and time left are those of what is done since.
    struct Run {
        private(set) var start = ContinuousClock.now
        private var label = ""
        private var (first, done, total) = (0, 0, 0)
        private var last = ContinuousClock.now

        /// All of it is done.
        var isComplete: Bool { total > 0 && done >= total }

        /// So long without a byte, and then the same bytes again: it began anew.
        private static let pause = Duration.seconds(1)

        /// Takes note of what is done. True: it has begun anew.
        mutating func add(_ label: String, done: Int, total: Int, at now: ContinuousClock.Instant) -> Bool {
            let isSame = label == self.label && total == self.total
            let isFurther = done > self.done || (done == self.done && last.duration(to: now) < Self.pause)
            if !(isSame && isFurther) { (self.label, self.total, start, first) = (label, total, now, done) }
            (self.done, last) = (done, now)
            return start == now && first == done
        }

        /// The text of a bar: label, bar, percent, amount, rate and time left.
        func line(at now: ContinuousClock.Instant) -> String {
            let seconds = start.duration(to: now).seconds
            let fraction = total > 0 ? min(1, Double(done) / Double(total)) : 1
            let (full, empty) = bar(fraction, width: 24)
            let rate = seconds > 0 ? Double(done - first) / seconds : 0
            let left = rate > 0 ? Double(total - done) / rate : 0
            let percent = String(Int(fraction * 100))
            return "\(label) [\(full)\(empty)] \(percent)% \(formatBytes(done)) of \(formatBytes(total)), "
                + "\(formatBytes(Int(rate)))/s, \(formatSeconds(left)) left"
        }
    }
}

/// "1.5 GiB", "12.0 MiB", "512 B".
func formatBytes(_ bytes: Int) -> String {
    var value = Double(bytes)
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if abs(value) < 1024 || unit == "TiB" {
            return unit == "B" ? "\(bytes) B" : String(format: "%.1f %@", value, unit as NSString)
        }
        value /= 1024
    }
    return "\(bytes) B"
}

/// "3 s", "2 min 5 s".
func formatSeconds(_ seconds: Double) -> String {
    let whole = Int(min(seconds.rounded(.up), 1e9))
    return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
}
