// Responsible for: one key in the words of both who carry it: the wire, and transport. Must not know: whose it is.
import Transport
import Wire

extension NodeKey {
    /// The key as messages name it.
    init(_ key: PublicKey) {
        guard let same = NodeKey(key.bytes) else { preconditionFailure("keys have \(NodeKey.byteCount) bytes") }
        self = same
    }
}

extension PublicKey {
    /// The key as sockets ask for it.
    init(_ key: NodeKey) {
        guard let same = PublicKey(key.bytes) else { preconditionFailure("keys have \(PublicKey.byteCount) bytes") }
        self = same
    }
}
