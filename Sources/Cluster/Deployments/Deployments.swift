// Responsible for: the plans under way: which serves, which is being prepared, when a new one is due, and which has
// stopped. Must not know: requests, what workers are told.

import Sequences
import Wire

/// Plans by their epochs: at most one that serves, and at most one that is being prepared to take its place.
struct Deployments: Sendable {
    /// What does not move any more.
    enum Stall: Sendable, Equatable {
        /// The load of a worker.
        case load(WorkerID, Duration)
        /// The steps of an epoch, for which this worker is the likeliest cause.
        case steps(Epoch, WorkerID, Duration)
        /// The steps of an epoch as the coordinator sees it, whatever workers say of themselves.
        case result(Epoch, WorkerID, Duration)
    }

    private let configuration: CoordinatorConfiguration
    private(set) var serving: Deployment?
    private(set) var preparing: Deployment?
    private var lastEpoch: Epoch
    /// Why there is neither.
    private(set) var refusal: PlanRefusal
    /// Members have changed since a plan was last chosen.
    private var isPlanDue = false
    private var hasServed = false
    /// Preparations that came to nothing since a plan last served.
    private(set) var failedPreparations = 0
    /// When the last plan ceased to serve; nil: one serves.
    private(set) var withoutServiceSince: Moment?

    init(_ configuration: CoordinatorConfiguration, now: Moment) {
        self.configuration = configuration
        lastEpoch = configuration.firstEpoch
        refusal = .tooFewWorkers(needed: configuration.minimumWorkers, present: 0)
        withoutServiceSince = now
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
    mutating func noteNewMembers() { isPlanDue = true }

    /// The plan to begin with now; nil: none. A new one is chosen where members have changed: at once if none serves,
    /// else when nothing is being computed.
    mutating func duePlan(over eligible: [Member], isIdle: Bool, _ now: Moment) -> Plan? {
        guard isPlanDue, serving == nil || isIdle else { return nil }
        if let reason = reasonToAwaitOthers(eligible.count, isIdle, now) {
            refusal = reason
            return nil
        }
        isPlanDue = false
        switch PlanChoice(configuration: configuration, hasServed: hasServed).plan(over: eligible) {
        case .success(let plan): return plan == all.last?.plan ? nil : plan
        case .failure(let reason):
            refusal = reason
            return nil
        }
    }

    /// With nothing to compute, a plan over fewer workers than were asked for can wait a moment: workers that restart
    /// come back to the layers they have cached. nil: choose a plan now.
    private func reasonToAwaitOthers(_ present: Int, _ isIdle: Bool, _ now: Moment) -> PlanRefusal? {
        guard hasServed, isIdle, all.isEmpty, present < configuration.minimumWorkers, let since = withoutServiceSince,
            now - since < configuration.smallerPlanAfter
        else { return nil }
        return .tooFewWorkers(needed: configuration.minimumWorkers, present: present)
    }

    /// A new epoch, whose stages are to be prepared; one that was being prepared is over. What serves goes on.
    mutating func prepare(_ plan: Plan, _ now: Moment) -> Deployment {
        lastEpoch = lastEpoch.next
        let deployment = Deployment(epoch: lastEpoch, plan: plan, now: now)
        preparing = deployment
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
        isPlanDue = true
    }

    // MARK: What is heard

    mutating func note(_ loading: Loading, of worker: WorkerID, _ now: Moment) {
        if preparing?.epoch == loading.epoch { preparing?.note(loading, of: worker, now) }
    }

    /// A stage is loaded. Where it was the last to be, its plan serves from now on and is returned; the one that served
    /// before is over.
    mutating func note(_ ready: Ready, of worker: WorkerID, _ now: Moment) -> Deployment? {
        guard preparing?.epoch == ready.epoch else { return nil }
        preparing?.noteReady(worker, now)
        guard let deployment = preparing, deployment.isReady else { return nil }
        (serving, preparing) = (deployment, nil)
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

    // MARK: Watching

    /// Loads and steps that do not move. `dispatched`: steps sent in the epoch that serves; `oldest`: since when the one
    /// that must come through next is the next, where any is under way.
    func stalls(dispatched: UInt64, oldest: Moment?, _ now: Moment) -> [Stall] {
        var stalls: [Stall] = []
        if let preparing, now - preparing.lastProgress >= configuration.loadStalledAfter, let late = preparing.late {
            stalls.append(.load(late, configuration.loadStalledAfter))
        }
        guard let serving, let oldest else { return stalls }
        if now - serving.lastProgress >= configuration.stalledAfter {
            let worker = serving.slowest(dispatched: dispatched)
            stalls.append(.steps(serving.epoch, worker, now - serving.lastProgress))
        } else if now - oldest >= configuration.hungAfter * serving.stages.count {
            // Each stage may take so long for a step; one that says that it computes, and does not, takes longer.
            let worker = serving.slowest(dispatched: dispatched)
            stalls.append(.result(serving.epoch, worker, now - oldest))
        }
        return stalls
    }

    /// Since when nobody could compute a request, where that is a reason to give it up: loading is none while it moves,
    /// unless it has failed again and again.
    var idleSince: Moment? { preparing == nil || failedPreparations >= 3 ? withoutServiceSince : nil }

    /// Why nothing is computed, as a sentence; nil: a plan serves.
    func explanation(_ members: [Member]) -> Sentence? {
        if serving != nil { return nil }
        if let preparing {
            let count = preparing.stages.count
            return "\(count) worker\(count == 1 ? " loads" : "s load") the model"
        }
        return members.reduce(refusal.sentence) { sentence, member in
            guard let why = member.reasonAside else { return sentence }
            return "\(sentence); \(member.name) is set aside: \(why)"
        }
    }
}
