// The libzmq context: the I/O threads and the inproc names of this process, and how its links are protected. Must not
// know what its sockets are for.
import CZeroMQ
import Glibc

/// One per process (tests make their own). Sockets keep it alive; when the last of them and the last reference are
/// gone it terminates, at once, as no socket lingers.
package final class Context: Sendable {
    // A context is the one object of libzmq that any thread may use.
    nonisolated(unsafe) let handle: UnsafeMutableRawPointer
    package let security: LinkSecurity

    /// Starts libzmq's I/O threads lazily, with the first socket. Throws `.system` where the process is out of
    /// descriptors, or where links are to be encrypted and libzmq cannot.
    package init(_ security: LinkSecurity) throws(TransportError) {
        guard let handle = zmq_ctx_new() else {
            throw .system(operation: "start ZeroMQ", reason: reason(zmq_errno()))
        }
        self.handle = handle
        self.security = security
        guard case .keys(_, let admission) = security else { return }
        guard zmq_has("curve") == 1 else {
            throw .system(operation: "encrypt links", reason: "this libzmq was built without CURVE")
        }
        // Encryption takes the I/O threads' time; two keep both directions of a link moving.
        zmq_ctx_set(handle, ZMQ_IO_THREADS, 2)
        try ZAPHandler.start(in: handle, admission)
    }

    deinit {
        // Interrupted by a signal: libzmq asks to call again.
        while zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }
}
