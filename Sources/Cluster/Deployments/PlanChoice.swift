// Responsible for: which plan the members that are here should carry out, or why there is none yet. Must not know: what
// is being carried out, requests.

import Wire

/// The configuration's wishes against the members that may be given layers.
struct PlanChoice: Sendable {
    let configuration: CoordinatorConfiguration
    /// From the first plan that served on, fewer workers than were asked for are better than none.
    let hasServed: Bool

    func plan(over members: [Member]) -> Result<Plan, PlanRefusal> {
        let candidates = members.map {
            Planner.Candidate(
                worker: $0.id, memoryBytes: $0.join.memoryBytes, readBytesPerSecond: bandwidth(like: $0.join, members),
                threads: $0.join.threads)
        }
        if !hasServed && candidates.count < configuration.minimumWorkers {
            return .failure(.tooFewWorkers(needed: configuration.minimumWorkers, present: candidates.count))
        }
        let planner = Planner(
            model: configuration.model, minimumBlocks: configuration.minimumBlocks,
            wantedBlocks: configuration.wantedBlocks)
        guard let split = configuration.split else { return planner.plan(candidates) }
        let asked = planner.plan(split: split, candidates)
        if case .failure = asked, hasServed { return planner.plan(candidates) }
        return asked
    }

    /// Workers of one host with as many threads are equally fast: what they measured at different moments differs by
    /// how busy the host was then.
    private func bandwidth(like join: Join, _ others: [Member]) -> Double {
        let alike = others.filter { $0.join.hostName == join.hostName && $0.join.threads == join.threads }
        return join.hostName.isEmpty
            ? join.readBytesPerSecond : alike.map(\.join.readBytesPerSecond).max() ?? join.readBytesPerSecond
    }
}
