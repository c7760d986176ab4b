// One received frame, where libzmq put it: no copy is made on the way in. Must not know what the bytes mean.
import CZeroMQ

/// An immutable run of bytes owned by libzmq, released with the last reference, on any thread.
package final class Frame: @unchecked Sendable {
    // Sendable: the message does not change after it was received, and libzmq counts its references atomically.
    private let message: UnsafeMutablePointer<zmq_msg_t>

    /// Receives the next frame of `socket` without waiting; nil where there is none (`zmq_errno()` says why).
    init?(receivingFrom socket: UnsafeMutableRawPointer) {
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
        if zmq_msg_recv(message, socket, ZMQ_DONTWAIT) < 0 { return nil }
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    /// The number of bytes.
    package var count: Int { zmq_msg_size(message) }

    /// Lends the bytes. They have no particular alignment: read numbers with `loadUnaligned` or copy them out.
    package func withUnsafeBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message)))
    }

    /// A copy of the bytes.
    package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// Whether more frames of the same message follow.
    var hasMore: Bool { zmq_msg_more(message) != 0 }
}
