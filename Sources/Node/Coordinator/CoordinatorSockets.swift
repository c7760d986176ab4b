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
        let controlMonitor: Monitor
        let tokens: RouterSocket
        let weights: RouterSocket
        let endpoint: Endpoint
        let tokensEndpoint: Endpoint
        let weightsEndpoint: Endpoint

        /// Thousands of clients that do not read must not take megabytes of the kernel each.
        private static let controlBufferBytes = 256 << 10

        /// Binds `listen`, and two free ports on the same host. At most `maximumUnread` messages wait for a client.
        init(listen: Endpoint, maximumUnread: Int) throws(TransportError) {
            context = try Context()
            let options = SocketOptions(
                maximumFrameBytes: Wire.Limits.headerBytes, sendHighWaterMark: maximumUnread,
                sendBufferBytes: Self.controlBufferBytes)
            control = try RouterSocket(context, options)
            controlMonitor = try control.monitor()
            tokens = try RouterSocket(context, SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes))
            weights = try RouterSocket(context, SocketOptions(maximumFrameBytes: Wire.Limits.weightHeaderBytes))
            endpoint = try control.bind(listen)
            tokensEndpoint = try tokens.bind(listen.onFreePort)
            weightsEndpoint = try weights.bind(listen.onFreePort)
        }

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

    /// The same host, and whichever port is free.
    var onFreePort: Endpoint {
        guard case .tcp(let host, _) = self else { return self }
        return .tcp(host: host, port: 0)
    }
}
