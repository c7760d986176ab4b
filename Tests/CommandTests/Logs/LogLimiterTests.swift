// Responsible for: what is left out of a log, by a clock that the test moves: repetitions, and too much of all.
// Must not know: who logs, how lines look.
import Foundation
import Logging
import Synchronization
import Testing

@testable import CLI
@testable import Node

extension CommandTests {
    @Suite("Limits of logs")
    struct LogLimiterTests {
        /// A handler's outside, with a clock that stands until it is moved.
        private final class Stage: Sendable {
            let state = Mutex(
                (now: Duration.zero, lines: [String](), timers: [(at: Duration, body: @Sendable () -> Void)]()))

            var outside: NodeLogHandler.Outside {
                .init(
                    now: {
                        (1_796_025_600 + self.state.withLock { $0.now } / .seconds(1), self.state.withLock { $0.now })
                    },
                    write: { text in self.state.withLock { $0.lines += text.split(separator: "\n").map(String.init) } },
                    after: { time, body in self.state.withLock { $0.timers.append(($0.now + time, body)) } })
            }

            func logger(_ level: Logger.Level = .info) -> Logger {
                var logger = Logger(label: "x") { _ in
                    NodeLogHandler(role: "worker", processID: 1, level: level, format: .short, outside: outside)
                }
                logger.logLevel = level
                return logger
            }

            /// Lets time pass, and calls what is due.
            func pass(_ time: Duration) {
                let due = state.withLock { state in
                    state.now += time
                    defer { state.timers.removeAll { $0.at <= state.now } }
                    return state.timers.filter { $0.at <= state.now }
                }
                for timer in due { timer.body() }
            }

            /// What was written since the last time.
            func take() -> [String] {
                state.withLock { state in
                    defer { state.lines = [] }
                    return state.lines
                }
            }
        }

        @Test("Of what is said again and again some are written, and then how many more")
        func repetitions() {
            let stage = Stage()
            let log = stage.logger()
            for number in 1...100 { log.warning("message \(number) of peer \(number * 7) was dropped") }
            log.warning("something else")
            var lines = stage.take()
            #expect(lines.count == 6 && lines[0] == "worker 1: warning: message 1 of peer 7 was dropped")
            #expect(lines[5] == "worker 1: warning: something else")
            stage.pass(.seconds(9))
            #expect(stage.take().isEmpty)
            stage.pass(.seconds(2))
            lines = stage.take()
            #expect(lines == ["worker 1: … 95 more of these in 10 s: message 100 of peer 700 was dropped"])
            for number in 1...3 { log.warning("message \(number) of peer \(number) was dropped") }
            #expect(stage.take().count == 3)
            stage.pass(.seconds(60))
            #expect(stage.take().isEmpty)
        }

        @Test("The next line tells what was left out, where no timer has")
        func untimed() {
            var limiter = LogLimiter()
            let template = LogLimiter.Template(place: "f:1", message: "a 1")
            for _ in 0..<8 { _ = limiter.admit(template, "a", bytes: 10, at: .zero) }
            let verdict = limiter.admit(nil, "b", bytes: 10, at: .seconds(11))
            #expect(verdict.isWritten && verdict.before == [.init(message: "a", count: 3, seconds: 10)])
            #expect(limiter.nextDue == nil)
        }

        @Test("A flood of ever different lines stays within the limit of all, and those that were lost are counted")
        func flood() {
            let stage = Stage()
            let log = stage.logger()
            var (bytes, losses) = (0, 0)
            let letters = Array("abcdefghijklmnopqrstuvwxyz")
            for second in 0..<120 {
                for number in 0..<200 {
                    let name = String((0..<6).map { letters[(second * 31 + number * 17 + $0 * number) % 26] })
                    log.warning("the host \(name)\(String(repeating: "x", count: 500)) is unknown", source: name)
                    log.info("request ended", metadata: ["host": .string(name)], source: LogSource.request)
                }
                stage.pass(.seconds(1))
                let lines = stage.take()
                bytes += lines.map { $0.utf8.count + 1 }.reduce(0, +)
                losses += lines.count { $0.contains("lines left out") && $0.contains("as there were too many") }
            }
            let limit = LogLimiter.burstBytes + 120 * LogLimiter.bytesPerSecond
            #expect(Double(bytes) < limit * 1.05 && Double(bytes) > limit * 0.5, "\(bytes) of \(limit)")
            #expect(losses > 10)
            stage.pass(.seconds(60))
            _ = stage.take()
            log.info("calm")
            #expect(stage.take().last == "worker 1: calm")
        }

        @Test("Lines about requests are no repetitions, and what is asked for with debug is complete")
        func exempt() {
            let stage = Stage()
            let log = stage.logger(.debug)
            for number in 0..<50 {
                log.info("request ended", metadata: ["id": .stringConvertible(number)], source: LogSource.request)
                log.debug("dropped \(number)")
            }
            let lines = stage.take()
            #expect(lines.count == 100 && lines.contains("worker 1: request ended id=49"))
        }

        @Test("Long lines are cut, and levels below the wanted one are not written")
        func cut() {
            let stage = Stage()
            stage.logger(.warning).info("x")
            #expect(stage.take().isEmpty)
            stage.logger().error(
                "\(String(repeating: "ä", count: 1_000_000))", metadata: ["share": .stringConvertible(0.5)])
            let line = stage.take().first ?? ""
            #expect(line.count < 3_000 && line.hasSuffix("… share=0.500"))
        }
    }
}
