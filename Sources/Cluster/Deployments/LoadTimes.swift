// Responsible for: how long the loads of a plan should take, by what workers measured of their links. Must not know: what
// they take.

import Wire

/// Estimates and limits of loads.
struct LoadTimes: Sendable {
    /// Bytes a second where nothing was measured, and the least that a limit goes by, so that nobody's word makes it long.
    private static let unknownRate = 100e6
    private static let leastRate = 4e6

    let model: ModelShape
    let members: [Member]

    private func rate(of worker: WorkerID) -> Double {
        let measured = members.first { $0.id == worker }?.weightsPerSecond ?? 0
        return measured > 0 ? measured : Self.unknownRate
    }

    /// Bytes of weights of a stage that its worker neither holds as one of `held` (nil: nobody holds any) nor has on its
    /// disk.
    func missing(_ share: Plan.Share, holding held: Plan?) -> UInt64 {
        let own = members.first { $0.id == share.worker }?.cachedLayers ?? []
        let there = own + [held?.layers(of: share.worker) ?? 0..<0]
        let missing = share.layers.filter { layer in !there.contains { $0.contains(layer) } }
        if missing.count == share.layers.count { return model.weightBytes(of: share.layers) }
        return missing.reduce(0) { $0 + model.weightBytes(of: $1..<$1 + 1) }
    }

    /// The longest of a plan's fetches, for those who hold the layers of `held` now.
    func estimate(of plan: Plan, holding held: Plan?) -> Duration {
        let seconds = plan.stages.map { Double(missing($0, holding: held)) / rate(of: $0.worker) }
        return .seconds(min(seconds.max() ?? 0, 1e6))
    }

    /// For how long a worker's load of these layers may take beyond what is allowed to every load.
    func allowance(_ share: Plan.Share) -> Duration {
        let bytes = Double(model.weightBytes(of: share.layers))
        return .seconds(min(2 * bytes / max(rate(of: share.worker), Self.leastRate), 1e6))
    }
}
