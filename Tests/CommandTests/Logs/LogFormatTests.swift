// Responsible for: the forms of log lines, and that nothing in them can pass for something else.
// Must not know: who logs.
import Foundation
import Logging
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Forms of logs")
    struct LogFormatTests {
        private func entry(_ message: String, _ level: Logger.Level = .info) -> LogEntry {
            var entry = LogEntry(
                time: 1_796_025_600.123, level: level, role: "worker", processID: 4711, message: message)
            entry.fields = [("id", .number("17")), ("why", .text("no \"room\"")), ("word", .text("a-b"))]
            return entry
        }

        @Test("Each form has what whoever reads it needs")
        func forms() {
            let fields = #" id=17 why="no \"room\"" word=a-b"#
            #expect(LogFormat.short.line(entry("joined")) == "worker 4711: joined\(fields)\n")
            #expect(LogFormat.short.line(entry("lost", .warning)) == "worker 4711: warning: lost\(fields)\n")
            let time = "2026-11-30T08:00:00.123Z"
            #expect(LogFormat.text.line(entry("joined")) == "\(time) info worker 4711: joined\(fields)\n")
            #expect(LogFormat.journal.line(entry("broken", .error)) == "<3>worker: broken\(fields)\n")
            #expect(LogFormat.journal.line(entry("x", .debug)).hasPrefix("<7>"))
            let json =
                #"{"time":"\#(time)","level":"info","node":"worker","pid":4711,"message":"joined","#
                + #""id":17,"why":"no \"room\"","word":"a-b"}"# + "\n"
            #expect(LogFormat.json.line(entry("joined")) == json)
        }

        static let strange = [
            "two\nlines", "\u{1B}[2J", "a\rb", "\u{202E}drow", "\u{2028}x", "\u{0}", "\u{9B}31m", "\u{7F}", "tab\t",
            "\u{FEFF}",
            "\u{E0041}",
        ]

        @Test("What a peer says stays on its line and moves nothing", arguments: strange)
        func escaped(text: String) throws {
            for format in LogFormat.allCases {
                var entry = entry("the host \(text) joined")
                entry.fields.append(("host", .text(text)))
                let line = format.line(entry)
                let isPlain = line.dropLast().unicodeScalars.allSatisfy {
                    ![.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
                }
                #expect(isPlain && line.hasSuffix("\n"), "\(format): \(line)")
                guard format == .json else { continue }
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(object?["host"] as? String == text && object?["message"] as? String == entry.message)
            }
        }

        @Test("A value cannot forge the one behind it")
        func forged() {
            var entry = entry("x")
            entry.fields = [("why", .text("a reason=stop")), ("empty", .text("")), ("back", .text(#"\" id=1"#))]
            #expect(
                LogFormat.short.line(entry) == #"worker 4711: x why="a reason=stop" empty="" back="\\\" id=1""# + "\n")
        }

        @Test("The form fits where stderr leads to")
        func fitting() throws {
            let terminal = try PseudoTerminal(columns: 80, rows: 24)
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            defer { for end in ends { close(end) } }
            var status = stat()
            #expect(fstat(ends[1], &status) == 0)
            let journal = ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"]
            #expect(LogFormat.fitting(ends[1], environment: journal) == .journal)
            #expect(LogFormat.fitting(ends[1], environment: ["JOURNAL_STREAM": "1:2"]) == .text)
            #expect(LogFormat.fitting(terminal.inner, environment: journal) == .short)
        }
    }
}
