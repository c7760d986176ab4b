// The mixtures of experts in config.json. Field names and defaults: the classes `MixtralConfig`, `Qwen2MoeConfig`,
// `Qwen3MoeConfig`, `GraniteMoeConfig` and `GptOssConfig` of the transformers library.

/// What config.json means where it says nothing.
struct QwenMixtureDefaults {
    var count: Int
    var usedCount: Int
    var feedForwardLength: Int
    var sumsUpToOne = false
}

extension HuggingFaceModel {
    /// Llama with experts, and perhaps a window, in every layer.
    func mixtral(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(keyValueHeadCount: 8, contextLength: 131_072, epsilon: 1e-5)
        var configuration = try llamaLike(tensors, defaults: defaults) { headSize, context throws(ModelFileError) in
            try rotary(
                headSize: headSize, context: context, fields: rotaryFields(),
                base: try settings.number("rope_theta") ?? 1e6)
        }
        configuration.slidingWindow = try windowOfEveryLayer(configuration, absent: nil)
        configuration.experts = Experts(
            count: try expertCount(default: 8),
            usedCount: try integer("num_experts_per_tok", default: 2),
            feedForwardLength: configuration.feedForwardLength,
            routing: .softmaxOverChosen,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: file, where: { _ in true }))
        return configuration
    }

    /// Qwen 2 with experts in all or some of its layers, and one that all tokens share.
    func qwen2MoE(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(keyValueHeadCount: 16, contextLength: 32_768)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.architecture = .qwen2moe
        configuration.hasQueryKeyValueBias = try settings.bool("qkv_bias") ?? true
        if try settings.bool("use_sliding_window") ?? false {
            let end = try integer("max_window_layers", default: 28)
            configuration.slidingWindow = try slidingWindow(
                layerCount: configuration.layerCount, absent: 4096, where: { $0 % 2 == 0 && $0 < end })
        }
        let defaultSizes = QwenMixtureDefaults(count: 60, usedCount: 4, feedForwardLength: 1408)
        configuration.experts = try qwenMixture(configuration.layerCount, defaults: defaultSizes)
        configuration.experts?.shared = Experts.Shared(
            feedForwardLength: try integer("shared_expert_intermediate_size", default: 5632), isGated: true)
        return configuration
    }

    /// Qwen 3 with experts in all or some of its layers.
    func qwen3MoE(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(keyValueHeadCount: 4, contextLength: 32_768)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.architecture = .qwen3moe
        configuration.queryKeyNorm = .perHead
        try setAttentionBias(&configuration)
        if try settings.bool("use_sliding_window") ?? false {
            configuration.slidingWindow = try windowOfEveryLayer(configuration, absent: 4096)
        }
        let defaultSizes = QwenMixtureDefaults(count: 128, usedCount: 8, feedForwardLength: 768)
        configuration.experts = try qwenMixture(configuration.layerCount, defaults: defaultSizes)
        return configuration
    }

    /// Granite with experts in every layer.
    func graniteMoE(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try granite(tensors)
        configuration.architecture = .granitemoe
        configuration.experts = Experts(
            count: try expertCount(default: 8),
            usedCount: try integer("num_experts_per_tok", default: 2),
            feedForwardLength: configuration.feedForwardLength,
            routing: .softmaxOverChosen,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: file, where: { _ in true }))
        return configuration
    }

    /// The experts of Qwen's models; nil where no layer has any.
    func qwenMixture(
        _ layerCount: Int, defaults: QwenMixtureDefaults
    ) throws(ModelFileError) -> Experts? {
        let count = try expertCount(default: defaults.count)
        let layers = try sparseLayers(layerCount)
        guard count != 0, layers.contains(true) else { return nil }
        return Experts(
            count: count,
            usedCount: try integer("num_experts_per_tok", default: defaults.usedCount),
            feedForwardLength: try integer("moe_intermediate_size", default: defaults.feedForwardLength),
            routing: try settings.bool("norm_topk_prob") ?? defaults.sumsUpToOne ? .softmaxOverChosen : .softmaxOverAll,
            layers: layers)
    }

    /// Every `decoder_sparse_step`th layer but those of `mlp_only_layers` has experts.
    private func sparseLayers(_ layerCount: Int) throws(ModelFileError) -> [Bool] {
        let step = try integer("decoder_sparse_step", default: 1)
        guard step >= 1 else {
            throw ModelFileError(
                .invalidValue, file: file, field: "decoder_sparse_step", value: step, "must be 1 or more")
        }
        var dense: Set<Int> = []
        for value in try settings.array("mlp_only_layers") ?? .empty {
            guard case .integer(let layer) = value else {
                throw settings.wrong("mlp_only_layers", value, "a list of whole numbers")
            }
            dense.insert(layer)
        }
        return try ModelConfiguration.layers(layerCount, file: file) { ($0 + 1) % step == 0 && !dense.contains($0) }
    }

    /// Windows in every other layer, sinks, biases, and experts in every layer.
    func gptOSS(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 64, keyValueHeadCount: 8, headSize: 64, vocabularySize: 201_088, contextLength: 131_072,
            epsilon: 1e-5)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: gptOSSRotary)
        configuration.setGPTOSS()
        try setAttentionBias(&configuration, default: true)
        configuration.slidingWindow = try slidingWindow(
            layerCount: configuration.layerCount, absent: 128, where: { $0 % 2 == 0 })
        var experts = Experts(
            count: try expertCount(default: 128),
            usedCount: try integer("num_experts_per_tok", default: try settings.integer("experts_per_token") ?? 4),
            feedForwardLength: configuration.feedForwardLength,
            routing: .softmaxOverChosen,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: file, where: { _ in true }))
        (experts.hasRouterBias, experts.hasBias) = (true, true)
        experts.activation = .clampedSwiGLU(
            alpha: Float(try settings.number("swiglu_alpha") ?? 1.702),
            limit: Float(try settings.number("swiglu_limit") ?? 7))
        configuration.experts = experts
        return configuration
    }

    private func gptOSSRotary(headSize: Int, context: Int) throws(ModelFileError) -> RotaryConfiguration {
        let base = try settings.number("rope_theta") ?? 150_000
        guard let fields = try rotaryFields() else {
            var yarn = RotaryConfiguration.YaRN(factor: 32, originalContextLength: 4096)
            yarn.truncates = false
            return RotaryConfiguration(base: base, dimensions: headSize, pairing: .halves, scaling: .yarn(yarn))
        }
        return try rotary(headSize: headSize, context: context, fields: fields, base: base)
    }

    /// transformers 5 writes `num_local_experts` for every family, what was published before it `num_experts` for some.
    private func expertCount(default value: Int) throws(ModelFileError) -> Int {
        let older = try settings.integer("num_experts")
        return try integer("num_local_experts", default: older ?? value)
    }
}
