// Responsible for: a coordinator's standby: let in, told everything, and given the place of this coordinator. Must not know:
// when it takes over by itself (Cluster/Succession), what is in a journal.
import Cluster
import Logging
import Sequences
import Transport
import Wire

/// What a coordinator's loop knows of others that may take its place, or have.
struct SuccessionDesk {
    /// nil: links are open, and nobody can be known to follow.
    let file: SuccessionFile?
    var record: SuccessionRecord
    /// What is in the file; nil: there is none.
    var kept: SuccessionRecord?
    var following: Following?
    /// To the coordinator whose place this one has taken, which has to hear of it.
    var herald: OutboundLink?
    /// Until when the standby may take to have all that it needs; nil: it was not told to take over.
    var handOverEnd: Moment?
    /// When this process ends, as another coordinator serves; and whether that was its own will.
    var end: Moment?
    var wasHandedOver = false
    /// It serves no more, and another one does.
    private(set) var isOver = false
    var failure: TandemError?

    init(_ parts: CoordinatorLoop.Parts.Succession) { (file, record) = (parts.file, parts.record) }

    /// The process ends then.
    mutating func stepDown(_ end: Moment) { (isOver, self.end) = (true, end) }

    /// When something is due at the latest; nil: not before something happens.
    var deadline: Moment? { [following?.deadline, handOverEnd, end].compactMap { $0 }.min() }
}

extension CoordinatorLoop {
    /// What is said last is on its way for so long.
    private static let flushTime = Duration.milliseconds(500)
    /// A hand-over that takes longer is none.
    private static let handOverLimit = Duration.seconds(2)

    func hear(_ message: StandbyMessage, over arrival: Arrival) {
        let isKnown = arrival.key.map { $0.description } == desk.record.standby?.key
        switch message {
        case .follow(let follow):
            do throws(TandemError) { try begin(follow, over: arrival) } catch {
                parts.log.warning("a standby was refused: \(error)")
                tell(.refusal(Refusal(reason: error.description)), at: arrival.peer)
            }
        case .followed(let followed):
            guard desk.following?.peer == arrival.peer else { return }
            desk.following?.lastHeard = now
            desk.following?.acknowledge(followed.journal)
            decide(.standby(.heard(electors: followed.electors, beat: followed.beat, present: followed.present)))
            keepSuccession()
        case .superseded(let term):
            if isKnown { decide(.standby(.superseded(term))) }
            if desk.wasHandedOver { desk.end = now }
        case .unfollow:
            guard isKnown, !desk.wasHandedOver else { return }
            parts.log.info("the standby has ended; nobody takes over from this coordinator any more")
            forgetStandby()
        }
    }

    // MARK: Letting it in

    private func begin(_ follow: Follow, over arrival: Arrival) throws(TandemError) {
        guard let key = arrival.key,
            let place = SuccessionRecord.Place(
                CoordinatorPlace(endpoint: follow.endpoint, key: NodeKey(key)))
        else { return }
        try check(follow, place)
        if place.key == desk.record.active?.key || desk.herald != nil { endHerald() }
        desk.record.standby = place
        desk.record.owners = [PublicKey(follow.ownerKey).description]
        try permissions.roll?.admit(owners: [PublicKey(follow.ownerKey)])
        let mirror = JournalMirror(isAwaited: parts.succession.awaitsStandby, waking: parts.waker)
        desk.following?.end()
        desk.following = Following(arrival.peer, key, mirror, now: now)
        tellSuccession()
        parts.log.info("the standby at \(place.endpoint) follows")
        mirrorJournal(to: mirror)
        decide(.standby(.began(place.place)))
        keepSuccession()
    }

    private func check(_ follow: Follow, _ place: SuccessionRecord.Place) throws(TandemError) {
        guard follow.version == Wire.protocolVersion else {
            let refusal = Refusal.version(follow.version, build: follow.build, ourBuild: Build.version)
            throw TandemError(Sentence(refusal.reason))
        }
        guard follow.model == parts.configuration.modelHash else {
            throw TandemError(
                "the standby has another model than the coordinator, or keeps keys and values in another type",
                hint: "start both with the same model, and with the same flags that change it")
        }
        guard parts.journal != nil else {
            throw TandemError(
                "the coordinator keeps no journal, so nobody can follow it",
                hint: "start it with a fixed port, and without \(.journal) off")
        }
        guard place.place.key != parts.configuration.key else {
            throw TandemError(
                "the standby has the coordinator's own key", hint: "start it with another folder, with \(.state)")
        }
        guard case .tcp? = try? Endpoint(parsing: place.endpoint) else {
            throw TandemError("the standby says that it is reached at \(place.endpoint), which is no address")
        }
        if let other = desk.record.standby, other.key != place.key {
            throw TandemError(
                "the coordinator has a standby already, at \(other.endpoint)",
                hint: "take that one off with `tandem remove`, where it does not come back")
        }
    }

    private func mirrorJournal(to mirror: JournalMirror?) { parts.journal?.mirror(to: mirror) }

    /// It takes over nothing any more.
    func forgetStandby() {
        endFollowing()
        decide(.standby(.ended))
        (desk.record.standby, desk.record.proposed, desk.record.electors) = (nil, nil, [])
        keepSuccession()
    }

    private func endFollowing() {
        guard desk.following != nil else { return }
        desk.following?.end()
        desk.following = nil
        mirrorJournal(to: nil)
        decide(.standby(.lost))
    }

    /// Its key, if that was taken off, is nobody's any more.
    func endStandby(with keys: Set<PublicKey>) {
        guard let key = desk.record.standby.flatMap({ PublicKey(text: $0.key) }), keys.contains(key) else { return }
        parts.log.warning("the standby was taken off; nobody takes over from this coordinator any more")
        forgetStandby()
    }

    // MARK: Telling it

    /// Sends what there is to a standby, and looks whether it is there.
    func keepFollowing() {
        for event in desk.herald?.events() ?? [] where event == .handshakeSucceeded {
            let term = machine.authority.term
            desk.herald?.send(ControlRequest.standby(.superseded(term)).encode())
        }
        while desk.herald?.socket.receive() != nil {}
        advanceHandOver()
        guard var following = desk.following else { return }
        for part in following.mirror.drain() { following.take(part, now: now) }
        let wasSilent = following.isSilent(now)
        let late = following.acceptLate(now)
        if late > 0, !wasSilent {
            parts.log.warning("the standby has not acknowledged \(late) requests in time; they are accepted without it")
        }
        if following.isOverrun {
            parts.log.warning("the standby does not keep up; it begins anew")
            following.restart(JournalMirror(isAwaited: parts.succession.awaitsStandby, waking: parts.waker))
            mirrorJournal(to: following.mirror)
        }
        var isThere = true
        while isThere, let frame = following.next() { isThere = send(frame, to: following.peer) }
        if isThere, following.nextBeat <= now {
            following.nextBeat = now + Following.beatInterval
            isThere = send(StandbyCommand.beat(Coordinator.beat(at: now)).encode(), to: following.peer)
        }
        desk.following = following
        if !isThere {
            parts.log.warning("the standby's connection has ended")
            return endFollowing()
        }
        if following.rollVersion != permissions.roll?.version { tellSuccession() }
    }

    private func send(_ frame: [UInt8], to peer: Peer) -> Bool { sockets.control.send(to: peer, [frame]) == .sent }

    private func tell(_ command: StandbyCommand, at peer: Peer) { _ = send(command.encode(), to: peer) }

    /// Who this coordinator is, and whom it lets in.
    private func tellSuccession() {
        guard let peer = desk.following?.peer, let owner = parts.succession.ownerKey else { return }
        desk.following?.rollVersion = permissions.roll?.version ?? 0
        do throws(TandemError) {
            let admissions = try permissions.roll?.encoded() ?? []
            tell(
                .succession(
                    Succession(term: machine.authority.term, ownerKey: NodeKey(owner), admissions: admissions)),
                at: peer)
        } catch { parts.log.error("\(error)") }
    }

    /// These have a say: first on this disk, then at the standby.
    func tell(_ electors: Electors) {
        guard keepSuccession(), let peer = desk.following?.peer else { return }
        tell(.electors(electors), at: peer)
    }

    /// What must not be forgotten is on the disk from here on; false: it is not.
    @discardableResult
    func keepSuccession() -> Bool {
        guard let file = desk.file else { return false }
        var record = desk.record
        let authority = machine.authority
        record.term = authority.term.value
        if record.standby != nil {
            record.electors = SuccessionRecord.texts(authority.settled)
            record.proposed = authority.proposed.map(SuccessionRecord.texts)
        }
        guard record != desk.kept else { return true }
        do throws(TandemError) {
            try file.write(record)
            (desk.record, desk.kept) = (record, record)
            return true
        } catch {
            parts.log.error("\(error)")
            return false
        }
    }

    // MARK: The end

    /// Whether a standby is there to take over from a coordinator that is told to end.
    func beginHandOver() -> Bool {
        guard let following = desk.following, !following.isSilent(now), desk.handOverEnd == nil, desk.end == nil,
            let journal = parts.journal
        else { return false }
        parts.log.info("handing over to the standby at \(desk.record.standby?.endpoint ?? "")")
        desk.handOverEnd = now + Self.handOverLimit
        journal.endMirror()
        return true
    }

    private func advanceHandOver() {
        guard let end = desk.handOverEnd else { return }
        guard let following = desk.following, now < end else {
            parts.log.warning("the standby did not get all that it needs in time; nothing is handed over")
            desk.handOverEnd = nil
            return beginDrain()
        }
        guard following.isComplete, following.unacknowledgedBytes == 0 else { return }
        desk.handOverEnd = nil
        desk.wasHandedOver = true
        tell(.handOver, at: following.peer)
        decide(.standby(.handOver))
        desk.following?.end()
        desk.following = nil
    }

    /// Another coordinator serves, or is about to: clients go on there, and this process is of no more use.
    func stepDown(_ why: Sentence) {
        let place = desk.record.standby?.place
        for client in clients.active {
            if let place { reply(.elsewhere(place), to: client) }
        }
        desk.stepDown(now + (desk.wasHandedOver ? Self.handOverLimit : Self.flushTime))
        if desk.wasHandedOver { return parts.log.info("handed over") }
        let failure = TandemError(
            "this coordinator serves no longer: \(why)", kind: .forbidden,
            hint: "start it as the standby of the other one, with \(.standbyOf)")
        parts.log.error("\(failure.message)")
        desk.failure = failure
    }

    /// The one before hears that it does not serve any more, as soon as it can be reached.
    func beginHerald(_ way: Passage.Way) {
        desk.herald = try? way.link(sockets.context, maximumFrameBytes: Wire.Limits.standbyCommandBytes, poller)
    }

    private func endHerald() {
        desk.herald?.close()
        desk.herald = nil
    }
}
