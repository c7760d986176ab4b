// Responsible for: the coordinator's part in previews of plans: what they are made of, and carrying one out. Must not know: how
// a plan is chosen, what it would give.

import Sequences
import Wire

extension Coordinator {
    /// The plan that there would be, or why there is none.
    package func preview(_ query: PlanQuery, now: Moment) -> Result<PlanPreview, TandemError> {
        planPreviews(now).preview(query).map(\.preview)
    }

    /// The plan that was asked for is carried out as soon as it can be.
    mutating func apply(_ query: PlanQuery, _ now: Moment) {
        guard query.isApplied, case .success(let (plan, _)) = planPreviews(now).preview(query) else { return }
        log(.info, "a plan was asked for: \(planText(plan))")
        deployments.ask(for: plan)
    }

    private func planPreviews(_ now: Moment) -> PlanPreviews {
        let pool = scheduler.pool
        return PlanPreviews(
            configuration: configuration, members: membership.eligible, serving: deployments.serving?.plan,
            preparing: deployments.preparing?.plan, reachability: reachability, speeds: membership.speeds,
            hops: hopCosts, blocksInUse: pool.count - pool.availableCount + pool.keptCount, now: now)
    }

    /// As somebody had them measured last, else as steps tell.
    private var hopCosts: HopCosts {
        var costs = HopCosts()
        if let stages = deployments.serving?.stages.count, let time = scheduler.monitor.hopSeconds {
            costs.seconds = time / Double(stages + 1)
        }
        let links = lastFound.links.filter { $0.link == .next }.map(\.figures)
        if let slowest = links.map(\.bytesPerSecond).filter({ $0 > 0 }).min() { costs.bytesPerSecond = slowest }
        return costs
    }
}
