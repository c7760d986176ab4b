// Responsible for: TCP connections that are handed on from one port to another, and can be made to carry nothing or be
// closed. Must not know: what they carry.
import Bench
import Foundation
import Sequences

/// The ways to and from one worker, each a port that is handed on to another of this machine. A thread of its own moves
/// what comes; all else may be called from any thread.
final class Relay: @unchecked Sendable {
    /// A port that is handed on.
    struct Link {
        /// An address of this machine; port 0: any free one.
        var host: String
        var port: UInt16
        /// Where whoever connects is led to, on 127.0.0.1.
        var target: UInt16
        /// Who connects is the worker; otherwise it is connected to.
        var isFromWorker: Bool
        /// Whose connections with the worker these are.
        var side: Fault.Side
    }

    private let links: [Link]
    private let listeners: [Int32]
    private let bell: (reading: Int32, writing: Int32)
    private let lock = NSLock()
    private var cut: (Fault.Cut, Fault.Side)?
    private var isOver = false

    /// Bytes that are read at a time, and wait for who is to have them.
    private static let chunkBytes = 64 << 10

    /// Listens on all links. Throws where a port is taken.
    init(_ links: [Link]) throws(TandemError) {
        self.links = links
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw TandemError("no pipe can be made: \(String(cString: strerror(errno)))", kind: .internal)
        }
        bell = (ends[0], ends[1])
        var listeners: [Int32] = []
        do {
            for link in links { listeners.append(try LoopbackSocket.listening(link.host, link.port)) }
        } catch {
            for listener in listeners + ends { close(listener) }
            throw error
        }
        self.listeners = listeners
        Thread.detachNewThread { [self] in run() }
    }

    /// The port of a link.
    func port(_ link: Int) -> UInt16 { LoopbackSocket.port(of: listeners[link]) }

    /// From now on, until `heal`.
    func cut(_ cut: Fault.Cut, _ side: Fault.Side) { change { self.cut = (cut, side) } }

    func heal() { change { cut = nil } }

    /// Ends all connections and the thread.
    func end() { change { isOver = true } }

    private func change(_ body: () -> Void) {
        lock.withLock(body)
        _ = write(bell.writing, [1], 1)
    }

    // MARK: The thread

    /// One connection and its continuation.
    private struct Connection {
        let link: Int
        /// Of who connected, and of who was connected to; the latter nil: not yet.
        let near: Int32
        var far: Int32?
        /// On their way.
        var toFar: ArraySlice<UInt8> = []
        var toNear: ArraySlice<UInt8> = []
        var isDead = false
    }

    private func run() {
        var connections: [Connection] = []
        while true {
            let (cut, isOver) = lock.withLock { (self.cut, self.isOver) }
            if isOver { break }
            for index in connections.indices where effect(cut, on: connections[index].link) == .closed {
                connections[index].isDead = true
            }
            for index in connections.indices { connect(&connections[index], effect(cut, on: connections[index].link)) }
            for connection in connections where connection.isDead { reset(connection) }
            connections.removeAll(where: \.isDead)
            move(&connections, cut)
        }
        for connection in connections { reset(connection) }
        for descriptor in listeners + [bell.reading, bell.writing] { close(descriptor) }
    }

    /// What a cut does to a link; nil: nothing.
    private func effect(_ cut: (Fault.Cut, Fault.Side)?, on link: Int) -> Fault.Cut? {
        guard let (cut, side) = cut, side == .everybody || side == links[link].side else { return nil }
        return cut
    }

    /// Who connects amid silence is led on when that is over.
    private func connect(_ connection: inout Connection, _ effect: Fault.Cut?) {
        guard connection.far == nil, effect == nil, !connection.isDead else { return }
        connection.far = LoopbackSocket.connecting(to: links[connection.link].target)
        connection.isDead = connection.far == nil
    }

    /// Waits until something can be moved, and moves it.
    private func move(_ connections: inout [Connection], _ cut: (Fault.Cut, Fault.Side)?) {
        var polled = [pollfd(fd: bell.reading, events: Int16(POLLIN), revents: 0)]
        polled += listeners.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let first = polled.count
        for connection in connections {
            let (takesNear, takesFar) = takes(connection, cut)
            var (near, far) = (Int16(0), Int16(0))
            if takesNear { near |= Int16(POLLIN) }
            if takesFar { far |= Int16(POLLIN) }
            if !connection.toNear.isEmpty { near |= Int16(POLLOUT) }
            if !connection.toFar.isEmpty { far |= Int16(POLLOUT) }
            // Of a connection of which nothing is wanted not even its end is.
            polled.append(pollfd(fd: near == 0 ? -1 : connection.near, events: near, revents: 0))
            polled.append(pollfd(fd: far == 0 ? -1 : connection.far ?? -1, events: far, revents: 0))
        }
        guard poll(&polled, nfds_t(polled.count), -1) > 0 else { return }
        if polled[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(bell.reading, &bytes, bytes.count) > 0 {}
            // What was decided just now comes first.
            return
        }
        for index in connections.indices {
            let (near, far) = (polled[first + 2 * index].revents, polled[first + 2 * index + 1].revents)
            serve(&connections[index], near: near, far: far, takes(connections[index], cut))
        }
        for (link, listener) in listeners.enumerated() where polled[1 + link].revents != 0 {
            if let near = LoopbackSocket.accepted(by: listener) {
                connections.append(Connection(link: link, near: near))
            }
        }
    }

    /// Whether more of what either end says is read now.
    private func takes(_ connection: Connection, _ cut: (Fault.Cut, Fault.Side)?) -> (near: Bool, far: Bool) {
        var (isNearHeard, isFarHeard) = (connection.far != nil, connection.far != nil)
        if case .silent(let ways)? = effect(cut, on: connection.link) {
            let isFromWorker = links[connection.link].isFromWorker
            if ways != .toWorker { if isFromWorker { isNearHeard = false } else { isFarHeard = false } }
            if ways != .fromWorker { if isFromWorker { isFarHeard = false } else { isNearHeard = false } }
        }
        return (isNearHeard && connection.toFar.isEmpty, isFarHeard && connection.toNear.isEmpty)
    }

    private func serve(_ connection: inout Connection, near: Int16, far: Int16, _ takes: (near: Bool, far: Bool)) {
        guard let other = connection.far else { return }
        let gone = Int16(POLLERR) | Int16(POLLHUP) | Int16(POLLIN)
        if takes.near, near & gone != 0, !receive(connection.near, &connection.toFar) { connection.isDead = true }
        if takes.far, far & gone != 0, !receive(other, &connection.toNear) { connection.isDead = true }
        if !connection.toFar.isEmpty, !send(other, &connection.toFar) { connection.isDead = true }
        if !connection.toNear.isEmpty, !send(connection.near, &connection.toNear) { connection.isDead = true }
    }

    /// False: there is nothing more to come.
    private func receive(_ descriptor: Int32, _ bytes: inout ArraySlice<UInt8>) -> Bool {
        var count = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { buffer, size in
            count = read(descriptor, buffer.baseAddress, buffer.count)
            size = max(0, count)
        }
        bytes = chunk[...]
        return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR)
    }

    /// False: nobody takes it.
    private func send(_ descriptor: Int32, _ bytes: inout ArraySlice<UInt8>) -> Bool {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count > 0 { bytes = bytes.dropFirst(count) }
        return count >= 0 || errno == EAGAIN || errno == EINTR || errno == ENOTCONN
    }

    /// Both ends learn at once that it is over.
    private func reset(_ connection: Connection) {
        for descriptor in [connection.near, connection.far].compactMap(\.self) {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            close(descriptor)
        }
    }
}
