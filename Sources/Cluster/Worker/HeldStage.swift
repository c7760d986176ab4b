// Responsible for: the stage that a worker's process has in memory, as it can be told to another coordinator. Must not know:
// sockets, tensors, for how long it is held.

import Wire

/// A stage with its keys and values, from its load until it is freed, and the one that is prepared beside it.
struct HeldStage: Sendable {
    private var model: ContentHash?
    private var layers = 0..<0
    private var keyValues = HeldKeyValues()
    private var directory = BlockDirectory(count: 0)
    /// Layers that had nothing when it was loaded: a step that computes lost layers again says something of blocks only if
    /// it computes all of these.
    private var begunLayers = 0..<0
    /// What is to take its place: until it has, nobody can tell what there is.
    private var loading: Assign?

    /// At most one, which takes the place of this one with the first step of its epoch.
    private var beside: [HeldStage] = []

    /// Of the plan that it was loaded for.
    private var epoch = Epoch.none
    /// Nothing is in memory, and nothing about to be.
    private(set) var isEmpty = true

    mutating func begin(_ assign: Assign) {
        beside = []
        guard assign.isBeside, !isEmpty else {
            (loading, isEmpty) = (assign, false)
            return
        }
        var next = self
        next.loading = assign
        beside = [next]
    }

    /// The stage that was to be loaded is there.
    mutating func finishLoad(_ epoch: Epoch, hasKept: Bool) {
        guard let assign = loading, assign.epoch == epoch else {
            if !beside.isEmpty { beside[0].finishLoad(epoch, hasKept: hasKept) }
            return
        }
        loading = nil
        self.epoch = epoch
        let kept = (hasKept ? keyValues.kept(for: assign) : nil) ?? HeldKeyValues.Kept()
        keyValues.load(assign, kept)
        (model, layers) = (assign.model, assign.layers)
        let begun = layers.filter { !kept.layers.contains($0) }
        begunLayers = begun.isEmpty ? 0..<0 : begun[0]..<begun[begun.count - 1] + 1
        if !begun.isEmpty { directory = BlockDirectory(count: assign.keyValueBlockCount) }
    }

    /// It is freed.
    mutating func free() { self = HeldStage() }

    /// The stage of this epoch cannot be loaded, or cannot go on. Of one that is prepared beside another nothing is left;
    /// else nobody knows any more what is there.
    mutating func lose(_ epoch: Epoch) {
        if drop(epoch) { return }
        self = HeldStage()
        isEmpty = false
    }

    /// What was prepared for this epoch is freed. False: nothing was.
    @discardableResult
    mutating func drop(_ epoch: Epoch) -> Bool {
        guard let next = beside.first, (next.loading?.epoch ?? next.epoch) == epoch else { return false }
        beside = []
        return true
    }

    /// What is in the blocks of a stage that others' keys and values were copied to, before its first step. What comes later
    /// would say what was.
    mutating func note(_ holding: Holding, of epoch: Epoch) {
        guard let next = beside.first, next.loading == nil, next.epoch == epoch, holding.layers == next.layers,
            holding.keyValueBlockCount == next.keyValues.holding.keyValueBlockCount
        else { return }
        beside[0].directory = BlockDirectory(holding.blocks, count: holding.keyValueBlockCount)
    }

    // MARK: Steps

    mutating func begin(_ forward: Forward) {
        if var next = beside.first, next.loading == nil, next.epoch == forward.epoch {
            // What was copied has the contents of blocks of which only the coordinator knows: it has told them. Where
            // nothing was, all is as it is here.
            if next.begunLayers.isEmpty { next.directory = directory }
            self = next
        }
        if writesAll(forward) { directory.begin(forward) }
    }

    mutating func finish(_ step: StepID, _ epoch: Epoch) { directory.finish(step, epoch) }

    private func writesAll(_ forward: Forward) -> Bool {
        guard let rebuilt = forward.rebuilt else { return true }
        return !begunLayers.isEmpty && rebuilt.lowerBound <= begunLayers.lowerBound
            && begunLayers.upperBound <= rebuilt.upperBound
    }

    // MARK: Telling

    /// What is told of it.
    var holding: Holding {
        guard let model, loading == nil else { return Holding() }
        var holding = keyValues.holding
        holding.model = model
        holding.blocks = directory.blocks(limit: Limits.heldBlocks)
        return holding
    }
}
