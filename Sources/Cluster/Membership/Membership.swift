// Responsible for: who is here: joining, places, leaving, silence, hanging, being set aside. Must not know: plans,
// requests, what others make of it.

import Sequences
import Wire

/// The workers of a cluster. What happens to them comes in, and what that means goes out; nothing is sent from here.
struct Membership: Sendable {
    /// What becomes of a worker that wants to join.
    enum Admission: Sendable {
        case refused(Refusal)
        /// It said so before, and our answer takes long; nothing is lost on a connection that lives.
        case known
        /// It is a member now; `earlier`: it was one, and what it was told is lost. `isNew`: nor was it lately.
        case joined(Member, earlier: Member?, isNew: Bool)
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
    private(set) var speeds = SpeedRecord()
    private var reputations = Reputations()

    init(_ configuration: CoordinatorConfiguration) { self.configuration = configuration }

    /// A member by its id; nil: it is none.
    subscript(_ worker: WorkerID) -> Member? { index(of: worker).map { members[$0] } }

    /// Those who may be given layers.
    var eligible: [Member] { members.filter { $0.reasonAside == nil && $0.draining == nil } }

    /// Those who are given layers only where nobody else will do.
    var reluctant: [Member] { members.filter { $0.reasonAside == nil && $0.draining != nil } }

    /// For people.
    func name(of worker: WorkerID) -> String { self[worker]?.name ?? worker.description }

    /// The same, where the name of its host says which it is.
    func shortName(of worker: WorkerID) -> String {
        guard let member = self[worker], !member.join.hostName.isEmpty,
            members.filter({ $0.join.hostName == member.join.hostName }).count == 1
        else { return name(of: worker) }
        return member.join.hostName
    }

    /// Where a worker listens for steps.
    func dataEndpoint(of worker: WorkerID) -> String { self[worker]?.join.dataEndpoint ?? "" }

    /// By which its neighbours know a worker; nil: links are open.
    func key(of worker: WorkerID) -> NodeKey? { self[worker]?.join.key }

    private func index(of worker: WorkerID) -> Int? { members.firstIndex { $0.id == worker } }

    /// Changes a member. False: there is none.
    private mutating func change(_ worker: WorkerID, _ change: (inout Member) -> Void) -> Bool {
        guard let index = index(of: worker) else { return false }
        change(&members[index])
        return true
    }

    /// Who is meant by a host's name, or by an id with or without the word before it.
    func workers(named text: String) -> [WorkerID] {
        if text.isEmpty { return [] }
        return members.filter {
            [$0.join.hostName, $0.id.description, String($0.id.value, radix: 16)].contains(text)
        }.map(\.id)
    }

    // MARK: Leaving out

    /// A worker is to be left out of plans, or counted in again. False: it was that already.
    mutating func setDraining(_ worker: WorkerID, _ isDraining: Bool) -> Bool {
        guard let index = index(of: worker), (members[index].draining != nil) != isDraining else { return false }
        members[index].draining = isDraining ? false : nil
        return true
    }

    /// Those to be left out that have not been told that they have no layers.
    var undrained: [WorkerID] { members.filter { $0.draining == false }.map(\.id) }

    /// It was told so.
    mutating func noteDrained(_ worker: WorkerID) { _ = change(worker) { $0.draining = true } }

    /// It wants to leave, and cannot; nil: it can.
    mutating func noteStaying(_ worker: WorkerID, because why: Sentence?) {
        _ = change(worker) { $0.stayingBecause = why }
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
        if earlier?.draining != nil { member.draining = false }
        let isNew = judge(&member, now)
        members.insert(member, at: place ?? self.place(of: member))
        return .joined(member, earlier: earlier, isNew: isNew)
    }

    /// Who was set aside stays it, also by another joining; and who joins again and again is. Whether it has not joined
    /// lately.
    private mutating func judge(_ newcomer: inout Member, _ now: Moment) -> Bool {
        let worker = newcomer.id
        let (isNew, exclusion) = reputations.change(WorkerIdentity(worker, newcomer.join)) {
            reputation -> (Bool, Reputation.Exclusion?) in
            let isNew = reputation.isNew(now)
            let earlier = reputation.exclusion(of: worker, now)
            if reputation.noteJoin(now) || earlier != nil { return (isNew, earlier) }
            let why = "it joins again and again"
            return (isNew, reputation.exclude(for: configuration.setAsideFor, why, process: nil, now))
        }
        if let exclusion { newcomer.setAside(until: exclusion.until, exclusion.why) }
        return isNew
    }

    private func refusal(of join: Join) -> Refusal? {
        if join.version != protocolVersion {
            return .version(join.version, build: join.build, ourBuild: configuration.build)
        }
        if let problem = DataEndpoint.problem(with: join.dataEndpoint) {
            let reason =
                "the worker says that others reach it at \"\(join.dataEndpoint)\", but \(problem); start it with "
            return Refusal(reason: reason + "an address of its host that other hosts can reach")
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

    /// Members that hold layers stand in the order of these, and others where they are: plans that are made for them then
    /// give them what they hold. `first`: of a member's layers; nil: it holds none.
    mutating func arrange(by first: (WorkerID) -> Int?) {
        let holders = members.filter { first($0.id) != nil }.sorted { first($0.id) ?? 0 < first($1.id) ?? 0 }
        var next = holders[...]
        for index in members.indices where first(members[index].id) != nil {
            if let holder = next.popFirst() { members[index] = holder }
        }
        let identities = holders.compactMap(\.join.cacheIdentity)
        var nextPlace = places.filter { identities.contains($0) }[...]
        guard nextPlace.count == identities.count else { return }
        nextPlace = identities[...]
        for index in places.indices where identities.contains(places[index]) {
            if let place = nextPlace.popFirst() { places[index] = place }
        }
    }

    /// It is no member any more; nil: it was none.
    mutating func remove(_ worker: WorkerID) -> Member? { index(of: worker).map { members.remove(at: $0) } }

    // MARK: What is heard

    /// Anything came from it. False: it is no member.
    mutating func hear(_ worker: WorkerID, _ now: Moment) -> Bool { change(worker) { $0.hear(now) } }

    mutating func note(_ heartbeat: WorkerHeartbeat, of worker: WorkerID) {
        _ = change(worker) { $0.note(heartbeat) }
    }

    /// It has loaded these layers; nil: it has none.
    mutating func note(_ ready: Ready, of worker: WorkerID, with layers: Range<Int>?) {
        _ = change(worker) { member in
            member.note(ready)
            if let layers { member.noteCached(layers) }
        }
    }

    /// What is on a worker's disk.
    mutating func noteCached(_ layers: [Range<Int>], by worker: WorkerID) {
        _ = change(worker) { $0.noteCached(layers) }
    }

    /// It has no part in the plan that serves, and says how much of its processors it could have.
    mutating func noteSpare(_ worker: WorkerID, processorShare share: Double, _ now: Moment) {
        if let member = self[worker] { speeds.note(processorShare: share, of: member, now) }
    }

    /// What a worker found out about a link to the coordinator. True: that is news.
    mutating func note(_ report: LinkReport, of worker: WorkerID) -> Bool {
        var isNews = false
        _ = change(worker) { isNews = $0.note(report) }
        return isNews
    }

    /// Whether a large answer may be sent to a worker now.
    mutating func takesProbe(_ worker: WorkerID, _ now: Moment) -> Bool {
        var takes = false
        _ = change(worker) { takes = $0.takesProbe(now) }
        return takes
    }

    /// A worker's weights link carries again: whether that ends its time aside.
    mutating func regainsWeights(_ worker: WorkerID, _ now: Moment) -> Bool {
        guard let index = index(of: worker), members[index].reasonAside != nil else { return false }
        let isBack = reputations.change(WorkerIdentity(worker, members[index].join)) {
            $0.regainWeights(worker, now)
        }
        if isBack { members[index].trustAgain() }
        return isBack
    }

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

    /// What the steps of a plan took tells how fast its workers are. `stages`: bytes of weights that each reads for such a
    /// step, or operations that it does, as `part` says.
    mutating func learn(
        _ part: WritableKeyPath<WorkerSpeed, Double>, _ stages: [(worker: WorkerID, work: Double)],
        computing: [Double], unexplained: Double
    ) {
        let known = stages.compactMap { self[$0.worker] }
        speeds.learn(part, of: known, work: stages.map(\.work), computing: computing, unexplained: unexplained)
    }

    // MARK: Trust

    /// Steps were lost at it. False: twice in a row, and it is to be set aside.
    mutating func suspect(_ worker: WorkerID) -> Bool {
        guard let index = index(of: worker) else { preconditionFailure("a plan's workers are members") }
        return members[index].suspect()
    }

    /// A step came through every stage.
    mutating func clearSuspicions() { for index in members.indices { members[index].clear() } }

    /// It stays a member, but is left out of plans for a while; for how long.
    mutating func setAside(
        _ worker: WorkerID, _ why: String, extent: ExclusionExtent = .process, _ now: Moment
    ) -> Duration {
        guard let index = index(of: worker) else { preconditionFailure("only a member can be set aside") }
        let exclusion = reputations.change(WorkerIdentity(worker, members[index].join)) {
            $0.exclude(
                for: configuration.setAsideFor, why, process: extent == .identity ? nil : worker,
                lacksWeights: extent == .untilWeights, now)
        }
        members[index].setAside(until: exclusion.until, why)
        return exclusion.until - now
    }
}
