// Who is at the other end of a connection. Must not know names or roles.

/// One connection of a `RouterSocket`, by the number that libzmq gave it. A peer cannot choose it, and a new connection of
/// the same node has another.
package struct Peer: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt32

    package init(number: UInt32) { self.number = number }

    /// The peer behind a routing id; nil: an id that the peer has chosen itself, which ours never do.
    init?(routingID: UnsafeRawBufferPointer) {
        guard routingID.count == 5, routingID[0] == 0 else { return nil }
        number = UInt32(bigEndian: routingID.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    }

    /// A zero byte and the number, big-endian: what libzmq makes up for a peer without an id.
    func withRoutingID<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        var bytes = UInt64(number) << 24  // 00 n3 n2 n1 n0 000000, of which the first five count
        bytes = bytes.bigEndian
        return withUnsafeBytes(of: bytes) { body(UnsafeRawBufferPointer(rebasing: $0[..<5])) }
    }

    package var description: String { "connection \(number)" }
}

/// A message and who sent it.
package struct Arrival {
    package let peer: Peer
    /// The sender's key; nil: the links are open, and nobody knows.
    package let key: PublicKey?
    /// None: the message broke a limit of the socket.
    package let frames: [Frame]
}
