// Responsible for: who may stay connected to a coordinator: joins held against keys, newcomers, removals, floods.
// Must not know: plans, requests.
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension CoordinatorLoop {
    // MARK: Workers

    /// A worker speaks for the connection over which it has joined, and for nobody else.
    func hear(_ message: WorkerMessage, over arrival: Arrival) {
        guard case .join(var join) = message else {
            guard let worker = speakers[arrival.peer] else { return refuse(arrival, on: sockets.control) }
            if case .measured(var measured) = message {
                measured.receivedMicroseconds = Microseconds.ofDay
                return decide(.worker(worker, .measured(measured)))
            }
            return decide(.worker(worker, message))
        }
        guard pace.allows(.join, arrival, now) else { return refuse(arrival, on: sockets.control) }
        guard let replaced = speakers.bind(join.worker, to: arrival.peer, arrival.key) else {
            parts.log.warning("\(arrival.peer) joins as \(join.worker), which another key is: dropped")
            return refuse(arrival, on: sockets.control)
        }
        for worker in replaced { decide(.disconnected(worker)) }
        join.key = arrival.key.map { NodeKey($0) }
        if let key = arrival.key, case .member(_, let name)? = permissions.roll?.standing(of: key) {
            join.hostName = name
        }
        decide(.worker(join.worker, .join(join)))
    }

    // MARK: Newcomers

    func admit(_ enrol: Enrol, over arrival: Arrival) {
        guard pace.allows(.enrol, arrival, now) else { return refuse(arrival, on: sockets.control) }
        let answer: EnrolReply
        if enrol.version != Wire.protocolVersion {
            answer = .refusal(.version(enrol.version, build: enrol.build, ourBuild: Build.version))
        } else {
            do throws(TandemError) {
                guard let key = arrival.key, let name = try permissions.roll?.enrol(enrol, by: key) else { return }
                parts.log.info("admitted \(name) as a \(enrol.role.rawValue), key \(enrol.key)")
                answer = .enrolled(name: name)
            } catch {
                parts.log.warning("a newcomer was refused: \(error)")
                answer = .refusal(Refusal(reason: error.description))
            }
        }
        _ = sockets.control.send(to: arrival.peer, [answer.encode()])
    }

    // MARK: Guard

    /// A message came that its sender should not have sent, or that cannot be read: with many of them its connection ends.
    func refuse(_ arrival: Arrival, on socket: RouterSocket) {
        if let sentence = socket.refuse(arrival.peer) { parts.log.warning("\(sentence)") }
    }

    /// Ends the connections of those who flood us, and of those who were removed.
    func keepGuard() {
        // The poller tells of them again and again until they are taken, and strangers make them.
        for socket in [sockets.tokens, sockets.weights] { _ = socket.takeEvents() }
        guard nextGuard <= now else { return }
        var next = 1000
        for socket in sockets.listening {
            let (ended, milliseconds) = socket.endFloods()
            for sentence in ended { parts.log.warning("\(sentence)") }
            next = min(next, milliseconds)
        }
        nextGuard = now + .milliseconds(next)
        guard permissions.roll != nil, nextRoll <= now else { return }
        nextRoll = now + .milliseconds(Roll.lookMilliseconds)
        refreshRoll()
    }

    private func refreshRoll() {
        do throws(TandemError) {
            let removed = try permissions.roll?.refresh() ?? []
            if !removed.isEmpty { end(removed) }
        } catch { parts.log.error("\(error)") }
        guard let (strangers, count) = permissions.roll?.admission.takeStrangers(), count > 0 else { return }
        for stranger in strangers {
            parts.log.warning(
                "turned away \(stranger.address) on the \(stranger.purpose) port: its key \(stranger.key.shortText)… is not admitted there"
            )
        }
        if count > strangers.count { parts.log.warning("turned away \(count) connections in all") }
    }

    private func end(_ keys: Set<PublicKey>) {
        endStandby(with: keys)
        for socket in sockets.listening { socket.disconnect { keys.contains($0) } }
        for worker in speakers.workers(of: keys) {
            speakers.forget(worker)
            decide(.disconnected(worker))
        }
    }
}

extension ClientID {
    /// The client at the other end of a connection.
    init(_ peer: Peer) { self.init(UInt64(peer.number)) }

    /// Its connection.
    var peer: Peer { Peer(number: UInt32(truncatingIfNeeded: value)) }
}
