// Responsible for: what every way to answer requests has in common: one process, a coordinator, a client of one.
// Must not know: how answers are made.
import Sequences
import Synchronization

/// Something that answers requests.
package protocol Generator: Sendable {
    /// Begins to answer; returns at once.
    func generate(_ request: GenerationRequest) -> Generation
}

/// A request on its way: its events, and the way to end it early.
package struct Generation: Sendable {
    /// Ends after `.finished`, or by throwing a `TandemError`.
    package let events: AsyncThrowingStream<GenerationEvent, any Error>
    /// Asks for the end; `.finished(.cancelled)` follows.
    package let cancel: @Sendable () -> Void

    /// Both of one request.
    package init(events: AsyncThrowingStream<GenerationEvent, any Error>, cancel: @escaping @Sendable () -> Void) {
        (self.events, self.cancel) = (events, cancel)
    }
}

/// Set once, from any thread.
package final class Cancellation: Sendable {
    private let value = Atomic(false)
    private let handler = Mutex<(@Sendable () -> Void)?>(nil)

    /// Nothing is cancelled yet.
    package init() {}

    /// True once `set` was called.
    package var isSet: Bool { value.load(ordering: .relaxed) }

    /// Cancels.
    package func set() {
        value.store(true, ordering: .relaxed)
        callHandler()
    }

    /// Calls `body` once it is set, at once where it is; in the place of an earlier one.
    package func whenSet(_ body: @escaping @Sendable () -> Void) {
        handler.withLock { $0 = body }
        if isSet { callHandler() }
    }

    private func callHandler() {
        let body = handler.withLock { handler in
            defer { handler = nil }
            return handler
        }
        body?()
    }
}
