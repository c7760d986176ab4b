// Responsible for: the flags that name the model of a benchmark, or describe one to make. Must not know: what is measured.
import ArgumentParser
import Bench
import Node
import Sequences

/// Flags of every benchmark of a model.
struct BenchedModelFlags: ParsableArguments {
    @Option(name: .shortAndLong, help: "\(ModelArgument.forms) (default: a synthetic model).")
    var model: ModelArgument?
    @Option(help: "The shape of the synthetic model (default: llama-1b).") var shape: String?
    @Option(
        help: "The type of its weights, as in `tandem quantize` (default: q8_0).",
        transform: ValueReader.weightType(Field("type")))
    var type: String?
    @Option(help: "Cut it to so many layers.") var layers: Int?
    @Option(help: "The seed of its weights (default: 1).", transform: SamplingFlags.parseSeed) var seed: UInt64?

    private var isSynthetic: Bool { shape != nil || type != nil || layers != nil || seed != nil }

    /// Some of these flags were given.
    var isGiven: Bool { model != nil || isSynthetic }

    /// Refuses flags that contradict each other.
    func check() throws(TandemError) {
        guard model != nil && isSynthetic else { return }
        throw TandemError(
            "--shape, --type, --layers and --seed make a model, but \(.model) names one",
            hint: "leave out \(.model), or the others")
    }

    /// Copies the flags into `options`.
    func apply(to options: inout ModelBenchmarkOptions) throws(TandemError) {
        options.modelPath = try model?.path
        if let shape { options.shape = shape }
        if let type { options.type = type }
        if let seed { options.seed = seed }
        options.layers = layers
    }
}
