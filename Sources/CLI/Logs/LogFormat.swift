// Responsible for: the forms in which a line of a log is written, and that what peers say can neither break a line nor
// move a cursor in any of them. Must not know: where lines go, which are worth writing.
import ArgumentParser
import Foundation
import Logging

/// What is logged once.
struct LogEntry: Sendable {
    /// A value beside the message.
    enum Value: Equatable, Sendable {
        case text(String)
        case number(String)
    }

    /// Seconds since 1970.
    var time: Double
    var level: Logger.Level
    /// "coordinator" or "worker".
    var role: String
    var processID: Int32
    var message: String
    /// In the order of their names.
    var fields: [(name: String, value: Value)] = []
}

/// How lines look.
enum LogFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// "worker 4711: joined": for a terminal.
    case short
    /// "2026-11-30T08:24:13.123Z info worker 4711: joined".
    case text
    /// An object of JSON.
    case json
    /// "<6>worker: joined", for systemd's journal, which has time and process itself (sd-daemon(3)).
    case journal

    /// The one that fits where stderr leads to: the journal, a terminal, or anything else.
    static func fitting(
        _ descriptor: Int32 = STDERR_FILENO, environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> LogFormat {
        var status = stat()
        if let stream = environment["JOURNAL_STREAM"], fstat(descriptor, &status) == 0,
            stream == "\(status.st_dev):\(status.st_ino)"
        {
            return .journal
        }
        return isatty(descriptor) == 1 ? .short : .text
    }

    /// The line of an entry, its end included.
    func line(_ entry: LogEntry) -> String {
        let node = "\(entry.role) \(entry.processID)"
        switch self {
        case .short: return "\(node): \(Self.mark(entry.level))\(Self.plain(entry))\n"
        case .text: return "\(Self.timestamp(entry.time)) \(entry.level) \(node): \(Self.plain(entry))\n"
        case .journal: return "<\(Self.priority(entry.level))>\(entry.role): \(Self.plain(entry))\n"
        case .json: return Self.object(entry) + "\n"
        }
    }

    private static func mark(_ level: Logger.Level) -> String {
        level >= .error ? "error: " : level == .warning ? "warning: " : ""
    }

    /// The priorities of syslog(3).
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }

    /// RFC 3339, with milliseconds, in UTC.
    static func timestamp(_ seconds: Double) -> String {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        // Milliseconds are cut off, not rounded: a little more than the one that is meant.
        return Date(timeIntervalSince1970: (seconds * 1000).rounded() / 1000 + 0.000_1).formatted(style)
    }

    /// The message, and `name=value` for each field.
    private static func plain(_ entry: LogEntry) -> String {
        let fields = entry.fields.map { name, value in
            switch value {
            case .number(let number): " \(name)=\(number)"
            case .text(let text): " \(name)=\(quoted(text))"
            }
        }
        return escaped(entry.message) + fields.joined()
    }

    /// In quotes, where the value would not be one word without.
    private static func quoted(_ text: String) -> String {
        let isWord =
            !text.isEmpty && text.unicodeScalars.allSatisfy { !isStrange($0) && !" \"=\\".unicodeScalars.contains($0) }
        if isWord { return text }
        return "\"" + escaped(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")) + "\""
    }

    /// Control characters, and those that turn or hide what stands beside them.
    private static func isStrange(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }

    /// The text on one line, with what is strange as \n, \x1b or \u{202e}.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isStrange) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": shown += "\\n"
            case "\r": shown += "\\r"
            case "\t": shown += "\\t"
            case _ where !isStrange(scalar): shown.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x80: shown += "\\x" + hex(scalar, digits: 2)
            default: shown += "\\u{" + hex(scalar, digits: 4) + "}"
            }
        }
        return shown
    }

    private static func hex(_ scalar: Unicode.Scalar, digits: Int) -> String {
        let text = String(scalar.value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func object(_ entry: LogEntry) -> String {
        let own: [(String, LogEntry.Value)] = [
            ("time", .text(timestamp(entry.time))), ("level", .text("\(entry.level)")), ("node", .text(entry.role)),
            ("pid", .number("\(entry.processID)")), ("message", .text(entry.message)),
        ]
        let pairs = (own + entry.fields).map { name, value in
            switch value {
            case .number(let number): "\(json(name)):\(number)"
            case .text(let text): "\(json(name)):\(json(text))"
            }
        }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    private static func json(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where !isStrange(scalar): quoted.unicodeScalars.append(scalar)
            default:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return quoted + "\""
    }
}
