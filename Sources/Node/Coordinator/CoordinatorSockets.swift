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
        /// Chunks that wait for one worker: it asks for fewer at a time, and one that does not read must not take more.
        private static let unreadChunks = 64

        /// Binds `listen`, and two free ports on the same host. At most `maximumUnread` messages wait for a client.
        init(listen: Endpoint, maximumUnread: Int) throws(TransportError) {
            context = try Context()
            let options = SocketOptions(
                maximumFrameBytes: Wire.Limits.headerBytes, sendHighWaterMark: maximumUnread,
                sendBufferBytes: Self.controlBufferBytes)
            control = try RouterSocket(context, options)
            controlMonitor = try control.monitor()
            tokens = try RouterSocket(context, SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes))
            weights = try RouterSocket(
                context,
                SocketOptions(
                    maximumFrameBytes: Wire.Limits.weightHeaderBytes, sendHighWaterMark: Self.unreadChunks))
            endpoint = try control.bind(listen)
            tokensEndpoint = try tokens.bind(listen.onFreePort)
            weightsEndpoint = try weights.bind(listen.onFreePort)
        }

        /// HOST:PORT as workers reach it.
        var joinAddress: String {
            endpoint.replacingWildcard(with: .tcp(host: MachineDescription.hostName, port: 1)).description
                .replacingOccurrences(of: "tcp://", with: "")
        }
    }
}

extension Endpoint {
    /// The same host, and whichever port is free.
    var onFreePort: Endpoint {
        guard case .tcp(let host, _) = self else { return self }
        return .tcp(host: host, port: 0)
    }
}
