// Rotary positions as data: which elements of a head turn together, how fast, and how that changes for contexts longer
// than a model was first made for. Knows no file format, and no arithmetic.

/// Rotary positions: pair i of a head is turned by the angle position * frequency(i),
/// frequency(i) = base^(-2i / dimensions), then scaled.
package struct RotaryConfiguration: Sendable, Hashable, Codable {
    /// Which elements of a head turn together.
    package enum Pairing: String, Sendable, Hashable, Codable {
        /// Pair i is elements 2i and 2i + 1: Llama weights in GGUF files (their q and k rows are permuted for it).
        case interleaved
        /// Pair i is elements i and i + dimensions / 2: Hugging Face weights.
        case halves
    }

    /// How frequencies change for contexts longer than the model was first made for. The formulas are those of
    /// `modeling_rope_utils.py` in Hugging Face transformers.
    package enum Scaling: Sendable, Hashable, Codable {
        case none
        /// Every frequency is divided by the factor.
        case linear(factor: Double)
        /// Dynamic NTK: the base grows with the length L of the sequence, once that is above the original length:
        /// base * (factor * L / original - (factor - 1)) ^ (dimensions / (dimensions - 2)).
        case dynamic(factor: Double, originalContextLength: Int)
        case yarn(YaRN)
        /// Llama 3.1: wavelengths (2 pi / frequency) above original / low are divided by the factor, those below
        /// original / high stay, those between are blended linearly in original / wavelength.
        case llama3(
            factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContextLength: Int)
        case longrope(LongRope)
        /// Frequency i is divided by factors[i] (`rope_freqs.weight` of a GGUF file); [dimensions / 2].
        case factors([Float])
    }

    /// YaRN (https://arxiv.org/abs/2309.00071): frequencies of pairs that turn more than `betaFast` times within the
    /// original length stay, those that turn less than `betaSlow` times are divided by the factor, between them the two
    /// are blended linearly in i. Cosines and sines are multiplied by an attention factor.
    package struct YaRN: Sendable, Hashable, Codable {
        package var factor: Double
        package var originalContextLength: Int
        package var betaFast = 32.0
        package var betaSlow = 1.0
        /// The ends of the blend are rounded outwards to whole i.
        package var truncates = true
        /// nil: 0.1 ln(factor) + 1, or with both of the next two (0.1 mscale ln(factor) + 1) / (0.1 mscaleAllDimensions
        /// ln(factor) + 1); 1 where the factor is at most 1.
        package var attentionFactor: Double?
        package var mscale: Double?
        package var mscaleAllDimensions: Double?
        /// The attention factor is multiplied by it (`rope.scaling.attn_factor` of GGUF files).
        package var attentionMultiplier = 1.0

        package init(factor: Double, originalContextLength: Int) {
            self.factor = factor
            self.originalContextLength = originalContextLength
        }
    }

    /// LongRoPE (https://arxiv.org/abs/2402.13753): frequency i is divided by long[i] in sequences longer than the
    /// original length, by short[i] in others. Cosines and sines are multiplied by an attention factor.
    package struct LongRope: Sendable, Hashable, Codable {
        /// [dimensions / 2]
        package var shortFactors: [Float]
        /// [dimensions / 2]
        package var longFactors: [Float]
        package var originalContextLength: Int
        /// How many times longer than the original length sequences may be.
        package var factor: Double
        /// nil: sqrt(1 + ln(factor) / ln(originalContextLength)); 1 where the factor is at most 1.
        package var attentionFactor: Double?

        package init(
            shortFactors: [Float], longFactors: [Float], originalContextLength: Int, factor: Double,
            attentionFactor: Double? = nil
        ) {
            self.shortFactors = shortFactors
            self.longFactors = longFactors
            self.originalContextLength = originalContextLength
            self.factor = factor
            self.attentionFactor = attentionFactor
        }
    }

    package var base: Double
    /// How many elements of a head are turned, from its first; even. The rest stay as they are.
    package var dimensions: Int
    package var pairing: Pairing
    package var scaling: Scaling

    package init(base: Double, dimensions: Int, pairing: Pairing, scaling: Scaling = .none) {
        self.base = base
        self.dimensions = dimensions
        self.pairing = pairing
        self.scaling = scaling
    }

    /// The longest context of a model that declares `length`: what the scaling stretches its original length to, where
    /// that is more (with llama3 it never is). Linear and dynamic scaling stretch the declared length; files say nothing
    /// else of it. Any length can be computed, so a scaled model is allowed 4096 at least: only tiny ones are below.
    func contextLength(declared length: Int) -> Int {
        let least = 4096.0
        let stretched: Double =
            switch scaling {
            case .none, .factors, .llama3: 0
            case .linear(let factor): max(Double(length) * factor, least)
            // No length is too long for it; this one only bounds what is asked for.
            case .dynamic(let factor, let original): max(Double(original) * factor, 131_072)
            case .yarn(let yarn): max(Double(yarn.originalContextLength) * yarn.factor, least)
            case .longrope(let longRope): max(Double(longRope.originalContextLength) * longRope.factor, least)
            }
        guard stretched.isFinite, stretched > Double(length) else { return length }
        return Int(min(stretched, Double(FileLimits.contextLength)))
    }
}
