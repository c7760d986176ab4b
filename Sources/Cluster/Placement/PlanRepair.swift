// Responsible for: plans that leave the stages of an earlier one as they are, where some of its workers are gone. Must not
// know: why they are gone, who holds what.

import Sequences
import Wire

/// An earlier plan, with others in the places of those who are gone.
struct PlanRepair: Sendable {
    let model: ModelShape
    let earlier: Plan
    /// [stages] the caches of the earlier plan's workers: who comes back with one has the weights.
    let caches: [ContentHash?]

    private struct Place {
        /// nil: nobody yet.
        var worker: WorkerID?
        var layers: Range<Int>
    }

    /// Plans that these can carry out: spare workers take whole stages, their neighbours take what is left over, or all of
    /// it. [candidates] `caches` of each.
    func plans(_ candidates: [Planner.Candidate], caches own: [ContentHash?]) -> [Plan] {
        let places = earlier.stages.map { share in
            Place(worker: candidates.contains { $0.worker == share.worker } ? share.worker : nil, layers: share.layers)
        }
        let search = SplitSearch(model: model, candidates: candidates)
        var filled = places
        var spares = zip(candidates, own).filter { pair in !earlier.stages.contains { $0.worker == pair.0.worker } }
        // Those who come back first.
        for isReturn in [true, false] {
            for index in filled.indices where filled[index].worker == nil {
                let spare = spares.firstIndex { !isReturn || $0.1 != nil && $0.1 == caches[index] }
                if let spare { filled[index].worker = spares.remove(at: spare).0.worker }
            }
        }
        return [filled, places].compactMap { extended($0, search) }
    }

    /// Workers beside places where nobody is take their layers, so that the slowest of these is as fast as can be; nil: it
    /// does not fit.
    private func extended(_ places: [Place], _ search: SplitSearch) -> Plan? {
        var stages: [Plan.Share] = []
        /// Of layers that nobody has yet.
        var first: Int?
        for place in places {
            guard let worker = place.worker else {
                first = first ?? place.layers.lowerBound
                continue
            }
            stages.append(Plan.Share(worker: worker, layers: place.layers))
            guard let gap = first else { continue }
            first = nil
            guard close(gap..<place.layers.lowerBound, &stages, search) else { return nil }
        }
        guard let last = stages.last else { return nil }
        if last.layers.upperBound < model.layerBytes.count {
            stages[stages.count - 1].layers = last.layers.lowerBound..<model.layerBytes.count
        }
        let plan = Plan(stages: stages, blockCount: earlier.blockCount, keepsOutputs: earlier.keepsOutputs)
        return search.slowest(plan) == nil ? nil : plan
    }

    /// The last of `stages`, and the one before it if there is one, take the layers between them.
    private func close(_ gap: Range<Int>, _ stages: inout [Plan.Share], _ search: SplitSearch) -> Bool {
        let right = stages[stages.count - 1]
        let left = stages.dropLast().last
        var best: (value: Double, cut: Int)?
        for cut in left == nil ? [gap.lowerBound] : Array(gap.lowerBound...gap.upperBound) {
            let shares =
                [left.map { Plan.Share(worker: $0.worker, layers: $0.layers.lowerBound..<cut) }].compactMap { $0 }
                + [Plan.Share(worker: right.worker, layers: cut..<right.layers.upperBound)]
            let values = shares.map { search.time($0, earlier.blockCount, keepsOutputs: earlier.keepsOutputs) }
            let slowest = values.reduce(0) { max($0, $1 ?? .infinity) }
            if slowest < best?.value ?? .infinity { best = (slowest, cut) }
        }
        guard let cut = best?.cut else { return false }
        if let left { stages[stages.count - 2].layers = left.layers.lowerBound..<cut }
        stages[stages.count - 1].layers = cut..<right.layers.upperBound
        return true
    }
}
