// Responsible for: who is here: joining, places, leaving, silence, hanging, being set aside. Must not know: plans,
// requests, what others make of it.

import Wire

/// The workers of a cluster. What happens to them comes in, and what that means goes out; nothing is sent from here.
struct Membership: Sendable {
    /// What becomes of a worker that wants to join.
    enum Admission: Sendable {
        case refused(Refusal)
        /// It said so before, and our answer takes long; nothing is lost on a connection that lives.
        case known
        /// It is a member now; `earlier`: it was one, and what it was told is lost.
        case joined(Member, earlier: Member?)
    }

    /// What time does to members.
    enum Change: Sendable, Equatable {
        /// It is to be removed, and why.
        case lost(WorkerID, why: String)
        /// Its time aside is over.
        case returned(WorkerID)
    }

    private let configuration: CoordinatorConfiguration
    /// In join order, but who comes back to an earlier place takes it again.
    private(set) var members: [Member] = []
    /// The cache identities of all who joined, in the order of their first joining.
    private var places: [ContentHash] = []
    private var reputations = Reputations()

    init(_ configuration: CoordinatorConfiguration) { self.configuration = configuration }

    /// A member by its id; nil: it is none.
    subscript(_ worker: WorkerID) -> Member? { index(of: worker).map { members[$0] } }

    /// Those who may be given layers.
    var eligible: [Member] { members.filter { $0.reasonAside == nil } }

    /// For people.
    func name(of worker: WorkerID) -> String { self[worker]?.name ?? worker.description }

    /// Where a worker listens for steps.
    func dataEndpoint(of worker: WorkerID) -> String { self[worker]?.join.dataEndpoint ?? "" }

    private func index(of worker: WorkerID) -> Int? { members.firstIndex { $0.id == worker } }

    /// Changes a member. False: there is none.
    private mutating func change(_ worker: WorkerID, _ change: (inout Member) -> Void) -> Bool {
        guard let index = index(of: worker) else { return false }
        change(&members[index])
        return true
    }

    // MARK: Joining and leaving

    mutating func admit(_ worker: WorkerID, _ join: Join, _ now: Moment) -> Admission {
        if let refusal = refusal(of: join) { return .refused(refusal) }
        var earlier: Member?
        var place: Int?
        if let index = index(of: worker) {
            if members[index].join.attempt == join.attempt {
                members[index].hear(now)
                return .known
            }
            // It keeps its place, and so the layers it has loaded.
            earlier = members.remove(at: index)
            place = index
        }
        if members.count >= Limits.workers {
            return .refused(Refusal(reason: "the cluster has \(members.count) workers already, which is the limit"))
        }
        var member = Member(id: worker, join: join, now: now)
        judge(&member, now)
        members.insert(member, at: place ?? self.place(of: member))
        return .joined(member, earlier: earlier)
    }

    /// Who was set aside stays it, also by another joining; and who joins again and again is.
    private mutating func judge(_ newcomer: inout Member, _ now: Moment) {
        let worker = newcomer.id
        let exclusion = reputations.change(Reputations.Identity(worker, newcomer.join)) { reputation in
            if !reputation.noteJoin(now), reputation.exclusion(of: worker, now) == nil {
                let why = "it joins again and again"
                _ = reputation.exclude(for: configuration.setAsideFor, why, process: nil, now)
            }
            return reputation.exclusion(of: worker, now)
        }
        if let exclusion { newcomer.setAside(until: exclusion.until, exclusion.why) }
    }

    private func refusal(of join: Join) -> Refusal? {
        if join.version != protocolVersion {
            return .version(join.version, build: join.build, ourBuild: configuration.build)
        }
        if join.isSimulated == configuration.isSimulated { return nil }
        let reason =
            join.isSimulated
            ? "this worker only pretends to compute, and the coordinator serves a real model; start one that computes"
            : "the coordinator serves a pretended model; start a worker that pretends to compute"
        return Refusal(reason: reason)
    }

    /// Where a newcomer stands among the members: behind those who first came before it. Workers that share a cache
    /// stand in join order.
    private mutating func place(of newcomer: Member) -> Int {
        guard let identity = newcomer.join.cacheIdentity else { return members.count }
        if !places.contains(identity) {
            // Places of those long gone are forgotten before the list grows without bound.
            if places.count >= 4 * Limits.workers {
                places.removeAll { place in !members.contains { $0.join.cacheIdentity == place } }
            }
            places.append(identity)
        }
        let rank = places.firstIndex(of: identity) ?? places.count
        return members.firstIndex { member in
            guard let other = member.join.cacheIdentity else { return false }
            return places.firstIndex(of: other) ?? 0 > rank
        } ?? members.count
    }

    /// It is no member any more; nil: it was none.
    mutating func remove(_ worker: WorkerID) -> Member? { index(of: worker).map { members.remove(at: $0) } }

    // MARK: What is heard

    /// Anything came from it. False: it is no member.
    mutating func hear(_ worker: WorkerID, _ now: Moment) -> Bool { change(worker) { $0.hear(now) } }

    mutating func note(_ heartbeat: WorkerHeartbeat, of worker: WorkerID) {
        _ = change(worker) { $0.note(heartbeat) }
    }

    mutating func note(_ ready: Ready, of worker: WorkerID) { _ = change(worker) { $0.note(ready) } }

    /// Time in which this process itself did not run is nobody's silence.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        for index in members.indices { members[index].excuse(gap, now) }
    }

    /// Who is silent, hangs, or may be tried again.
    mutating func check(_ now: Moment) -> [Change] {
        var changes: [Change] = []
        for index in members.indices.reversed() {
            let member = members[index]
            let silence = now - member.lastHeard
            if silence >= configuration.lostAfter {
                let why = "nothing was heard of it for \(silence.wholeMilliseconds) ms"
                changes.append(.lost(member.id, why: why))
            } else if member.busy >= configuration.hungAfter {
                changes.append(.lost(member.id, why: "it computes one step for \(member.busy.wholeSeconds) s"))
            } else if members[index].returns(now) {
                changes.append(.returned(member.id))
            }
        }
        return changes
    }

    // MARK: Trust

    /// Steps were lost at it. False: twice in a row, and it is to be set aside.
    mutating func suspect(_ worker: WorkerID) -> Bool {
        guard let index = index(of: worker) else { preconditionFailure("a plan's workers are members") }
        return members[index].suspect()
    }

    /// A step came through every stage.
    mutating func clearSuspicions() { for index in members.indices { members[index].clear() } }

    /// It stays a member, but is left out of plans for a while; for how long. `isDamage`: also as another process.
    mutating func setAside(_ worker: WorkerID, _ why: String, isDamage: Bool = false, _ now: Moment) -> Duration {
        guard let index = index(of: worker) else { preconditionFailure("only a member can be set aside") }
        let time = reputations.change(Reputations.Identity(worker, members[index].join)) {
            $0.exclude(for: configuration.setAsideFor, why, process: isDamage ? nil : worker, now)
        }
        members[index].setAside(until: now + time, why)
        return time
    }
}
