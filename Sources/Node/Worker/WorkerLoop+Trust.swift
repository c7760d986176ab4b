// Responsible for: a worker's way to its coordinator, and whose steps and blocks it takes. Must not know: what is computed.
import Cluster
import Logging
import Sequences
import Transport
import Wire

/// When a worker tries again to reach its coordinator, and what it last said about that.
struct CoordinatorSearch {
    /// nil: a link is there, and libzmq tries by itself.
    var nextAttempt: Moment? = .start
    /// Handshakes in a row that ended without a word.
    var silentFailures = 0
    /// A coordinator with the right key was there once.
    var hasFound = false
    var nextWord = Moment.start

    static let interval = Duration.milliseconds(500)
    static let wordInterval = Duration.seconds(5)
    /// So many silent failures are no chance.
    static let mostSilentFailures = 3
}

extension WorkerLoop {
    // MARK: The way to the coordinator

    /// Connects where there is no link, and notes what becomes of the one there is.
    func seekCoordinator() {
        do throws(TandemError) {
            if let attempt = search.nextAttempt, attempt <= now {
                try orNext { () throws(TandemError) in try connectCoordinator() }
            }
            for event in control?.link.events() ?? [] where control != nil {
                try orNext { () throws(TandemError) in try note(event) }
            }
            tryNextInTime()
        } catch { ending = .failure(error) }
    }

    private func connectCoordinator() throws(TandemError) {
        guard var way = try coordinators.passage.find() else {
            search.nextAttempt = now + CoordinatorSearch.interval
            return say("no coordinator runs at \(coordinators.passage.address.place) on this machine; waiting for it")
        }
        do throws(TandemError) { coordinator = try Passage.answering(way.endpoint) } catch {
            // Its name cannot be looked up now: its last address may do.
            decide(.unreachable(.notResolved, address: "\(way.endpoint)"))
        }
        way.endpoint = coordinator
        search.nextAttempt = nil
        (controlSince, hasControlEnded, isControlUp) = (now, false, false)
        do {
            control = (way, try way.link(context, maximumFrameBytes: Wire.Limits.headerBytes, poller))
        } catch { throw TandemError(error) }
    }

    /// Others may have to find this worker at another address than before, as the coordinator is at another.
    private func listen() {
        do throws(TandemError) { decide(.listening(at: "\(try port.endpoint(towards: coordinator))")) } catch {
            parts.log.warning("others cannot reach this worker at another address: \(error)")
        }
    }

    /// Drops the link; another one is made at once.
    func leaveCoordinator() {
        control?.link.close()
        control = nil
        search.nextAttempt = now
    }

    /// What an event of the control link means. A port where nobody listens ends an attempt at once.
    private func note(_ event: ConnectionEvent) throws(TandemError) {
        switch event {
        case .handshakeSucceeded:
            search.silentFailures = 0
            search.hasFound = true
            isControlUp = true
            try meet()
            if let way = control?.way { coordinators.passage.remember(way) }
            listen()
            decide(.connected)
        case .turnedAway: try enrol()
        case .otherSecurity: throw coordinators.passage.failure(event) ?? coordinators.passage.otherKey()
        case .handshakeFailed:
            decide(.unreachable(.handshakeRefused, address: "\(coordinator)"))
            search.silentFailures += 1
            guard search.silentFailures >= CoordinatorSearch.mostSilentFailures else { break }
            // Where ports are handed on (to containers, by balancers), somebody takes connections while it is away.
            guard search.hasFound else { throw coordinators.passage.otherKey() }
            say("what listens at \(coordinators.passage.address.place) ends connections without a word; trying again")
        case .disconnected:
            let isQuick = now - controlSince < .milliseconds(1500)
            if !hasControlEnded {
                decide(.unreachable(isQuick ? .refused : .noAnswer, address: "\(coordinator)"))
            }
            (hasControlEnded, isControlUp) = (true, false)
            if coordinator != coordinators.passage.address.endpoint {
                // Its name may lead elsewhere by now.
                leaveCoordinator()
                search.nextAttempt = now + CoordinatorSearch.interval
            }
        case .connected, .accepted: break
        }
    }

    /// The coordinator runs but does not know our key: a token makes it known.
    private func enrol() throws(TandemError) {
        guard let way = try coordinators.passage.find() else { return leaveCoordinator() }
        do throws(TandemError) {
            try coordinators.passage.enrol(way, in: context)
            parts.log.info("admitted by the coordinator at \(coordinators.passage.address.place)")
            leaveCoordinator()
        } catch {
            guard error.kind == .unavailable else { throw error }
            leaveCoordinator()
            search.nextAttempt = now + CoordinatorSearch.interval
        }
    }

    private func say(_ what: String) {
        guard search.nextWord <= now else { return }
        search.nextWord = now + CoordinatorSearch.wordInterval
        parts.log.warning("\(what)")
    }

    // MARK: Who sends steps and blocks

    /// Admits the stages before those of this worker and those whose keys and values it is to have, for as long as its
    /// assignments last, and nobody else.
    func admitSenders() {
        senders = machine.dataSenders
        guard coordinators.passage.key != nil else { return }
        let keys = Set(senders.compactMap { $0.key.map { PublicKey($0) } })
        parts.admission.admit(keys, for: Roll.Purpose.data)
        data.disconnect { !keys.contains($0) }
        let steps = machine.assignments.map { assign in
            let step = assign.maximumBatchTokens * (assign.activationsPerToken * MemoryLayout<Float>.size + 64)
            return (step + Self.headerAllowance) * (Wire.Limits.stepsInFlight(stages: assign.stageCount) + 1)
        }
        guard let most = steps.max() else { return }
        let blocks = senders.contains { $0.kind == .blocks } ? OutgoingCopies.mostUnreadBytes : 0
        data.maximumUnreadBytes = max(most, blocks)
        // A connection of each kind, and those that take their places.
        let all = 2 * (most + blocks)
        data.unreadLimits = .init(ofKey: all, inAll: all * max(1, keys.count))
    }

    /// Whether somebody with this key may be the one who says hello: the stage before one of ours.
    func mayAsk(_ worker: WorkerID?, _ key: PublicKey?) -> Bool {
        key == nil || senders.contains { $0.kind == .steps && $0.worker == worker && $0.has(key) }
    }

    /// For the header of a step: histories of sequences that begin.
    private static let headerAllowance = 1 << 20

    /// A message came that its sender should not have sent, or that cannot be read: with many of them its connection ends.
    func refuse(_ arrival: Arrival) {
        if let sentence = data.refuse(arrival.peer) { parts.log.warning("\(sentence)") }
    }

    /// Ends connections that flood the data port.
    func keepGuard() {
        // The poller tells of them again and again until they are taken, and strangers make them.
        _ = data.takeEvents()
        guard nextGuard <= now else { return }
        let (ended, milliseconds) = data.endFloods()
        for sentence in ended { parts.log.warning("\(sentence)") }
        nextGuard = now + .milliseconds(milliseconds)
        for stranger in parts.admission.takeStrangers().strangers {
            parts.log.debug("turned away \(stranger.address): its key \(stranger.key.shortText)… sends nothing to us")
        }
    }
}

extension DataSender {
    /// Whether it is the one with this key; where links are open it is whoever says so.
    func has(_ key: PublicKey?) -> Bool { key == nil || self.key.map { PublicKey($0) } == key }
}
