// Responsible for: clients that do what they like: read late or never, close in mid-stream. Must not know: what a
// coordinator makes of it.
import Foundation
import Testing
import Transport
import Wire

@testable import Node

/// One connection to a coordinator, owned by one thread.
final class RawClient {
    private let socket: DealerSocket
    private let poller: Poller

    /// Connects. Of what it does not read, `unread` messages are taken off the connection.
    init(_ context: Context, _ address: String, unread: Int = 1000) throws {
        let id = try #require(Peer(ClientID(UInt64.random(in: 1...UInt64.max)).routingID))
        let options = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes, receiveHighWaterMark: unread)
        socket = try DealerSocket(context, options, as: id)
        poller = try Poller(Waker())
        try socket.connect(try Endpoint(parsing: address))
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
