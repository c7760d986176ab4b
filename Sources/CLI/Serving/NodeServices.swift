// Responsible for: what the two long-running commands share: ending on signals, ending with a parent.
import Foundation
import Logging
import Node
import ServiceLifecycle
import UnixSignals

/// Runs a node until SIGINT or SIGTERM, then lets it end in order.
func runUntilSignal(_ node: some Service, log: Logger) async throws {
    let group = ServiceGroup(
        configuration: .init(
            services: [.init(service: node, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: [.sigint, .sigterm],
            logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
    try await group.run()
    log.info("stopped")
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
