// Responsible for: which plan the members that are here should carry out, or why there is none yet. Must not know: what
// is being carried out, requests.

import Wire

/// The configuration's wishes against the members that may be given layers, and the links between them.
struct PlanChoice: Sendable {
    /// A plan, and whether all of its links are thought to carry.
    struct Choice: Sendable, Equatable {
        let plan: Plan
        let isReachable: Bool
    }

    let configuration: CoordinatorConfiguration
    /// From the first plan that served on, fewer workers than were asked for are better than none.
    let hasServed: Bool
    /// What serves now, and what is being prepared.
    let serving: Plan?
    let preparing: Plan?
    let reachability: Reachability
    let speeds: SpeedRecord
    let now: Moment

    /// With members that have proven their links to the coordinator if they suffice, else with others as well, those that
    /// cannot fetch weights last; in an order that avoids links that do not carry, if there is one; else a plan that has
    /// to wait until they do.
    func plan(over members: [Member]) -> Result<Choice, PlanRefusal> {
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

    private func reachable(_ members: [Member]) -> Choice? {
        let order = StageOrder { from, to in
            if to == nil, let last = members.first(where: { $0.id == from }), last.tokensLink.failure != nil {
                return false
            }
            return !reachability.isAvoided(from, to, now)
        }
        let plan = order.plan(candidates(members)) { try? split($0, enough: members.count).get() }
        return plan.map { Choice(plan: $0, isReachable: true) }
    }

    private func candidates(_ members: [Member]) -> [Planner.Candidate] {
        zip(members, speeds.speeds(of: members)).map {
            Planner.Candidate(
                worker: $0.id, memoryBytes: $0.join.memoryBytes, readBytesPerSecond: $1, threads: $0.join.threads)
        }
    }

    /// `enough`: as many as are there, whether or not this is an order of all of them.
    private func split(_ candidates: [Planner.Candidate], enough: Int) -> Result<Plan, PlanRefusal> {
        if !hasServed && enough < configuration.minimumWorkers {
            return .failure(.tooFewWorkers(needed: configuration.minimumWorkers, present: enough))
        }
        let planner = Planner(
            model: configuration.model, minimumBlocks: configuration.minimumBlocks,
            wantedBlocks: configuration.wantedBlocks)
        guard let split = configuration.split else { return planner.plan(candidates) }
        let asked = planner.plan(split: split, candidates)
        if case .failure = asked, hasServed { return planner.plan(candidates) }
        return asked
    }
}
