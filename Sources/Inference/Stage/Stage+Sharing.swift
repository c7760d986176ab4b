// What two stages of one model have in common: one that takes another's place, or one that is made beside another.
//
// Responsible for: whose weights and whose memory of keys, values and outputs a new stage has.
// Must not know: which layers go where and why, who else computes.

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

    /// What a new stage has together with another: packed weights, which nobody writes any more, the memory of what is kept,
    /// and the threads.
    ///
    /// Making a stage of it reads and writes nothing of the other one, so that another thread may do it while that one
    /// computes (hence it is sendable). What both keep is written by whichever of them computes.
    package struct Shared: @unchecked Sendable {
        let pool: ThreadPool
        /// The new stage's own, with the objects of the other one.
        let store: WeightStore
        /// By layer of the model.
        let keyValues: [Int: AnonymousMemory]
        /// With the layer that they go into.
        let outputs: (memory: AnonymousMemory, layer: Int)?

        fileprivate init(
            pool: ThreadPool, store: WeightStore, keyValues: [Int: AnonymousMemory],
            outputs: (memory: AnonymousMemory, layer: Int)?
        ) {
            (self.pool, self.store, self.keyValues, self.outputs) = (pool, store, keyValues, outputs)
        }

        /// Nothing but threads.
        init(pool: ThreadPool) {
            self.init(pool: pool, store: WeightStore(), keyValues: [:], outputs: nil)
        }

        /// Nothing, where there is no other stage. The threads are as the calling one, which is to compute.
        package init(for configuration: StageConfiguration) { self.init(pool: Stage.pool(for: configuration)) }
    }

    /// What a stage of another configuration can have of this one. Called by the thread that computes with this one.
    /// - Parameter kept: what is here of it (`has`).
    package func share(
        with next: StageConfiguration, tensors: [TensorDescriptor], keeping kept: Kept
    ) throws(InferenceError) -> Shared {
        precondition(has(kept, for: next), "what is kept is there")
        let needed = next.model == configuration.model ? Set(try Self.check(next, tensors: tensors).values) : []
        var keyValues: [Int: AnonymousMemory] = [:]
        for layer in kept.layers { keyValues[layer] = live?.cache.layers[layer - configuration.layers.lowerBound] }
        let isSamePool =
            next.threads == configuration.threads && next.threadingThreshold == configuration.threadingThreshold
        return Shared(
            pool: isSamePool ? pool : Self.pool(for: next), store: store.sharing(needed), keyValues: keyValues,
            outputs: kept.outputs ? live?.outputs.map { ($0.memory, configuration.layers.upperBound) } : nil)
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
}
