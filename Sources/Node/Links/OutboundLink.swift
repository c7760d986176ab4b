// Responsible for: the upstream end of a link: one DEALER, its events, and what waits for the connection to come up.
// Must not know: what the frames mean.
import Transport
import Wire

/// A connection to a downstream node's ROUTER. Owned by one loop thread.
///
/// libzmq makes a connection again that broke, but none that was turned away; and a stage may be reached before it was told
/// whose steps it takes. So a link that is turned away is made anew, again and again.
final class OutboundLink {
    private(set) var socket: DealerSocket
    private var monitor: Monitor
    private let context: Context
    private let endpoint: Endpoint
    private let server: PublicKey?
    private let identity: KeyPair?
    private let options: SocketOptions
    private let poller: Poller
    private var waiting: [(header: [UInt8], bulk: Frame?)] = []
    /// When the handshake that is under way began, at the earliest: events do not say when they came about, and a thread
    /// that stood still reads both ends of one at once.
    private var connectedAt = ContinuousClock.now
    /// When events were last looked at.
    private var lookedAt = ContinuousClock.now
    /// Whoever has another key than we expect ends a handshake at once; what takes so long was lost on the way.
    private static let quickEnd = Duration.seconds(1)
    /// When to make the link anew; nil: it need not be.
    private var renewal: ContinuousClock.Instant?
    /// The most messages that may wait; the credit rules keep their number far below.
    private static let capacity = 2 * Wire.Limits.stepsInFlight
    private static let awaitedMilliseconds = 200
    private static let renewalDelay = Duration.milliseconds(200)

    /// Connects to `endpoint`, where `server` must answer (nil: links are open), and joins `poller`. `identity`: the key to
    /// show there; nil: the context's own. `isAwaited`: who is there again is found at once. Throws where the endpoint cannot be one.
    init(
        _ context: Context, to endpoint: Endpoint, server: PublicKey?, identity: KeyPair? = nil,
        maximumFrameBytes: Int, sendHighWaterMark: Int = 1000, isAwaited: Bool = false, poller: Poller
    ) throws(TransportError) {
        (self.context, self.endpoint, self.server, self.identity) = (context, endpoint, server, identity)
        var options = SocketOptions(maximumFrameBytes: maximumFrameBytes, sendHighWaterMark: sendHighWaterMark)
        if isAwaited { options.longestReconnectMilliseconds = Self.awaitedMilliseconds }
        self.options = options
        self.poller = poller
        (socket, monitor) = try Self.open(context, endpoint, server, identity, options, poller)
    }

    private static func open(
        _ context: Context, _ endpoint: Endpoint, _ server: PublicKey?, _ identity: KeyPair?,
        _ options: SocketOptions, _ poller: Poller
    ) throws(TransportError) -> (DealerSocket, Monitor) {
        let socket = try DealerSocket(context, options, server: server, identity: identity)
        let monitor = try socket.monitor()
        do throws(TransportError) { try socket.connect(endpoint) } catch {
            socket.close()
            monitor.close()
            throw error
        }
        poller.add(socket)
        poller.add(monitor)
        return (socket, monitor)
    }

    /// Whether messages wait for a connection.
    var isWaiting: Bool { !waiting.isEmpty }

    /// Sends a header and, where there is one, a frame beside it; keeps them while there is no connection yet.
    func send(_ header: [UInt8], bulk: Frame? = nil) {
        if !waiting.isEmpty || !offer(header, bulk) {
            precondition(waiting.count < Self.capacity, "more messages wait than there is credit for")
            waiting.append((header, bulk))
        }
    }

    /// Sends frames and one beside them; false: there is no connection, or it has no room for more now.
    func offer(_ frames: [[UInt8]], sharing bulk: Frame) -> Bool {
        waiting.isEmpty && socket.send(frames, sharing: bulk) == .sent
    }

    private func offer(_ header: [UInt8], _ bulk: Frame?) -> Bool {
        let result = if let bulk { socket.send([header], sharing: bulk) } else { socket.send([header]) }
        return result == .sent
    }

    /// What happened to the connection since the last call; sends what has waited.
    func events() -> [ConnectionEvent] {
        renew()
        var events: [ConnectionEvent] = []
        defer { lookedAt = .now }
        while let event = monitor.next() {
            if event == .connected { connectedAt = lookedAt }
            // The end of the connection follows.
            if case .handshakeFailed = event, connectedAt.duration(to: .now) > Self.quickEnd { continue }
            events.append(event)
            if event == .turnedAway || event == .otherSecurity { renewal = .now + Self.renewalDelay }
        }
        while let first = waiting.first, offer(first.header, first.bulk) { waiting.removeFirst() }
        return events
    }

    private func renew() {
        guard let due = renewal, due <= .now else { return }
        renewal = nil
        // Out of descriptors, say: the old one stays, and it is tried again.
        guard
            let (newSocket, newMonitor) = try? Self.open(
                context, endpoint, server, identity, options, poller)
        else {
            renewal = .now + Self.renewalDelay
            return
        }
        close()
        (socket, monitor) = (newSocket, newMonitor)
    }

    /// Drops the connection and all that waits.
    func close() {
        poller.remove(socket)
        poller.remove(monitor)
        socket.close()
        monitor.close()
    }
}
