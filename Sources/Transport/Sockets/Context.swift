// The libzmq context: the I/O thread and the inproc names of this process. Must not know what its sockets are for.
import CZeroMQ
import Glibc

/// One per process (tests make their own). Sockets keep it alive; when the last of them and the last reference are
/// gone it terminates, at once, as no socket lingers.
package final class Context: Sendable {
    // A context is the one object of libzmq that any thread may use.
    nonisolated(unsafe) let handle: UnsafeMutableRawPointer

    /// Starts libzmq's I/O thread lazily, with the first socket. Throws `.system` where the process is out of
    /// descriptors.
    package init() throws(TransportError) {
        guard let handle = zmq_ctx_new() else {
            throw .system(operation: "start ZeroMQ", reason: reason(zmq_errno()))
        }
        self.handle = handle
    }

    deinit {
        // Interrupted by a signal: libzmq asks to call again.
        while zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }
}
