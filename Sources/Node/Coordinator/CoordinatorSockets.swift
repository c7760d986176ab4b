// Responsible for: the sockets on which a coordinator listens. Must not know: what arrives.
import Foundation
import Generation
import Sequences
import Transport
import Wire

extension CoordinatorLoop {
    /// The sockets that listen, bound before the loop's thread exists and owned by it from then on.
    struct Sockets: @unchecked Sendable {
        let context: Context
        let control: RouterSocket
        let tokens: RouterSocket
        let weights: RouterSocket
        let endpoint: Endpoint
        let tokensEndpoint: Endpoint
        let weightsEndpoint: Endpoint

        /// Thousands of clients that do not read must not take megabytes of the kernel each.
        private static let controlBufferBytes = 256 << 10
        /// Chunks that wait for one worker: it asks for fewer at a time, and one that does not read must not take more.
        private static let unreadChunks = 64
        /// Messages of one peer that wait for us; libzmq reads no more of it then.
        private static let untakenMessages = 64
        /// The largest message, and the next one on its way.
        private static let unreadBytes = Wire.Limits.headerBytes + (8 << 20)
        private static let unreadLimits = SocketOptions.SharedLimits(ofKey: 64 << 20, inAll: 128 << 20)
        /// What is said to peers and not taken: of one key less than many full queues, and of all what as many workers as
        /// there may be have outstanding.
        private static let unsentLimits = SocketOptions.SharedLimits(ofKey: 64 << 20, inAll: 1 << 30)
        /// Messages of one key in ten seconds: far more than clients have to ask, and workers to tell of steps and weights.
        private static let mostAsked = 30_000
        private static let mostTold = 100_000

        /// Binds `listen` and the two ports that follow it; all free ones where it asks for any. At most `maximumUnread`
        /// messages wait for a client.
        init(listen: Endpoint, maximumUnread: Int, _ security: LinkSecurity) throws(TransportError) {
            context = try Context(security)
            let options = SocketOptions(
                maximumFrameBytes: Wire.Limits.headerBytes, sendHighWaterMark: maximumUnread,
                receiveHighWaterMark: Self.untakenMessages, sendBufferBytes: Self.controlBufferBytes,
                maximumUnreadBytes: Self.unreadBytes, unreadLimits: Self.unreadLimits, unsentLimits: Self.unsentLimits,
                maximumConnections: SocketOptions.connections(of: 0.6), maximumMessages: Self.mostAsked)
            control = try RouterSocket(context, options, purpose: Roll.Purpose.control)
            tokens = try RouterSocket(
                context,
                SocketOptions(
                    maximumFrameBytes: Wire.Limits.headerBytes, receiveHighWaterMark: Self.untakenMessages,
                    maximumUnreadBytes: Self.unreadBytes, unreadLimits: Self.unreadLimits,
                    unsentLimits: Self.unsentLimits, maximumConnections: SocketOptions.connections(of: 0.1),
                    maximumMessages: Self.mostTold),
                purpose: Roll.Purpose.tokens)
            weights = try RouterSocket(
                context,
                SocketOptions(
                    maximumFrameBytes: Wire.Limits.probeBytes, sendHighWaterMark: Self.unreadChunks,
                    receiveHighWaterMark: Self.untakenMessages, maximumUnreadBytes: 1 << 20,
                    unreadLimits: .init(ofKey: 4 << 20, inAll: 64 << 20), unsentLimits: Self.unsentLimits,
                    maximumConnections: SocketOptions.connections(of: 0.1), maximumMessages: Self.mostTold),
                purpose: Roll.Purpose.weights)
            endpoint = try control.bind(listen)
            tokensEndpoint = try tokens.bind(listen.following(1))
            weightsEndpoint = try weights.bind(listen.following(2))
        }

        /// All of them.
        var listening: [RouterSocket] { [control, tokens, weights] }

        /// The port of the control link.
        var port: UInt16 { if case .tcp(_, let port) = endpoint { port } else { 0 } }

        /// Where workers reach it: at the address that was asked for, else where it listens, and where that is every
        /// address of this host, at the one by which this host reaches others.
        func joinEndpoint(_ advertised: Endpoint?) -> Endpoint {
            if let advertised, case .tcp(_, let port) = endpoint { return .tcp(host: advertised.host, port: port) }
            let own = NumericAddress.ownAddress ?? MachineDescription.hostName
            return endpoint.replacingWildcard(with: .tcp(host: own, port: 1))
        }
    }
}

extension Endpoint {
    /// The ports of a coordinator: control, results, weights.
    static let coordinatorPorts: UInt16 = 3

    /// The same host, and a port so many further; whichever is free, where any was asked for.
    func following(_ distance: UInt16) -> Endpoint {
        guard case .tcp(let host, let port) = self else { return self }
        return .tcp(host: host, port: port == 0 ? 0 : port &+ distance)
    }

    /// The address or name, without a port, under which a person says that this host is reached.
    init(advertised text: String, port: UInt16) throws(TransportError) {
        let host = text.contains(":") && !text.hasPrefix("[") ? "[\(text)]" : text
        try self.init(parsing: "\(host):\(port)")
        if self.host == "*" { throw .badEndpoint(text: text, reason: "others cannot connect to it") }
    }

    /// The same port on another host.
    func on(_ host: String) -> Endpoint {
        guard case .tcp(_, let port) = self else { return self }
        return .tcp(host: host, port: port)
    }

    /// HOST:PORT.
    var address: String { description.replacingOccurrences(of: "tcp://", with: "") }

    /// This endpoint, on the host of `other` where this names every address of its host.
    func replacingWildcard(with other: Endpoint) -> Endpoint {
        guard case .tcp(let host, let port) = self, ["*", "0.0.0.0", "::"].contains(host),
            case .tcp(let reachable, _) = other
        else { return self }
        return .tcp(host: reachable, port: port)
    }
}
