// A bell that any thread can ring and one thread waits for. Must not carry anything.
import CZeroMQ
import Glibc

/// An eventfd. Rings are not counted: any number of them before a wait is one. One thread waits at a time.
package final class Waker: Sendable {
    let descriptor: Int32

    /// Throws `.system` where the process is out of descriptors.
    package init() throws(TransportError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC))
        if descriptor < 0 { throw .system(operation: "make an eventfd", reason: reason(errno)) }
    }

    deinit { close(descriptor) }

    /// Wakes the waiting thread, now or when it next waits. From any thread; never blocks.
    package func ring() {
        var one: UInt64 = 1
        // Blocks only where the counter is full, after 2^64 rings that nobody heard.
        _ = write(descriptor, &one, 8)
    }

    /// Forgets the rings so far, and waits for one where there was none. Look at what the ring was about after this, not
    /// before.
    func clear() {
        var count: UInt64 = 0
        while read(descriptor, &count, 8) < 0 && errno == EINTR {}
    }

    /// Waits for a ring (and forgets it) without a `Poller`: for threads that own no socket. False: it did not ring in
    /// `timeoutMilliseconds` (nil: wait for ever).
    package func wait(timeoutMilliseconds: Int? = nil) -> Bool {
        if let timeoutMilliseconds {
            var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&item, 1, Int32(clamping: timeoutMilliseconds)) > 0 else { return false }
        }
        clear()
        return true
    }
}
