// Responsible for: which keys and values a worker's process has, and whether these are the ones that it is to keep. Must not
// know: where they lie, what they are.

import Wire

/// What the stage that is loaded holds, layer by layer. Its shell notes each stage that it loads, and forgets all when it
/// frees one.
package struct HeldKeyValues: Sendable {
    /// What a new stage takes over.
    package struct Kept: Sendable, Equatable {
        /// Numbers of the model's layers.
        package var layers: [Int] = []
        /// Layers whose inputs were kept.
        package var outputs: [Int] = []
        package init() {}
    }

    private var layers = 0..<0
    /// [layers]
    private var since: [Epoch] = []
    private var blockCount = 0
    private var outputs: [KeptOutputs] = []

    /// Nothing.
    package init() {}

    /// What the stage of this assignment takes over; nil: not all that it is to keep is here, and it begins anew.
    package func kept(for assign: Assign) -> Kept? {
        var kept = Kept()
        let asked = assign.outputs.filter { $0.since != .none }
        if assign.keptSince.isEmpty && asked.isEmpty { return kept }
        guard assign.keyValueBlockCount == blockCount else { return nil }
        for (layer, epoch) in zip(assign.layers, assign.keptSince) where epoch != .none {
            guard layers.contains(layer), since[layer - layers.lowerBound] == epoch else { return nil }
            kept.layers.append(layer)
        }
        guard asked.allSatisfy(outputs.contains) else { return nil }
        kept.outputs = asked.map(\.layer)
        return kept
    }

    /// The stage of this assignment is loaded, with what it has `kept`.
    package mutating func load(_ assign: Assign, _ kept: Kept) {
        layers = assign.layers
        blockCount = assign.keyValueBlockCount
        since = assign.layers.enumerated().map { place, layer in
            kept.layers.contains(layer) ? assign.keptSince[place] : assign.epoch
        }
        outputs = assign.outputs.map {
            kept.outputs.contains($0.layer) ? $0 : KeptOutputs(layer: $0.layer, since: assign.epoch)
        }
    }

    /// What of this is told to another coordinator.
    var holding: Holding {
        var holding = Holding()
        (holding.layers, holding.since) = (layers, since)
        (holding.keyValueBlockCount, holding.outputs) = (blockCount, outputs)
        return holding
    }
}
