// Responsible for: which workers have the keys and values of everything that runs, layer by layer, from one plan to the
// next, and what has to be computed again under a new plan. Must not know: requests, blocks, how anything is computed.
//
// What a stage holds is named by its worker's process and the epoch that began it there. A process that was started again
// is another worker; one that was told to begin anew has another epoch. So what is asked for is there, or its worker says
// that it is not.
//
// What goes from stage to stage is kept by the one before, so that the stage behind can be computed again from it alone. It
// is also kept inside of stages, where the boundaries are of the plan that workers who are gone may bring back: then it is
// there, and goes with the layers to whoever takes them.

import Wire

/// The keys and values of the plan that served last.
struct KeyValueHolders: Sendable {
    /// A layer's keys and values at one worker.
    private struct Holding: Sendable, Equatable {
        let worker: WorkerID
        let since: Epoch
    }

    /// What goes into a layer, at one worker.
    private struct Inputs: Sendable, Equatable {
        let worker: WorkerID
        /// As the worker knows it.
        let since: Epoch
        /// It is there of blocks that were begun in this epoch or later; `.none`: of all.
        let from: Epoch
    }

    /// All of a model.
    private struct Holdings: Sendable {
        /// [layers] nil: nobody has all of them.
        var layers: [Holding?] = []
        /// [layers] nil: nobody keeps what goes into it.
        var inputs: [Inputs?] = []
    }

    /// What a stage of a new plan is to keep.
    struct Keeping: Sendable, Equatable {
        /// [layers of the stage] `.none`: nothing.
        var layers: [Epoch] = []
        /// In ascending order of layers; since `.none`: from now on.
        var outputs: [KeptOutputs] = []
    }

    /// For how many layers a worker has room to keep what goes into them, beside all else.
    typealias Room = (Plan.Share) -> Int

    /// The plan that served last; nil: none has.
    private(set) var plan: Plan?
    /// [stages of it] the caches of its workers.
    private(set) var caches: [ContentHash?] = []
    private var epoch = Epoch.none
    private var whole = Holdings()
    /// The same, once all is rebuilt that was missing when the plan began to serve.
    private var rebuilt = Holdings()
    /// The plan of most stages that has served since there was nothing, with the caches of its workers: those who are gone may
    /// bring it back.
    private(set) var home: (plan: Plan, caches: [ContentHash?])?

    // MARK: What is to be kept

    /// [stages] what each is to keep. Block ids are of no use where there are not as many as before.
    func keeping(for next: Plan, room: Room = { _ in .max }) -> [Keeping] {
        next.stages.map { share in
            var keeping = Keeping(layers: keptLayers(of: share, next))
            let known = keeping.layers.isEmpty ? [] : whole.inputs.map { $0?.worker == share.worker ? $0 : nil }
            keeping.outputs = wantedOutputs(of: share, keeping.layers, next, known: known, most: room(share))
            return keeping
        }
    }

    private func isOfSameBlocks(_ next: Plan) -> Bool { plan?.blockCount == next.blockCount }

    /// Empty: none.
    private func keptLayers(of share: Plan.Share, _ next: Plan) -> [Epoch] {
        guard isOfSameBlocks(next) else { return [] }
        let layers = share.layers.map { layer in
            whole.layers[layer].flatMap { $0.worker == share.worker ? $0.since : nil } ?? .none
        }
        return layers.allSatisfy { $0 == .none } ? [] : layers
    }

    /// What a worker keeps of what goes into a layer.
    private func held(_ layer: Int, by worker: WorkerID) -> Inputs? {
        guard layer < whole.inputs.count else { return nil }
        return whole.inputs[layer].flatMap { $0.worker == worker ? $0 : nil }
    }

    /// Layers of which a stage is to keep what goes into them, as many as there is room for: first what is there and others
    /// cannot do without, then what goes to the next stage; what is kept nearest to that, where that is not kept of all; what
    /// goes over boundaries that may come back. [layers] `known`: what it can have of them.
    private func wantedOutputs(
        of share: Plan.Share, _ layers: [Epoch], _ next: Plan, known: [Inputs?], most: Int
    ) -> [KeptOutputs] {
        let (end, count) = (share.layers.upperBound, next.stages.last?.layers.upperBound ?? 0)
        let isPart = next.stages.count < home?.plan.stages.count ?? 0
        func isOfHome(_ layer: Int) -> Bool { home?.plan.stages.contains { $0.layers.lowerBound == layer } ?? false }
        func inputs(_ layer: Int) -> Inputs? { layer < known.count ? known[layer] : nil }
        func since(_ layer: Int) -> Epoch {
            inputs(layer).flatMap { $0.worker == share.worker && !layers.isEmpty ? $0.since : nil } ?? .none
        }
        let ranked = ((share.layers.lowerBound + 1)...end).filter { $0 < count }.compactMap { layer -> (Int, Int)? in
            let isKnown = inputs(layer) != nil
            if layer == end { return next.keepsOutputs || isKnown ? (since(layer) != .none ? 0 : 2, layer) : nil }
            if since(layer) != .none, layers[layer - share.layers.lowerBound] == .none { return (1, layer) }
            if isKnown, end < count, inputs(end).map({ $0.from > inputs(layer)?.from ?? .none }) ?? true {
                return (3, -layer)
            }
            return isPart && isOfHome(layer) && (isKnown || next.keepsOutputs) ? (4, layer) : nil
        }
        return ranked.sorted { $0 < $1 }.prefix(max(0, most)).map { abs($0.1) }.sorted().map {
            KeptOutputs(layer: $0, since: since($0))
        }
    }

    /// [stages] what each keeps of a plan that begins while the one that serves is whole. [stages] And where the others'
    /// layers come from, with what was kept of the inputs of others. `room`: beside both stages of a worker.
    func sharing(
        for next: Plan, room: Room = { _ in .max }, key: (WorkerID) -> NodeKey?
    ) -> (keeping: [Keeping], copied: [[CopySource]]) {
        let keeping = next.stages.map { share in
            // What both stages keep is there once.
            let kept =
                share.layers.dropFirst().count { held($0, by: share.worker) != nil }
                + (held(share.layers.upperBound, by: share.worker) == nil ? 0 : 1)
            let room = room(share)
            var keeping = Keeping(layers: keptLayers(of: share, next))
            keeping.outputs = wantedOutputs(
                of: share, keeping.layers, next, known: whole.inputs, most: room > .max - kept ? room : room + kept)
            return keeping
        }
        let copied = zip(next.stages, keeping).map { share, keeping in
            (plan?.stages ?? []).compactMap { source -> CopySource? in
                let layers = source.layers.clamped(to: share.layers)
                if layers.isEmpty || source.worker == share.worker { return nil }
                var copied = CopySource(layers: layers, worker: source.worker, key: key(source.worker))
                copied.outputs = keeping.outputs.filter {
                    $0.since == .none && layers.contains($0.layer - 1) && held($0.layer, by: source.worker) != nil
                }.map(\.layer)
                return copied
            }
        }
        return (keeping, copied)
    }

    /// How many layers would be computed again under a plan: those that nobody would keep, and those on the way to them.
    func rebuiltLayers(in next: Plan, room: Room = { _ in .max }) -> Int {
        let kept = keeping(for: next, room: room)
        let isThere = zip(next.stages, kept).flatMap { share, kept in
            kept.layers.isEmpty ? share.layers.map { _ in false } : kept.layers.map { $0 != .none }
        }
        var inputs: [Epoch?] = isThere.map { _ in nil }
        for (share, kept) in zip(next.stages, kept) {
            for outputs in kept.outputs where outputs.since != .none && outputs.layer < inputs.count {
                inputs[outputs.layer] = held(outputs.layer, by: share.worker)?.from
            }
        }
        // What runs is older than what is not whole, as far as anybody knows.
        return LostLayers(isThere: isThere, inputs: inputs).ranges(since: .none).reduce(0) { $0 + $1.count }
    }

    // MARK: What happens

    /// A worker is told to free what it holds.
    mutating func release(_ worker: WorkerID) {
        whole.layers = whole.layers.map { $0.flatMap { $0.worker == worker ? nil : $0 } }
        whole.inputs = whole.inputs.map { $0.flatMap { $0.worker == worker ? nil : $0 } }
    }

    /// A plan is over. `isWhole`: what was missing when it began was rebuilt.
    mutating func end(_ epoch: Epoch, isWhole: Bool) {
        if epoch == self.epoch, isWhole { whole = rebuilt }
    }

    /// A plan serves. The layers to be computed again; empty: nothing is missing. nil: nothing is there. [stages] `caches` of
    /// the workers.
    mutating func serve(_ deployment: Deployment, caches: [ContentHash?]) -> LostLayers? {
        let (next, stages, earlier) = (deployment.plan, deployment.stages, whole)
        (plan, epoch, self.caches) = (next, deployment.epoch, caches)
        let count = next.stages.reduce(0) { max($0, $1.layers.upperBound) }
        whole = Holdings(layers: Array(repeating: nil, count: count), inputs: Array(repeating: nil, count: count))
        rebuilt = whole
        for (share, stage) in zip(next.stages, stages) {
            for (place, layer) in share.layers.enumerated() {
                let since = stage.hasKept && !stage.keeping.layers.isEmpty ? stage.keeping.layers[place] : .none
                rebuilt.layers[layer] = Holding(worker: share.worker, since: since == .none ? epoch : since)
                if since != .none { whole.layers[layer] = rebuilt.layers[layer] }
            }
            for outputs in stage.keeping.outputs where outputs.layer < count {
                note(outputs, of: stage, earlier, isBeside: deployment.isBeside)
            }
        }
        // What no stage has kept was copied.
        if deployment.isBeside { whole.layers = rebuilt.layers }
        let isLost = whole.layers.allSatisfy { $0 == nil }
        let lost =
            isLost
            ? LostLayers([0..<count])
            : LostLayers(isThere: whole.layers.map { $0 != nil }, inputs: whole.inputs.map { $0?.from })
        // What begins with this plan is there of all that is computed again.
        for (layer, inputs) in rebuilt.inputs.enumerated() where lost.least.contains(where: { $0.contains(layer - 1) })
        {
            rebuilt.inputs[layer] = inputs.map { Inputs(worker: $0.worker, since: $0.since, from: .none) }
        }
        if isLost || lost.isEmpty { whole = rebuilt }
        if isLost || next.stages.count >= home?.plan.stages.count ?? 0 { home = (next, caches) }
        return isLost ? nil : lost
    }

    /// A stage keeps what goes into a layer: as an earlier one did, or as it was copied, or from now on.
    private mutating func note(
        _ outputs: KeptOutputs, of stage: Deployment.StageProgress, _ earlier: Holdings, isBeside: Bool
    ) {
        let layer = outputs.layer
        let known = layer < earlier.inputs.count ? earlier.inputs[layer] : nil
        if outputs.since != .none, stage.hasKept {
            // Of what is taken up from an earlier coordinator nobody knows how old the blocks are.
            let from = known.flatMap { $0.worker == stage.worker && $0.since == outputs.since ? $0.from : nil }
            whole.inputs[layer] = Inputs(worker: stage.worker, since: outputs.since, from: from ?? outputs.since)
            rebuilt.inputs[layer] = whole.inputs[layer]
        } else if isBeside, let known, stage.copied.contains(where: { $0.outputs.contains(layer) }) {
            whole.inputs[layer] = Inputs(worker: stage.worker, since: epoch, from: known.from)
            rebuilt.inputs[layer] = whole.inputs[layer]
        } else {
            rebuilt.inputs[layer] = Inputs(worker: stage.worker, since: epoch, from: epoch)
        }
    }
}
