// The one way into a thread from others: a bounded queue and a bell. Must not know what it carries.
import Synchronization

/// Any thread or task posts; one thread drains. The lock is held only to move elements, never while anyone waits.
package final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let waker: Waker

    /// Holds at most `capacity` elements. `waker` is rung at every post; several mailboxes may share one.
    package init(capacity: Int, waking waker: Waker) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.waker = waker
    }

    /// Appends and wakes the reader. False: full or closed, and nothing was appended.
    package func post(_ element: Element) -> Bool {
        let (isPosted, isFirst) = state.withLock { state in
            guard !state.isClosed, state.elements.count < capacity else { return (false, false) }
            state.elements.append(element)
            return (true, state.elements.count == 1)
        }
        // Where others lie there already it was rung for them, and the reader has not looked since.
        if isFirst { waker.ring() }
        return isPosted
    }

    /// Takes everything that was posted, in order, without waiting.
    package func drain() -> [Element] {
        state.withLock { state in
            guard !state.elements.isEmpty else { return [] }
            let elements = state.elements
            state.elements = []
            return elements
        }
    }

    /// Refuses further posts and wakes the reader; what was posted can still be drained.
    package func close() {
        state.withLock { $0.isClosed = true }
        waker.ring()
    }

    /// Whether `close` was called.
    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Waits for elements and takes them all: for the one reader that owns no socket (a compute thread). Empty: closed
    /// and drained, or `timeoutMilliseconds` passed (nil: no limit). The waker must not be shared with another mailbox.
    package func wait(timeoutMilliseconds: Int? = nil) -> [Element] {
        while true {
            let (elements, isClosed) = state.withLock { state in
                let elements = state.elements
                state.elements = []
                return (elements, state.isClosed)
            }
            if !elements.isEmpty || isClosed { return elements }
            if !waker.wait(timeoutMilliseconds: timeoutMilliseconds) && timeoutMilliseconds != nil { return drain() }
        }
    }
}
