// Rotary position embedding: frequencies by model and length of the sequence.
//
// Responsible for: RoPE's frequencies with their scaling, and cosines and sines by position. All in +, -, *, /, square
// roots and this package's own logarithm and exponential, so that every host gets the same.
// Must not know: queries and keys, batches.

import CKernels
import ModelFile

/// The frequencies of a model's rotary positions. Source of the formulas: `modeling_rope_utils.py` in Hugging Face
/// transformers.
struct RotaryTable {
    /// Pairs that turn: half of the rotary dimensions.
    let pairCount: Int
    /// Pairs are (i, i + pairCount) instead of (2i, 2i + 1).
    let pairsHalves: Bool
    /// What cosines and sines are multiplied by.
    let attentionFactor: Float

    private let kind: Kind

    /// What frequencies depend on.
    private enum Kind {
        /// [pairCount], radians per position
        case fixed([Float])
        /// One or the other, by the length of the sequence.
        case byLength(short: [Float], long: [Float], originalContextLength: Int)
        /// Computed from the length of the sequence where it is above the original one.
        case dynamic(plain: [Float], base: Double, factor: Double, originalContextLength: Int)
    }

    /// Frequencies of `configuration`; its factors, if any, number half its dimensions.
    init(_ configuration: RotaryConfiguration) throws(InferenceError) {
        let dimensions = configuration.dimensions
        let plain = Self.plain(base: configuration.base, dimensions: dimensions)
        var attentionFactor = 1.0
        switch configuration.scaling {
        case .none:
            kind = .fixed(plain)
        case .linear(let factor):
            kind = .fixed(plain.map { Float(Double($0) / factor) })
        case .dynamic(let factor, let original):
            kind = .dynamic(plain: plain, base: configuration.base, factor: factor, originalContextLength: original)
        case .yarn(let yarn):
            kind = .fixed(Self.yarn(plain, yarn, base: configuration.base, dimensions: dimensions))
            attentionFactor = Self.attentionFactor(yarn)
        case .llama3(let factor, let low, let high, let original):
            kind = .fixed(
                plain.map {
                    Self.llama3($0, factor: factor, low: low, high: high, originalContextLength: Double(original))
                })
        case .longrope(let longRope):
            kind = .byLength(
                short: try Self.divide(plain, by: longRope.shortFactors),
                long: try Self.divide(plain, by: longRope.longFactors),
                originalContextLength: longRope.originalContextLength)
            attentionFactor = Self.attentionFactor(longRope)
        case .factors(let factors):
            kind = .fixed(try Self.divide(plain, by: factors))
        }
        pairCount = plain.count
        pairsHalves = configuration.pairing == .halves
        self.attentionFactor = Float(attentionFactor)
    }

    /// [pairCount], radians per position, for a token of a sequence that counts as `length` long.
    func frequencies(length: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: pairCount) { buffer, count in
            if let base = buffer.baseAddress { frequencies(length: length, into: base) }
            count = pairCount
        }
    }

    /// The same into out [pairCount].
    private func frequencies(length: Int, into out: UnsafeMutablePointer<Float>) {
        switch kind {
        case .fixed(let frequencies): out.update(from: frequencies, count: pairCount)
        case .byLength(let short, let long, let original):
            out.update(from: length > original ? long : short, count: pairCount)
        case .dynamic(let plain, let base, let factor, let original):
            guard length > original else { return out.update(from: plain, count: pairCount) }
            let dimensions = 2 * pairCount
            // Rounded to float after each step, as transformers does it.
            let stretch = Float(factor) * Float(length) / Float(original) - Float(factor - 1)
            let power = Float(tk_power(Double(stretch), Double(dimensions) / Double(dimensions - 2)))
            tk_rope_frequencies(out, dimensions, Double(Float(base) * power))
        }
    }

    /// cosines, sines [pairCount] of one position in a sequence that counts as `length` long.
    func angles(
        position: Int, length: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
    ) {
        // `cosines` holds the frequencies first.
        frequencies(length: length, into: cosines)
        tk_rope_angles(cosines, sines, cosines, pairCount, UInt32(position))
        guard attentionFactor != 1 else { return }
        tk_scale(cosines, pairCount, attentionFactor)
        tk_scale(sines, pairCount, attentionFactor)
    }

    /// Turns `heads` consecutive heads [heads, headSize] in place.
    func rotate(
        _ x: UnsafeMutablePointer<Float>, heads: Int, headSize: Int, cosines: UnsafePointer<Float>,
        sines: UnsafePointer<Float>
    ) {
        tk_rope(x, heads, headSize, cosines, sines, pairCount, pairsHalves ? 1 : 0)
    }
}

// MARK: The kinds of scaling

extension RotaryTable {
    /// base ^ (-2 i / dimensions)
    private static func plain(base: Double, dimensions: Int) -> [Float] {
        var frequencies = [Float](repeating: 0, count: dimensions / 2)
        tk_rope_frequencies(&frequencies, dimensions, base)
        return frequencies
    }

    private static func divide(_ frequencies: [Float], by factors: [Float]) throws(InferenceError) -> [Float] {
        guard factors.count == frequencies.count else {
            throw .invalidConfiguration(
                reason: "\(factors.count) rotary factors for \(frequencies.count) pairs of dimensions")
        }
        return zip(frequencies, factors).map { $0 / $1 }
    }

    /// The scaling of Llama 3.1: low frequencies are divided by `factor`, high ones stay, between them the two mix
    /// linearly. Source: `apply_scaling` in Meta's llama-models, the same as `_compute_llama3_parameters`.
    static func llama3(
        _ frequency: Float, factor: Double, low: Double, high: Double, originalContextLength: Double
    ) -> Float {
        let wavelength = 2 * Double.pi / Double(frequency)
        if wavelength < originalContextLength / high { return frequency }
        if wavelength > originalContextLength / low { return Float(Double(frequency) / factor) }
        guard low < high else { return frequency }
        let smooth = (originalContextLength / wavelength - low) / (high - low)
        return Float((1 - smooth) * Double(frequency) / factor + smooth * Double(frequency))
    }

    /// `_compute_yarn_parameters`; llama.cpp's `rope_yarn` is the same with ends that are rounded.
    private static func yarn(
        _ frequencies: [Float], _ yarn: RotaryConfiguration.YaRN, base: Double, dimensions: Int
    ) -> [Float] {
        /// The pair that turns so many times within the original length, as a fraction.
        func pair(turns: Double) -> Double {
            Double(dimensions) * tk_log(Double(yarn.originalContextLength) / (turns * 2 * Double.pi))
                / (2 * tk_log(base))
        }
        var low = pair(turns: yarn.betaFast)
        var high = pair(turns: yarn.betaSlow)
        if yarn.truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        low = max(low, 0)
        high = min(high, Double(dimensions - 1))
        if low == high { high += 0.001 }
        return frequencies.enumerated().map { index, frequency in
            let divided = min(max((Double(index) - low) / (high - low), 0), 1)
            return Float(Double(frequency) / yarn.factor * divided + Double(frequency) * (1 - divided))
        }
    }

    private static func attentionFactor(_ yarn: RotaryConfiguration.YaRN) -> Double {
        func scale(_ mscale: Double) -> Double {
            yarn.factor <= 1 ? 1 : 0.1 * mscale * tk_log(yarn.factor) + 1
        }
        if let factor = yarn.attentionFactor { return factor * yarn.attentionMultiplier }
        if let mscale = yarn.mscale, let all = yarn.mscaleAllDimensions, mscale != 0, all != 0 {
            return scale(mscale) / scale(all) * yarn.attentionMultiplier
        }
        return scale(1) * yarn.attentionMultiplier
    }

    private static func attentionFactor(_ longRope: RotaryConfiguration.LongRope) -> Double {
        if let factor = longRope.attentionFactor { return factor }
        guard longRope.factor > 1 else { return 1 }
        return (1 + tk_log(longRope.factor) / tk_log(Double(longRope.originalContextLength))).squareRoot()
    }
}

extension RotaryConfiguration {
    /// What each unscaled frequency is divided by; [dimensions / 2]. GGUF files have them as "rope_freqs.weight".
    package func frequencyFactors() throws(InferenceError) -> [Float] {
        var unscaled = self
        unscaled.scaling = .none
        let scaled = try RotaryTable(self).frequencies(length: 1)
        return zip(try RotaryTable(unscaled).frequencies(length: 1), scaled).map { $0 / $1 }
    }
}
