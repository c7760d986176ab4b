// Layers of a stage that are computed again.
//
// Responsible for: keys and values of tokens that have been through the model before, in some layers of the stage.
// Must not know: which layers were lost and why, who else computes.

import ModelFile

extension Stage {
    /// Computes the keys and values of a batch in those of `layers` that are this stage's, and nothing else.
    ///
    /// Where the first of `layers` is the stage's first or one before it, it is computed from the input; where it is a later
    /// one, or the next stage's first, from what was kept of outputs.
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
            guard let outputs = live.outputs.first(where: { $0.layer == layers.lowerBound }), input == nil else {
                throw .invalidBatch(reason: "what goes into layer \(layers.lowerBound) is not kept here")
            }
            outputs.load(layout, into: hidden)
        } else {
            try fillHidden(layout, input: input, live: live)
        }
        if !own.isEmpty {
            let pass = pass(layout, live: live)
            for layer in own {
                let index = layer - configuration.layers.lowerBound
                live.weights.layers[index].forward(pass, index: index)
                keepOutputs(ofLayer: layer, live)
            }
        }
        return UnsafeBufferPointer(start: hidden, count: layout.tokenCount * configuration.model.embeddingLength)
    }
}
