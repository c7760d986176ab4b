// Responsible for: Ctrl-C as a request to stop one thing instead of the end of the process.
@preconcurrency import Dispatch
import Foundation

/// While it lives, the first SIGINT (or SIGTERM) calls a closure and the second ends the process.
final class Interrupt: Sendable {
    private let sources: [any DispatchSourceSignal]

    /// `action` is called on a thread of Dispatch.
    init(_ action: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "interrupt")
        let count = InterruptCount()
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if count.increment() == 1 { action() } else { exitNow(128 + number) }
            }
            source.resume()
            return source
        }
    }

    /// From now on the signals end the process again.
    func stop() {
        for source in sources { source.cancel() }
        for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }
}

/// Counts signals; only touched on the interrupt's queue.
private final class InterruptCount: @unchecked Sendable {
    private var value = 0
    func increment() -> Int {
        value += 1
        return value
    }
}
