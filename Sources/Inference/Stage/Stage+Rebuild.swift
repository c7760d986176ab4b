// What a stage keeps of an earlier one, and the layers of it that are computed again.
//
// Responsible for: keys and values of tokens that have been through the model before, in some layers of the stage.
// Must not know: which layers were lost and why, who else computes.

import ModelFile

extension Stage {
    /// What goes on from an earlier stage.
    package struct Kept: Sendable, Equatable {
        /// Numbers of the model's layers whose keys and values stay.
        package var layers: [Int]
        /// What was kept of the stage's outputs stays.
        package var outputs: Bool
        /// Nothing, where nothing is said.
        package init(layers: [Int] = [], outputs: Bool = false) {
            self.layers = layers
            self.outputs = outputs
        }
    }

    /// Whether this stage has what another with this configuration is to keep.
    package func has(_ kept: Kept, for next: StageConfiguration) -> Bool {
        guard let live, configuration.model == next.model, configuration.blockCount == next.blockCount,
            configuration.keyValueType == next.keyValueType
        else { return kept == Kept() }
        return kept.layers.allSatisfy(configuration.layers.contains) && (!kept.outputs || live.outputs != nil)
    }

    /// The memory of what is kept: [layers of the next stage], and of outputs with the layer that they go into.
    func memories(
        _ kept: Kept, for next: StageConfiguration
    ) -> (layers: [AnonymousMemory?], outputs: (memory: AnonymousMemory, layer: Int)?) {
        precondition(has(kept, for: next), "what is kept is there")
        let layers = next.layers.map { layer in
            kept.layers.contains(layer) ? live?.cache.layers[layer - configuration.layers.lowerBound] : nil
        }
        let outputs = kept.outputs ? live?.outputs.map { ($0.memory, configuration.layers.upperBound) } : nil
        return (layers, outputs)
    }

    /// nil: the stage keeps no outputs, and needs none that were kept.
    static func outputs(
        _ configuration: StageConfiguration, _ kept: (memory: AnonymousMemory, layer: Int)?
    ) throws(InferenceError) -> OutputLog? {
        guard configuration.keepsOutputs || kept != nil else { return nil }
        return try OutputLog(
            width: configuration.model.embeddingLength, blockCount: configuration.blockCount,
            firstLayer: kept?.layer ?? configuration.layers.upperBound, kept: kept?.memory)
    }

    /// Computes the keys and values of a batch in those of `layers` that are this stage's, and nothing else.
    ///
    /// Where the first of `layers` is the stage's first or one before it, it is computed from the input; where it is a later
    /// one, or the next stage's first, from what was kept of outputs: of a batch that was not rebuilt since.
    /// - Parameter input: activations [tokens, embeddingLength] of the stage before; nil on the first stage, and where
    ///   outputs are taken.
    /// - Returns: activations [tokens, embeddingLength] behind the last layer that was computed, or those that were kept,
    ///   until the stage's next step.
    /// - Throws: `invalidBatch` where the batch, its input or `layers` do not fit; then nothing has changed.
    package func rebuild(
        _ batch: StageBatch, layers: Range<Int>, input: UnsafeBufferPointer<Float>?
    ) throws(InferenceError) -> UnsafeBufferPointer<Float> {
        guard let live else { preconditionFailure("a stage that gave up its weights computes nothing") }
        try layout.fill(batch, bounds: bounds)
        let own = layers.clamped(to: configuration.layers)
        let hidden = live.workspace.hidden
        if layers.lowerBound > configuration.layers.lowerBound {
            guard let outputs = live.outputs, input == nil,
                [outputs.firstLayer, configuration.layers.upperBound].contains(layers.lowerBound)
            else { throw .invalidBatch(reason: "what goes into layer \(layers.lowerBound) is not kept here") }
            outputs.load(layout, into: hidden)
        } else {
            try fillHidden(layout, input: input, live: live)
        }
        if !own.isEmpty {
            let pass = pass(layout, live: live)
            for layer in own {
                let index = layer - configuration.layers.lowerBound
                live.weights.layers[index].forward(pass, index: index)
            }
            if own.upperBound == configuration.layers.upperBound, !configuration.isLast {
                live.outputs?.store(hidden, of: layout)
            }
        }
        return UnsafeBufferPointer(start: hidden, count: layout.tokenCount * configuration.model.embeddingLength)
    }
}
