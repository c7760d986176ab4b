// Responsible for: showing how far a transfer or a load is: a bar with rate and time left on a terminal, a plain
// line now and then elsewhere.
import Foundation
import Generation
import Node

/// One thing in progress, counted in bytes. Used from one thread at a time.
final class Progress: @unchecked Sendable {
    private let lock = NSLock()
    private var start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?
    private var label = ""
    private var isShowing = false

    /// Shows `done` of `total` bytes of the work called `label`.
    func update(_ label: String, done: Int, total: Int) {
        lock.withLock {
            let isComplete = done >= total
            if label != self.label { (self.label, start, lastShown) = (label, .now, nil) }
            // A plain line is worth writing only for what takes seconds.
            let interval: Duration = Terminal.isInteractive ? .milliseconds(100) : .seconds(2)
            let isDue = (lastShown ?? start).duration(to: .now) >= interval
            guard isDue || (isComplete && (Terminal.isInteractive || lastShown != nil)) else { return }
            lastShown = .now
            let line = Self.line(label, done: done, total: total, seconds: start.duration(to: .now).seconds)
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

    /// The text of a bar: label, bar, percent, amount, rate and time left.
    static func line(_ label: String, done: Int, total: Int, seconds: Double) -> String {
        let fraction = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let (full, empty) = bar(fraction, width: 24)
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let left = rate > 0 ? Double(total - done) / rate : 0
        let percent = String(Int(fraction * 100))
        return "\(label) [\(full)\(empty)] \(percent)% \(formatBytes(done)) of \(formatBytes(total)), "
            + "\(formatBytes(Int(rate)))/s, \(formatSeconds(left)) left"
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
