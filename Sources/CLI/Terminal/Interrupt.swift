// Responsible for: Ctrl-C as a request to stop one thing instead of the end of the process.
import Foundation
import Synchronization

/// While it lives, the first SIGINT (or SIGTERM) calls a closure and the second ends the process.
final class Interrupt: Sendable {
    private let listeners: [Signals.Listener]

    /// `action` is called on a thread of Dispatch.
    init(_ action: @escaping @Sendable () -> Void) {
        let count = InterruptCount()
        listeners = [SIGINT, SIGTERM].map { number in
            Signals.listen(number) {
                if count.increment() == 1 { action() } else { exitNow(128 + number) }
            }
        }
    }

    /// From now on the signals end the process again.
    func stop() {
        for listener in listeners { listener.stop() }
    }
}

/// Counts how often somebody pressed Ctrl-C, from any thread.
final class InterruptCount: Sendable {
    private let value = Atomic(0)

    /// So often.
    var count: Int { value.load(ordering: .relaxed) }

    /// The number of this one.
    func increment() -> Int { value.add(1, ordering: .relaxed).newValue }
}
