// The side that listens: many peers, each under its routing id. Must not know who the peers are.
import CZeroMQ
import Glibc

/// A ROUTER: hears every peer, answers each by its routing id, and learns from the answer itself that a peer is gone.
/// Owned by one thread (see `SocketHandle`).
package final class RouterSocket: Pollable {
    package let handle: SocketHandle

    /// Throws `.system` where libzmq has no socket left.
    package init(_ context: Context, _ options: SocketOptions) throws(TransportError) {
        handle = try SocketHandle(ZMQ_ROUTER, context: context, options: options)
        handle.set(ZMQ_ROUTER_MANDATORY, 1)  // an unknown peer is an answer, not silence
        handle.set(ZMQ_ROUTER_HANDOVER, 1)  // a peer that comes back takes its id over from its dead connection
    }

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
        if NumericAddress.isIPv6(host) { handle.set(ZMQ_IPV6, 1) }
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

    /// Sends one message: the frames, then `bulk` as its last frame. Copies each byte once, never waits.
    package func send(to peer: Peer, _ frames: [[UInt8]], bulk: UnsafeRawBufferPointer? = nil) -> SendResult {
        handle.checkUse()
        let addressed = peer.routingID.withUnsafeBytes { handle.sendFrame($0, more: true) }
        // A pipe that dies after this point swallows the rest without a word; the next send says `.unreachable`.
        switch addressed == 0 ? handle.sendFrames(frames, bulk: bulk.map { .copied($0) }) : addressed {
        case 0: return .sent
        case EHOSTUNREACH: return .unreachable
        case EAGAIN: return .full
        case let number: preconditionFailure("libzmq cannot send: \(reason(number))")
        }
    }

    /// The next message and who sent it, without waiting. Nil: nothing is there, or a message was dropped for breaking
    /// a limit; either way go back to polling, which tells at once if there is more.
    package func receive() -> (peer: Peer, frames: [Frame])? {
        guard let frames = handle.receive(extra: 1) else { return nil }
        return (Peer(received: frames[0].bytes), Array(frames.dropFirst()))
    }

    /// Events of this socket's connections. Call once, before `bind`, so that none is missed.
    package func monitor() throws(TransportError) -> Monitor { try Monitor(of: handle) }

    /// Messages that were dropped for breaking a limit of the socket's options.
    var droppedMessages: Int { handle.droppedMessages }

    /// Stops listening and drops every connection and queue. Any later use but `close` is a mistake.
    package func close() { handle.close() }
}
