// Responsible for: when another plan is worth a change while one serves, and whether it can be prepared beside that. Must not
// know: how a plan is prepared, requests.

import Wire

/// What is remembered of changes while a plan serves.
struct PlanChanges: Sendable {
    /// What came to nothing, and until when it is not tried again.
    private var failed: (plan: Plan, until: Moment, count: Int)?
    /// Since when another plan is thought to be faster; nil: none is.
    private var unbalancedSince: Moment?
    private var lastBalancing: Moment?
    private var nextLook = Moment.start
    /// What is due is for when nothing is computed, until there is another reason.
    var waitsForIdle = false
    /// When the first and the last came that no plan has been thought about for; nil: nobody did.
    private var joined: (first: Moment, last: Moment)?
    /// Why a change waits until nothing is computed, as a sentence; nil: none does.
    var obstacle: String?
    private(set) var completed = 0
    private(set) var abandoned = 0
    private(set) var copiedBlocks: UInt64 = 0

    private static let retryAfter = Duration.seconds(5)
    private static let mostDoublings = 4
    private static let lookInterval = Duration.seconds(1)

    mutating func noteAbandoned(_ plan: Plan, isFault: Bool, _ now: Moment) {
        abandoned += 1
        guard isFault else { return }
        let count = failed?.plan == plan ? (failed?.count ?? 0) + 1 : 1
        failed = (plan, now + Self.retryAfter * (1 << min(count - 1, Self.mostDoublings)), count)
    }

    mutating func noteCompleted(copiedBlocks count: UInt64) {
        completed += 1
        copiedBlocks &+= count
        (failed, unbalancedSince, obstacle) = (nil, nil, nil)
    }

    /// Somebody has come. Others may be about to.
    mutating func noteJoined(_ now: Moment) { joined = (joined?.first ?? now, now) }

    /// Whether a plan waits for those who come at about the same time, so that there is one change for all of them.
    /// `areProven`: everybody who is there can be used.
    mutating func awaitsOthers(areProven: Bool, _ configuration: CoordinatorConfiguration, _ now: Moment) -> Bool {
        guard let joined else { return false }
        if now - joined.first < configuration.joinersAwaitedFor,
            !areProven || now - joined.last < configuration.joinersFollowWithin
        {
            return true
        }
        self.joined = nil
        return false
    }

    /// Whether this plan may be tried (again).
    func allows(_ plan: Plan, _ now: Moment) -> Bool { failed.map { $0.plan != plan || $0.until <= now } ?? true }

    /// Whether it is time to look if another plan is faster.
    mutating func looks(_ now: Moment) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now + Self.lookInterval
        return true
    }

    /// Another plan is, or is not, so much faster as measured that it is worth a change: whether it has been for long enough.
    mutating func note(isUnbalanced: Bool, for time: Duration, atMostEvery interval: Duration, _ now: Moment) -> Bool {
        guard isUnbalanced else {
            unbalancedSince = nil
            return false
        }
        let since = unbalancedSince ?? now
        unbalancedSince = since
        guard now - since >= time, lastBalancing.map({ now - $0 >= interval }) ?? true else { return false }
        lastBalancing = now
        unbalancedSince = nil
        return true
    }
}

extension Deployments {
    /// What becomes of a plan that is due while another serves.
    enum Change: Sendable {
        /// It is prepared beside that.
        case begin(Plan)
        /// There is none that is worth it.
        case none
        /// Not now.
        case later
        /// It is for when nothing is computed.
        case whenIdle
    }

    private static let thoughtInterval = Duration.seconds(1)

    /// Whether, and how, another plan takes the place of the one that serves.
    mutating func change(
        from serving: Deployment, over eligible: [Member], _ reachability: Reachability, _ speeds: SpeedRecord,
        holders: KeyValueHolders?, isIdle: Bool, isWhole: Bool, _ now: Moment
    ) -> Change {
        guard configuration.changesWhileServing else { return isIdle ? .whenIdle : .later }
        if changes.waitsForIdle, !isIdle { return .later }
        guard isWhole, preparing == nil else { return .later }
        let areProven = eligible.allSatisfy { $0.weightsLink != .unknown && $0.tokensLink != .unknown }
        if changes.awaitsOthers(areProven: areProven, configuration, now) { return .later }
        let members = eligible.filter { mayTakePart($0) }
        var choice = choice(beside: serving.plan, reachability, speeds, now)
        guard case .success(let best) = choice.plan(over: members) else { return put(off: now) }
        choice.holders = holders
        let plan = choice.returned(best.plan, members) ?? best.plan
        changes.obstacle = nil
        if plan == serving.plan {
            // With nothing to compute there may be one with more KV blocks.
            return plan.blockCount < configuration.wantedBlocks ? put(off: now) : .none
        }
        guard best.isReachable else { return .none }
        guard changes.allows(plan, now) else {
            nextThought = now + Self.thoughtInterval
            return .later
        }
        guard isWorthwhile(plan, serving.plan, members, choice) else {
            if !isIdle { return put(off: now) }
            // With nothing to compute it costs what must be fetched for it: for the same workers that is not worth it.
            let isOverSame = plan.stages.allSatisfy { serving.stage(of: $0.worker) != nil }
            let times = LoadTimes(model: configuration.model, members: members)
            if isOverSame, plan.stages.contains(where: { times.missing($0, holding: serving.plan) > 0 }) {
                return .none
            }
            return begin(plan, beside: serving, members, now)
        }
        return begin(plan, beside: serving, members, now)
    }

    /// If it fits beside the one that serves.
    private mutating func begin(_ plan: Plan, beside serving: Deployment, _ members: [Member], _ now: Moment) -> Change
    {
        if let obstacle = obstacle(to: plan, beside: serving, members) {
            changes.obstacle = obstacle
            return put(off: now)
        }
        return .begin(plan)
    }

    /// It is thought about again once nothing is computed.
    private mutating func put(off now: Moment) -> Change {
        changes.waitsForIdle = true
        nextThought = now + Self.thoughtInterval
        return .whenIdle
    }

    private func choice(
        beside plan: Plan, _ reachability: Reachability, _ speeds: SpeedRecord, _ now: Moment
    ) -> PlanChoice {
        var asked = asked
        asked?.blockCount = plan.blockCount
        return PlanChoice(
            configuration: configuration, hasServed: true, serving: plan, preparing: nil, reachability: reachability,
            speeds: speeds, asked: asked, now: now, blockCount: plan.blockCount)
    }

    /// A person asked for it, somebody is to be left out, there are fewer workers than were asked for, or it is faster
    /// enough.
    private func isWorthwhile(_ plan: Plan, _ serving: Plan, _ members: [Member], _ choice: PlanChoice) -> Bool {
        if let asked, asked.stages == plan.stages { return true }
        if serving.stages.contains(where: { share in !members.contains { $0.id == share.worker } }) { return true }
        if serving.stages.count < min(configuration.minimumWorkers, plan.stages.count) { return true }
        if let split = configuration.split, plan.stages.map(\.layers) == split { return true }
        return choice.slowdown(of: serving, against: plan, members) ?? .infinity >= 1 + configuration.leastGain
    }

    /// Why two stages do not fit into a worker, as a sentence; nil: all fit.
    private func obstacle(to plan: Plan, beside serving: Deployment, _ members: [Member]) -> String? {
        for share in plan.stages {
            guard let held = serving.plan.layers(of: share.worker),
                let member = members.first(where: { $0.id == share.worker })
            else { continue }
            let outputs = serving.stage(of: share.worker)?.keeping.outputs ?? []
            let end = share.layers.upperBound
            let isNew = plan.keepsOutputs && share != plan.stages.last && !outputs.contains { $0.layer == end }
            let needed = configuration.model.bytes(
                of: share.layers, beside: held, blockCount: plan.blockCount, threads: member.join.threads,
                outputs: outputs.count + (isNew ? 1 : 0))
            if needed > member.join.memoryBytes {
                return "a better plan waits until nothing is computed: beside the one that serves \(member.name) would "
                    + "need \(bytesText(needed)), and offers \(bytesText(member.join.memoryBytes))"
            }
        }
        return nil
    }

    /// Looks from time to time whether another plan would be faster, by what steps took.
    mutating func lookAtBalance(
        over eligible: [Member], _ reachability: Reachability, _ speeds: SpeedRecord, _ now: Moment
    ) {
        guard configuration.changesWhileServing, let serving, preparing == nil, !isPlanDue || changes.waitsForIdle,
            changes.looks(now)
        else {
            return
        }
        let members = eligible.filter { mayTakePart($0) }
        let choice = choice(beside: serving.plan, reachability, speeds, now)
        var isUnbalanced = false
        if case .success(let best) = choice.plan(over: members), best.isReachable, best.plan != serving.plan,
            let slowdown = choice.slowdown(of: serving.plan, against: best.plan, members)
        {
            isUnbalanced = slowdown >= 1 + configuration.leastImbalance
        }
        let isDue = changes.note(
            isUnbalanced: isUnbalanced, for: configuration.unbalancedFor, atMostEvery: configuration.balancedEvery, now)
        if isDue { noteImbalance() }
    }
}
