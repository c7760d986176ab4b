// Responsible for: the coordinator's part in being followed and succeeded by another one: who has heard of it, and what it does
// when it cannot know whether it still is the one. Must not know: what goes to a standby, files.

import Sequences
import Wire

/// What concerns a coordinator's standby.
package enum StandbyEvent: Sendable {
    /// Somebody follows now, and is reached there by workers and clients.
    case began(CoordinatorPlace)
    /// What it has of electors, the last beat that it has heard (0: none), and how many electors have come to it.
    case heard(electors: UInt64, beat: UInt64, present: Int)
    /// Nothing comes from it any more; it may still take over.
    case lost
    /// It takes over nothing any more.
    case ended
    /// It serves, in this term.
    case superseded(Term)
    /// It is to take over now, and has all that it needs.
    case handOver
}

/// What a coordinator knows of its own succession.
struct SuccessionState: Sendable {
    var authority: Authority
    /// Where a standby is, or was; nil: nowhere.
    var place: CoordinatorPlace?
    var isFollowed = false
    /// When the standby was heard last.
    var lastHeard: Moment?
    /// Why it does not serve any more, once that is so.
    var hasSteppedDown = false

    init(_ authority: Authority, at place: CoordinatorPlace?) { (self.authority, self.place) = (authority, place) }
}

extension Coordinator {
    // MARK: Authority

    /// Time passes, and that in which this process stood still counts: others may have gone on.
    mutating func ageAuthority(_ now: Moment) {
        guard succession.authority.hasStandby else { return }
        let present = membership.members.compactMap(\.join.key)
        succession.authority.pass(now - lastEvent) { present.contains($0) }
        if !succession.authority.isValid { giveUpAll(now) }
    }

    /// Why nothing may be computed here; nil: it may.
    var doubt: Sentence? {
        if succession.authority.isValid { return nil }
        if succession.hasSteppedDown { return "another coordinator has taken over" }
        return "neither the standby nor half of the workers have been heard lately, so the standby may have taken over"
    }

    /// Whatever is planned or computed: another coordinator may do that.
    mutating func giveUpAll(_ now: Moment) {
        for deployment in deployments.all {
            log(.warning, "\(deployment.epoch) is given up: \(doubt.map { "\($0)" } ?? "it is over")")
            if deployment.epoch == deployments.serving?.epoch { deployments.noteEnd() }
            giveUpPlan(deployment.epoch, now, "another coordinator may serve")
        }
    }

    /// What is said to every worker from time to time.
    func beat(_ now: Moment) -> CoordinatorMessage {
        succession.authority.hasStandby ? .beat(Self.beat(at: now)) : .heartbeat
    }

    /// The time on this process's clock, as a number that is none but where something was said.
    package static func beat(at now: Moment) -> UInt64 { (now - .start).wholeMilliseconds &+ 1 }

    /// How long ago that was said; nil: it never was.
    private static func age(of beat: UInt64, _ now: Moment) -> Duration? {
        let current = Self.beat(at: now)
        return beat == 0 || beat > current ? nil : .milliseconds(current - beat)
    }

    mutating func noteBeat(_ beat: UInt64, of worker: WorkerID, _ now: Moment) {
        guard succession.authority.hasStandby, let key = membership.key(of: worker),
            let age = Self.age(of: beat, now)
        else { return }
        succession.authority.noteHeard(by: key, ago: age)
    }

    // MARK: Workers

    /// Whether a worker that joins has granted a later term to another coordinator, which it must go back to.
    mutating func followsAnother(_ worker: WorkerID, _ join: Join) -> Bool {
        guard join.version == protocolVersion, join.term > succession.authority.term else { return false }
        act(.send(worker, .elsewhere))
        if let key = join.key, succession.authority.noteLost(key) {
            stepDown("most of the workers follow another coordinator, of \(join.term)")
        }
        return true
    }

    /// A new member is told where the standby is, and asked whether it has heard us.
    mutating func introduce(_ worker: WorkerID, _ now: Moment) {
        guard succession.authority.hasStandby else { return }
        act(.send(worker, beat(now)))
        if let place = succession.place { act(.send(worker, .standbyPlace(place))) }
        propose()
    }

    // MARK: The standby

    mutating func note(_ event: StandbyEvent, _ now: Moment) {
        switch event {
        case .began(let place):
            let isNew = succession.place != place
            succession.authority.beginStandby()
            (succession.place, succession.isFollowed, succession.lastHeard) = (place, true, now)
            for worker in workers {
                if isNew { act(.send(worker, .standbyPlace(place))) }
                act(.send(worker, beat(now)))
            }
            propose()
        case .heard(let electors, let beat, let present):
            (succession.isFollowed, succession.lastHeard) = (true, now)
            succession.authority.settle(electors)
            if let age = Self.age(of: beat, now) { succession.authority.noteHeardByStandby(ago: age) }
            propose()
            cede(to: present)
        case .lost: succession.isFollowed = false
        case .ended:
            succession.authority.endStandby()
            (succession.place, succession.isFollowed) = (nil, false)
        case .superseded(let term):
            guard term > succession.authority.term else { return }
            stepDown("the standby at \(succession.place?.endpoint ?? "another place") has taken over, in \(term)")
        case .handOver:
            guard let place = succession.place else { return }
            for worker in workers { act(.send(worker, .successor(place))) }
            stepDown("the standby at \(place.endpoint) takes over")
        }
    }

    /// Where nothing can be served here, and most workers have come to the standby, it takes over: they are cut off from this
    /// coordinator alone.
    private mutating func cede(to present: Int) {
        let electors = succession.authority.settled
        let here = membership.members.compactMap(\.join.key).count(where: electors.contains)
        guard deployments.serving == nil, 2 * present > electors.count, 2 * here < electors.count else { return }
        act(.cede)
    }

    /// Tells the standby who has a say, where that has changed.
    mutating func propose() {
        guard succession.isFollowed,
            let keys = succession.authority.propose(membership.members.compactMap(\.join.key))
        else { return }
        act(.tellElectors(Electors(number: succession.authority.proposal ?? 0, keys: keys)))
    }

    private mutating func stepDown(_ why: Sentence) {
        if succession.hasSteppedDown { return }
        succession.authority.end()
        succession.hasSteppedDown = true
        giveUpAll(lastEvent)
        act(.stepDown(why))
    }

    /// What people are told of it.
    func tellSuccession(in status: inout StatusReply) {
        status.term = succession.authority.term
        if let doubt { status.state = "\(doubt)" }
        guard succession.authority.hasStandby else { return }
        var standby = StandbyStatus()
        standby.endpoint = succession.place?.endpoint ?? ""
        standby.isFollowing = succession.isFollowed
        standby.silentMilliseconds = succession.lastHeard.map { (lastEvent - $0).wholeMilliseconds } ?? 0
        standby.electors = succession.authority.settled.count
        standby.isCertain = succession.authority.isValid
        status.standby = standby
    }
}
