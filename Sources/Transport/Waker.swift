// A bell that any thread can ring and one thread waits for. Must not carry anything.
import CZeroMQ
import Glibc

/// An eventfd. Rings are not counted: any number of them before a wait is one.
package final class Waker: Sendable {
    let descriptor: Int32

    /// Throws `.system` where the process is out of descriptors.
    package init() throws(TransportError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        if descriptor < 0 { throw .system(operation: "make an eventfd", reason: reason(errno)) }
    }

    deinit { close(descriptor) }

    /// Wakes the waiting thread, now or when it next waits. From any thread; never blocks.
    package func ring() {
        var one: UInt64 = 1
        // Fails only where the counter is full, that is, rung already.
        _ = write(descriptor, &one, 8)
    }

    /// Forgets the rings so far. Look at what the ring was about after this, not before.
    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }

    /// Waits for a ring (and forgets it) without a `Poller`: for threads that own no socket. False: it did not ring in
    /// `timeoutMilliseconds` (nil: wait for ever).
    package func wait(timeoutMilliseconds: Int? = nil) -> Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&item, 1, timeoutMilliseconds.map { Int32(clamping: $0) } ?? -1) > 0 else { return false }
        clear()
        return true
    }
}
