// Responsible for: which layers each worker was told to load, last and shortly before. Must not know: how far loads are,
// which bytes a layer has, what is fetched.

import Wire

/// What a worker may have of the model's weights.
package enum WeightClaim: Sendable, Equatable {
    /// Its newest share of a plan has them.
    case granted
    /// A share that it had shortly before has them, or it asks for one of an earlier coordinator's plans: it may not have
    /// heard of the newest plan.
    case outdated
    /// They are none of its.
    case foreign
}

/// The newest plans, of which each told every worker of its share, or that it has none.
struct ToldShares: Sendable {
    /// Plans up to this epoch were told by earlier coordinators.
    let firstEpoch: Epoch
    /// The newest last.
    private var plans: [Plan] = []

    /// More plans than can be on their way to a worker that still asks for what an earlier one gave it.
    private static let remembered = 8

    init(after firstEpoch: Epoch) { self.firstEpoch = firstEpoch }

    /// All workers are told of a plan now.
    mutating func note(_ plan: Plan) {
        if plans.count >= Self.remembered { plans.removeFirst() }
        plans.append(plan)
    }

    /// What a worker that asks under this epoch may have of something that belongs to the layers of which `holds` is true.
    func claim(of worker: WorkerID, in epoch: Epoch, _ holds: (Range<Int>) -> Bool) -> WeightClaim {
        func has(_ plan: Plan) -> Bool { plan.layers(of: worker).map(holds) ?? false }
        if plans.last.map(has) == true { return .granted }
        let isEarlier = epoch != .none && epoch <= firstEpoch
        return isEarlier || plans.dropLast().contains(where: has) ? .outdated : .foreign
    }
}
