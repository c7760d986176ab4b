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
        /// Layers of which the inputs stay that were kept.
        package var outputs: [Int]
        /// Nothing, where nothing is said.
        package init(layers: [Int] = [], outputs: [Int] = []) {
            self.layers = layers
            self.outputs = outputs
        }
    }

    /// Whether this stage has what another with this configuration is to keep.
    package func has(_ kept: Kept, for next: StageConfiguration) -> Bool {
        guard let live, configuration.model == next.model, configuration.blockCount == next.blockCount,
            configuration.keyValueType == next.keyValueType
        else { return kept == Kept() }
        return kept.layers.allSatisfy(configuration.layers.contains)
            && kept.outputs.allSatisfy { layer in live.outputs.contains { $0.layer == layer } }
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
        /// By the layer that they go into.
        let outputs: [Int: AnonymousMemory]

        fileprivate init(
            pool: ThreadPool, store: WeightStore, keyValues: [Int: AnonymousMemory], outputs: [Int: AnonymousMemory]
        ) {
            (self.pool, self.store, self.keyValues, self.outputs) = (pool, store, keyValues, outputs)
        }

        /// Nothing but threads.
        init(pool: ThreadPool) {
            self.init(pool: pool, store: WeightStore(), keyValues: [:], outputs: [:])
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
        var outputs: [Int: AnonymousMemory] = [:]
        for log in live?.outputs ?? [] where kept.outputs.contains(log.layer) { outputs[log.layer] = log.memory }
        let isSamePool =
            next.threads == configuration.threads && next.threadingThreshold == configuration.threadingThreshold
        return Shared(
            pool: isSamePool ? pool : Self.pool(for: next), store: store.sharing(needed), keyValues: keyValues,
            outputs: outputs)
    }

    /// What a stage keeps of outputs, in the memory of what it has from before.
    static func outputs(
        _ configuration: StageConfiguration, _ kept: [Int: AnonymousMemory]
    ) throws(InferenceError) -> [OutputLog] {
        var logs: [OutputLog] = []
        for layer in configuration.outputs {
            logs.append(
                try OutputLog(
                    width: configuration.model.embeddingLength, blockCount: configuration.blockCount, layer: layer,
                    kept: kept[layer]))
        }
        return logs
    }
}
