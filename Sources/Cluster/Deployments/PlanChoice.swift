// Responsible for: which plan the members that are here should carry out, or why there is none yet. Must not know: what
// is being carried out, requests.

import Wire

/// The configuration's wishes against the members that may be given layers, and the links between them.
struct PlanChoice: Sendable {
    /// A plan, and whether all of its links are thought to carry.
    struct Choice: Sendable, Equatable {
        let plan: Plan
        let isReachable: Bool
        /// It is not the fastest, but spares computing again what runs.
        var isRepaired = false
    }

    let configuration: CoordinatorConfiguration
    /// From the first plan that served on, fewer workers than were asked for are better than none.
    let hasServed: Bool
    /// What serves now, and what is being prepared.
    let serving: Plan?
    let preparing: Plan?
    let reachability: Reachability
    let speeds: SpeedRecord
    /// What a person asked for: as long as it can be carried out, there is no better one.
    var asked: Plan?
    /// Who has the keys and values of what runs; nil: nothing does.
    var holders: KeyValueHolders?
    /// Who had which layers before this process; nil: a plan has served in it.
    var recall: PlanRecall?
    let now: Moment
    /// So many KV blocks, and no others; nil: as many as there is memory for.
    var blockCount: Int?

    /// With members that have proven their links to the coordinator if they suffice, else with others as well, those that
    /// cannot fetch weights last; in an order that avoids links that do not carry, if there is one; else a plan that has
    /// to wait until they do.
    func plan(over members: [Member]) -> Result<Choice, PlanRefusal> {
        if let asked, let choice = choice(asked, members) { return .success(choice) }
        let proven = members.filter { $0.hasProvenLinks || takesPart($0) }
        let fetching = members.filter { $0.weightsLink.failure == nil || takesPart($0) }
        var tried = 0
        for some in [proven, fetching, members] where some.count > tried {
            if let choice = reachable(some) { return .success(choice) }
            tried = some.count
        }
        return split(candidates(members), enough: members.count).map { Choice(plan: $0, isReachable: false) }
    }

    /// Who has weights already, or is about to fetch them and has not failed.
    private func takesPart(_ member: Member) -> Bool {
        serving?.layers(of: member.id) != nil
            || preparing?.layers(of: member.id) != nil && member.weightsLink.failure == nil
    }

    /// nil: these cannot carry it out.
    private func choice(_ plan: Plan, _ members: [Member]) -> Choice? {
        let search = SplitSearch(model: configuration.model, candidates: candidates(members))
        return search.slowest(plan) == nil ? nil : Choice(plan: plan, isReachable: order(of: members).carries(plan))
    }

    private func order(of members: [Member]) -> StageOrder {
        StageOrder { from, to in
            if to == nil, let last = members.first(where: { $0.id == from }), last.tokensLink.failure != nil {
                return false
            }
            return !reachability.isAvoided(from, to, now)
        }
    }

    private func reachable(_ members: [Member]) -> Choice? {
        let order = order(of: members)
        let plan = order.plan(candidates(members)) { try? split($0, enough: members.count).get() }
        guard let plan else { return nil }
        if let repaired = repaired(plan, members, order) {
            return Choice(plan: repaired, isReachable: true, isRepaired: true)
        }
        if let recalled = recalled(plan, members, order) {
            return Choice(plan: recalled, isReachable: true, isRepaired: recalled.stages.count < members.count)
        }
        return Choice(plan: sparing(plan, members, order) ?? plan, isReachable: true)
    }

    /// A plan is slower than the fastest, or than what of the last one is left, by no more than this, where it spares
    /// computing again what runs: as where one of many workers takes all layers of its neighbour. A faster one takes its
    /// place without a break.
    private static let mostSlowdown = 2.05
    /// What no weights need be fetched for may be slower by no more than this, before anything has served.
    private static let mostSparingSlowdown = 1.35
    /// One that is slower by no more than this counts as fast as another.
    private static let leastSlowdown = 1.08

    /// What leaves most of the plan that served last as it was, and is about as fast as `fastest`; nil: there is nothing
    /// better.
    private func repaired(_ fastest: Plan, _ members: [Member], _ order: StageOrder) -> Plan? {
        guard let holders, let earlier = holders.plan else { return nil }
        let candidates = candidates(members)
        let search = SplitSearch(model: configuration.model, candidates: candidates)
        guard let least = search.slowest(fastest) else { return nil }
        let left = earlier.stages.compactMap {
            search.time($0, earlier.blockCount, keepsOutputs: earlier.keepsOutputs)
        }
        let limit = Self.mostSlowdown * left.reduce(least) { max($0, $1) }
        let repair = PlanRepair(model: configuration.model, earlier: earlier, caches: holders.caches)
        func rebuilt(_ plan: Plan) -> Int {
            holders.rebuiltLayers(in: plan, room: configuration.model.outputsRoom(in: plan, members))
        }
        var best = (rebuilt: rebuilt(fastest), value: Double.infinity, plan: Plan?.none)
        for plan in repair.plans(candidates, caches: members.map(\.join.cacheIdentity)) where order.carries(plan) {
            guard isAsAsked(plan) || !isAsAsked(fastest), let value = search.slowest(plan), value <= limit else {
                continue
            }
            let rebuilt = rebuilt(plan)
            if (rebuilt, value) < (best.rebuilt, best.value) { best = (rebuilt, value, plan) }
        }
        return best.plan
    }

    /// What those who are there again make of the plan that they had a part in, where it is hardly slower than the fastest:
    /// what goes over its boundaries is kept, and least has to move. nil: there is no such.
    func returned(_ fastest: Plan, _ members: [Member]) -> Plan? {
        guard asked == nil, let home = holders?.home, home.plan.blockCount == fastest.blockCount else { return nil }
        let candidates = candidates(members)
        let search = SplitSearch(model: configuration.model, candidates: candidates)
        guard let least = search.slowest(fastest) else { return nil }
        let limit = least * (1 + configuration.leastImbalance)
        let order = order(of: members)
        let repair = PlanRepair(model: configuration.model, earlier: home.plan, caches: home.caches)
        return repair.plans(candidates, caches: members.map(\.join.cacheIdentity)).first { plan in
            plan.stages.count > serving?.stages.count ?? 0 && isAsAsked(plan) && order.carries(plan)
                && search.slowest(plan) ?? .infinity <= limit
        }
    }

    /// What the same workers had before this process, whatever they say of their speeds now: steps showed them then. nil:
    /// they are not all here, or it does not fit any more.
    private func recalled(_ fastest: Plan, _ members: [Member], _ order: StageOrder) -> Plan? {
        guard holders == nil, let stages = recall?.stages(over: members) else { return nil }
        let search = SplitSearch(model: configuration.model, candidates: candidates(members))
        let plan = Plan(stages: stages, blockCount: fastest.blockCount, keepsOutputs: fastest.keepsOutputs)
        guard order.carries(plan), isAsAsked(plan) || !isAsAsked(fastest), search.slowest(plan) != nil else {
            return nil
        }
        return plan
    }

    /// What is about as fast as the fastest, but needs half of the weights or fewer to be fetched; nil: there is nothing. Where
    /// none at all need be, before anything has served, it may be slower: what workers say of their speeds when all start
    /// at once is rough.
    private func sparing(_ fastest: Plan, _ members: [Member], _ order: StageOrder) -> Plan? {
        guard configuration.split == nil, members.contains(where: { !$0.cachedLayers.isEmpty }) else { return nil }
        let times = LoadTimes(model: configuration.model, members: members)
        func missing(_ plan: Plan) -> UInt64 { plan.stages.reduce(0) { $0 + times.missing($1, holding: serving) } }
        let candidates = candidates(members)
        let search = SplitSearch(model: configuration.model, candidates: candidates)
        let needed = missing(fastest)
        guard needed > 0, let least = search.slowest(fastest) else { return nil }
        for (slowdown, most) in [(hasServed ? 1 : Self.mostSparingSlowdown, 0), (Self.leastSlowdown, needed / 2)] {
            let plan = search.sparing(
                fastest.blockCount, keepsOutputs: fastest.keepsOutputs, limit: least * slowdown,
                cached: members.map(\.cachedLayers))
            if let plan, order.carries(plan), missing(plan) <= most { return plan }
        }
        return nil
    }

    /// It has the ranges that a person asked for, if one did.
    private func isAsAsked(_ plan: Plan) -> Bool {
        configuration.split.map { $0 == plan.stages.map(\.layers) } ?? true
    }

    /// How much longer the slowest stage of one plan takes than that of another: 1.2 times, for example. nil: one of them
    /// cannot be carried out by these.
    func slowdown(of plan: Plan, against other: Plan, _ members: [Member]) -> Double? {
        let search = SplitSearch(model: configuration.model, candidates: candidates(members))
        guard let own = search.slowest(plan), let others = search.slowest(other), others > 0 else { return nil }
        return own / others
    }

    private func candidates(_ members: [Member]) -> [Planner.Candidate] {
        zip(members, speeds.speeds(of: members)).map {
            Planner.Candidate(worker: $0.id, memoryBytes: $0.join.memoryBytes, speed: $1, threads: $0.join.threads)
        }
    }

    /// `enough`: as many as are there, whether or not this is an order of all of them.
    private func split(_ candidates: [Planner.Candidate], enough: Int) -> Result<Plan, PlanRefusal> {
        if !hasServed && enough < configuration.minimumWorkers {
            return .failure(.tooFewWorkers(needed: configuration.minimumWorkers, present: enough))
        }
        let planner = Planner(
            model: configuration.model, minimumBlocks: blockCount ?? configuration.minimumBlocks,
            wantedBlocks: blockCount ?? configuration.wantedBlocks)
        guard let split = configuration.split else { return planner.plan(candidates) }
        let asked = planner.plan(split: split, candidates)
        if case .failure = asked, hasServed { return planner.plan(candidates) }
        return asked
    }
}
