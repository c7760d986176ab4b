// Responsible for: the choices of `tandem bench model`, and of the model of every benchmark.
// Must not know: flags' syntax, how anything is measured.
import ModelFile

/// The names of all synthetic shapes, for messages.
package var syntheticShapeNames: String { SyntheticShape.names }

/// What is measured.
package struct ModelBenchmarkOptions: Sendable {
    /// A model file or folder; nil: a synthetic model.
    package var modelPath: String?
    package var shape = "llama-1b"
    package var type = "q8_0"
    /// Layers of a synthetic model; nil: all.
    package var layers: Int?
    package var seed: UInt64 = 1
    /// Tokens of prompts.
    package var prompts = [512]
    /// Steps of decoding.
    package var steps = 64
    /// Sequences that decode together.
    package var batches = [1]
    /// Tokens that are in the context when decoding begins.
    package var context = 0
    /// nil: one for each core.
    package var threads: [Int]?
    package var repetitions = 5
    package var keyValueType = "f32"
    /// The interpreter of llama-cpp-python; nil: nothing is compared.
    package var peerPython: String?

    package init() {}
}
