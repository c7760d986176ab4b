// Responsible for: a model whose tensors are quantized while they are read, from the name of a type.
// Must not know: who reads the tensors.
import Inference
import ModelFile
import Sequences

/// The names of all types in which weights can be stored, for messages.
package var weightTypeNames: String { QuantizationMix.names }

/// Throws a sentence that lists all names, unless weights can be stored in the type of this name.
package func checkWeightType(_ name: String, _ field: Field) throws(TandemError) {
    _ = try QuantizationMix.named(name, field)
}

extension QuantizationMix {
    /// The mix of that name. Throws a sentence that lists all names.
    package static func named(_ name: String, _ field: Field) throws(TandemError) -> QuantizationMix {
        guard let mix = QuantizationMix(name: name) else {
            throw TandemError(
                "\(field) is \(name), which is no known type", hint: "use one of \(QuantizationMix.names)")
        }
        return mix
    }
}

extension Model {
    /// Part of what identifies converted bytes: another number for quantizers that write other bytes.
    private static let quantizerVersion = 1

    /// This model with its matrices in the types of `mix`, made of the files' floats while they are read. Throws where
    /// the files are quantized already.
    package func quantized(_ mix: QuantizationMix, threads: Int) throws(TandemError) -> Model {
        let conversions: [TensorConversion]
        do { conversions = try quantization(mix) } catch { throw TandemError(error) }
        return replacing(
            tensors: conversions.map(\.target),
            source: ConvertedTensors(conversions, source: self, threads: threads),
            variant: "\(mix.rawValue)/\(Self.quantizerVersion)")
    }
}
