// What differs between the sockets of a node: limits of size and of queues. Must not know options that are the same for
// every socket; those are set in `SocketHandle`.
import Glibc

/// Limits of one socket. Every queue is bounded: flow control by credits belongs to the node, these only make sure that
/// a mistake there costs messages and not memory.
package struct SocketOptions: Sendable {
    /// Bytes of several connections of a listening socket together. Where there are more, the connections that hold the
    /// most of them are ended.
    package struct SharedLimits: Sendable {
        /// Of the connections of one key.
        package var ofKey: Int
        package var inAll: Int

        /// By default no less than one connection may hold, and what some of them may.
        package init(ofKey: Int = 128 << 20, inAll: Int = 256 << 20) { (self.ofKey, self.inAll) = (ofKey, inAll) }
    }

    /// The largest frame accepted, in bytes. A TCP peer that sends a larger one is disconnected by libzmq.
    package var maximumFrameBytes: Int
    /// The most frames a message may have (without the routing id); a message with more is dropped whole.
    package var maximumFrames: Int
    /// Messages queued per peer before `send` answers `.full`.
    package var sendHighWaterMark: Int
    /// Messages queued per peer before libzmq stops reading from it.
    package var receiveHighWaterMark: Int
    /// Bytes that the kernel holds of what goes to one peer; nil: as many as it likes, which is some megabytes.
    package var sendBufferBytes: Int?
    /// A connection that broke is tried again after 100 ms, then after twice as long each time, up to this.
    package var longestReconnectMilliseconds = 2000

    /// Bytes that one peer may have sent without having completed messages of them, or without our having taken these; a
    /// connection with more is ended. What libzmq itself does not limit: a message that never ends. Of listening sockets.
    package var maximumUnreadBytes: Int
    /// The same for several connections together.
    package var unreadLimits: SharedLimits
    /// Bytes that were sent to peers and that their hosts have not taken yet: a peer that reads nothing over many
    /// connections has as many full queues. Of listening sockets.
    package var unsentLimits: SharedLimits
    /// Connections of a listening socket, those under way included; further ones are closed at once.
    package var maximumConnections: Int
    /// Messages of one key within ten seconds, over all of its connections (where links are open: of one connection);
    /// whatever connection brings more is ended. Of listening sockets.
    package var maximumMessages: Int

    /// Limits in bytes and messages; marks of 1 or more (0 would mean "without limit", which nothing here may be).
    package init(
        maximumFrameBytes: Int, maximumFrames: Int = 8, sendHighWaterMark: Int = 1000, receiveHighWaterMark: Int = 1000,
        sendBufferBytes: Int? = nil, maximumUnreadBytes: Int = 64 << 20, unreadLimits: SharedLimits = SharedLimits(),
        unsentLimits: SharedLimits = SharedLimits(), maximumConnections: Int = SocketOptions.connections(of: 1),
        maximumMessages: Int = .max
    ) {
        precondition(maximumFrameBytes > 0 && maximumFrames > 0 && sendHighWaterMark > 0 && receiveHighWaterMark > 0)
        self.maximumMessages = maximumMessages
        self.maximumFrameBytes = maximumFrameBytes
        self.maximumFrames = maximumFrames
        self.sendHighWaterMark = sendHighWaterMark
        self.receiveHighWaterMark = receiveHighWaterMark
        self.sendBufferBytes = sendBufferBytes
        self.maximumUnreadBytes = maximumUnreadBytes
        self.unreadLimits = unreadLimits
        self.unsentLimits = unsentLimits
        self.maximumConnections = maximumConnections
    }

    /// So many connections may a socket have that takes this share of the descriptors which the process is allowed now.
    package static func connections(of share: Double) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return mostConnections }
        let room = Int(clamping: limit.rlim_cur) - ownDescriptors
        return min(mostConnections, max(fewestConnections, Int(Double(room) * share)))
    }

    private static let mostConnections = 4096
    private static let fewestConnections = 4
    /// What the process itself needs: sockets, wakers, clocks, files.
    private static let ownDescriptors = 64
}
