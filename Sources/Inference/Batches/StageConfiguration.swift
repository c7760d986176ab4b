// What a stage is told when it is made.
//
// Responsible for: the layers of one stage and the sizes of what it holds beside its weights.
// Must not know: why a plan chose them.

import ModelFile

/// One stage: which layers of which model, and how much it can hold and compute at once.
package struct StageConfiguration: Sendable {
    /// Multiply-adds below which waking another thread costs more than it saves (about 10 microseconds of work).
    package static let defaultThreadingThreshold = 100_000

    /// The whole model.
    package var model: ModelConfiguration
    /// The layers of this stage: 0 brings the embedding with it, the last one the final norm and the output matrix.
    package var layers: Range<Int>
    /// KV blocks of 32 positions; ids 0..<blockCount are valid in every layer of the stage.
    package var blockCount: Int
    /// The most tokens of one `Stage.forward`.
    package var maximumBatchTokens: Int
    /// Threads that compute, the calling one included.
    package var threads: Int
    /// Multiply-adds below which the calling thread works alone. Results do not depend on it.
    package var threadingThreshold: Int
    /// How keys and values are kept.
    package var keyValueType: KeyValueType
    /// What goes into these layers is kept as it goes out of the one before, which is the stage's, of all positions in KV
    /// blocks; each once.
    package var outputs: [Int] = []
    /// Look at the output of every layer for values that are not finite (`Damage.origin`): a pass over it each.
    package var checksLayers: Bool

    /// Describes a stage; `Stage.init` checks it.
    package init(
        model: ModelConfiguration, layers: Range<Int>, blockCount: Int, maximumBatchTokens: Int, threads: Int,
        threadingThreshold: Int = defaultThreadingThreshold, keyValueType: KeyValueType = .f32,
        checksLayers: Bool = false
    ) {
        self.model = model
        self.layers = layers
        self.blockCount = blockCount
        self.maximumBatchTokens = maximumBatchTokens
        self.threads = threads
        self.threadingThreshold = threadingThreshold
        self.keyValueType = keyValueType
        self.checksLayers = checksLayers
    }

    /// The stage holds the embedding.
    package var isFirst: Bool { layers.lowerBound == 0 }
    /// The stage holds the output matrix and samples.
    package var isLast: Bool { layers.upperBound == model.layerCount }
}
