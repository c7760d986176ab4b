// Waits for whichever comes first: a message, a connection event, a ring, or the time. Must not receive anything.
import CZeroMQ
import Glibc

/// Waits on the sockets of one thread and on its `Waker`. Holds no lock; each `wait` reports again what was not
/// received before (level-triggered).
package final class Poller {
    private var sources: [any Pollable] = []
    private var items: [zmq_pollitem_t]
    private let waker: Waker

    /// A poller without sources that `waker` can interrupt.
    package init(_ waker: Waker) {
        self.waker = waker
        items = [zmq_pollitem_t(socket: nil, fd: waker.descriptor, events: Int16(ZMQ_POLLIN), revents: 0)]
    }

    /// Waits for this source too, until `remove`. Remove it before it is closed.
    package func add(_ source: any Pollable) {
        source.handle.checkUse()
        precondition(!sources.contains { $0 === source }, "The source is polled already")
        sources.append(source)
        items.append(zmq_pollitem_t(socket: source.handle.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    }

    /// Does not wait for this source any longer.
    package func remove(_ source: any Pollable) {
        guard let index = sources.firstIndex(where: { $0 === source }) else { return }
        sources.remove(at: index)
        items.remove(at: index + 1)
    }

    /// Waits until a source has something to receive, the waker rings, or `timeoutMilliseconds` pass (negative: no
    /// limit). Afterwards look into every mailbox that rings this waker: the ring is forgotten.
    package func wait(timeoutMilliseconds: Int) -> Ready {
        for source in sources { source.handle.checkUse() }
        let timeout = timeoutMilliseconds < 0 ? -1 : timeoutMilliseconds
        let count = zmq_poll(&items, Int32(items.count), timeout)
        if count < 0 {
            precondition(zmq_errno() == EINTR, "libzmq cannot poll: \(reason(zmq_errno()))")
            return Ready(wasRung: false, sources: [])
        }
        let wasRung = items[0].revents != 0
        if wasRung { waker.clear() }
        var ready: [ObjectIdentifier] = []
        for index in sources.indices where items[index + 1].revents != 0 {
            ready.append(ObjectIdentifier(sources[index]))
        }
        return Ready(wasRung: wasRung, sources: ready)
    }

    /// What a wait found.
    package struct Ready: Sendable {
        /// Whether the waker rang: some mailbox has something.
        package let wasRung: Bool
        private let sources: [ObjectIdentifier]

        fileprivate init(wasRung: Bool, sources: [ObjectIdentifier]) {
            self.wasRung = wasRung
            self.sources = sources
        }

        /// Whether the time passed and nothing came.
        package var isEmpty: Bool { !wasRung && sources.isEmpty }

        /// Whether `source` has something to receive.
        package func contains(_ source: any Pollable) -> Bool { sources.contains(ObjectIdentifier(source)) }
    }
}
