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

    /// Bytes of weights of a stage that its worker does not hold as one of `held`; nil: nobody holds any.
    func missing(_ share: Plan.Share, holding held: Plan?) -> UInt64 {
        let overlap = (held?.layers(of: share.worker) ?? 0..<0).clamped(to: share.layers)
        let bytes = model.weightBytes(of: share.layers)
        return bytes - min(bytes, overlap.isEmpty ? 0 : model.weightBytes(of: overlap))
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
