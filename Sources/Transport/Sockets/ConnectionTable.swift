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
        /// Whose it is, once a message has come.
        var key: PublicKey?
        /// Bytes of complete messages that came over it, as they travel.
        var delivered = 0
        /// Bytes of messages that were to go over it.
        var sent = 0
        /// Received but not delivered, when last looked at.
        var unread = 0
        /// Sent but not taken by the other host, when last looked at.
        var unsent = 0
    }

    private struct Known {
        let key: PublicKey?
        let descriptor: Int32?
        let remote: RemoteAddress?
        /// Messages that should not have come, since a time.
        var refusals = 0
        var refusalsSince = ContinuousClock.now
        /// It was disconnected: what it sent before is not heard.
        var isEnded = false
    }

    /// Who sent a message.
    enum Sender {
        case key(PublicKey?)
        /// Whoever it was, its connection was ended by us.
        case ended
    }

    var maximumUnreadBytes: Int
    var unreadLimits: SocketOptions.SharedLimits
    private let unsentLimits: SocketOptions.SharedLimits
    private let maximumConnections: Int
    private var connections: [Int32: Connection] = [:]
    private var peers: [Peer: Known] = [:]
    private var messages: MessageCounts
    /// A sentence about each connection that was ended for the number of its messages, until it is told.
    private var ended: [String] = []

    /// A handshake and the commands that libzmq exchanges.
    private static let handshakeBytes = 4096
    /// How soon to look again: mostly, and where something grows.
    private static let calmMilliseconds = 100
    private static let alertMilliseconds = 10
    private static let alertBytes = 1 << 20

    /// So many messages that should not have come, within so long, end a connection.
    static let mostRefusals = 64
    private static let refusalWindow = Duration.seconds(10)
    /// Of connections that were ended, whose sentences wait to be told.
    private static let mostSentences = 16

    init(_ options: SocketOptions) {
        maximumUnreadBytes = options.maximumUnreadBytes
        (unreadLimits, unsentLimits) = (options.unreadLimits, options.unsentLimits)
        maximumConnections = options.maximumConnections
        messages = MessageCounts(most: options.maximumMessages)
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

    /// A message's first frame, and its bytes as they travel; tells who sent it.
    mutating func note(_ first: Frame?, wireBytes: Int, of peer: Peer) -> Sender {
        let known: Known
        if let earlier = peers[peer] {
            known = earlier
        } else {
            let descriptor = first?.descriptor
            known = Known(
                key: first?.key, descriptor: descriptor, remote: descriptor.flatMap { RemoteAddress(of: $0) })
            if peers.count >= 2 * maximumConnections { forgetEnded() }
            peers[peer] = known
            if let descriptor = known.descriptor { connections[descriptor]?.key = known.key }
        }
        if let descriptor = known.descriptor { connections[descriptor]?.delivered += wireBytes }
        if known.isEnded { return .ended }
        guard messages.takes(of: known.key.map { .key($0) } ?? .connection(peer)) else {
            endFlood(peer, known)
            return .ended
        }
        return .key(known.key)
    }

    private mutating func endFlood(_ peer: Peer, _ known: Known) {
        end(peer)
        guard ended.count < Self.mostSentences else { return }
        let place = known.remote.map { "\($0)" } ?? "\(peer)"
        ended.append(
            "ended the connection from \(place): more than \(messages.most) messages came within "
                + "\(MessageCounts.window.components.seconds) s \(known.key == nil ? "over it" : "from its key")")
    }

    /// So many bytes, as they travel, are on their way to a peer.
    mutating func note(sentBytes: Int, to peer: Peer) {
        guard let known = peers[peer], let descriptor = known.descriptor,
            connections[descriptor]?.remote == known.remote
        else { return }
        connections[descriptor]?.sent += sentBytes
    }

    /// Whether it is known over which connection a peer came; if not, events are to be read first.
    func knows(_ peer: Peer) -> Bool { peers[peer] != nil }

    /// Whom we have ended is remembered until the table is swept: what it sent before may still come.
    mutating func forget(_ peer: Peer) { if peers[peer]?.isEnded != true { peers[peer] = nil } }

    private mutating func forgetEnded() {
        peers = peers.filter { _, known in
            guard let descriptor = known.descriptor else { return !known.isEnded }
            return RemoteAddress(of: descriptor) == known.remote
        }
    }

    // MARK: Ending connections

    /// A message came that its sender should not have sent. Returns a sentence where that was one too many.
    mutating func refuse(_ peer: Peer, now: ContinuousClock.Instant = .now) -> String? {
        guard var known = peers[peer], !known.isEnded else { return nil }
        if now - known.refusalsSince > Self.refusalWindow { (known.refusals, known.refusalsSince) = (0, now) }
        known.refusals += 1
        peers[peer] = known
        guard known.refusals > Self.mostRefusals else { return nil }
        end(peer)
        let place = known.remote.map { "\($0)" } ?? "\(peer)"
        return
            "ended the connection from \(place): of the messages that it sent within \(Self.refusalWindow.components.seconds) s, "
            + "\(known.refusals) could not be read or were not for it to send"
    }

    mutating func endFloods() -> (ended: [String], nextMilliseconds: Int) {
        var (ended, next) = endFloodingConnections()
        let unread = endLargest(\.unread, unreadLimits) { "it sent \($0) bytes that could not be taken yet" }
        let unsent = endLargest(\.unsent, unsentLimits) { "it left \($0) bytes that it was sent" }
        if unread.sum > unreadLimits.inAll / 4 || unsent.sum > unsentLimits.inAll / 4 { next = Self.alertMilliseconds }
        defer { self.ended = [] }
        return (self.ended + ended + unread.ended + unsent.ended, next)
    }

    /// The rule for several together: of those who share a key, and of all, the largest are what is too much.
    private mutating func endLargest(
        _ bytes: (Connection) -> Int, _ limits: SocketOptions.SharedLimits, _ what: (Int) -> String
    ) -> (ended: [String], sum: Int) {
        var (ended, sum, sums) = ([String](), 0, [PublicKey: Int]())
        for (descriptor, connection) in connections.sorted(by: { bytes($0.value) < bytes($1.value) }) {
            let own = bytes(connection)
            let ofKey = own + (connection.key.map { sums[$0, default: 0] } ?? 0)
            guard ofKey > limits.ofKey || sum + own > limits.inAll else {
                sum += own
                if let key = connection.key { sums[key] = ofKey }
                continue
            }
            let (limit, whose) = ofKey > limits.ofKey ? (limits.ofKey, "its key") : (limits.inAll, "all")
            shutdown(descriptor, Int32(SHUT_RDWR))
            connections[descriptor] = nil
            ended.append(
                "ended the connection from \(connection.remote): \(what(own)), and the connections of \(whose) may have "
                    + "at most \(limit)")
        }
        return (ended, sum)
    }

    /// The rule for each connection alone.
    private mutating func endFloodingConnections() -> (ended: [String], nextMilliseconds: Int) {
        var ended: [String] = []
        var next = Self.calmMilliseconds
        for (descriptor, connection) in connections {
            guard RemoteAddress(of: descriptor) == connection.remote, let counts = KernelCounts(of: descriptor) else {
                connections[descriptor] = nil
                continue
            }
            let (unread, unsent) = (counts.received - connection.delivered, connection.sent - counts.acknowledged)
            if unread > maximumUnreadBytes + Self.handshakeBytes {
                shutdown(descriptor, Int32(SHUT_RDWR))
                connections[descriptor] = nil
                ended.append(
                    "ended the connection from \(connection.remote): it sent \(unread) bytes without completing a "
                        + "message, of at most \(maximumUnreadBytes)")
            } else {
                if max(unread - connection.unread, unsent - connection.unsent) > Self.alertBytes {
                    next = Self.alertMilliseconds
                }
                connections[descriptor]?.unread = unread
                connections[descriptor]?.unsent = max(0, unsent)
            }
        }
        return (ended, next)
    }

    mutating func end(_ peer: Peer) {
        peers[peer]?.isEnded = true
        guard let descriptor = peers[peer]?.descriptor, let remote = peers[peer]?.remote,
            RemoteAddress(of: descriptor) == remote
        else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Ends whoever sent this over a connection of its own.
    func end(senderOf frame: Frame) {
        guard let descriptor = frame.descriptor, connections[descriptor]?.remote == RemoteAddress(of: descriptor) else {
            return
        }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    mutating func end(_ isConcerned: (PublicKey) -> Bool) {
        for (peer, known) in peers { if let key = known.key, isConcerned(key) { end(peer) } }
    }
}

/// What the kernel has counted of a connection.
///
/// `tcpi_bytes_acked` and `tcpi_bytes_received` of Linux's `struct tcp_info` (since 4.1), whose layout is fixed; glibc's
/// copy of it ends before.
private struct KernelCounts {
    /// Bytes that the other host has taken.
    let acknowledged: Int
    /// Bytes that came.
    let received: Int

    /// nil: it is no connection any more.
    init?(of descriptor: Int32) {
        var info = [UInt8](repeating: 0, count: 256)
        var length = socklen_t(info.count)
        let (first, second, end) = (120, 128, 136)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0, Int(length) >= end else {
            return nil
        }
        (acknowledged, received) = info.withUnsafeBytes { bytes in
            func number(_ offset: Int) -> Int {
                Int(clamping: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            return (number(first), number(second))
        }
    }
}

/// The other end of a TCP connection. Compared often and seldom told: the text is made when it is asked for.
struct RemoteAddress: Hashable, CustomStringConvertible {
    /// A `sockaddr`, as the system wrote it.
    private let bytes: [UInt8]

    /// nil: the descriptor is no connection (any more).
    init?(of descriptor: Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let bytes = withUnsafeMutableBytes(of: &storage) { buffer -> [UInt8]? in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                getpeername(descriptor, base, &length) == 0
            else { return nil }
            return Array(buffer.prefix(Int(length)))
        }
        guard let bytes else { return nil }
        self.bytes = bytes
    }

    var description: String {
        bytes.withUnsafeBytes { buffer in
            buffer.baseAddress.flatMap {
                NumericAddress.textWithPort(of: $0.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
            }
        } ?? "an address that cannot be written"
    }
}
