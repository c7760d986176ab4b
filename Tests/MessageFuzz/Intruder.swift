// Responsible for: the connections of a member or client that means harm, and how it is let in. Must not know: what it
// says.
import Foundation
import Testing
import Transport
import Wire

@testable import CommandTests
@testable import Node

/// Who somebody is to a cluster, by the key that he shows.
struct Identity: Sendable {
    enum Role: Sendable { case worker, client, owner, newcomer, stranger }

    let role: Role
    let pair: KeyPair

    static let stranger = Identity(role: .stranger, pair: .random())

    /// Whether a coordinator lets it in on a port of that kind. A worker's data port lets nobody in but the stage before.
    func isAdmitted(to kind: Target.Kind) -> Bool {
        switch (role, kind) {
        case (.stranger, _), (_, .data): false
        case (_, .control), (.worker, _): true
        case (_, .results), (_, .weights): false
        }
    }
}

/// The keys around a cluster of processes.
struct Keyring {
    /// The coordinator's.
    let server: PublicKey
    /// Those of its workers, whichever is whose.
    let workers: [PublicKey]
    /// A worker and a client, both members, with keys and folders of their own; whoever started the coordinator; somebody
    /// who has a token; and one whom nobody knows.
    let identities: [Identity]

    init(_ cluster: LocalCluster) async throws {
        let state = StateFolder(cluster.folder.path + "/state/tandem")
        let line = try JoinAddress(parsing: cluster.line, .join)
        server = try #require(line.key)
        guard case .tcp(_, let port) = line.endpoint else { throw POSIXError(.EINVAL) }
        let local = try #require(try LocalCoordinator.find(port, in: state))
        let owner = try #require(JoinToken(text: local.token)).pair
        workers = try (1...max(1, cluster.workers.count)).compactMap { number in
            try state.secret(number == 1 ? "worker.key" : "worker-\(number).key").flatMap {
                KeyFile.parse($0)?.publicKey
            }
        }
        let forClients = try await tandem("token", "create", "--role", "client", "--json", cache: cluster.folder)
        struct Made: Decodable { var line: String }
        let clientLine = try JoinAddress(parsing: decode(Made.self, forClients.output).line, .join)
        identities = [
            Identity(role: .worker, pair: try Self.enrolled(line, .worker)),
            Identity(role: .client, pair: try Self.enrolled(clientLine, .client)),
            Identity(role: .owner, pair: owner),
            Identity(role: .newcomer, pair: try #require(line.token).pair), .stranger,
        ]
    }

    /// A key that is a member from now on.
    private static func enrolled(_ line: JoinAddress, _ role: NodeRole) throws -> KeyPair {
        let folder = try TemporaryFolder()
        let passage = try Passage(line, role: role, folder: StateFolder(folder.path), isInsecure: false)
        let way = try #require(try passage.find())
        try passage.enrol(way, in: try Context(passage.security()))
        return try #require(passage.key).pair
    }
}

/// One connection to one port, owned by one thread.
final class Intruder {
    private let socket: DealerSocket
    private let monitor: Monitor
    private let poller: Poller
    /// Whether a handshake has succeeded, ever.
    private(set) var wasLetIn = false

    /// Connects to a port of this machine, where `server` must answer.
    init(_ context: Context, as pair: KeyPair, to port: UInt16, server: PublicKey) throws {
        let options = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes, maximumFrames: 64)
        socket = try DealerSocket(context, options, server: server, identity: pair)
        monitor = try socket.monitor()
        poller = try Poller(Waker())
        try socket.connect(.tcp(host: "127.0.0.1", port: port))
        poller.add(socket)
        poller.add(monitor)
    }

    /// Says it, as soon as there is room and a connection, for which it waits so long. Returns whether it was said.
    func say(_ frames: [[UInt8]], within milliseconds: Int) -> Bool {
        for _ in 0...milliseconds {
            while let event = monitor.next() { if event == .handshakeSucceeded { wasLetIn = true } }
            if socket.send(frames) == .sent { return true }
            if milliseconds == 0 { return false }
            _ = poller.wait(timeoutMilliseconds: 1)
            while socket.receive() != nil {}
        }
        return false
    }

    /// The first frames of all answers that have come.
    func answers() -> [[UInt8]] {
        var answers: [[UInt8]] = []
        while let frames = socket.receive() {
            if let first = frames.first { answers.append(first.bytes) }
        }
        return answers
    }

    func close() {
        poller.remove(socket)
        poller.remove(monitor)
        socket.close()
        monitor.close()
    }
}
