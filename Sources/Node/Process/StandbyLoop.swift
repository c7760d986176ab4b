// Responsible for: the loop of a coordinator that follows another one, until it takes its place. Must not know: when it may do so
// (Cluster/Succession), plans, requests.
import Cluster
import Foundation
import Generation
import Logging
import Sequences
import Transport
import Wire

/// Everything the loop thread of a standby owns. Its sockets listen already: workers that have lost their coordinator come, and
/// are asked.
final class StandbyLoop {
    /// With what the coordinator begins that it becomes.
    struct Taken {
        let parts: CoordinatorLoop.Parts
        /// The way to the coordinator whose place it has taken.
        let way: Passage.Way?
        /// The workers that are here.
        let joins: [(join: Join, arrival: Arrival)]
    }

    /// A worker that has come.
    struct Visitor {
        let join: Join
        let arrival: Arrival
        let key: NodeKey
        var since: Moment
    }

    var parts: CoordinatorLoop.Parts
    let sockets: CoordinatorLoop.Sockets
    let passage: Passage
    /// HOST:PORT as others reach it.
    let endpoint: String
    private let poller: Poller
    private nonisolated(unsafe) let files: JournalFiles
    var candidacy: Candidacy
    var permissions: Permissions
    var visitors: [Peer: Visitor] = [:]
    private var active: (way: Passage.Way, link: OutboundLink)?
    private var nextAttempt: Moment? = .start
    private var failures = 0
    /// The coordinator that it follows has said something to it, once.
    private var hasFollowed = false
    private var lastHeard: Moment?
    /// What it has of what it was told.
    private var followed = Followed(journal: 0, electors: 0, beat: 0)
    private var taken: Term?
    private var isStopping = false
    private var nextRound = Moment.start
    private var lastTurn = Moment.start
    private var nextWord = Moment.start
    private var pulse: LoopPulse
    private let clock = LoopClock()

    /// How often it looks who is there.
    private static let round = Duration.milliseconds(100)
    /// So long workers are kept that the coordinator does not hear, or that hear nothing of it; else they may miss it.
    private static let patience = Duration.seconds(6)
    private static let shortPatience = Duration.milliseconds(1_500)
    private static let retryDelay = Duration.milliseconds(250)
    private static let wordInterval = Duration.seconds(10)
    private static let mostFailures = 3

    /// Throws where the journal cannot be used.
    init(
        _ parts: CoordinatorLoop.Parts, _ sockets: CoordinatorLoop.Sockets, _ passage: Passage, endpoint: String,
        journal: StateFolder
    ) throws {
        (self.parts, self.sockets, self.passage, self.endpoint) = (parts, sockets, passage, endpoint)
        guard let model = parts.configuration.modelHash else { preconditionFailure("a coordinator's model has a hash") }
        files = try JournalFiles(journal, model: model)
        poller = try Poller(parts.waker)
        candidacy = parts.succession.record.candidacy
        permissions = Permissions(roll: parts.roll)
        pulse = LoopPulse(parts.supervisor, now: .start)
        for socket in sockets.listening {
            poller.add(socket)
            poller.add(socket.monitor)
        }
    }

    var now: Moment { clock.now }

    // MARK: The loop

    /// Follows until it takes over; nil: it was told to end. Throws where it cannot follow.
    func run() throws -> Taken? {
        parts.log.info("following the coordinator at \(passage.address.place)")
        while taken == nil, !isStopping {
            _ = poller.wait(timeoutMilliseconds: clock.pollMilliseconds(until: nextRound, nextAttempt, pulse.deadline))
            candidacy.pass(max(.zero, now - lastTurn))
            lastTurn = now
            for case .stop in parts.wishes.drain() { isStopping = true }
            for order in parts.orders.drain() {
                if case .submit(_, let sink) = order { sink.finish(throwing: TandemError.stopping) }
            }
            try seekActive()
            try receiveCommands()
            receiveControl()
            // What others say to a coordinator is for one that serves.
            while sockets.tokens.receive() != nil {}
            while sockets.weights.receive() != nil {}
            if nextRound <= now { makeRound() }
            try advance()
            pulse.beat(now) { state }
        }
        return try end()
    }

    private func end() throws -> Taken? {
        if taken == nil { active?.link.send(ControlRequest.standby(.unfollow).encode()) }
        // What was said last is on its way.
        if taken == nil { Thread.sleep(forTimeInterval: 0.2) }
        active?.link.close()
        for socket in sockets.listening {
            poller.remove(socket)
            poller.remove(socket.monitor)
        }
        guard taken != nil else {
            for socket in sockets.listening { socket.close() }
            return nil
        }
        parts.roll = permissions.roll
        parts.journal = try Journal(files, log: parts.log)
        parts.configuration.recalledPlans = parts.journal?.plans ?? []
        let joins = visitors.values.sorted { $0.since < $1.since }.map { (join: $0.join, arrival: $0.arrival) }
        return Taken(parts: parts, way: active?.way ?? (try? passage.find()), joins: joins)
    }

    private var state: NodeState {
        NodeState(isReady: active != nil && hasFollowed, sentence: "standby of \(passage.address.place)")
    }

    /// What people are told who ask.
    var status: StatusReply {
        var status = StatusReply()
        status.build = Build.version
        status.modelName = parts.configuration.model.name
        status.layerCount = parts.configuration.model.layerBytes.count
        status.contextLength = parts.configuration.contextLength
        status.uptimeMilliseconds = (now - .start).wholeMilliseconds
        (status.term, status.isStandby) = (candidacy.term, true)
        let silence = lastHeard.map { "heard \((now - $0).wholeMilliseconds) ms ago" } ?? "not heard yet"
        status.state =
            "standby of the coordinator at \(passage.address.place), \(silence); "
            + "\(candidacy.electors.count) workers have a say"
        return status
    }

    // MARK: The coordinator that it follows

    private func seekActive() throws(TandemError) {
        if let attempt = nextAttempt, attempt <= now { try connect() }
        for event in active?.link.events() ?? [] where active != nil { try note(event) }
    }

    private func connect() throws(TandemError) {
        nextAttempt = now + Self.retryDelay
        guard var way = try passage.find() else { return say("no coordinator runs at \(passage.address.place)") }
        if let server = way.server, NodeKey(server) == parts.configuration.key {
            throw TandemError(
                "the standby has the key of the coordinator at \(passage.address.place)",
                hint: "start it with another folder, with \(.state)")
        }
        do throws(TandemError) { way.endpoint = try Passage.answering(way.endpoint) } catch {
            return say("the address \(passage.address.place) cannot be looked up")
        }
        do {
            let link = try way.link(sockets.context, maximumFrameBytes: Wire.Limits.standbyCommandBytes, poller)
            (active, nextAttempt) = ((way, link), nil)
        } catch { throw TandemError(error) }
    }

    private func leaveActive() {
        active?.link.close()
        (active, nextAttempt) = (nil, now + Self.retryDelay)
    }

    private func note(_ event: ConnectionEvent) throws(TandemError) {
        switch event {
        case .handshakeSucceeded:
            failures = 0
            if let way = active?.way { passage.remember(way) }
            follow()
        case .turnedAway:
            guard let way = active?.way else { return }
            do throws(TandemError) { try passage.enrol(way, in: sockets.context) } catch {
                if !hasFollowed, error.kind != .unavailable { throw error }
                say("the coordinator at \(passage.address.place) does not let the standby in: \(error.message)")
            }
            leaveActive()
        case .otherSecurity: if !hasFollowed { throw passage.failure(event) ?? passage.otherKey() }
        case .handshakeFailed:
            failures += 1
            if failures >= Self.mostFailures, !hasFollowed { throw passage.otherKey() }
        case .disconnected, .connected, .accepted: break
        }
    }

    private func follow() {
        guard let model = parts.configuration.modelHash, let owner = parts.succession.ownerKey else { return }
        var follow = Follow(model: model, endpoint: endpoint, ownerKey: NodeKey(owner))
        follow.build = Build.version
        followed = Followed(journal: 0, electors: 0, beat: 0)
        active?.link.send(ControlRequest.standby(.follow(follow)).encode())
    }

    private func say(_ what: String) {
        guard nextWord <= now else { return }
        nextWord = now + Self.wordInterval
        parts.log.warning("\(what)")
    }

    // MARK: What it is told

    private func receiveCommands() throws {
        var records: [JournalPart] = []
        var isAnswered = false
        for _ in 0..<256 {
            guard let frames = active?.link.socket.receive() else { break }
            guard frames.count == 1 else { continue }
            let command: StandbyCommand
            do { command = try StandbyCommand(decoding: frames[0].bytes) } catch {
                say("an unreadable message of the coordinator was dropped: \(error)")
                continue
            }
            candidacy.hear()
            (lastHeard, isAnswered) = (now, true)
            switch command {
            case .refusal(let refusal): throw TandemError(Sentence(refusal.reason), kind: .forbidden, isReply: true)
            case .beat(let number): followed.beat = number
            case .succession(let succession): try take(succession)
            case .electors(let electors):
                candidacy.note(electors: electors.keys)
                parts.succession.record.electors = SuccessionRecord.texts(electors.keys)
                try keep()
                followed.electors = electors.number
            case .journal(let part): records.append(part)
            case .handOver:
                parts.log.info("the coordinator at \(passage.address.place) hands over")
                candidacy.release()
            }
        }
        if let last = records.last, write(records) { followed.journal = last.number }
        guard isAnswered else { return }
        followed.present = candidacy.presentElectors
        active?.link.send(ControlRequest.standby(.followed(followed)).encode())
    }

    /// False: they are not on the disk.
    private func write(_ parts: [JournalPart]) -> Bool {
        let start = parts.lastIndex(where: \.begins) ?? parts.startIndex
        var records = parts[start...].flatMap { JournalBytes.records(in: $0.records).records }.map(owned)
        var problem: String?
        if parts[start].begins {
            records.removeAll { if case .beginning = $0 { true } else { false } }
            problem = files.begin(with: records)
        } else if !records.isEmpty {
            problem = files.append(records, isDurable: true)
        }
        if let problem { say("the journal in \(files.path) cannot be written: \(problem); nothing is acknowledged") }
        return problem == nil
    }

    /// What the owner of the coordinator has asked is the owner's here, too.
    private func owned(_ record: JournalRecord) -> JournalRecord {
        guard case .admission(var admission) = record, let owner = admission.owner,
            let server = active?.way.server, owner == NodeKey(server)
        else { return record }
        admission.owner = parts.configuration.key
        return .admission(admission)
    }

    private func take(_ succession: Succession) throws(TandemError) {
        guard let server = active?.way.server, let own = parts.configuration.key else { return }
        if !hasFollowed {
            parts.log.info("the coordinator at \(passage.address.place) is followed, of \(succession.term)")
        }
        hasFollowed = true
        candidacy.note(succession.term)
        try permissions.roll?.follow(succession.admissions, of: server, own: PublicKey(own))
        let owner = PublicKey(succession.ownerKey)
        try permissions.roll?.admit(owners: [owner])
        parts.succession.record.term = candidacy.term.value
        parts.succession.record.owners = [owner.description]
        parts.succession.record.standby = nil
        parts.succession.record.proposed = nil
        let place = CoordinatorPlace(endpoint: passage.address.endpoint.description, key: NodeKey(server))
        parts.succession.record.active = SuccessionRecord.Place(place)
        try keep()
    }

    /// What must not be forgotten is on the disk from here on.
    private func keep() throws(TandemError) { try parts.succession.file?.write(parts.succession.record) }

    // MARK: Taking over

    private func advance() throws {
        while let step = candidacy.advance() {
            switch step {
            case .ask(let term, let electors):
                parts.log.warning(
                    """
                    nothing is heard of the coordinator at \(passage.address.place); \(electors.count) of \
                    \(candidacy.electors.count) workers are asked for \(term)
                    """)
                parts.succession.record.asked = term.value
                try keep()
                for (peer, visitor) in visitors where electors.contains(visitor.key) { ask(peer, visitor.key) }
            case .serve(let term):
                parts.log.warning("taking over from the coordinator at \(passage.address.place), in \(term)")
                try begin(term)
            }
        }
    }

    private func begin(_ term: Term) throws(TandemError) {
        var record = parts.succession.record
        (record.term, record.asked, record.active) = (term.value, nil, nil)
        (record.standby, record.electors, record.proposed) = (nil, [], nil)
        parts.succession.record = record
        try keep()
        parts.configuration.authority = record.authority
        parts.configuration.firstEpoch = Epoch(term: term, from: parts.configuration.firstEpoch.value)
        taken = term
    }

    func ask(_ peer: Peer, _ worker: NodeKey) {
        guard let term = candidacy.question(to: worker), let key = parts.configuration.key else { return }
        tell(.candidate(Candidate(term: term, key: key)), at: peer)
    }

    // MARK: Workers that have come

    /// Who stays too long goes on looking: perhaps the coordinator is there again.
    private func makeRound() {
        nextRound = now + Self.round
        let patience = candidacy.isAlone ? Self.patience : Self.shortPatience
        for (peer, visitor) in visitors.sorted(by: { $0.value.since < $1.value.since }) {
            if now - visitor.since >= patience, candidacy.question(to: visitor.key) == nil {
                tell(.elsewhere, at: peer)
                forget(peer)
            } else if !tell(.heartbeat, at: peer) {
                forget(peer)
            }
        }
        _ = sockets.control.takeEvents()
        for socket in sockets.listening {
            for sentence in socket.endFloods().0 { parts.log.warning("\(sentence)") }
        }
        do throws(TandemError) { _ = try permissions.roll?.refresh() } catch { say("\(error)") }
    }

    func forget(_ peer: Peer) {
        guard let visitor = visitors.removeValue(forKey: peer) else { return }
        candidacy.note(visitor.key, isPresent: visitors.values.contains { $0.key == visitor.key })
    }

    @discardableResult
    func tell(_ message: CoordinatorMessage, at peer: Peer) -> Bool {
        sockets.control.send(to: peer, [message.encode()]) != .unreachable
    }
}
