// A configuration as the fields of a GGUF file. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
// and llama.cpp's src/llama-arch.cpp. Knows nothing of tokenizers and tensors.
import Foundation
import Sequences

extension ModelConfiguration {
    /// Everything that llama.cpp asks for, except what is said about types.
    func ggufFields(name: String) throws(ModelFileError) -> [GGUFField] {
        let prefix = architecture.name + "."
        var fields: [GGUFField] = [
            .string("general.architecture", architecture.name), .string("general.type", "model"),
            .string("general.name", name),
            .uint32(prefix + "block_count", layerCount), .uint32(prefix + "context_length", ggufContextLength),
            .uint32(prefix + "embedding_length", embeddingLength),
            .uint32(prefix + "feed_forward_length", feedForwardLength),
            .uint32(prefix + "attention.head_count", headCount),
            .uint32(prefix + "attention.head_count_kv", keyValueHeadCount),
            .uint32(prefix + "vocab_size", vocabularySize),
        ]
        let epsilon = normalization == .rmsNorm ? "layer_norm_rms_epsilon" : "layer_norm_epsilon"
        fields.append(.float32(prefix + "attention." + epsilon, Double(normalizationEpsilon)))
        if let experts {
            fields += [
                .uint32(prefix + "expert_count", experts.count),
                .uint32(prefix + "expert_used_count", experts.usedCount),
                .uint32(prefix + "expert_feed_forward_length", experts.feedForwardLength),
            ]
            if experts.routing == .softmaxOverAll { fields.append(.bool(prefix + "expert_weights_norm", false)) }
        }
        fields += try slidingFields(prefix)
        fields += try scaleFields(prefix)
        if let attentionSoftcap { fields.append(.float32(prefix + "attn_logit_softcapping", Double(attentionSoftcap))) }
        if let logitSoftcap { fields.append(.float32(prefix + "final_logit_softcapping", Double(logitSoftcap))) }
        if let attentionScale { fields.append(.float32(prefix + "attention.scale", Double(attentionScale))) }
        if let local = slidingWindow?.rotary { fields.append(.float32(prefix + "rope.freq_base_swa", local.base)) }
        guard case .rotary(let rotary) = positions else { return fields }
        fields += [
            .uint32(prefix + "attention.key_length", headSize), .uint32(prefix + "attention.value_length", headSize),
            .uint32(prefix + "rope.dimension_count", rotary.dimensions),
            .float32(prefix + "rope.freq_base", rotary.base),
        ]
        return fields + rotary.scalingFields(prefix + "rope.scaling.")
    }

    /// The window, and the layers that have it where these are not what readers take for the family.
    private func slidingFields(_ prefix: String) throws(ModelFileError) -> [GGUFField] {
        guard let slidingWindow else { return [] }
        // Every so many layers one sees every position; 0: none does.
        let periods: [Architecture: Int] = [
            .llama: 0, .phi3: 0, .gemma2: 2, .gemma3: 6, .gptOSS: 2, .olmo2: 4, .exaone4: 4, .starcoder2: 0,
        ]
        guard let period = periods[architecture] else { throw unwritable("sliding window", slidingWindow.length) }
        if let rotary = slidingWindow.rotary, rotary.scaling != .none {
            throw unwritable("rotary scaling of sliding layers", "\(rotary.scaling)")
        }
        let usual = slidingWindow.layers.indices.map { period == 0 || ($0 + 1) % period != 0 }
        let length = GGUFField.uint32(prefix + "attention.sliding_window", slidingWindow.length)
        return slidingWindow.layers == usual
            ? [length] : [length, .bools(prefix + "attention.sliding_window_pattern", slidingWindow.layers)]
    }

    /// What multiplies embeddings, updates, logits and queries, and which layers do not turn.
    private func scaleFields(_ prefix: String) throws(ModelFileError) -> [GGUFField] {
        var fields: [GGUFField] = []
        let isGranite = architecture == .granite || architecture == .granitemoe
        if isGranite {
            fields = [
                .float32(prefix + "embedding_scale", Double(embeddingScale)),
                .float32(prefix + "residual_scale", Double(residualScale)),
                .float32(prefix + "logit_scale", 1 / Double(logitScale)),
            ]
        }
        if let attentionTemperature {
            fields += [
                .float32(prefix + "attention.temperature_scale", Double(attentionTemperature.scale)),
                .uint32(prefix + "attention.temperature_length", attentionTemperature.length),
            ]
        }
        guard let unrotatedLayers else { return fields }
        if isGranite, !unrotatedLayers.contains(false) {
            return fields + [.bool(prefix + "rope.scaling.finetuned", false)]
        }
        let usual = unrotatedLayers.indices.map { layer in
            switch architecture {
            case .smollm3: (layer + 1) % 4 == 0
            case .exaone4: slidingWindow?.layers[layer] == false
            default: false
            }
        }
        guard unrotatedLayers == usual else { throw unwritable("unrotated layers", "\(unrotatedLayers)") }
        return fields
    }

    private func unwritable(_ field: String, _ value: any CustomStringConvertible) -> ModelFileError {
        ModelFileError(
            .unsupported, file: "model configuration", field: field, value: value,
            "cannot be written into a GGUF file of \(architecture.name)",
            hint: "use the folder itself, with \(.quantization)")
    }

    /// The length that files declare: where frequencies are only divided, readers stretch it; what grows with the
    /// sequence cannot be written and ends at the original length.
    private var ggufContextLength: Int {
        guard case .rotary(let rotary) = positions else { return contextLength }
        switch rotary.scaling {
        case .linear(let factor) where architecture != .gemma3 && factor > 1:
            return max(1, Int((Double(contextLength) / factor).rounded()))
        case .dynamic(_, let original): return min(contextLength, original)
        default: return contextLength
        }
    }
}

extension RotaryConfiguration {
    /// Scaling as fields; factors of single frequencies are tensors.
    fileprivate func scalingFields(_ prefix: String) -> [GGUFField] {
        switch scaling {
        case .none, .dynamic, .llama3, .factors: return []
        case .linear(let factor): return [.string(prefix + "type", "linear"), .float32(prefix + "factor", factor)]
        case .yarn(let yarn):
            return [
                .string(prefix + "type", "yarn"), .float32(prefix + "factor", yarn.factor),
                .uint32(prefix + "original_context_length", yarn.originalContextLength),
                .float32(prefix + "yarn_beta_fast", yarn.betaFast), .float32(prefix + "yarn_beta_slow", yarn.betaSlow),
                .float32(prefix + "attn_factor", yarn.ggufAttentionMultiplier),
            ]
        case .longrope(let longRope):
            return [
                // No factor: llama.cpp would divide every frequency by it.
                .string(prefix + "type", "longrope"),
                .uint32(prefix + "original_context_length", longRope.originalContextLength),
                .float32(prefix + "attn_factor", longRope.ggufAttentionFactor),
            ]
        }
    }
}

extension RotaryConfiguration.YaRN {
    /// Readers of GGUF files multiply 0.1 ln(factor) + 1 by it.
    fileprivate var ggufAttentionMultiplier: Double {
        func scale(_ mscale: Double) -> Double { factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1 }
        if let attentionFactor { return attentionFactor / scale(1) * attentionMultiplier }
        if let mscale, let all = mscaleAllDimensions, mscale != 0, all != 0 {
            return scale(mscale) / scale(all) / scale(1) * attentionMultiplier
        }
        return attentionMultiplier
    }
}

extension RotaryConfiguration.LongRope {
    /// Readers of GGUF files take 1 where nothing is said.
    fileprivate var ggufAttentionFactor: Double {
        if let attentionFactor { return attentionFactor }
        return factor <= 1 ? 1 : (1 + log(factor) / log(Double(originalContextLength))).squareRoot()
    }
}
