// What happens to the connections of a socket. Must not know peers: a connection is not yet anybody.
import CZeroMQ

/// A change that a `Monitor` reports.
package enum ConnectionEvent: Hashable, Sendable {
    /// A TCP connection to the peer was opened; its handshake is under way.
    case connected
    /// A TCP connection of a peer was accepted; its handshake is under way.
    case accepted
    /// The peer speaks our protocol: from now on messages pass.
    case handshakeSucceeded
    /// The peer does not let our key in, or we not its.
    case turnedAway
    /// One side wants encryption, and the other does without.
    case otherSecurity
    /// The peer speaks another protocol, is too slow (2 s), or ended the handshake without a word, as one does that has
    /// another key than we expect; `reason` is for a log.
    case handshakeFailed(reason: String)
    /// A connection ended, or an attempt to open one failed. On a ROUTER this does not say whose: whoever is gone
    /// answers `.unreachable` when something is sent to it, so send everybody a heartbeat.
    case disconnected

    /// The event with libzmq's number and its value (an error number or a code), nil for those nobody needs.
    init?(_ event: Int32, value: UInt32) {
        switch event {
        case ZMQ_EVENT_CONNECTED: self = .connected
        case ZMQ_EVENT_ACCEPTED: self = .accepted
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self = .handshakeSucceeded
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self = .handshakeFailed(reason: value == 0 ? "the peer closed it" : reasonOf(value))
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
        where value == UInt32(ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH):
            self = .otherSecurity
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: self = .handshakeFailed(reason: "protocol error \(value)")
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: self = .turnedAway
        case ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_CLOSED: self = .disconnected
        default: return nil
        }
    }
}

private func reasonOf(_ value: UInt32) -> String {
    reason(Int32(truncatingIfNeeded: value))
}
