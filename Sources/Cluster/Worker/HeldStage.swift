// Responsible for: the stage that a worker's process has in memory, as it can be told to another coordinator. Must not know:
// sockets, tensors, for how long it is held.

import Wire

/// A stage with its keys and values, from its load until it is freed.
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

    /// Nothing is in memory, and nothing about to be.
    private(set) var isEmpty = true

    mutating func begin(_ assign: Assign) { (loading, isEmpty) = (assign, false) }

    /// The stage that was to be loaded is there.
    mutating func finishLoad(_ epoch: Epoch, hasKept: Bool) {
        guard let assign = loading, assign.epoch == epoch else { return }
        loading = nil
        let kept = (hasKept ? keyValues.kept(for: assign) : nil) ?? HeldKeyValues.Kept()
        keyValues.load(assign, kept)
        (model, layers) = (assign.model, assign.layers)
        let begun = layers.filter { !kept.layers.contains($0) }
        begunLayers = begun.isEmpty ? 0..<0 : begun[0]..<begun[begun.count - 1] + 1
        if !begun.isEmpty { directory = BlockDirectory(count: assign.keyValueBlockCount) }
    }

    /// It is freed.
    mutating func free() { self = HeldStage() }

    /// Nobody knows any more what is there.
    mutating func lose() {
        self = HeldStage()
        isEmpty = false
    }

    // MARK: Steps

    mutating func begin(_ forward: Forward) {
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
