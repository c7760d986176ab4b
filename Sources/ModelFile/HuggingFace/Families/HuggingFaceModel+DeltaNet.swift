// The config.json of families with gated delta nets. Field names and defaults: the classes `Qwen3_5TextConfig`,
// `Qwen3_5MoeTextConfig` and `Qwen3NextConfig` of the transformers library.

extension HuggingFaceModel {
    /// A model for text and images: the part for text.
    func qwen35(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try partForText { text throws(ModelFileError) in try text.qwen35Text(tensors) }
    }

    /// The same with experts.
    func qwen35MoE(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try partForText { text throws(ModelFileError) in try text.qwen35MoEText(tensors) }
    }

    /// Whether the output matrix is tied is said outside of the part for text.
    private func partForText(
        _ read: (HuggingFaceModel) throws(ModelFileError) -> ModelConfiguration
    ) throws(ModelFileError) -> ModelConfiguration {
        var text = self
        text.settings = try settings.required("text_config", settings.object("text_config"))
        var configuration = try read(text)
        if let isTied = try settings.bool("tie_word_embeddings") { configuration.hasTiedEmbeddings = isTied }
        return configuration
    }

    func qwen35Text(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(
            headCount: 16, keyValueHeadCount: 4, headSize: 256, vocabularySize: 248_320, contextLength: 32_768)
        var configuration = try withDeltaNets(tensors, defaults: defaults)
        configuration.setQwen35(.qwen35)
        return configuration
    }

    /// The weights of chosen experts always sum up to 1.
    func qwen35MoEText(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let length = try integer("moe_intermediate_size", default: 512)
        let defaults = LlamaDefaults(
            headCount: 16, keyValueHeadCount: 2, headSize: 256, feedForwardLength: length, vocabularySize: 248_320,
            contextLength: 32_768)
        var configuration = try withDeltaNets(tensors, defaults: defaults)
        configuration.setQwen35(.qwen35moe)
        var experts = Experts(
            count: try integer("num_experts", default: 256), usedCount: try integer("num_experts_per_tok", default: 8),
            feedForwardLength: length, routing: .softmaxOverChosen,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: file, where: { _ in true }))
        experts.shared = try sharedExpert()
        configuration.experts = experts
        return configuration
    }

    func qwen3Next(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(
            headCount: 16, keyValueHeadCount: 2, headSize: 256, feedForwardLength: 5632, vocabularySize: 151_936,
            contextLength: 32_768)
        var configuration = try withDeltaNets(tensors, defaults: defaults)
        configuration.setQwen35(.qwen3next)
        configuration.experts = try qwenMixture(
            configuration.layerCount,
            defaults: QwenMixtureDefaults(count: 512, usedCount: 10, feedForwardLength: 512, sumsUpToOne: true))
        configuration.experts?.shared = try sharedExpert()
        return configuration
    }

    private func sharedExpert() throws(ModelFileError) -> Experts.Shared {
        Experts.Shared(feedForwardLength: try integer("shared_expert_intermediate_size", default: 512), isGated: true)
    }

    /// Llama with delta nets in most layers, heads that turn in part, and norms whose weights lack 1.
    private func withDeltaNets(
        _ tensors: [String: StoredTensor], defaults: LlamaDefaults
    ) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        try require("attn_output_gate", is: true, default: true)
        var configuration = try llamaLike(tensors, defaults: defaults) { headSize, context throws(ModelFileError) in
            try partialRotary(headSize: headSize, context: context, absentShare: 0.25)
        }
        try setAttentionBias(&configuration)
        configuration.normWeightOffset = 1
        configuration.deltaNet = DeltaNet(
            keyHeadCount: try integer("linear_num_key_heads", default: 16),
            valueHeadCount: try integer("linear_num_value_heads", default: 32),
            keySize: try integer("linear_key_head_dim", default: 128),
            valueSize: try integer("linear_value_head_dim", default: 128),
            convolutionLength: try integer("linear_conv_kernel_dim", default: 4),
            headOrder: .grouped, hasLogarithmicRates: true,
            layers: try deltaNetLayers(configuration.layerCount))
        return configuration
    }

    /// "layer_types"; where that is absent, all but every `full_attention_interval`th layer.
    private func deltaNetLayers(_ layerCount: Int) throws(ModelFileError) -> [Bool] {
        if let types = try layerTypes(layerCount: layerCount, such: "linear_attention") { return types }
        let interval = try integer("full_attention_interval", default: 4)
        guard interval >= 1 else {
            throw ModelFileError(
                .invalidValue, file: file, field: "full_attention_interval", value: interval, "must be 1 or more")
        }
        return try ModelConfiguration.layers(layerCount, file: file) { ($0 + 1) % interval != 0 }
    }
}
