// Messages there and back: order, sizes, limits, back pressure, endpoints in use.
import Glibc
import Testing

@testable import Transport

@Suite struct RoundTripTests {
    @Test("A message goes there and its answer comes back", arguments: ["tcp://127.0.0.1:0", "inproc://round-trip"])
    func roundTrip(listen: String) throws {
        let link = try ListeningRouter(listen: listen)
        let dealer = try link.dealer()
        try dealer.sendWhenPossible([[1, 2], [], [3]])
        let (peer, frames) = { ($0.peer, $0.frames) }(try link.nextMessage())
        #expect(frames.map(\.bytes) == [[1, 2], [], [3]])

        #expect(link.router.send(to: peer, [[4], [5, 6]]) == .sent)
        #expect(try dealer.nextMessage().map(\.bytes) == [[4], [5, 6]])
        #expect(link.router.receive() == nil)
        #expect(dealer.receive() == nil)
    }

    @Test("A frame of 4 MiB passes whole in both directions", arguments: ["tcp://127.0.0.1:0", "inproc://large"])
    func largeFrames(listen: String) throws {
        let link = try ListeningRouter(listen: listen)
        let dealer = try link.introducedDealer()
        let large = pattern(4 << 20)
        let result = large.withUnsafeBytes { dealer.send([[7]], bulk: $0) }
        #expect(result == .sent)
        let (peer, frames) = { ($0.peer, $0.frames) }(try link.nextMessage())
        #expect(frames.count == 2 && frames[0].bytes == [7] && frames[1].bytes == large)

        let back = frames[1].withUnsafeBytes { link.router.send(to: peer, [], bulk: $0) }
        #expect(back == .sent)
        #expect(try dealer.nextMessage().map(\.bytes) == [large])

        // The same bytes twice, without a copy.
        let shared = large.withUnsafeBytes { Frame(copying: $0) }
        #expect(dealer.send([[8]], sharing: shared) == .sent && dealer.send([], sharing: shared) == .sent)
        #expect(try link.nextMessage().frames.map(\.bytes) == [[8], large])
        #expect(try link.nextMessage().frames.map(\.bytes) == [large])
        #expect(shared.bytes == large)
    }

    @Test("Port 0 becomes the port that the system chose, also on every address and over IPv6")
    func freePorts() throws {
        let link = try ListeningRouter()
        guard case .tcp(let host, let port) = link.endpoint else { throw Unexpected() }
        #expect(host == "127.0.0.1" && port != 0)

        let everywhere = try RouterSocket(link.context, ListeningRouter.options, purpose: "tests")
        guard case .tcp(_, let chosen) = try everywhere.bind(.tcp(host: "*", port: 0)) else { throw Unexpected() }
        #expect(chosen != 0 && chosen != port)

        let byName = try RouterSocket(link.context, ListeningRouter.options, purpose: "tests")
        guard case .tcp(let named, _) = try byName.bind(.tcp(host: "localhost", port: 0)) else { throw Unexpected() }
        #expect(named.hasPrefix("127."))
    }

    @Test("A port in use is an error that names the endpoint")
    func portInUse() throws {
        let link = try ListeningRouter()
        let second = try RouterSocket(link.context, ListeningRouter.options, purpose: "tests")
        let error = try #require(throws: TransportError.self) { try second.bind(link.endpoint) }
        #expect(error == .addressInUse(link.endpoint))
        #expect(error.description.contains(link.endpoint.description))
        #expect(error.hint.contains(link.endpoint.description))
    }

    @Test("An address of another host cannot be listened on")
    func foreignAddress() throws {
        let endpoint = Endpoint.tcp(host: "192.0.2.1", port: 0)  // TEST-NET-1: nobody's
        let router = try RouterSocket(try Context(.open), ListeningRouter.options, purpose: "tests")
        #expect(throws: TransportError.notALocalAddress(endpoint)) { try router.bind(endpoint) }
    }

    @Test("An endpoint to listen on is not one to connect to")
    func connectNowhere() throws {
        let link = try ListeningRouter()
        let dealer = try DealerSocket(link.context, ListeningRouter.options, server: nil)
        #expect(throws: TransportError.self) { try dealer.connect(.tcp(host: "*", port: 7070)) }
        #expect(throws: TransportError.self) { try dealer.connect(.tcp(host: "127.0.0.1", port: 0)) }
    }

    @Test("Under a small high water mark a flood is answered with full, and never blocks")
    func flood() throws {
        let narrow = SocketOptions(maximumFrameBytes: 1 << 20, sendHighWaterMark: 4, receiveHighWaterMark: 4)
        let link = try ListeningRouter(narrow)
        let dealer = try link.introducedDealer(narrow)
        let peer = link.peer
        let block = pattern(256 << 10)

        // The kernel's own buffers take some; what matters is that the end comes, and that it is not a wait.
        let start = ContinuousClock.now
        var sent = 0
        while sent < 1000, link.router.send(to: peer, [[UInt8(truncatingIfNeeded: sent)], block]) == .sent { sent += 1 }
        #expect(sent < 1000)
        #expect(link.router.send(to: peer, [block]) == .full)
        let time = ContinuousClock.now - start
        #expect(time < Duration.seconds(2) * slowness())

        // Everything that was taken arrives, whole and in order, and then there is room again.
        for index in 0..<sent {
            let frames = try dealer.nextMessage()
            #expect(frames.count == 2 && frames[0].bytes == [UInt8(truncatingIfNeeded: index)])
        }
        try wait("room") { link.router.send(to: peer, [[1]]) == .sent ? () : pause() }
    }

    @Test("A DEALER that is not connected has no room")
    func notConnected() throws {
        let context = try Context(.open)
        let dealer = try DealerSocket(context, ListeningRouter.options, server: nil)
        try dealer.connect(.tcp(host: "127.0.0.1", port: 1))
        #expect(dealer.send([[1]]) == .full)
    }

    @Test("A context ends at once, with connected sockets and unread and unsent messages")
    func cleanShutdown() throws {
        weak var context: Context?
        let start = ContinuousClock.now
        try {
            let link = try ListeningRouter()
            context = link.context
            let dealer = try link.introducedDealer()
            let hopeless = try DealerSocket(link.context, ListeningRouter.options, server: nil)
            try hopeless.connect(.tcp(host: "127.0.0.1", port: 1))
            for _ in 0..<100 { _ = dealer.send([pattern(1000)]) }
        }()
        #expect(context == nil)
        let time = ContinuousClock.now - start
        #expect(time < Duration.seconds(2) * slowness())
    }

    private struct Unexpected: Error {}
}
