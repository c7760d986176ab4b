// A configuration as the fields of a GGUF file. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
// and llama.cpp's src/llama-arch.cpp. Knows nothing of tokenizers and tensors.
import Foundation
import Sequences

extension ModelConfiguration {
    /// Everything that llama.cpp asks for, except what is said about types.
    func ggufFields(name: String) throws(ModelFileError) -> [GGUFField] {
        try refuseUnsayable()
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
        if let experts { fields += experts.ggufFields(prefix, of: architecture) }
        if let deltaNet { fields += try deltaNet.ggufFields(prefix) }
        fields +=
            architecture == .llama4 ? try llama4Fields(prefix) : try slidingFields(prefix) + scaleFields(prefix)
        if let attentionSoftcap { fields.append(.float32(prefix + "attn_logit_softcapping", Double(attentionSoftcap))) }
        if let logitSoftcap { fields.append(.float32(prefix + "final_logit_softcapping", Double(logitSoftcap))) }
        if !isGated, activation != architecture.ungatedActivation {
            fields.append(.string(prefix + "hidden_activation", activation == .gelu ? "gelu" : "gelu_new"))
        }
        if architecture == .gptNeoX { fields.append(.bool(prefix + "use_parallel_residual", hasParallelResidual)) }
        if let attentionScale { fields.append(.float32(prefix + "attention.scale", Double(attentionScale))) }
        if let local = slidingWindow?.rotary { fields.append(.float32(prefix + "rope.freq_base_swa", local.base)) }
        guard case .rotary(let rotary) = positions else { return fields }
        if architecture == .qwen35 || architecture == .qwen35moe { fields.append(rotary.ggufSections(prefix)) }
        fields += [
            .uint32(prefix + "attention.key_length", headSize),
            .uint32(prefix + "attention.value_length", latent?.rank ?? headSize),
            .uint32(prefix + "rope.dimension_count", rotary.dimensions),
            .float32(prefix + "rope.freq_base", rotary.base),
        ]
        fields += try latentFields(prefix, rotary)
        return fields + rotary.scalingFields(prefix + "rope.scaling.", isLatent: latent != nil)
    }

    /// Files of Llama 4 say little of its attention: what is the same in all models is not written, and other things cannot be.
    private func llama4Fields(_ prefix: String) throws(ModelFileError) -> [GGUFField] {
        let sparse = experts?.layers ?? []
        let step = (sparse.firstIndex(of: true) ?? layerCount) + 1
        var usual = self
        usual.setUsualLlama4(hasChunks: slidingWindow != nil)
        guard usual == self, sparse.enumerated().allSatisfy({ $1 == (($0 + 1) % step == 0) }) else {
            throw ModelFileError(
                .unsupported, file: "model configuration", field: "attention_chunk_size, no_rope_layers or moe_layers",
                "are others than a GGUF file of \(architecture.name) can say",
                hint: "use the folder itself, with \(.quantization)")
        }
        let fields: [GGUFField] = slidingWindow == nil ? [.uint32(prefix + "attention.sliding_window", 0)] : []
        return fields + [.uint32(prefix + "interleave_moe_layer_step", step)]
    }

    /// Those of latent attention whose matrices of keys and values are apart.
    private func latentFields(_ prefix: String, _ rotary: RotaryConfiguration) throws(ModelFileError) -> [GGUFField] {
        guard let latent else { return [] }
        func refuse(_ field: String, _ value: any CustomStringConvertible) -> ModelFileError {
            ModelFileError(
                .unsupported, file: "model configuration", field: field, value: value,
                "cannot be written into a GGUF file of \(architecture.name)",
                hint: "use the folder itself, with \(.quantization)")
        }
        guard rotary.pairing == .interleaved else { throw refuse("rope_interleave", false) }
        if case .yarn(let yarn) = rotary.scaling {
            let mscale = yarn.mscale ?? 0
            guard yarn.attentionFactor == nil, mscale == yarn.mscaleAllDimensions ?? 0 else {
                throw refuse("mscale", mscale)
            }
        }
        let sizes = [
            ("key_length_mla", latent.plainSize + rotary.dimensions), ("value_length_mla", latent.valueSize),
            ("kv_lora_rank", latent.rank), ("q_lora_rank", latent.queryRank ?? 0),
        ]
        var fields = sizes.filter { $1 != 0 }.map { GGUFField.uint32(prefix + "attention." + $0, $1) }
        let denseCount = experts?.layers.firstIndex(of: true) ?? layerCount
        fields.append(.uint32(prefix + "leading_dense_block_count", denseCount))
        return fields
    }

    /// Refuses what no reader of GGUF files looks for.
    private func refuseUnsayable() throws(ModelFileError) {
        func refuse(_ field: String, _ value: any CustomStringConvertible, _ problem: String) -> ModelFileError {
            ModelFileError(
                .unsupported, file: "model configuration", field: field, value: value, problem,
                hint: "use the folder itself, with \(.quantization)")
        }
        guard architecture.hasGGUF else {
            throw refuse("architecture", architecture.name, "cannot be written: there are no GGUF files of it")
        }
        if hasInverseLayerScale || architecture == .gpt2 && attentionScale != nil {
            throw refuse(
                "attention scale", attentionScale(layer: 0),
                "cannot be written into a GGUF file of \(architecture.name), whose readers know one scale only")
        }
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

extension Experts {
    fileprivate func ggufFields(_ prefix: String, of architecture: Architecture) -> [GGUFField] {
        var fields: [GGUFField] = [
            .uint32(prefix + "expert_count", count), .uint32(prefix + "expert_used_count", usedCount),
            .uint32(prefix + "expert_feed_forward_length", feedForwardLength),
        ]
        let sumsUpToOne = routing == .softmaxOverChosen || routing == .normalizedSigmoid
        if sumsUpToOne != architecture.hasNormalizedExpertWeights {
            fields.append(.bool(prefix + "expert_weights_norm", sumsUpToOne))
        }
        if let shared, architecture != .llama4, architecture != .deepseek2 {
            fields.append(.uint32(prefix + "expert_shared_feed_forward_length", shared.feedForwardLength))
        }
        if architecture == .deepseek2 {
            if let shared {
                fields.append(.uint32(prefix + "expert_shared_count", shared.feedForwardLength / feedForwardLength))
            }
            let isSigmoid = routing == .sigmoid || routing == .normalizedSigmoid
            fields.append(.uint32(prefix + "expert_gating_func", isSigmoid ? 2 : 1))
            fields.append(.float32(prefix + "expert_weights_scale", Double(weightScale)))
        }
        if let groups {
            fields.append(.uint32(prefix + "expert_group_count", groups.count))
            fields.append(.uint32(prefix + "expert_group_used_count", groups.usedCount))
        }
        return fields
    }
}

extension Architecture {
    /// What a network without a gate has in files that do not say.
    var ungatedActivation: ModelConfiguration.Activation { self == .gptNeoX ? .gelu : .geluTanh }
}

extension RotaryConfiguration {
    /// Scaling as fields; factors of single frequencies are tensors. `isLatent`: YaRN changes the scores' scale instead.
    fileprivate func scalingFields(_ prefix: String, isLatent: Bool) -> [GGUFField] {
        switch scaling {
        case .none, .dynamic, .llama3, .factors: return []
        case .linear(let factor): return [.string(prefix + "type", "linear"), .float32(prefix + "factor", factor)]
        case .yarn(let yarn):
            return [
                .string(prefix + "type", "yarn"), .float32(prefix + "factor", yarn.factor),
                .uint32(prefix + "original_context_length", yarn.originalContextLength),
                .float32(prefix + "yarn_beta_fast", yarn.betaFast), .float32(prefix + "yarn_beta_slow", yarn.betaSlow),
                isLatent
                    ? .float32(prefix + "yarn_log_multiplier", 0.1 * (yarn.mscaleAllDimensions ?? 0))
                    : .float32(prefix + "attn_factor", yarn.ggufAttentionMultiplier),
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
