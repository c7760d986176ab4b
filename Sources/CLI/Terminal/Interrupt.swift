// Responsible for: Ctrl-C as a request to stop one thing instead of the end of the process.
import Foundation
import Synchronization

/// While it lives, the first SIGINT (or SIGTERM) calls a closure, and the next one ends the process, where there is nothing to
/// be done for that one too.
final class Interrupt: Sendable {
    private let listeners: [Signals.Listener]

    /// `action`, and at the second signal `again`, are called on a thread of Dispatch.
    init(_ action: @escaping @Sendable () -> Void, again: (@Sendable () -> Void)? = nil) {
        let count = InterruptCount()
        listeners = [SIGINT, SIGTERM].map { number in
            Signals.listen(number) {
                switch (count.increment(), again) {
                case (1, _): action()
                case (2, let again?): again()
                default: exitNow(128 + number)
                }
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
