// The side that listens: many peers, each by its connection. Must not know who the peers are, but for their keys.
import CZeroMQ
import Glibc

/// A ROUTER: hears every peer, answers each by its connection, and learns from the answer itself that a peer is gone.
/// Owned by one thread (see `SocketHandle`).
///
/// Peers have no routing ids of their own: libzmq numbers their connections, so that nobody can take the place of
/// another. A message of a peer that brings an id is dropped.
package final class RouterSocket: Pollable {
    package let handle: SocketHandle
    /// Wakes a `Poller` for `takeEvents`.
    package let monitor: Monitor
    private var connections: ConnectionTable
    /// Read, and not yet taken.
    private var events: [ConnectionEvent] = []
    private static let mostEvents = 10_000

    /// `purpose`: what `Admission` decides by. Throws `.system` where libzmq has no socket left.
    package init(_ context: Context, _ options: SocketOptions, purpose: String) throws(TransportError) {
        handle = try SocketHandle(ZMQ_ROUTER, context: context, options: options)
        monitor = try Monitor(of: handle)
        connections = ConnectionTable(options)
        handle.set(ZMQ_ROUTER_MANDATORY, 1)  // an unknown peer is an answer, not silence
        guard case .keys(let own, _) = context.security else { return }
        // All four, or libzmq admits whoever comes: see `ZAPHandler`.
        handle.set(ZMQ_CURVE_SERVER, 1)
        handle.set(ZMQ_CURVE_SECRETKEY, own.secret)
        handle.set(ZMQ_ZAP_DOMAIN, Array(purpose.utf8))
        handle.set(Self.zapEnforceDomain, 1)
    }

    /// ZMQ_ZAP_ENFORCE_DOMAIN, which Debian's header leaves out though its library knows it.
    private static let zapEnforceDomain: Int32 = 93

    /// Listens on `endpoint`; returns where it really listens (port 0 becomes the port that the system chose).
    /// Throws `.addressInUse`, `.notALocalAddress`, `.notPermitted` or `.cannotResolve`.
    @discardableResult
    package func bind(_ endpoint: Endpoint) throws(TransportError) -> Endpoint {
        guard case .tcp(let host, let port) = endpoint else {
            try bind(as: endpoint.description, endpoint)
            return endpoint
        }
        if host == "*" {
            // Of both kinds, where the system has both.
            handle.set(ZMQ_IPV6, 1)
            if zmq_bind(handle.pointer, endpoint.description) != 0 {
                handle.set(ZMQ_IPV6, 0)
                try bind(as: endpoint.description, endpoint)
            }
            return try Endpoint(parsing: handle.lastEndpoint())
        }
        let local = try NumericAddress.ofHost(host)
        if NumericAddress.isIPv6(local) { handle.set(ZMQ_IPV6, 1) }
        try bind(as: Endpoint.tcp(host: local, port: port).description, endpoint)
        return try Endpoint(parsing: handle.lastEndpoint())
    }

    private func bind(as text: String, _ endpoint: Endpoint) throws(TransportError) {
        if zmq_bind(handle.pointer, text) == 0 { return }
        switch zmq_errno() {
        case EADDRINUSE: throw .addressInUse(endpoint)
        case EADDRNOTAVAIL, ENODEV: throw .notALocalAddress(endpoint)
        case EACCES, EPERM: throw .notPermitted(endpoint)
        case let number: throw .system(operation: "listen on \(endpoint)", reason: reason(number))
        }
    }

    // MARK: Messages

    /// Sends one message: the frames, then `bulk` as its last frame. Copies each byte once, never waits.
    package func send(to peer: Peer, _ frames: [[UInt8]], bulk: UnsafeRawBufferPointer? = nil) -> SendResult {
        handle.checkUse()
        let addressed = peer.withRoutingID { handle.sendFrame($0, more: true) }
        // A pipe that dies after this point swallows the rest without a word; the next send says `.unreachable`.
        switch addressed == 0 ? handle.sendFrames(frames, bulk: bulk.map { .copied($0) }) : addressed {
        case 0:
            let bytes = frames.reduce(0) { $0 + handle.wireBytes($1.count) }
            connections.note(sentBytes: bytes + (bulk.map { handle.wireBytes($0.count) } ?? 0), to: peer)
            return .sent
        case EHOSTUNREACH:
            connections.forget(peer)
            return .unreachable
        case EAGAIN: return .full
        case let number: preconditionFailure("libzmq cannot send: \(reason(number))")
        }
    }

    /// The next message and who sent it, without waiting. It has no frames where it broke a limit of the socket's options.
    /// Nil: nothing is there, or nothing that is to be heard; either way go back to polling, which tells at once if there
    /// is more.
    package func receive() -> Arrival? {
        for _ in 0..<Self.mostUnheard {
            guard let message = handle.receiveMessage(extra: 1) else { return nil }
            guard let peer = message.frames[0].withUnsafeBytes({ Peer(routingID: $0) }) else {
                // It has chosen its own id, as none of ours does.
                connections.end(senderOf: message.frames[message.frames.count - 1])
                continue
            }
            if !connections.knows(peer) {
                // Its connection was accepted before, perhaps since the last poll.
                monitor.handle.unsettle()
                readEvents()
            }
            let content = message.frames.dropFirst()
            guard case .key(let key) = connections.note(content.first, wireBytes: message.wireBytes, of: peer) else {
                continue
            }
            return Arrival(peer: peer, key: key, frames: message.isAcceptable ? Array(content) : [])
        }
        return nil
    }

    /// Messages in a row that are passed over in one call.
    private static let mostUnheard = 64

    /// Messages that were dropped for breaking a limit of the socket's options.
    var droppedMessages: Int { handle.droppedMessages }

    // MARK: Connections

    /// What happened to connections since the last call.
    package func takeEvents() -> [ConnectionEvent] {
        readEvents()
        defer { events = [] }
        return events
    }

    private func readEvents() {
        while let (number, value) = monitor.nextNumbers() {
            connections.note(event: number, value: value)
            if let event = ConnectionEvent(number, value: value), events.count < Self.mostEvents {
                events.append(event)
            }
        }
    }

    /// Bytes that one peer may leave unread from now on; see `SocketOptions.maximumUnreadBytes`.
    package var maximumUnreadBytes: Int {
        get { connections.maximumUnreadBytes }
        set { connections.maximumUnreadBytes = newValue }
    }

    /// The same of several connections together; see `SocketOptions.unreadLimits`.
    package var unreadLimits: SocketOptions.SharedLimits {
        get { connections.unreadLimits }
        set { connections.unreadLimits = newValue }
    }

    /// Ends the connections that have sent more than they may without completing messages, or leave more than they may of
    /// what they are sent; call it again after so many milliseconds. Returns a sentence about each, for a log.
    package func endFloods() -> (ended: [String], nextMilliseconds: Int) { connections.endFloods() }

    /// A message came that this peer should not have sent. Many of them end its connection; then a sentence is returned,
    /// for a log.
    package func refuse(_ peer: Peer) -> String? { connections.refuse(peer) }

    /// Ends a peer's connection, and hears no more of what it has sent.
    package func disconnect(_ peer: Peer) { connections.end(peer) }

    /// Ends every connection of those keys which have sent anything.
    package func disconnect(_ isConcerned: (PublicKey) -> Bool) { connections.end(isConcerned) }

    /// Stops listening and drops every connection and queue. Any later use but `close` is a mistake.
    package func close() {
        handle.close()
        monitor.close()
    }
}
