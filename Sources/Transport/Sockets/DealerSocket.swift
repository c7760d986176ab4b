// The side that connects: one peer, reached again by itself after a break. Must not know who the peer is.
import CZeroMQ
import Glibc

/// A DEALER connected to one ROUTER. Owned by one thread (see `SocketHandle`).
package final class DealerSocket: Pollable {
    package let handle: SocketHandle

    /// `server`: whose key the other end must have; in a context of open links it is not looked at. `identity`: the key
    /// that we show; nil: the context's own. Throws `.system` where libzmq has no socket left.
    package init(
        _ context: Context, _ options: SocketOptions, server: PublicKey?, identity: KeyPair? = nil
    ) throws(TransportError) {
        handle = try SocketHandle(ZMQ_DEALER, context: context, options: options)
        guard case .keys(let own, _) = context.security else { return }
        // Without the server's key there is nobody to talk to: a key that nobody has fails the handshake.
        let server = server ?? own.publicKey
        let identity = identity ?? own
        handle.set(ZMQ_CURVE_SERVERKEY, server.bytes)
        handle.set(ZMQ_CURVE_PUBLICKEY, identity.publicKey.bytes)
        handle.set(ZMQ_CURVE_SECRETKEY, identity.secret)
    }

    /// Begins to connect and returns at once; the monitor tells when the connection is there. After a break libzmq
    /// tries again by itself, 100 ms to `longestReconnectMilliseconds` apart, for ever. A host name is looked up here (which may block), so that a
    /// wrong one is an error and not silence; of several addresses one where somebody listens is taken. Throws `.badEndpoint` or `.cannotResolve`.
    package func connect(_ endpoint: Endpoint) throws(TransportError) {
        if case .tcp(let host, let port) = endpoint {
            if host == "*" || port == 0 {
                throw .badEndpoint(text: endpoint.description, reason: "it is one to listen on, not to connect to")
            }
            let address = try NumericAddress.answering(host, port: port)
            if NumericAddress.isIPv6(address) { handle.set(ZMQ_IPV6, 1) }
            if zmq_connect(handle.pointer, Endpoint.tcp(host: address, port: port).description) == 0 { return }
        } else if zmq_connect(handle.pointer, endpoint.description) == 0 {
            return
        }
        throw .badEndpoint(text: endpoint.description, reason: reason(zmq_errno()))
    }

    /// Sends one message: the frames, then `bulk` as its last frame. Copies each byte once, never waits. `.sent` or
    /// `.full` (which is also the answer while there is no connection).
    package func send(_ frames: [[UInt8]], bulk: UnsafeRawBufferPointer? = nil) -> SendResult {
        send(frames, bulk.map { .copied($0) })
    }

    /// The same, with a last frame that is not copied.
    package func send(_ frames: [[UInt8]], sharing bulk: Frame) -> SendResult { send(frames, .shared(bulk)) }

    private func send(_ frames: [[UInt8]], _ bulk: SocketHandle.Bulk?) -> SendResult {
        handle.checkUse()
        switch handle.sendFrames(frames, bulk: bulk) {
        case 0: return .sent
        case EAGAIN: return .full
        case let number: preconditionFailure("libzmq cannot send: \(reason(number))")
        }
    }

    /// The next message, without waiting. Nil: nothing is there, or a message was dropped for breaking a limit; either
    /// way go back to polling, which tells at once if there is more.
    package func receive() -> [Frame]? { handle.receive(extra: 0) }

    /// Events of this socket's connection. Call once, before `connect`, so that none is missed.
    package func monitor() throws(TransportError) -> Monitor { try Monitor(of: handle) }

    /// Drops the connection and its queues. Any later use but `close` is a mistake.
    package func close() { handle.close() }
}
