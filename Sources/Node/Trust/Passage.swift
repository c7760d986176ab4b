// Responsible for: a node's way to its coordinator: which key must answer, how to be admitted, what to say where it fails.
// Must not know: what is said once the way is open.
import Foundation
import Generation
import Logging
import Sequences
import Transport
import Wire

/// How a worker or a client reaches one coordinator. Values of it may be used by any thread; `open` blocks.
struct Passage: Sendable {
    /// Where it leads, and what was given with the address.
    let address: JoinAddress
    /// The place of the coordinator whose standby is there; nil: it is nobody's. Who owns one owns both.
    private(set) var principal: Endpoint?
    let role: NodeRole
    let folder: StateFolder
    /// Of this node; nil: links are open.
    let key: KeyFile?

    /// What has been found out of the coordinator.
    struct Way: Sendable {
        var endpoint: Endpoint
        /// nil: links are open.
        let server: PublicKey?
        /// What to connect with, where it is not this node's own key.
        var identity: KeyPair?
        fileprivate var token: JoinToken?

        /// Whether it says nothing else than another one.
        func isSame(as other: Way) -> Bool {
            (endpoint, server, token) == (other.endpoint, other.server, other.token)
        }

        /// A link over it, with this node's key or the one that it names.
        func link(
            _ context: Context, maximumFrameBytes: Int, _ poller: Poller
        ) throws(TransportError) -> OutboundLink {
            try OutboundLink(
                context, to: endpoint, server: server, identity: identity, maximumFrameBytes: maximumFrameBytes,
                isAwaited: true, poller: poller)
        }
    }

    /// Throws where the state folder or the key cannot be used.
    init(_ address: JoinAddress, role: NodeRole, folder: StateFolder, isInsecure: Bool) throws(TandemError) {
        (self.address, self.role, self.folder) = (address, role, folder)
        if isInsecure {
            key = nil
        } else {
            key =
                switch role {
                case .worker: try .own("worker", in: folder)
                case .client: try .shared("client", in: folder)
                case .standby: try .shared("coordinator", in: folder)
                }
        }
    }

    /// The way to another coordinator of the same cluster, with the same key. `isStandby`: of this one.
    func leading(to other: JoinAddress, isStandby: Bool = false) -> Passage {
        var passage = Passage(other, role, folder, key)
        passage.principal = isStandby ? address.endpoint : nil
        return passage
    }

    private init(_ address: JoinAddress, _ role: NodeRole, _ folder: StateFolder, _ key: KeyFile?) {
        (self.address, self.role, self.folder, self.key) = (address, role, folder, key)
    }

    /// For a context of this node. `admission`: for its listening sockets.
    func security(_ admission: Admission = Admission()) -> LinkSecurity {
        key.map { .keys($0.pair, admission) } ?? .open
    }

    // MARK: Finding

    /// What is known now of the coordinator; nil: it is to run on this machine, and does not. Throws where its key cannot be
    /// known.
    func find() throws(TandemError) -> Way? {
        guard key != nil else { return Way(endpoint: address.endpoint, server: nil) }
        if case .tcp(_, let port) = address.endpoint {
            if let local = try LocalCoordinator.find(port, in: folder),
                address.endpoint.isLoopback || local.address == address.place,
                let server = PublicKey(text: local.key), let token = JoinToken(text: local.token),
                address.key ?? server == server
            {
                // The owner asks with the token's own key; its workers need keys of their own.
                return Way(
                    endpoint: address.endpoint, server: server, identity: role == .client ? token.pair : nil,
                    token: role == .client ? token : address.token ?? token)
            }
        }
        if let server = address.key {
            var way = Way(endpoint: address.endpoint, server: server, token: address.token)
            if role == .client, case .tcp(_, let port)? = principal,
                let token = try LocalCoordinator.find(port, in: folder).flatMap({ JoinToken(text: $0.token) })
            {
                way.identity = token.pair
            }
            return way
        }
        if let server = try KnownCoordinators(folder).key(of: address.place) {
            return Way(endpoint: address.endpoint, server: server)
        }
        if address.endpoint.isLoopback { return nil }  // see `absent`
        let field: Field =
            switch role {
            case .worker: .join
            case .client: .coordinator
            case .standby: .standbyOf
            }
        throw TandemError(
            "the key of the coordinator at \(address.place) is not known here", kind: .forbidden,
            hint: "give \(field) HOST:PORT#KEY#TOKEN, as `tandem token create` prints it on the coordinator's host")
    }

    /// Where a coordinator that runs on this machine told other hosts to find it; nil: it is not known here.
    var announced: Endpoint? {
        guard key != nil, case .tcp(_, let port) = address.endpoint,
            let local = try? LocalCoordinator.find(port, in: folder)
        else { return nil }
        return try? Endpoint(parsing: local.address)
    }

    /// The address of a coordinator's name that answers; its first one where none does.
    static func answering(_ endpoint: Endpoint) throws(TandemError) -> Endpoint {
        guard case .tcp(let host, let port) = endpoint else { return endpoint }
        do { return .tcp(host: try NumericAddress.answering(host, port: port), port: port) } catch {
            throw TandemError(error)
        }
    }

    /// From now on HOST:PORT suffices.
    func remember(_ way: Way) {
        guard let server = way.server, address.key != nil else { return }
        try? KnownCoordinators(folder).remember(address.place, server)
    }

    // MARK: Enrolling

    /// How long each step of it may take.
    private static let patienceMilliseconds = 5_000

    /// Has this node's own key admitted with the token there is. Throws where there is none, or it is refused. Blocks.
    func enrol(_ way: Way, in context: Context) throws(TandemError) {
        guard let key, let token = way.token else { throw notAdmitted() }
        let host = MachineDescription.hostName
        let name = key.number == 1 ? host : "\(host)-\(key.number)"
        var enrol = Enrol(key: NodeKey(key.pair.publicKey), isClient: role == .client, name: name)
        enrol.build = Build.version
        enrol.isStandby = role == .standby
        var way = way
        way.identity = token.pair
        let (poller, link): (Poller, OutboundLink)
        do {
            poller = try Poller(Waker())
            link = try way.link(context, maximumFrameBytes: Wire.Limits.sentenceBytes * 2, poller)
        } catch { throw TandemError(error) }
        defer { link.close() }
        if case .refusal(let refusal) = try answer(to: .newcomer(enrol), over: link, poller) {
            throw TandemError(Sentence(refusal.reason), kind: .forbidden, isReply: true)
        }
    }

    private func answer(
        to request: ControlRequest, over link: OutboundLink, _ poller: Poller
    ) throws(TandemError) -> EnrolReply {
        link.send(request.encode())
        for _ in 0..<Self.patienceMilliseconds / 50 {
            _ = poller.wait(timeoutMilliseconds: 50)
            if link.events().contains(.turnedAway) { throw tokenRefused() }
            guard let frames = link.socket.receive() else { continue }
            do { return try EnrolReply(decoding: frames[0].bytes) } catch { throw TandemError(error) }
        }
        throw TandemError(
            "no coordinator answers at \(address.place)", kind: .unavailable,
            hint: "look whether it runs, and whether a firewall is between")
    }

    // MARK: Failures

    /// Nobody answers; or, on this machine, somebody whose key we cannot know.
    func absent() -> TandemError {
        if key != nil, address.key == nil, address.endpoint.isAnswered {
            return TandemError(
                "the coordinator at \(address.place) was not started by this user, and its key is not known here",
                kind: .forbidden,
                hint: "run `tandem token create \(.role) \(role.rawValue)` as the user who started it, and use the line"
            )
        }
        return TandemError(
            "no coordinator answers at \(address.place)", kind: .unavailable,
            hint: "start one with `tandem coordinator \(.model) M`, or name another with \(.coordinator) HOST:PORT")
    }

    /// The coordinator runs, but this key is nobody to it.
    func notAdmitted() -> TandemError {
        let kind = role.rawValue
        return TandemError(
            "the coordinator at \(address.place) does not admit this \(kind)", kind: .forbidden,
            hint: "run `tandem token create \(.role) \(kind)` on its host, and use the line that it prints")
    }

    private func tokenRefused() -> TandemError {
        TandemError(
            "the coordinator at \(address.place) does not know the token: it has expired, was used up or taken back",
            kind: .forbidden,
            hint:
                "run `tandem token create \(.role) \(role.rawValue)` on its host for a new line, which has the right port, too"
        )
    }

    /// Why no handshake comes about, as far as its failures tell.
    func failure(_ handshake: ConnectionEvent) -> TandemError? {
        switch handshake {
        case .turnedAway: notAdmitted()
        case .otherSecurity:
            key == nil
                ? TandemError(
                    "the coordinator at \(address.place) speaks to nobody without a key", kind: .forbidden,
                    hint: "leave out \(.insecure), or start it with \(.insecure) too")
                : TandemError(
                    "the coordinator at \(address.place) speaks without encryption", kind: .forbidden,
                    hint: "start it without \(.insecure); or give \(.insecure) here too, and give up secrecy")
        default: nil
        }
    }

    /// Whoever listens there ends every handshake without a word: it cannot read what we say, or wants no secrecy and was
    /// faster to see that than we.
    func otherKey() -> TandemError {
        if key == nil, let failure = failure(.otherSecurity) { return failure }
        return TandemError(
            """
            what listens at \(address.place) has not the key of the coordinator that is expected there, speaks without \
            encryption, or has no room for another connection
            """, kind: .forbidden,
            hint: """
                if the coordinator was set up anew, take the line that it prints now; if it runs with \(.insecure), start \
                it without; if hundreds of programs use it, try again later; else somebody stands between
                """)
    }
}
