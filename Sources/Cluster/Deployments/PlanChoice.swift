// Responsible for: which plan the members that are here should carry out, or why there is none yet. Must not know: what
// is being carried out, requests.

import Wire

/// The configuration's wishes against the members that may be given layers.
struct PlanChoice: Sendable {
    let configuration: CoordinatorConfiguration
    /// From the first plan that served on, fewer workers than were asked for are better than none.
    let hasServed: Bool

    let speeds: SpeedRecord

    func plan(over members: [Member]) -> Result<Plan, PlanRefusal> {
        let candidates = zip(members, speeds.speeds(of: members)).map {
            Planner.Candidate(
                worker: $0.id, memoryBytes: $0.join.memoryBytes, readBytesPerSecond: $1, threads: $0.join.threads)
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
}
