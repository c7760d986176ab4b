// Responsible for: what the two long-running commands share: talk on stderr, ending on signals, ending with a parent.
import Foundation
import Logging
import Node
import ServiceLifecycle

/// Runs a node until SIGINT or SIGTERM, then lets it end in order; a second signal ends it at once.
func runUntilSignal(_ node: some Service, _ supervision: NodeSupervision, log: Logger) async throws {
    let group = ServiceGroup(
        configuration: .init(
            services: [.init(service: node, successTerminationBehavior: .gracefullyShutdownGroup)],
            logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
    let interrupt = Interrupt {
        supervision.noteStopping()
        Task { await group.triggerGracefulShutdown() }
    }
    defer { interrupt.stop() }
    try await group.run()
    log.info("stopped")
}

/// A logger whose lines look like "worker 4711: joined".
func talk(_ role: String) -> Logger {
    Logger(label: role) { TalkHandler(prefix: "\($0) \(getpid())") }
}

/// Ends this process when stdin ends: the parent's death closes the pipe, however it died.
func exitWithStandardInput() {
    let thread = Thread {
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 {}
        kill(getpid(), SIGTERM)
        sleep(5)
        exitNow(1)
    }
    thread.start()
}

/// Writes log messages as plain lines on stderr.
private struct TalkHandler: LogHandler {
    let prefix: String
    var logLevel: Logger.Level =
        ProcessInfo.processInfo.environment["TANDEM_LOG"].flatMap { Logger.Level(rawValue: $0) } ?? .info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let mark = event.level >= .error ? "error: " : event.level == .warning ? "warning: " : ""
        Terminal.say("\(prefix): \(mark)\(event.message)")
    }
}
