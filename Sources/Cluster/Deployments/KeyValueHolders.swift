// Responsible for: which workers have the keys and values of everything that runs, layer by layer, from one plan to the
// next, and what has to be computed again under a new plan. Must not know: requests, blocks, how anything is computed.
//
// What a stage holds is named by its worker's process and the epoch that began it there. A process that was started again
// is another worker; one that was told to begin anew has another epoch. So what is asked for is there, or its worker says
// that it is not.

import Wire

/// The keys and values of the plan that served last.
struct KeyValueHolders: Sendable {
    /// A layer's keys and values, or what goes into it, at one worker.
    private struct Holding: Sendable, Equatable {
        let worker: WorkerID
        let since: Epoch
    }

    /// All of a model.
    private struct Holdings: Sendable {
        /// [layers] nil: nobody has all of them.
        var layers: [Holding?] = []
        /// [layers] what goes into each, as the stage before it keeps it.
        var inputs: [Holding?] = []
    }

    /// What a stage of a new plan is to keep.
    struct Keeping: Sendable, Equatable {
        /// [layers of the stage] `.none`: nothing.
        var layers: [Epoch] = []
        var outputs: KeptOutputs?
    }

    /// The plan that served last; nil: none has.
    private(set) var plan: Plan?
    /// [stages of it] the caches of its workers.
    private(set) var caches: [ContentHash?] = []
    private var epoch = Epoch.none
    private var whole = Holdings()
    /// The same, once all is rebuilt that was missing when the plan began to serve.
    private var rebuilt = Holdings()

    /// [stages] what each is to keep. Block ids are of no use where there are not as many as before.
    func keeping(for next: Plan) -> [Keeping] {
        guard let plan, plan.blockCount == next.blockCount else { return next.stages.map { _ in Keeping() } }
        return next.stages.map { share in
            let layers = share.layers.map { layer in
                whole.layers[layer].flatMap { $0.worker == share.worker ? $0.since : nil } ?? .none
            }
            if layers.allSatisfy({ $0 == .none }) { return Keeping() }
            let boundaries = share.layers.dropFirst().reversed()
            let outputs = ([share.layers.upperBound] + boundaries).lazy.compactMap { layer -> KeptOutputs? in
                guard layer < whole.inputs.count, let held = whole.inputs[layer], held.worker == share.worker else {
                    return nil
                }
                return KeptOutputs(layer: layer, since: held.since)
            }.first
            return Keeping(layers: layers, outputs: outputs)
        }
    }

    /// [stages] what each keeps of a plan that begins while the one that serves is whole: only what the two stages of a
    /// worker have in common, so that both can use it. [stages] And where the others' layers come from.
    func sharing(for next: Plan, key: (WorkerID) -> NodeKey?) -> (keeping: [Keeping], copied: [[CopySource]]) {
        var keeping = keeping(for: next)
        for (index, share) in next.stages.enumerated() where keeping[index].outputs?.layer != share.layers.upperBound {
            keeping[index].outputs = nil
        }
        let copied = next.stages.map { share in
            (plan?.stages ?? []).compactMap { source -> CopySource? in
                let layers = source.layers.clamped(to: share.layers)
                if layers.isEmpty || source.worker == share.worker { return nil }
                return CopySource(layers: layers, worker: source.worker, key: key(source.worker))
            }
        }
        return (keeping, copied)
    }

    /// How many layers would be computed again under a plan: those that nobody would keep, and those on the way to them.
    func rebuiltLayers(in next: Plan) -> Int {
        let kept = keeping(for: next)
        let isThere = zip(next.stages, kept).flatMap { share, kept in
            kept.layers.isEmpty ? share.layers.map { _ in false } : kept.layers.map { $0 != .none }
        }
        return Self.missing(isThere, Self.sources(of: next, kept)).reduce(0) { $0 + $1.count }
    }

    /// [layers] what goes into each is kept, so that it can be computed again without those before.
    private static func sources(of plan: Plan, _ kept: [Keeping]) -> [Bool] {
        let count = plan.stages.last?.layers.upperBound ?? 0
        var isSource = (0..<count).map { $0 == 0 }
        for outputs in kept.compactMap(\.outputs) where outputs.layer < count { isSource[outputs.layer] = true }
        return isSource
    }

    /// A worker is told to free what it holds.
    mutating func release(_ worker: WorkerID) {
        func kept(_ holding: Holding?) -> Holding? { holding.flatMap { $0.worker == worker ? nil : $0 } }
        whole.layers = whole.layers.map(kept)
        whole.inputs = whole.inputs.map(kept)
    }

    /// A plan is over. `isWhole`: what was missing when it began was rebuilt.
    mutating func end(_ epoch: Epoch, isWhole: Bool) {
        if epoch == self.epoch, isWhole { whole = rebuilt }
    }

    /// A plan serves. The layers to be computed again, in ranges each of which goes on from inputs that are there; none:
    /// nothing is missing. nil: nothing is there. [stages] `caches` of the workers.
    mutating func serve(_ deployment: Deployment, caches: [ContentHash?]) -> [Range<Int>]? {
        let (next, stages) = (deployment.plan, deployment.stages)
        (plan, epoch, self.caches) = (next, deployment.epoch, caches)
        let count = next.stages.reduce(0) { max($0, $1.layers.upperBound) }
        let kept = stages.map { $0.hasKept ? $0.keeping : Keeping() }
        whole = Holdings(layers: Array(repeating: nil, count: count), inputs: Array(repeating: nil, count: count))
        rebuilt = whole
        let isSource = Self.sources(of: next, kept)
        for (share, kept) in zip(next.stages, kept) {
            for (place, layer) in share.layers.enumerated() {
                let since = kept.layers.isEmpty ? .none : kept.layers[place]
                rebuilt.layers[layer] = Holding(worker: share.worker, since: since == .none ? deployment.epoch : since)
                if since != .none { whole.layers[layer] = rebuilt.layers[layer] }
            }
            if let outputs = kept.outputs, outputs.layer < count, outputs.layer == share.layers.upperBound {
                whole.inputs[outputs.layer] = Holding(worker: share.worker, since: outputs.since)
            }
        }
        // What no stage has kept was copied.
        if deployment.isBeside { whole.layers = rebuilt.layers }
        let isLost = whole.layers.allSatisfy { $0 == nil }
        let ranges = isLost ? [0..<count] : Self.missing(whole.layers.map { $0 != nil }, isSource)
        noteInputs(of: next, deployment.epoch, computed: ranges)
        if isLost || ranges.isEmpty { whole = rebuilt }
        return isLost ? nil : ranges
    }

    /// Runs of layers that nobody has, each from the nearest inputs on that somebody has.
    private static func missing(_ isThere: [Bool], _ isSource: [Bool]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var layer = 0
        while layer < isThere.count {
            guard !isThere[layer] else {
                layer += 1
                continue
            }
            var first = layer
            while !isSource[first] { first -= 1 }
            while layer < isThere.count, !isThere[layer] { layer += 1 }
            while let last = ranges.last, last.upperBound > first {
                first = min(first, last.lowerBound)
                ranges.removeLast()
            }
            ranges.append(first..<layer)
        }
        return ranges
    }

    /// Stages keep what they put out if they did before, or if it is computed again in these ranges.
    private mutating func noteInputs(of next: Plan, _ epoch: Epoch, computed: [Range<Int>]) {
        guard next.keepsOutputs else { return }
        rebuilt.inputs = whole.inputs
        for share in next.stages.dropLast() where rebuilt.inputs[share.layers.upperBound] == nil {
            guard computed.contains(where: { $0.contains(share.layers.upperBound - 1) }) else { continue }
            rebuilt.inputs[share.layers.upperBound] = Holding(worker: share.worker, since: epoch)
        }
    }
}
