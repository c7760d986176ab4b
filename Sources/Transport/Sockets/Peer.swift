// Who is at the other end of a connection. Must not be trusted: the peer chose its id.

/// A peer, known by the 1 to 255 bytes that a `DealerSocket` introduces itself with and a `RouterSocket` addresses it by.
/// Peers that share a ROUTER need distinct ids; a newcomer with the id of an older connection takes it over.
package struct Peer: Hashable, Sendable {
    /// 1 to 255 bytes.
    package let routingID: [UInt8]

    /// Nil where ZeroMQ has no room for the bytes (none, or more than 255) or keeps them for itself (first byte 0).
    package init?(_ bytes: [UInt8]) {
        guard (1...255).contains(bytes.count), bytes[0] != 0 else { return nil }
        routingID = bytes
    }

    /// An id that nobody else has: 16 bytes from the system's generator of random numbers.
    package static func random() -> Peer {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[0] |= 1
        return Peer(received: bytes)
    }

    /// What a ROUTER received, which may be an id that libzmq made up for a peer without one (first byte 0).
    init(received bytes: [UInt8]) {
        routingID = bytes
    }
}

extension Peer: CustomStringConvertible {
    /// The text where all bytes are printable ASCII, else hexadecimal digits.
    package var description: String {
        if routingID.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return String(decoding: routingID, as: UTF8.self) }
        return routingID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
