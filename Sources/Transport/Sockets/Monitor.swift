// Reads the event stream that libzmq offers for a socket. Must not decide what an event means for a peer.
import CZeroMQ
import Glibc
import Synchronization

/// Events of one socket's connections, in order, as something to poll. A peer that is killed shows within 150 ms.
/// Owned by the thread that owns the socket.
package final class Monitor: Pollable {
    package let handle: SocketHandle
    private let watched: SocketHandle

    init(of socket: SocketHandle) throws(TransportError) {
        watched = socket
        let number = Self.count.add(1, ordering: .relaxed).newValue
        let name = "inproc://monitor-\(number)"
        if zmq_socket_monitor(socket.pointer, name, ZMQ_EVENT_ALL) != 0 {
            throw .system(operation: "watch a ZeroMQ socket", reason: reason(zmq_errno()))
        }
        // libzmq made the pair's other end without a limit of its own: a storm of connections must not fill memory.
        let options = SocketOptions(maximumFrameBytes: 4096, maximumFrames: 2, receiveHighWaterMark: 10_000)
        handle = try SocketHandle(ZMQ_PAIR, context: socket.context, options: options)
        if zmq_connect(handle.pointer, name) != 0 {
            throw .system(operation: "watch a ZeroMQ socket", reason: reason(zmq_errno()))
        }
    }

    /// The next event, without waiting; nil where there is none now.
    package func next() -> ConnectionEvent? {
        while let (number, value) = nextNumbers() {
            if let event = ConnectionEvent(number, value: value) { return event }
        }
        return nil
    }

    /// The next event in libzmq's numbers: which, and its value (a descriptor, an error number or a code).
    func nextNumbers() -> (event: Int32, value: UInt32)? {
        while let frames = handle.receive(extra: 0) {
            // Frame 1: event (16 bits), value (32 bits), both in the host's order. Frame 2: the address.
            guard let first = frames.first, first.count == 6 else { continue }
            let (event, value) = first.withUnsafeBytes {
                ($0.loadUnaligned(as: UInt16.self), $0.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
            }
            return (Int32(event), value)
        }
        return nil
    }

    deinit { close() }

    /// Stops watching.
    package func close() {
        watched.stopMonitoring()
        handle.close()
    }

    private static let count = Atomic<Int>(0)
}
