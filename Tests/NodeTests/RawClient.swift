// Responsible for: clients that do what they like: read late or never, close in mid-stream. Must not know: what a
// coordinator makes of it.
import Foundation
import Testing
import Transport
import Wire

@testable import Node

/// How a test's own peers come in to a cluster: by a key that the coordinator admits.
struct Door: Sendable {
    let address: String
    /// The coordinator's.
    let server: PublicKey
    let pair: KeyPair
    /// Keeps a worker's key from others of the same folder.
    var keeper: KeyFile?

    /// A context that shows the key.
    func context() throws -> Context { try Context(.keys(pair, Admission())) }

    /// A socket on its way to an endpoint, the coordinator's control port by default; `server`: whose key is there.
    func socket(
        _ context: Context, _ options: SocketOptions = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes),
        to endpoint: String? = nil, server: PublicKey? = nil
    ) throws -> DealerSocket {
        let socket = try DealerSocket(context, options, server: server ?? self.server)
        try socket.connect(try Endpoint(parsing: endpoint ?? address))
        return socket
    }
}

extension TestCluster {
    /// The way in for a client: the owner's.
    nonisolated func door() throws -> Door { try door(identity: nil) }

    /// The way in for a worker with a key of its own.
    nonisolated func workerDoor() throws -> Door {
        let passage = try Passage(
            JoinAddress(parsing: address, .join), role: .worker, folder: state, isInsecure: false)
        let way = try #require(try passage.find())
        try passage.enrol(way, in: try Context(passage.security()))
        let key = try #require(passage.key)
        var door = try door(identity: key.pair)
        door.keeper = key
        return door
    }

    private nonisolated func door(identity: KeyPair?) throws -> Door {
        guard case .tcp(_, let port) = try Endpoint(parsing: address) else { throw TimedOut() }
        let local = try #require(try LocalCoordinator.find(port, in: state))
        return Door(
            address: address, server: try #require(PublicKey(text: local.key)),
            pair: try identity ?? #require(JoinToken(text: local.token)).pair)
    }
}

/// One connection to a coordinator, owned by one thread.
final class RawClient {
    private let socket: DealerSocket
    private let poller: Poller

    /// Connects. Of what it does not read, `unread` messages are taken off the connection.
    init(_ context: Context, _ door: Door, unread: Int = 1000) throws {
        let options = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes, receiveHighWaterMark: unread)
        socket = try door.socket(context, options)
        poller = try Poller(Waker())
        poller.add(socket)
    }

    /// Says something, as soon as there is a connection.
    func say(_ message: ClientMessage) throws {
        let frame = ControlRequest.client(message).encode()
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            if socket.send([frame]) == .sent { return }
            pause(milliseconds: 1)
        }
        throw TimedOut()
    }

    /// The next reply that `read` makes something of.
    func next<Value>(_ read: (ClientReply) throws -> Value?) throws -> Value {
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            while let frames = socket.receive() {
                if let value = try read(try ClientReply(decoding: frames[0].bytes)) { return value }
            }
            _ = poller.wait(timeoutMilliseconds: 100)
        }
        throw TimedOut()
    }

    func close() {
        poller.remove(socket)
        socket.close()
    }
}

/// This process's resident memory in bytes, from /proc/self/statm (proc(5)): its second number, in pages.
func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}
