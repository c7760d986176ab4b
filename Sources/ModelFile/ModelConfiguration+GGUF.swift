// A configuration as the fields of a GGUF file. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
// and llama.cpp's src/llama-arch.cpp. Knows nothing of tokenizers and tensors.

extension ModelConfiguration {
    /// The name under "general.architecture": a family may be a variant of another one there, or be written otherwise.
    var ggufArchitecture: String {
        let others = ["mixtral": "llama", "mistral": "llama", "qwen3_moe": "qwen3moe", "gpt_oss": "gpt-oss"]
        return others[architecture.name] ?? architecture.name
    }

    /// Everything that llama.cpp asks for, except what is said about types.
    func ggufFields(name: String) throws(ModelFileError) -> [GGUFField] {
        let prefix = ggufArchitecture + "."
        var fields: [GGUFField] = [
            .string("general.architecture", ggufArchitecture), .string("general.type", "model"),
            .string("general.name", name),
            .uint32(prefix + "block_count", layerCount), .uint32(prefix + "context_length", contextLength),
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
        }
        if let slidingWindow { fields.append(.uint32(prefix + "attention.sliding_window", slidingWindow.length)) }
        if let attentionSoftcap { fields.append(.float32(prefix + "attn_logit_softcapping", Double(attentionSoftcap))) }
        if let logitSoftcap { fields.append(.float32(prefix + "final_logit_softcapping", Double(logitSoftcap))) }
        guard case .rotary(let rotary) = positions else { return fields }
        fields += [
            .uint32(prefix + "attention.key_length", headSize), .uint32(prefix + "attention.value_length", headSize),
            .uint32(prefix + "rope.dimension_count", rotary.dimensions),
            .float32(prefix + "rope.freq_base", rotary.base),
        ]
        return try fields + rotary.scalingFields(prefix + "rope.scaling.", family: architecture.name)
    }
}

extension RotaryConfiguration {
    /// Scaling that a GGUF file says with fields; factors of their own are tensors.
    fileprivate func scalingFields(_ prefix: String, family: String) throws(ModelFileError) -> [GGUFField] {
        if case .none = scaling { return [] }
        if case .linear(let factor) = scaling {
            return [.string(prefix + "type", "linear"), .float32(prefix + "factor", factor)]
        }
        if case .llama3 = scaling { return [] }
        if case .factors = scaling { return [] }
        throw ModelFileError(
            .unsupported, file: "rotary scaling", value: "\(scaling)", "cannot be written into a GGUF file of \(family)"
        )
    }
}
