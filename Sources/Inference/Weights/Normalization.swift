// The norms of a transformer as data: which formula, which weights.
//
// Responsible for: normalizing one row.
// Must not know: where in the model it stands.

import CKernels
import ModelFile

/// A layer norm or an RMS norm with its weights.
struct Normalization {
    let kind: ModelConfiguration.NormalizationKind
    let epsilon: Float
    /// [length]
    let weight: FloatVector
    /// [length]; layer norms have one.
    let bias: FloatVector?

    /// out [length] = norm of x [length]; `out` may be `x`.
    func apply(_ x: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>) {
        switch (kind, bias) {
        case (.rmsNorm, _): tk_rms_norm(out, x, weight.values, weight.count, epsilon)
        case (.layerNorm, let bias?): tk_layer_norm(out, x, weight.values, bias.values, weight.count, epsilon)
        case (.layerNorm, nil): preconditionFailure("a layer norm is loaded with its bias")
        }
    }
}

/// A vector of weights widened to float.
final class FloatVector {
    let count: Int
    let values: UnsafeMutablePointer<Float>

    private let memory: AnonymousMemory

    /// Whether all values are numbers.
    var isFinite: Bool { (0..<count).allSatisfy { values[$0].isFinite } }

    /// Zeros.
    init(count: Int, name: String) throws(InferenceError) {
        self.count = count
        memory = try AnonymousMemory(byteCount: count * MemoryLayout<Float>.stride, purpose: "the weights \"\(name)\"")
        values = memory.base.bindMemory(to: Float.self, capacity: count)
    }
}
