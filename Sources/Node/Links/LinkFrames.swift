// Responsible for: the frames of hellos, their answers and blocks on a link, and what a connection's events mean for it. Must not
// know: what is proven by them.
import Cluster
import Transport
import Wire

/// Hellos and their answers begin with an empty frame, so that one look tells them from all else.
enum LinkFrames {
    /// Whether a message is a hello or an answer to one.
    static func areOfLink(_ frames: [Frame]) -> Bool { frames.first?.count == 0 }

    /// Throws where it is none, or the raw frame is not as long as it says.
    static func hello(_ frames: [Frame]) throws -> Hello {
        guard frames.count >= 2 else { throw WireError("a hello has no header") }
        let hello = try Hello(decoding: frames[1].bytes)
        try check(frames, hello.probeBytes)
        return hello
    }

    /// Throws where it is none, or the raw frame is not as long as it says.
    static func reply(_ frames: [Frame]) throws -> HelloReply {
        guard frames.count >= 2 else { throw WireError("an answer to a hello has no header") }
        let reply = try HelloReply(decoding: frames[1].bytes)
        try check(frames, reply.probeBytes)
        return reply
    }

    /// Whether a message carries keys and values.
    static func areBlocks(_ frames: [Frame]) -> Bool {
        guard let first = frames.first, first.count == BlockContents.marker.count else { return false }
        return first.bytes == BlockContents.marker
    }

    /// Throws where it does not, or the raw frame is not as long as it says.
    static func blocks(_ frames: [Frame]) throws -> (BlockContents, Frame) {
        guard frames.count == 3 else { throw WireError("a message with keys and values has \(frames.count) frames") }
        let contents = try BlockContents(decoding: frames[1].bytes)
        guard frames[2].count == contents.byteCount else {
            throw WireError("keys and values have \(frames[2].count) bytes instead of \(contents.byteCount)")
        }
        return (contents, frames[2])
    }

    private static func check(_ frames: [Frame], _ bytes: Int) throws {
        let rawBytes = frames.count == 3 ? frames[2].count : 0
        guard frames.count <= 3, rawBytes == bytes else {
            throw WireError("a hello's raw frame has \(rawBytes) bytes instead of \(bytes)")
        }
    }

    /// So many zeros.
    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}

extension RouterSocket {
    /// Answers a hello over the connection that it came from.
    func answer(_ peer: Peer, _ reply: HelloReply) {
        let header = [[], reply.encode()]
        if reply.probeBytes == 0 {
            _ = send(to: peer, header)
        } else {
            _ = LinkFrames.zeros(reply.probeBytes).withUnsafeBytes { send(to: peer, header, bulk: $0) }
        }
    }
}

extension OutboundLink {
    /// Says hello if there is a connection that takes it, and nothing else waits for one.
    func say(_ hello: Hello) {
        guard !isWaiting else { return }
        let header = [[], hello.encode()]
        if hello.probeBytes == 0 {
            _ = socket.send(header)
        } else {
            _ = LinkFrames.zeros(hello.probeBytes).withUnsafeBytes { socket.send(header, bulk: $0) }
        }
    }
}

extension ConnectionEvent {
    /// What it means for a link; nil: nothing.
    var linkConnection: LinkConnection? {
        switch self {
        case .handshakeSucceeded: .up
        case .handshakeFailed, .turnedAway, .otherSecurity: .handshakeRefused
        case .disconnected: .down
        case .connected, .accepted: nil
        }
    }
}
