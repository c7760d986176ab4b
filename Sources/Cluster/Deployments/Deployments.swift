// Responsible for: the plans under way: which serves, which is being prepared, when a new one is due, and which has
// stopped (Deployments+Watching). Must not know: requests, what workers are told.

import Sequences
import Wire

/// Plans by their epochs: at most one that serves, and at most one that is being prepared to take its place.
struct Deployments: Sendable {
    let configuration: CoordinatorConfiguration
    private(set) var serving: Deployment?
    private(set) var preparing: Deployment?
    /// What there is to say of changes while a plan serves.
    var changes = PlanChanges()
    /// Who was told to load what.
    private(set) var told: ToldShares
    private var lastEpoch: Epoch
    /// Why there is neither.
    private(set) var refusal: PlanRefusal
    /// Members have changed since a plan was last chosen.
    private(set) var isPlanDue = false
    /// Why, for people.
    private var reason = ""
    /// The plan that a person asked for, until one is given up or somebody comes; nil: nobody did.
    private(set) var asked: Plan?
    /// The newest plan is not the fastest there is: it spares what runs, and once nothing does there may be a better one.
    private var isMakeshift = false
    /// One of these begins to serve: the next is thought about later.
    private var hasBegunMakeshift = false
    /// Since when; nil: none is, or was thought about.
    private var dueSince: Moment?
    private var hasServed = false
    /// Preparations that came to nothing since a plan last served.
    private(set) var failedPreparations = 0
    /// When the last plan ceased to serve; nil: one serves.
    private(set) var withoutServiceSince: Moment?
    private var allowance: PlanAllowance
    /// Since when nothing is computed; nil: something is.
    private var quietSince: Moment?
    /// When a plan that would interrupt what serves is next thought about.
    var nextThought = Moment.start
    /// How long the plan that is put off would load; nil: none is.
    private(set) var postponed: Duration?

    init(_ configuration: CoordinatorConfiguration, now: Moment) {
        self.configuration = configuration
        lastEpoch = configuration.firstEpoch
        told = ToldShares(after: lastEpoch)
        refusal = .tooFewWorkers(needed: configuration.minimumWorkers, present: 0)
        withoutServiceSince = now
        allowance = PlanAllowance(now: now)
    }

    /// The one of this epoch; nil: it is over, or never was.
    subscript(_ epoch: Epoch) -> Deployment? { all.first { $0.epoch == epoch } }

    /// Oldest first.
    var all: [Deployment] { [serving, preparing].compactMap { $0 } }

    /// What people are shown: the one that serves, else the one that will.
    var foremost: Deployment? { serving ?? preparing }

    /// Changes the one of this epoch, wherever it is.
    private mutating func change(_ epoch: Epoch, _ change: (inout Deployment) -> Void) {
        if var deployment = serving, deployment.epoch == epoch {
            change(&deployment)
            serving = deployment
        } else if var deployment = preparing, deployment.epoch == epoch {
            change(&deployment)
            preparing = deployment
        }
    }

    // MARK: Beginning and ending

    /// Members have come or may be used again: a plan is due.
    mutating func noteNewMembers(_ reason: String = "a worker can be used") {
        becomeDue(reason)
        nextThought = .start
    }

    /// Another plan is to be thought about, for this reason.
    private mutating func becomeDue(_ reason: String) {
        (isPlanDue, changes.waitsForIdle) = (true, false)
        self.reason = reason
    }

    /// A member's connection has ended.
    mutating func noteEnd() { allowance.noteChange() }

    /// There is somebody who was not there before.
    mutating func noteNewcomer() {
        allowance.noteChange()
        asked = nil
    }

    /// A person asks for this plan: it is due.
    mutating func ask(for plan: Plan) {
        asked = plan
        noteNewMembers()
    }

    /// Epochs go on from here, at least: a worker holds something of it.
    mutating func noteHeld(_ epoch: Epoch) { lastEpoch = max(lastEpoch, epoch) }

    /// Other links are thought to carry than when a plan was last chosen.
    mutating func noteLinksChanged() { if serving == nil { isPlanDue = true } }

    /// A plan to begin with.
    struct DuePlan: Sendable, Equatable {
        let plan: Plan
        /// It is to be prepared beside the one that serves, and why; nil: that one makes way.
        var beside: String?
    }

    /// The plan to begin with now; nil: none. A new one is chosen where members have changed: at once if none serves, or if
    /// it can be prepared beside the one that does; else when nothing is being computed. `holders`: who has the keys and
    /// values of what runs; nil: nothing does. `isWhole`: nothing of it is missing. `reluctant`: members that are given
    /// layers only where nothing could be computed otherwise.
    mutating func duePlan(
        over eligible: [Member], reluctant: [Member] = [], _ reachability: Reachability,
        speeds: SpeedRecord = SpeedRecord(), holders: KeyValueHolders? = nil, adoption: Adoption? = nil,
        recall: PlanRecall? = nil, isIdle: Bool, isWhole: Bool = true, _ now: Moment
    ) -> DuePlan? {
        if !isIdle { quietSince = nil } else if quietSince == nil { quietSince = now }
        if hasBegunMakeshift { (hasBegunMakeshift, nextThought) = (false, now + configuration.returnAwaitedFor) }
        guard isPlanDue, serving == nil || now >= nextThought, allowance.allows(now) else { return nil }
        if let serving {
            let change = change(
                from: serving, over: eligible, reachability, speeds, holders: holders, isIdle: isIdle,
                isWhole: isWhole, now)
            switch change {
            case .begin(let plan):
                (isPlanDue, dueSince, postponed) = (false, nil, nil)
                return DuePlan(plan: plan, beside: reason)
            case .none:
                (isPlanDue, dueSince, postponed) = (false, nil, nil)
                return nil
            case .later: return nil
            case .whenIdle: if !isIdle { return nil }
            }
        }
        if awaitsProof(of: eligible, adoption, now) { return nil }
        let held = adoption?.plan(over: eligible)
        let waiting = held == nil ? reasonToAwaitOthers(eligible, adoption, recall, now) : nil
        if let reason = waiting ?? (held == nil ? reasonToAwaitOthers(eligible.count, isIdle, now) : nil) {
            refusal = reason
            return nil
        }
        isPlanDue = false
        dueSince = nil
        postponed = nil
        if let held {
            isMakeshift = false
            return held == all.last?.plan ? nil : DuePlan(plan: held)
        }
        let members = eligible.filter { mayTakePart($0) }
        let choice = PlanChoice(
            configuration: configuration, hasServed: hasServed, serving: serving?.plan, preparing: preparing?.plan,
            reachability: reachability, speeds: speeds, asked: asked, holders: holders,
            recall: hasServed ? nil : recall, now: now)
        var result = choice.plan(over: members)
        if serving == nil, case .failure = result, !reluctant.isEmpty {
            result = choice.plan(over: members + reluctant)
        }
        switch result {
        case .success(let choice):
            // To wait for links to carry is what the last plan does already.
            if choice.plan == all.last?.plan || !choice.isReachable && !all.isEmpty { return nil }
            if choice.plan != asked, interruptsTooLong(choice.plan, members, now) { return nil }
            isMakeshift = choice.isRepaired
            return DuePlan(plan: choice.plan)
        case .failure(let reason):
            refusal = reason
            return nil
        }
    }

    /// Those who had layers before this process may be about to come.
    private func reasonToAwaitOthers(
        _ eligible: [Member], _ adoption: Adoption?, _ recall: PlanRecall?, _ now: Moment
    ) -> PlanRefusal? {
        adoption?.reasonToAwaitOthers(eligible, now) ?? recall?.reasonToAwaitOthers(eligible, now)
    }

    /// Newcomers soon know whether they can fetch weights: a moment later there may be another plan.
    private mutating func awaitsProof(of eligible: [Member], _ adoption: Adoption?, _ now: Moment) -> Bool {
        let since = dueSince ?? now
        dueSince = since
        return serving == nil && now - since < configuration.proofAwaitedFor
            && (eligible.contains { $0.weightsLink == .unknown || $0.tokensLink == .unknown }
                || adoption?.awaitsWord(of: eligible) == true)
    }

    /// What serves is not interrupted for somebody who has yet to prove that it can fetch its weights.
    func mayTakePart(_ member: Member) -> Bool {
        guard let serving else { return true }
        return serving.stage(of: member.id) != nil || member.hasProvenLinks
    }

    /// Whether to load this plan would keep requests waiting for long that what serves could answer. Where nobody has
    /// asked anything for many times as long, nobody is likely to ask now.
    private mutating func interruptsTooLong(_ plan: Plan, _ members: [Member], _ now: Moment) -> Bool {
        guard let serving, let quietSince else { return false }
        let time = LoadTimes(model: configuration.model, members: members).estimate(of: plan, holding: serving.plan)
        if time <= configuration.interruptionLimit || now - quietSince >= time * 10 { return false }
        postponed = time
        isPlanDue = true
        nextThought = now + .seconds(1)
        return true
    }

    /// With nothing to compute, a plan over fewer workers than were asked for can wait a moment: workers that restart
    /// come back to the layers they have cached. nil: choose a plan now.
    private func reasonToAwaitOthers(_ present: Int, _ isIdle: Bool, _ now: Moment) -> PlanRefusal? {
        guard hasServed, isIdle, all.isEmpty, present < configuration.minimumWorkers, let since = withoutServiceSince,
            now - since < configuration.smallerPlanAfter
        else { return nil }
        return .tooFewWorkers(needed: configuration.minimumWorkers, present: present)
    }

    /// A new epoch, whose stages are to be prepared; one that was being prepared is over. What serves goes on. `keeping`
    /// [stages]; nil: nothing is kept.
    mutating func prepare(
        _ plan: Plan, over members: [Member] = [], keeping: [KeyValueHolders.Keeping]? = nil,
        copied: [[CopySource]]? = nil, beside: String? = nil, doubts: DeploymentLinks.Doubts = { _, _ in false },
        _ now: Moment
    ) -> Deployment {
        if beside == nil { allowance.spend() }
        lastEpoch = lastEpoch.next
        let times = LoadTimes(model: configuration.model, members: members)
        let deployment = Deployment(
            epoch: lastEpoch, plan: plan, keeping: keeping ?? plan.stages.map { _ in .init() }, copied: copied,
            beside: beside, times, doubts: doubts, now: now)
        preparing = deployment
        told.note(plan)
        return deployment
    }

    /// What serves is over, as what is being prepared cannot be loaded beside it; its epoch.
    mutating func retireServing(_ now: Moment) -> Epoch? {
        defer { serving = nil }
        if withoutServiceSince == nil { withoutServiceSince = now }
        return serving?.epoch
    }

    /// The plan of this epoch cannot go on; another is due.
    mutating func giveUp(_ epoch: Epoch, _ now: Moment) {
        if preparing?.epoch == epoch {
            preparing = nil
            failedPreparations += 1
        }
        if serving?.epoch == epoch { serving = nil }
        if serving == nil && withoutServiceSince == nil { withoutServiceSince = now }
        refusal = .tooFewWorkers(needed: 1, present: 0)
        becomeDue("a plan was given up")
    }

    /// What is prepared beside the plan that serves comes to nothing; another is due. `isFault`: it is not tried again soon.
    mutating func abandonChange(isFault: Bool, _ now: Moment) {
        guard let plan = preparing?.plan else { return }
        preparing = nil
        changes.noteAbandoned(plan, isFault: isFault, now)
        becomeDue(reason)
        if isMakeshift { nextThought = now + configuration.returnAwaitedFor }
        asked = nil
    }

    /// What was prepared beside the plan that serves takes its place.
    mutating func switchOver(copiedBlocks: UInt64, _ now: Moment) -> Deployment? {
        guard var deployment = preparing, deployment.isReady else { return nil }
        deployment.noteProgress(now)
        (serving, preparing, isMakeshift) = (deployment, nil, false)
        changes.noteCompleted(copiedBlocks: copiedBlocks)
        return deployment
    }

    /// Another plan would be faster, as measured.
    mutating func noteImbalance() { noteNewMembers("some workers are slower than was thought") }

    // MARK: What is heard

    mutating func note(_ loading: Loading, of worker: WorkerID, _ now: Moment) {
        if preparing?.epoch == loading.epoch { preparing?.note(loading, of: worker, now) }
    }

    /// A stage is loaded. Where it was the last to be, its plan serves from now on and is returned; the one that served
    /// before is over.
    mutating func note(_ ready: Ready, of worker: WorkerID, _ now: Moment) -> Deployment? {
        guard preparing?.epoch == ready.epoch else { return nil }
        preparing?.noteReady(worker, hasKept: ready.hasKept, now)
        return takeOver()
    }

    /// What became of a link of this epoch that begins at a worker, or (nil) at the coordinator. Where it was the last to
    /// be proven, the plan serves from now on and is returned.
    mutating func note(_ outcome: LinkReport.Outcome, from worker: WorkerID?, _ epoch: Epoch) -> Deployment? {
        change(epoch) { $0.note(outcome, from: worker) }
        return takeOver()
    }

    /// A worker has spoken of this epoch.
    mutating func noteTold(_ epoch: Epoch, _ worker: WorkerID, _ now: Moment) {
        change(epoch) { $0.noteTold(worker, now) }
    }

    private mutating func takeOver() -> Deployment? {
        guard let deployment = preparing, deployment.isReady, !deployment.isBeside else { return nil }
        (serving, preparing) = (deployment, nil)
        if isMakeshift { becomeDue("a faster plan is possible") }
        hasBegunMakeshift = isMakeshift
        hasServed = true
        failedPreparations = 0
        withoutServiceSince = nil
        return deployment
    }

    mutating func note(_ heartbeat: WorkerHeartbeat, of worker: WorkerID, _ now: Moment) {
        change(heartbeat.epoch) { $0.note(heartbeat, of: worker, now) }
    }

    /// A step of this epoch has begun or ended.
    mutating func noteProgress(_ epoch: Epoch, _ now: Moment) { change(epoch) { $0.noteProgress(now) } }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        serving?.excuse(gap, now)
        preparing?.excuse(gap, now)
    }
}
