// Responsible for: which nodes had which layers in plans of earlier processes of this coordinator, and what is to be written
// down of those of this one. Must not know: how it is written down, what workers have in memory, how plans are chosen.
//
// A worker's process is another after each start. Its cache of weights is what counts: where several workers share one, or
// its name is lost, their keys tell them apart.

import Wire

/// The plans that a journal had, until one serves in this process.
struct PlanRecall: Sendable {
    /// The newest first.
    private var plans: [JournalPlan]
    private let patience: Duration
    /// A worker that one of them names came last then.
    private var lastCame: Moment?
    /// A plan has served in this process: who has which layers is known from there.
    private(set) var isOver = false
    /// What serves, and when that has been so for a while; nil: that is written down.
    private var unsettled: (plan: JournalPlan, until: Moment)?

    /// Where nodes go one after the other, each makes another plan for a moment. After so long it is more than a moment.
    static let settlesAfter = Duration.seconds(30)

    init(_ configuration: CoordinatorConfiguration) {
        let layerCount = configuration.model.layerBytes.count
        plans = configuration.recalledPlans.filter { $0.stages.last?.layers.upperBound == layerCount }.reversed()
        patience = configuration.recalledAwaitedFor
    }

    // MARK: Who has come

    /// A worker has joined.
    mutating func note(_ member: Member, _ now: Moment) {
        let isNamed = plans.contains { plan in
            plan.stages.contains { Likeness.cache.fits(member, $0) || Likeness.key.fits(member, $0) }
        }
        if isNamed { lastCame = now }
    }

    /// How a worker is known again, the surest first.
    private enum Likeness: CaseIterable {
        case both, cache, key

        func fits(_ member: Member, _ stage: JournalPlan.Stage) -> Bool {
            let isCache = stage.cache != nil && stage.cache == member.join.cacheIdentity
            let isKey = stage.key != nil && stage.key == member.join.key
            return switch self {
            case .both: isCache && isKey
            case .cache: isCache
            case .key: isKey
            }
        }
    }

    /// [stages] who of these has come back to each; nil: nobody yet.
    private static func workers(of plan: JournalPlan, among members: [Member]) -> [WorkerID?] {
        var workers = plan.stages.map { _ in WorkerID?.none }
        var rest = members
        for likeness in Likeness.allCases {
            for (index, stage) in plan.stages.enumerated() where workers[index] == nil {
                guard let place = rest.firstIndex(where: { likeness.fits($0, stage) }) else { continue }
                workers[index] = rest.remove(at: place).id
            }
        }
        return workers
    }

    // MARK: What follows

    /// Why no plan is to be made yet, where some of those that had layers have come; nil: it may.
    func reasonToAwaitOthers(_ members: [Member], _ now: Moment) -> PlanRefusal? {
        guard !isOver, let lastCame, now - lastCame < patience else { return nil }
        for plan in plans {
            let found = Self.workers(of: plan, among: members)
            let absent = found.count { $0 == nil }
            if absent > 0, absent < found.count { return .recalledInPart(absent: absent, of: found.count) }
        }
        return nil
    }

    /// The stages of the plan with most of them all of whose workers are among these; nil: there is none.
    func stages(over members: [Member]) -> [Plan.Share]? {
        guard !isOver else { return nil }
        var best: [Plan.Share]?
        for plan in plans where plan.stages.count > best?.count ?? 0 {
            let workers = Self.workers(of: plan, among: members).compactMap { $0 }
            guard workers.count == plan.stages.count else { continue }
            best = zip(workers, plan.stages).map { Plan.Share(worker: $0, layers: $1.layers) }
        }
        return best
    }

    /// The first of the layers that a worker had in the newest plan that names it; nil: none does.
    func firstLayer(of worker: WorkerID, among members: [Member]) -> Int? {
        for plan in plans {
            let index = Self.workers(of: plan, among: members).firstIndex { $0 == worker }
            if let index { return plan.stages[index].layers.lowerBound }
        }
        return nil
    }

    /// Layers that lie on a worker's disk, unless it says otherwise.
    func layers(of member: Member) -> [Range<Int>] {
        plans.flatMap { plan in plan.stages.filter { Likeness.cache.fits(member, $0) }.map(\.layers) }
    }

    // MARK: What is written down

    /// A plan serves over these.
    mutating func serve(_ deployment: Deployment, _ members: [Member], _ now: Moment) -> JournalPlan {
        isOver = true
        let stages = deployment.plan.stages.map { share in
            let join = members.first { $0.id == share.worker }?.join
            return JournalPlan.Stage(layers: share.layers, key: join?.key, cache: join?.cacheIdentity)
        }
        let plan = JournalPlan(epoch: deployment.epoch, stages: stages)
        unsettled = (plan, now + Self.settlesAfter)
        return plan
    }

    /// No plan serves.
    mutating func end() { unsettled = nil }

    /// What is to be written down by now; nil: nothing.
    mutating func settled(_ now: Moment) -> JournalPlan? {
        guard var plan = unsettled?.plan, let until = unsettled?.until, until <= now else { return nil }
        unsettled = nil
        plan.isSettled = true
        return plan
    }
}
