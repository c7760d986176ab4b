// Responsible for: why a worker has no layers, for people and with numbers. Must not know: how plans are made.

import Sequences
import Wire

/// What there is to say of a worker without layers.
struct IdleReason: Sendable {
    let configuration: CoordinatorConfiguration
    let membership: Membership
    let deployments: Deployments

    /// A state such as "idle: the plan needs only 2 workers".
    func state(of member: Member, now: Moment) -> String {
        if case .setAside(let end, let why) = member.standing {
            let seconds = Int(((end - now) / .seconds(1)).rounded(.up))
            return "set aside for \(max(0, seconds)) s: \(why)"
        }
        if member.draining != nil { return "idle: left out, as somebody has asked for that" }
        return reason(member).map { "idle: \($0)" } ?? "idle"
    }

    private func reason(_ member: Member) -> String? {
        let plan = deployments.foremost?.plan
        if let short = shortage(member, plan) { return short }
        guard let plan else { return nil }
        if let failure = member.weightsLink.failure { return "it cannot fetch weights (\(failure.words))" }
        if deployments.serving != nil, !member.hasProvenLinks { return "it has yet to prove that it can fetch weights" }
        if let time = deployments.postponed {
            return "its layers would load for about \(time.wholeSeconds) s, while others serve"
        }
        let (count, layers) = (plan.stages.count, configuration.model.layerBytes.count)
        let workers = "\(count) worker\(count == 1 ? "" : "s")"
        if deployments.isPlanDue { return "the next plan, made when nothing is computed, counts it in" }
        if count == layers { return "each of the model's \(layers) layers has a worker of its own" }
        if let split = configuration.split, split.count == count {
            return "the split that was asked for is for \(workers)"
        }
        let members = plan.stages.compactMap { membership[$0.worker] }
        let speeds = membership.speeds.speeds(of: members + [member])
        if let own = speeds.last, own > 0, let slowest = speeds.dropLast().min(), own < 0.8 * slowest {
            return
                "at \(Self.text(own)) it would slow down the \(workers) of the plan, at \(Self.text(slowest)) or more"
        }
        return "the plan needs only \(workers)"
    }

    /// It offers too little for any layer; nil: it does not.
    private func shortage(_ member: Member, _ plan: Plan?) -> String? {
        let (model, join) = (configuration.model, member.join)
        let blocks = plan?.blockCount ?? configuration.minimumBlocks
        let needed = model.layerBytes.indices.map {
            model.stageBytes(of: $0..<$0 + 1, blockCount: blocks, threads: join.threads)
        }
        guard let least = needed.min(), join.memoryBytes < least else { return nil }
        return "offers \(bytesText(join.memoryBytes)), a layer needs \(bytesText(least))"
    }

    private static func text(_ bytesPerSecond: Double) -> String {
        let tenths = Int(min(bytesPerSecond / 1e8, 1e12).rounded())
        return "\(tenths / 10).\(tenths % 10) GB/s"
    }
}
