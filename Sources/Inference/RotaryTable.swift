// Rotary position embedding: frequencies once for a model, angles once for the tokens of a batch.
//
// Responsible for: RoPE's frequencies with their scaling, and cosines and sines by position.
// Must not know: queries and keys.

import CKernels
import ModelFile

/// The frequencies of a model's rotary positions.
struct RotaryTable {
    /// Pairs that turn: half of the rotary dimensions.
    let pairCount: Int
    /// Pairs are (i, i + pairCount) instead of (2i, 2i + 1).
    let pairsHalves: Bool
    /// [pairCount], radians per position.
    let frequencies: [Float]

    /// Frequencies of `configuration`; its factors, if any, number half its dimensions.
    init(_ configuration: RotaryConfiguration) throws(InferenceError) {
        let count = configuration.dimensions / 2
        var frequencies = [Float](repeating: 0, count: count)
        frequencies.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            tk_rope_frequencies(base, configuration.dimensions, configuration.base)
        }
        switch configuration.scaling {
        case .none: break
        case .linear(let factor):
            for index in 0..<count { frequencies[index] = Float(Double(frequencies[index]) / factor) }
        case .llama3(let factor, let low, let high, let originalContextLength):
            for index in 0..<count {
                frequencies[index] = Self.llama3(
                    frequencies[index], factor: factor, low: low, high: high,
                    originalContextLength: Double(originalContextLength))
            }
        case .factors(let factors):
            guard factors.count == count else {
                throw .invalidConfiguration(
                    reason: "\(factors.count) rotary factors for \(count) pairs of dimensions")
            }
            for index in 0..<count { frequencies[index] /= factors[index] }
        }
        pairCount = count
        pairsHalves = configuration.pairing == .halves
        self.frequencies = frequencies
    }

    /// cosines, sines [pairCount] of one position.
    func angles(
        position: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
    ) {
        frequencies.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            tk_rope_angles(cosines, sines, base, pairCount, UInt32(position))
        }
    }

    /// Turns `heads` consecutive heads [heads, headSize] in place.
    func rotate(
        _ x: UnsafeMutablePointer<Float>, heads: Int, headSize: Int, cosines: UnsafePointer<Float>,
        sines: UnsafePointer<Float>
    ) {
        tk_rope(x, heads, headSize, cosines, sines, pairCount, pairsHalves ? 1 : 0)
    }

    /// The scaling of Llama 3.1: low frequencies are divided by `factor`, high ones stay, between them the two mix
    /// linearly. Source: `apply_scaling` in Meta's llama-models, the same as `_compute_llama3_parameters` in
    /// Hugging Face transformers. Only +, -, *, / of doubles, so every host gets the same.
    static func llama3(
        _ frequency: Float, factor: Double, low: Double, high: Double, originalContextLength: Double
    ) -> Float {
        let wavelength = 2 * Double.pi / Double(frequency)
        if wavelength < originalContextLength / high { return frequency }
        if wavelength > originalContextLength / low { return Float(Double(frequency) / factor) }
        let smooth = (originalContextLength / wavelength - low) / (high - low)
        return Float((1 - smooth) * Double(frequency) / factor + smooth * Double(frequency))
    }
}

extension RotaryConfiguration {
    /// What each unscaled frequency is divided by; [dimensions / 2]. GGUF files have them as "rope_freqs.weight".
    package func frequencyFactors() throws(InferenceError) -> [Float] {
        var unscaled = self
        unscaled.scaling = .none
        let scaled = try RotaryTable(self).frequencies
        return zip(try RotaryTable(unscaled).frequencies, scaled).map { $0 / $1 }
    }
}
