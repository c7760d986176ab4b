// Responsible for: the log of a node, from what it says to lines on stderr: which level, which form, how many.
// Must not know: what nodes say.
import Dispatch
import Foundation
import Logging
import Node
import Synchronization

/// A handler of swift-log's; all copies of one share their limits.
struct NodeLogHandler: LogHandler {
    /// Times and the place for lines, of this machine or of a test.
    struct Outside: Sendable {
        /// Seconds since 1970, and a time that never goes back.
        var now: @Sendable () -> (wall: Double, steady: Duration)
        var write: @Sendable (String) -> Void
        /// Calls the closure once after that time.
        var after: @Sendable (Duration, @escaping @Sendable () -> Void) -> Void
    }

    private final class Shared: Sendable {
        let state = Mutex((limiter: LogLimiter(), isTimed: false))
    }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let role: String
    private let processID: Int32
    private let format: LogFormat
    private let outside: Outside
    private let shared = Shared()

    /// Characters of a message, or of a value beside it, that are written.
    private static let longest = 2_000

    init(
        role: String, processID: Int32 = getpid(), level: Logger.Level, format: LogFormat, outside: Outside = .here
    ) {
        (self.role, self.processID, self.format, self.outside) = (role, processID, format, outside)
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let now = outside.now()
        let message = Self.clipped("\(event.message)")
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var entry = entry(message, event.level, at: now.wall)
        entry.fields = fields.map { ($0.key, Self.value($0.value)) }
        let line = format.line(entry)
        // What is written for whoever looks for something must be complete.
        if event.level < .info { return outside.write(line) }
        let place = "\(event.file):\(event.line)"
        // Requests are things of their own, however alike their lines look.
        let template =
            event.source == LogSource.request ? nil : LogLimiter.Template(place: place, message: message)
        let (lines, wait) = shared.state.withLock { state -> (String, Duration?) in
            let verdict = state.limiter.admit(template, message, bytes: line.utf8.count, at: now.steady)
            let lines = summaries(verdict.before, at: now.wall) + (verdict.isWritten ? line : "")
            guard !state.isTimed, let due = state.limiter.nextDue else { return (lines, nil) }
            state.isTimed = true
            return (lines, due - now.steady)
        }
        if !lines.isEmpty { outside.write(lines) }
        if let wait { outside.after(wait) { flush() } }
    }

    /// Tells what was left out, where nobody says anything more.
    private func flush() {
        let now = outside.now()
        let (lines, wait) = shared.state.withLock { state -> (String, Duration?) in
            let lines = summaries(state.limiter.due(now.steady), at: now.wall)
            let due = state.limiter.nextDue
            state.isTimed = due != nil
            return (lines, due.map { $0 - now.steady })
        }
        if !lines.isEmpty { outside.write(lines) }
        if let wait { outside.after(max(wait, .milliseconds(1))) { flush() } }
    }

    private func summaries(_ summaries: [LogLimiter.Summary], at time: Double) -> String {
        summaries.map { summary in
            let message =
                summary.message.map { "… \(summary.count) more of these in \(summary.seconds) s: \($0)" }
                ?? "… \(summary.count) lines left out in \(summary.seconds) s, as there were too many"
            return format.line(entry(message, .info, at: time))
        }.joined()
    }

    private func entry(_ message: String, _ level: Logger.Level, at time: Double) -> LogEntry {
        LogEntry(time: time, level: level, role: role, processID: processID, message: message)
    }

    private static func clipped(_ text: String) -> String {
        text.utf8.count <= longest || text.count <= longest ? text : String(text.prefix(longest)) + "…"
    }

    private static func value(_ value: Logger.Metadata.Value) -> LogEntry.Value {
        if case .stringConvertible(let number) = value {
            if let whole = number as? any BinaryInteger { return .number("\(whole)") }
            if let fraction = number as? Double, fraction.isFinite {
                return .number(String(format: "%.3f", fraction))
            }
        }
        return .text(clipped("\(value)"))
    }
}

extension NodeLogHandler.Outside {
    /// This machine's clocks, and stderr.
    static let here: Self = {
        let start = ContinuousClock.now
        return Self(
            now: { (Date().timeIntervalSince1970, start.duration(to: .now)) },
            write: { Terminal.sayPart($0) },
            after: { time, body in
                let nanoseconds = Int(time / .nanoseconds(1))
                DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds), execute: body)
            })
    }()
}
