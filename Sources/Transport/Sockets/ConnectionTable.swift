// The TCP connections of a listening socket: whose they are, what they have sent, and how to end one. libzmq 4.3.4 offers
// neither; the kernel does. Must not know what messages mean.
import CZeroMQ
import Glibc

/// Owned by the thread that owns its socket. Everything in it is a guess about libzmq's connections that is checked
/// against the kernel before it is acted on: a descriptor may have been closed, and given to another connection.
struct ConnectionTable {
    private struct Connection {
        /// What the kernel says of the other end: address and port. Tells whether a descriptor is still this connection.
        let remote: RemoteAddress
        /// Bytes of complete messages that came over it, as they travel.
        var delivered = 0
        /// Received but not delivered, when last looked at.
        var unread = 0
    }

    private struct Known {
        let key: PublicKey?
        let descriptor: Int32?
        let remote: RemoteAddress?
    }

    var maximumUnreadBytes: Int
    private let maximumConnections: Int
    private let frameOverhead: Int
    private var connections: [Int32: Connection] = [:]
    private var peers: [Peer: Known] = [:]

    /// A handshake and the commands that libzmq exchanges.
    private static let handshakeBytes = 4096
    /// How soon to look again: mostly, and where something grows.
    private static let calmMilliseconds = 100
    private static let alertMilliseconds = 10
    private static let alertBytes = 1 << 20

    init(_ options: SocketOptions, frameOverhead: Int) {
        maximumUnreadBytes = options.maximumUnreadBytes
        maximumConnections = options.maximumConnections
        self.frameOverhead = frameOverhead
    }

    // MARK: What is seen

    /// A monitor's event.
    mutating func note(event: Int32, value: UInt32) {
        let descriptor = Int32(truncatingIfNeeded: value)
        switch event {
        case ZMQ_EVENT_ACCEPTED:
            guard let remote = RemoteAddress(of: descriptor) else { return }
            if connections.count >= maximumConnections, connections[descriptor] == nil {
                shutdown(descriptor, Int32(SHUT_RDWR))
                return
            }
            connections[descriptor] = Connection(remote: remote)
        case ZMQ_EVENT_DISCONNECTED:
            guard let connection = connections[descriptor] else { return }
            // Of a descriptor that is in use again already, the newcomer's entry stays.
            if RemoteAddress(of: descriptor) != connection.remote { connections[descriptor] = nil }
        default: break
        }
    }

    /// A message's frames, and whose key sent it.
    mutating func note(_ frames: ArraySlice<Frame>, of peer: Peer) -> PublicKey? {
        let known: Known
        if let earlier = peers[peer] {
            known = earlier
        } else {
            let descriptor = frames.first?.descriptor
            known = Known(
                key: frames.first?.key, descriptor: descriptor, remote: descriptor.flatMap { RemoteAddress(of: $0) })
            if peers.count >= 2 * maximumConnections { forgetEnded() }
            peers[peer] = known
        }
        if let descriptor = known.descriptor {
            let bytes = frames.reduce(0) { $0 + wireBytes($1.count) }
            connections[descriptor]?.delivered += bytes
        }
        return known.key
    }

    /// Whether it is known over which connection a peer came; if not, events are to be read first.
    func knows(_ peer: Peer) -> Bool { peers[peer] != nil }

    mutating func forget(_ peer: Peer) { peers[peer] = nil }

    private mutating func forgetEnded() {
        peers = peers.filter { _, known in
            guard let descriptor = known.descriptor else { return true }
            return RemoteAddress(of: descriptor) == known.remote
        }
    }

    /// Bytes of a frame with its header (ZMTP 3.1, ZeroMQ RFC 37: two bytes, or nine for more than 255).
    private func wireBytes(_ count: Int) -> Int {
        let content = count + frameOverhead
        return content + (content > 255 ? 9 : 2)
    }

    // MARK: Ending connections

    mutating func endFloods() -> (ended: [String], nextMilliseconds: Int) {
        var ended: [String] = []
        var next = Self.calmMilliseconds
        for (descriptor, connection) in connections {
            guard RemoteAddress(of: descriptor) == connection.remote, let received = receivedBytes(descriptor) else {
                connections[descriptor] = nil
                continue
            }
            let unread = received - connection.delivered
            if unread > maximumUnreadBytes + Self.handshakeBytes {
                shutdown(descriptor, Int32(SHUT_RDWR))
                connections[descriptor] = nil
                ended.append(
                    "ended the connection from \(connection.remote): it sent \(unread) bytes without completing a "
                        + "message, of at most \(maximumUnreadBytes)")
            } else {
                if unread > connection.unread + Self.alertBytes { next = Self.alertMilliseconds }
                connections[descriptor]?.unread = unread
            }
        }
        return (ended, next)
    }

    mutating func end(_ peer: Peer) {
        guard let known = peers.removeValue(forKey: peer), let descriptor = known.descriptor,
            let remote = known.remote, RemoteAddress(of: descriptor) == remote
        else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    mutating func end(_ isConcerned: (PublicKey) -> Bool) {
        for (peer, known) in peers { if let key = known.key, isConcerned(key) { end(peer) } }
    }

    /// Bytes that the kernel has received over a connection; nil: it is none any more.
    ///
    /// `tcpi_bytes_received` of Linux's `struct tcp_info` (since 4.1), whose layout is fixed; glibc's copy of it ends before.
    private func receivedBytes(_ descriptor: Int32) -> Int? {
        var info = [UInt8](repeating: 0, count: 256)
        var length = socklen_t(info.count)
        let (offset, size) = (128, 8)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0, Int(length) >= offset + size
        else { return nil }
        return Int(clamping: info.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) })
    }
}

/// The other end of a TCP connection.
struct RemoteAddress: Hashable, CustomStringConvertible {
    private let text: String

    /// nil: the descriptor is no connection (any more).
    init?(of descriptor: Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let text = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &length) == 0 ? NumericAddress.textWithPort(of: $0, length) : nil
            }
        }
        guard let text else { return nil }
        self.text = text
    }

    var description: String { text }
}
