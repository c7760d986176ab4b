// Responsible for: the model of a benchmark: a file, or weights from a seed that can be written to one.
// Must not know: what is measured.
import Generation
import Inference
import ModelFile
import Node
import Sequences

/// An opened model.
package struct BenchmarkModel: Sendable {
    let model: Model
    /// Of a synthetic model.
    private let mix: QuantizationMix?

    /// The model that the options name or describe. Throws what is wrong with it.
    package init(_ options: ModelBenchmarkOptions) throws(TandemError) {
        if let path = options.modelPath {
            try self.init(path: path)
        } else {
            try self.init(shape: options.shape, type: options.type, layers: options.layers, seed: options.seed)
        }
    }

    /// A GGUF file or a Hugging Face folder. Throws what is wrong with it.
    package init(path: String) throws(TandemError) {
        do { (model, mix) = (try Model.load(path: path), nil) } catch { throw TandemError(error) }
    }

    /// A model of a known shape; `layers` nil: all. Throws where a name or a number means nothing.
    private init(shape name: String, type: String, layers: Int?, seed: UInt64) throws(TandemError) {
        guard let shape = SyntheticShape(rawValue: name) else {
            throw TandemError(
                "\(.shape) is \(name), which is no known shape", hint: "use one of \(SyntheticShape.names)")
        }
        let mix = try QuantizationMix.named(type, .type)
        try TandemError.checked(layers ?? 1, .layers, in: 1...1000)
        let most = shape.configuration().layerCount
        guard (layers ?? most) <= most else {
            throw TandemError("\(.layers) is \(layers ?? 0), but \(shape.rawValue) has \(most)")
        }
        do { (model, self.mix) = (try Model.synthetic(shape, mix: mix, layers: layers, seed: seed), mix) } catch {
            throw TandemError(error)
        }
    }

    private init(_ model: Model) { (self.model, mix) = (model, nil) }

    /// The model that timed stages pretend to compute.
    package static var simulated: BenchmarkModel { BenchmarkModel(.simulated) }

    package var name: String { model.name }
    package var vocabularySize: Int { model.configuration.vocabularySize }
    /// Prompt and answer together, in tokens.
    package var contextLength: Int { model.configuration.contextLength }

    /// The type of a synthetic model, or that of most bytes of a file.
    package var type: String {
        mix?.rawValue ?? model.summary.types.max { $0.bytes < $1.bytes }?.type.name ?? ""
    }

    /// Writes a synthetic model as a GGUF file. `goesOn` is asked again and again; false: it was stopped, and nothing is
    /// left behind.
    package func write(to path: String, goesOn: () -> Bool = { true }) throws(TandemError) {
        guard let mix else { preconditionFailure("a model of a file needs no other") }
        do { _ = try model.writeGGUF(to: path, mix: mix) { _ in goesOn() } } catch { throw TandemError(error) }
    }
}
