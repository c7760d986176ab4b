// Responsible for: the connections of a member or client that means harm, and how it is let in. Must not know: what it
// says.
import Foundation
import Transport
import Wire

/// One connection to one port, owned by one thread.
final class Intruder {
    /// As what it is let in.
    enum Role: CaseIterable { case worker, client }

    private let socket: DealerSocket
    private let poller: Poller

    /// Connects to a port of this machine. The one place that knows by what a peer is told from others.
    static func connect(_ context: Context, as role: Role, port: UInt16) throws -> Intruder {
        let number = UInt64.random(in: 1...UInt64.max)
        let id = role == .worker ? WorkerID(number).routingID : ClientID(number).routingID
        let options = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes, maximumFrames: 64)
        guard let peer = Peer(id) else { throw POSIXError(.EINVAL) }
        return try Intruder(DealerSocket(context, options, as: peer), to: .tcp(host: "127.0.0.1", port: port))
    }

    private init(_ socket: DealerSocket, to endpoint: Endpoint) throws {
        self.socket = socket
        poller = try Poller(Waker())
        try socket.connect(endpoint)
        poller.add(socket)
    }

    /// Says it, as soon as there is room and a connection, for which it waits so long. Returns whether it was said.
    func say(_ frames: [[UInt8]], within milliseconds: Int) -> Bool {
        for _ in 0...milliseconds {
            if socket.send(frames) == .sent { return true }
            _ = poller.wait(timeoutMilliseconds: 1)
            while socket.receive() != nil {}
        }
        return false
    }

    /// The first frames of all answers that have come.
    func answers() -> [[UInt8]] {
        var answers: [[UInt8]] = []
        while let frames = socket.receive() {
            if let first = frames.first { answers.append(first.bytes) }
        }
        return answers
    }

    func close() {
        poller.remove(socket)
        socket.close()
    }
}
