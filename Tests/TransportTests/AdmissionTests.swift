// Who gets through the handshake of an encrypted socket, and who does not.
import Glibc
import Testing

@testable import Transport

/// A listening socket that wants keys.
private struct Gate {
    let pair = KeyPair.random()
    let admission = Admission()
    let context: Context
    let router: RouterSocket
    let endpoint: Endpoint
    let poller: Poller

    init(purpose: String = "door") throws {
        context = try Context(.keys(pair, admission))
        router = try RouterSocket(context, ListeningRouter.options, purpose: purpose)
        endpoint = try router.bind(Endpoint(parsing: "tcp://127.0.0.1:0"))
        poller = try Poller(Waker())
        poller.add(router)
        poller.add(router.monitor)
    }

    func nextMessage() throws -> Arrival {
        try wait("a message") {
            _ = poller.wait(timeoutMilliseconds: 20)
            _ = router.takeEvents()
            return router.receive()
        }
    }
}

/// Somebody who connects, in a context of its own.
private final class Visitor {
    let socket: DealerSocket
    let monitor: Monitor
    private let context: Context

    init(_ gate: Gate, _ security: LinkSecurity, server: PublicKey?) throws {
        context = try Context(security)
        socket = try DealerSocket(context, ListeningRouter.options, server: server)
        monitor = try socket.monitor()
        try socket.connect(gate.endpoint)
    }

    /// What becomes of the first handshake.
    func outcome() throws -> ConnectionEvent {
        try wait("a handshake") {
            while let event = monitor.next() {
                switch event {
                case .connected, .accepted, .disconnected: continue
                default: return event
                }
            }
            return pause()
        }
    }
}

@Suite struct AdmissionTests {
    @Test("An admitted key passes, and its messages carry it")
    func admitted() throws {
        let gate = try Gate()
        let pair = KeyPair.random()
        gate.admission.admit([pair.publicKey], for: "door")
        let visitor = try Visitor(gate, .keys(pair, Admission()), server: gate.pair.publicKey)
        #expect(try visitor.outcome() == .handshakeSucceeded)
        try visitor.socket.sendWhenPossible([[1], pattern(1 << 20)])
        let arrival = try gate.nextMessage()
        #expect(arrival.key == pair.publicKey)
        #expect(arrival.frames.map(\.count) == [1, 1 << 20])
        // The largest frame that is allowed is allowed encrypted too.
        try visitor.socket.sendWhenPossible([pattern(ListeningRouter.options.maximumFrameBytes)])
        #expect(try gate.nextMessage().frames[0].count == ListeningRouter.options.maximumFrameBytes)
        #expect(gate.router.send(to: arrival.peer, [[2]]) == .sent)
        #expect(try visitor.socket.nextMessage().map(\.bytes) == [[2]])
        #expect(gate.router.endFloods().ended.isEmpty)
    }

    @Test("A key that nobody admits is turned away, is told so, and is remembered for the log")
    func stranger() throws {
        let gate = try Gate()
        let (friend, pair) = (KeyPair.random(), KeyPair.random())
        gate.admission.admit([friend.publicKey], for: "door")
        gate.admission.admit([pair.publicKey], for: "another door")
        let visitor = try Visitor(gate, .keys(pair, Admission()), server: gate.pair.publicKey)
        #expect(try visitor.outcome() == .turnedAway)
        // One that is admitted by the next look was a newcomer.
        #expect(gate.admission.takeStrangers().count == 0)
        let (strangers, count) = gate.admission.takeStrangers()
        #expect(gate.admission.takeStrangers().count == 0)
        #expect(count >= 1 && strangers.count == 1)
        #expect(strangers.first?.purpose == "door" && strangers.first?.key == pair.publicKey)
        #expect(strangers.first?.address == "127.0.0.1")
        #expect(visitor.socket.send([[1]]) == .full)
        #expect(gate.router.receive() == nil)
    }

    @Test("A newcomer, turned away and admitted a moment later, is no stranger")
    func newcomer() throws {
        let gate = try Gate()
        let pair = KeyPair.random()
        let visitor = try Visitor(gate, .keys(pair, Admission()), server: gate.pair.publicKey)
        #expect(try visitor.outcome() == .turnedAway)
        #expect(gate.admission.takeStrangers().count == 0)
        gate.admission.admit([pair.publicKey], for: "door")
        let (strangers, count) = gate.admission.takeStrangers()
        #expect(strangers.isEmpty && count == 0)
    }

    @Test("Whoever expects another key behind the address does not get through, and sends nothing")
    func otherServer() throws {
        let gate = try Gate()
        let pair = KeyPair.random()
        gate.admission.admit([pair.publicKey], for: "door")
        let visitor = try Visitor(gate, .keys(pair, Admission()), server: KeyPair.random().publicKey)
        let outcome = try visitor.outcome()
        guard case .handshakeFailed = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(visitor.socket.send([[1]]) == .full)
        #expect(gate.router.receive() == nil)
    }

    @Test("A peer without a key is refused, and a peer with one does not talk to a socket without")
    func otherSecurity() throws {
        let gate = try Gate()
        let open = try Visitor(gate, .open, server: nil)
        // The side that sees it first ends the connection, perhaps before the other has; then it is tried again.
        try wait("the refusal") { try open.outcome() == .otherSecurity ? () : nil }
        #expect(open.socket.send([[1]]) == .full)

        let link = try ListeningRouter()
        let context = try Context(.keys(.random(), Admission()))
        let socket = try DealerSocket(context, ListeningRouter.options, server: KeyPair.random().publicKey)
        let monitor = try socket.monitor()
        try socket.connect(link.endpoint)
        var seen: [ConnectionEvent] = []
        try wait("the refusal") {
            while let event = monitor.next() { seen.append(event) }
            return seen.contains(.otherSecurity) ? () : pause()
        }
        #expect(!seen.contains(.handshakeSucceeded))
    }

    @Test("A key that is taken off is turned away from then on, and its connection ends")
    func removed() throws {
        let gate = try Gate()
        let (pair, other) = (KeyPair.random(), KeyPair.random())
        gate.admission.admit([pair.publicKey, other.publicKey], for: "door")
        let visitor = try Visitor(gate, .keys(pair, Admission()), server: gate.pair.publicKey)
        let friend = try Visitor(gate, .keys(other, Admission()), server: gate.pair.publicKey)
        try visitor.socket.sendWhenPossible([[1]])
        let peer = try gate.nextMessage().peer
        try friend.socket.sendWhenPossible([[2]])
        let friendPeer = try gate.nextMessage().peer

        gate.admission.admit([other.publicKey], for: "door")
        gate.router.disconnect { $0 == pair.publicKey }
        try wait("unreachable") { gate.router.send(to: peer, [[9]]) == .unreachable ? () : pause() }
        #expect(try { try visitor.outcome() }() == .handshakeSucceeded)
        #expect(try visitor.outcome() == .turnedAway)
        #expect(gate.router.send(to: friendPeer, [[7]]) == .sent)
        #expect(try friend.socket.nextMessage().map(\.bytes) == [[7]])
    }

    @Test("Keys and their texts belong to each other")
    func texts() throws {
        let pair = KeyPair.random()
        #expect(PublicKey(text: pair.publicKey.description) == pair.publicKey)
        #expect(pair.publicKey.description.utf8.count == 43)
        #expect(KeyPair(secret: pair.secret)?.publicKey == pair.publicKey)
        // The key exchange of https://tls13.xargs.org, an X25519 pair as RFC 7748 makes it.
        let known = KeyPair(secret: Array(0x20..<0x40))
        #expect(known?.publicKey.bytes == hex("358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"))
        for text in ["", "A", "AB", "ABC", "====", "AB+D", "AB/D", "AB D", String(repeating: "A", count: 42)] {
            #expect(PublicKey(text: text) == nil, "\(text)")
        }
        #expect(KeyText.decode("_-8") == [255, 239])
        #expect(KeyText.decode("_-9") == nil, "bits that no byte has")
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(KeyText.decode(KeyText.encode(bytes)) == bytes)
        }
    }

    private func hex(_ text: String) -> [UInt8] {
        stride(from: 0, to: text.count, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
    }
}
