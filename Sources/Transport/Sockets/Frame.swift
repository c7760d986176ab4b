// One frame in libzmq's memory: no copy is made on the way in, nor when one is sent. Must not know what the bytes mean.
import CZeroMQ
import Glibc

/// An immutable run of bytes owned by libzmq, released with the last reference, on any thread.
package final class Frame: @unchecked Sendable {
    // Sendable: the bytes do not change once they are here, and libzmq counts references to them atomically. Only sending
    // changes the message itself (it marks that others share the bytes); one thread at a time does that.
    private let message: UnsafeMutablePointer<zmq_msg_t>

    /// Receives the next frame of `socket` without waiting; nil where there is none (`zmq_errno()` says why).
    init?(receivingFrom socket: UnsafeMutableRawPointer) {
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
        if zmq_msg_recv(message, socket, ZMQ_DONTWAIT) < 0 { return nil }
    }

    /// A copy of `bytes`, to be sent.
    package init(copying bytes: UnsafeRawBufferPointer) {
        message = .allocate(capacity: 1)
        let result = zmq_msg_init_size(message, bytes.count)
        precondition(result == 0, "there is no memory for a frame of \(bytes.count) bytes")
        if let base = bytes.baseAddress { zmq_msg_data(message).copyMemory(from: base, byteCount: bytes.count) }
    }

    /// So many bytes, which `fill` writes, to be sent.
    package init<Failure: Error>(
        byteCount: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        message = .allocate(capacity: 1)
        let result = zmq_msg_init_size(message, byteCount)
        precondition(result == 0, "there is no memory for a frame of \(byteCount) bytes")
        try fill(UnsafeMutableRawBufferPointer(start: zmq_msg_data(message), count: byteCount))
    }

    /// Sends the bytes, sharing them with libzmq, as the last frame of a message, without waiting. Returns 0 or the
    /// error number.
    func send(to socket: UnsafeMutableRawPointer) -> Int32 {
        var share = zmq_msg_t()
        zmq_msg_init(&share)
        zmq_msg_copy(&share, message)
        while zmq_msg_send(&share, socket, ZMQ_DONTWAIT) < 0 {
            let number = zmq_errno()
            guard number == EINTR else {
                zmq_msg_close(&share)
                return number
            }
        }
        return 0
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

    /// Who sent it, as admission named it; nil: the link is open.
    var key: PublicKey? { zmq_msg_gets(message, "User-Id").flatMap { PublicKey(text: String(cString: $0)) } }

    /// The descriptor of the TCP connection that it came over; nil: it came from inside this process.
    var descriptor: Int32? {
        let descriptor = zmq_msg_get(message, ZMQ_SRCFD)
        return descriptor >= 0 ? descriptor : nil
    }

    /// Whether more frames of the same message follow.
    var hasMore: Bool { zmq_msg_more(message) != 0 }
}
