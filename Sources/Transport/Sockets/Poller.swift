// Waits for whichever comes first: a message, a connection event, a ring, or the time. Must not receive anything.
import CZeroMQ
import Glibc

/// Waits on the sockets of one thread and on its `Waker`. Holds no lock; each `wait` reports again what was not
/// received before (level-triggered).
///
/// It waits for descriptors itself: `zmq_poll` asks libzmq about every socket, twice, at a system call or more each, and a
/// loop that serves ten sockets turns twice for each step. Instead a `SocketHandle` remembers that it is settled: it has
/// nothing to receive, and libzmq will make its descriptor readable once that may have changed.
package final class Poller {
    private var sources: [any Pollable] = []
    private let waker: Waker
    private let epoll: Int32
    /// Room for what one wait finds; more is found by the next one.
    private var events: [epoll_event]

    /// A poller without sources that `waker` can interrupt. Throws `.system` where the process is out of descriptors.
    package init(_ waker: Waker) throws(TransportError) {
        self.waker = waker
        events = Array(repeating: epoll_event(), count: 16)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw .system(operation: "make an epoll", reason: reason(errno)) }
        watch(waker.descriptor)
    }

    deinit { close(epoll) }

    /// Waits for this source too, until `remove`. Remove it before it is closed.
    package func add(_ source: any Pollable) {
        source.handle.checkUse()
        precondition(!sources.contains { $0 === source }, "The source is polled already")
        source.handle.isPolled = true
        sources.append(source)
        watch(source.handle.descriptor)
    }

    /// Does not wait for this source any longer.
    package func remove(_ source: any Pollable) {
        guard let index = sources.firstIndex(where: { $0 === source }) else { return }
        source.handle.isPolled = false
        sources.remove(at: index)
        epoll_ctl(epoll, EPOLL_CTL_DEL, source.handle.descriptor, nil)
    }

    private func watch(_ descriptor: Int32) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = descriptor
        let result = epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
        precondition(result == 0, "the system does not watch a descriptor: \(reason(errno))")
    }

    /// Waits until a source has something to receive, the waker rings, or `timeoutMilliseconds` pass (negative: no
    /// limit). Afterwards look into every mailbox that rings this waker: the ring is forgotten.
    package func wait(timeoutMilliseconds: Int) -> Readiness {
        var ready: [ObjectIdentifier] = []
        for source in sources where source.handle.hasMessage() { ready.append(ObjectIdentifier(source)) }
        let start = ContinuousClock.now
        var timeout = ready.isEmpty ? timeoutMilliseconds : 0
        while true {
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout < 0 ? -1 : Int32(clamping: timeout))
            if count < 0 {
                precondition(errno == EINTR, "the system cannot poll: \(reason(errno))")
                return Readiness(wasRung: false, sources: ready)
            }
            var wasRung = false
            for event in events[..<Int(count)] {
                if event.data.fd == waker.descriptor {
                    wasRung = true
                    waker.clear()
                } else if let source = sources.first(where: { $0.handle.descriptor == event.data.fd }),
                    source.handle.hasNews()
                {
                    ready.append(ObjectIdentifier(source))
                }
            }
            if count == 0 || wasRung || !ready.isEmpty { return Readiness(wasRung: wasRung, sources: ready) }
            // libzmq's threads said something to each other, and nothing to us.
            guard timeoutMilliseconds > 0 else { continue }
            timeout = max(0, timeoutMilliseconds - Int(start.duration(to: .now) / .milliseconds(1)))
        }
    }

    /// What a wait found.
    package struct Readiness: Sendable {
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
