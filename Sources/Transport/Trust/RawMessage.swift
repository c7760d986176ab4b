// Responsible for: whole messages in and out of a socket that answers for admission, waiting for them. Must not know: what is
// asked, threads.
import CZeroMQ
import Glibc

/// Messages of a bare libzmq socket. What `SocketHandle` is for all others would set options that these must not have.
enum RawMessage {
    /// The frames of the next message; nil: there are none any more, and `zmq_errno()` says why.
    static func receive(_ socket: UnsafeMutableRawPointer) -> [[UInt8]]? {
        var frames: [[UInt8]] = []
        while true {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            guard zmq_msg_recv(&message, socket, 0) >= 0 else {
                if zmq_errno() == EINTR { continue }
                return nil
            }
            frames.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
            if zmq_msg_more(&message) == 0 { return frames }
        }
    }

    /// Sends frames as one message.
    static func send(_ frames: [[UInt8]], _ socket: UnsafeMutableRawPointer) {
        for (index, frame) in frames.enumerated() {
            let flags = index == frames.count - 1 ? 0 : ZMQ_SNDMORE
            while zmq_send(socket, frame, frame.count, flags) < 0 && zmq_errno() == EINTR {}
        }
    }
}
