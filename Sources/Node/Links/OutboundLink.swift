// Responsible for: the upstream end of a link: one DEALER, its events, and what waits for the connection to come up.
// Must not know: what the frames mean.
import Transport
import Wire

/// A connection to a downstream node's ROUTER. Owned by one loop thread.
final class OutboundLink {
    let socket: DealerSocket
    private let monitor: Monitor
    private let poller: Poller
    private var waiting: [(header: [UInt8], bulk: Frame?)] = []
    /// The most messages that may wait; the credit rules keep their number far below.
    private static let capacity = 2 * Wire.Limits.stepsInFlight

    /// Connects to `endpoint` and joins `poller`. Throws where the endpoint cannot be one.
    init(
        _ context: Context, to endpoint: Endpoint, as id: Peer, maximumFrameBytes: Int, poller: Poller
    ) throws(TransportError) {
        socket = try DealerSocket(context, SocketOptions(maximumFrameBytes: maximumFrameBytes), as: id)
        monitor = try socket.monitor()
        self.poller = poller
        try socket.connect(endpoint)
        poller.add(socket)
        poller.add(monitor)
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

    private func offer(_ header: [UInt8], _ bulk: Frame?) -> Bool {
        let result = if let bulk { socket.send([header], sharing: bulk) } else { socket.send([header]) }
        return result == .sent
    }

    /// What happened to the connection since the last call; sends what has waited.
    func events() -> [ConnectionEvent] {
        var events: [ConnectionEvent] = []
        while let event = monitor.next() { events.append(event) }
        while let first = waiting.first, offer(first.header, first.bulk) { waiting.removeFirst() }
        return events
    }

    /// Drops the connection and all that waits.
    func close() {
        poller.remove(socket)
        poller.remove(monitor)
        socket.close()
        monitor.close()
    }
}
