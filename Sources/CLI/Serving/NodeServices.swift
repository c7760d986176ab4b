// Responsible for: what the two long-running commands share: ending on signals, ending with a parent.
import Foundation
import Logging
import Node
import ServiceLifecycle

/// Runs a node until SIGINT or SIGTERM, then lets it end in order. At a second signal it calls `again`, if there is that;
/// else, and at a third, the process ends at once.
func runUntilSignal(
    _ node: some Service, _ supervision: NodeSupervision, log: Logger, again: (@Sendable () -> Void)? = nil
) async throws {
    let group = ServiceGroup(
        configuration: .init(
            services: [.init(service: node, successTerminationBehavior: .gracefullyShutdownGroup)],
            logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
    let interrupt = Interrupt(
        {
            supervision.noteStopping()
            Task { await group.triggerGracefulShutdown() }
        }, again: again)
    defer { interrupt.stop() }
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
