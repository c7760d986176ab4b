// The config.json of DeepSeek V2 and V3. Field names and defaults: the classes `DeepseekV2Config` and `DeepseekV3Config` of
// the transformers library.

/// What the two generations take where config.json says nothing.
private struct DeepSeekDefaults {
    var vocabularySize: Int
    var contextLength: Int
    var expertCount: Int
    var usedCount: Int?
    var expertLength: Int
    var sharedCount: Int
    var denseCount: Int
    var weightScale: Double

    static let v2 = DeepSeekDefaults(
        vocabularySize: 102_400, contextLength: 2048, expertCount: 64, usedCount: nil, expertLength: 1407,
        sharedCount: 2,
        denseCount: 0, weightScale: 1)
    static let v3 = DeepSeekDefaults(
        vocabularySize: 129_280, contextLength: 4096, expertCount: 256, usedCount: 8, expertLength: 2048,
        sharedCount: 1,
        denseCount: 3, weightScale: 2.5)
}

extension HuggingFaceModel {
    /// Latent attention; experts by softmax, perhaps of some groups only.
    func deepSeekV2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("scoring_func", isOneOf: ["softmax"], default: "softmax")
        try require("topk_method", isOneOf: ["greedy", "group_limited_greedy"], default: "greedy")
        var configuration = try deepSeek(tensors, .v2, pairing: .interleaved)
        // The class in transformers takes no notice of norm_topk_prob.
        configuration.experts?.routing = .softmaxOverAll
        if try settings.string("topk_method") == "group_limited_greedy" {
            configuration.experts?.groups = try expertGroups(scoring: .largest)
        }
        return configuration
    }

    /// Latent attention; experts by sigmoid and a number that is added to it for the choice, of some groups only.
    func deepSeekV3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("scoring_func", isOneOf: ["sigmoid"], default: "sigmoid")
        try require("topk_method", isOneOf: ["noaux_tc"], default: "noaux_tc")
        let isInterleaved = try settings.bool("rope_interleave") ?? true
        var configuration = try deepSeek(tensors, .v3, pairing: isInterleaved ? .interleaved : .halves)
        let sumsUpToOne = try settings.bool("norm_topk_prob") ?? true
        configuration.experts?.routing = sumsUpToOne ? .normalizedSigmoid : .sigmoid
        configuration.experts?.hasChoiceBias = true
        configuration.experts?.groups = try expertGroups(scoring: .sumOfTwoLargest, count: 8, used: 4)
        return configuration
    }

    private func deepSeek(
        _ tensors: [String: StoredTensor], _ defaults: DeepSeekDefaults, pairing: RotaryConfiguration.Pairing
    ) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        try require("attention_bias", is: false, default: false)
        try require("mlp_bias", is: false, default: false)
        let context = try integer("max_position_embeddings", default: defaults.contextLength)
        let turned = try integer("qk_rope_head_dim", default: 64)
        var rotary = try rotary(headSize: turned, context: context)
        rotary.pairing = pairing
        var configuration = ModelConfiguration.llama(
            layerCount: try integer("num_hidden_layers"),
            embeddingLength: try integer("hidden_size"),
            headCount: try integer("num_attention_heads"),
            keyValueHeadCount: 1,
            headSize: turned,
            feedForwardLength: try integer("intermediate_size"),
            vocabularySize: try integer("vocab_size", default: defaults.vocabularySize),
            contextLength: rotary.contextLength(declared: context),
            epsilon: Float(try settings.number("rms_norm_eps") ?? 1e-6),
            rotary: rotary,
            hasTiedEmbeddings: try isTied(tensors, default: false))
        configuration.architecture = .deepseek2
        let sizes = LatentSizes(
            rank: try integer("kv_lora_rank", default: 512),
            queryRank: settings["q_lora_rank"] == nil ? 1536 : try settings.integer("q_lora_rank"),
            plainSize: try integer("qk_nope_head_dim", default: 128),
            valueSize: try integer("v_head_dim", default: 128),
            normalizationEpsilon: 1e-6)  // whatever rms_norm_eps says
        configuration.setLatent(sizes, rotary: rotary)
        configuration.experts = try deepSeekExperts(configuration.layerCount, defaults)
        return configuration
    }

    /// The experts that are chosen and those that are not; nil where no layer has any.
    private func deepSeekExperts(
        _ layerCount: Int, _ defaults: DeepSeekDefaults
    ) throws(ModelFileError) -> Experts? {
        guard try settings.integer("moe_layer_freq") ?? 1 == 1 else {
            throw ModelFileError(
                .unsupported, file: file, field: "moe_layer_freq", value: try integer("moe_layer_freq"),
                "is not supported (supported: 1)")
        }
        let denseCount = try integer("first_k_dense_replace", default: defaults.denseCount)
        let layers = try ModelConfiguration.layers(layerCount, file: file) { $0 >= denseCount }
        let name = "n_routed_experts"
        let count = settings[name] == nil ? defaults.expertCount : try settings.integer(name) ?? 0
        guard count != 0, layers.contains(true) else { return nil }
        let length = try integer("moe_intermediate_size", default: defaults.expertLength)
        var experts = Experts(
            count: count, usedCount: try integer("num_experts_per_tok", default: defaults.usedCount),
            feedForwardLength: length, routing: .softmaxOverAll, layers: layers)
        experts.weightScale = Float(try settings.number("routed_scaling_factor") ?? defaults.weightScale)
        let sharedName = "n_shared_experts"
        let shared = settings[sharedName] == nil ? defaults.sharedCount : try settings.integer(sharedName) ?? 0
        // Held to its limit by `validate`, negative ones too.
        if shared != 0 { experts.shared = Experts.Shared(feedForwardLength: shared &* length) }
        return experts
    }

    /// Groups of experts of which some are chosen first; nil where all are.
    private func expertGroups(
        scoring: Experts.Groups.Scoring, count: Int? = nil, used: Int? = nil
    ) throws(ModelFileError) -> Experts.Groups? {
        let groups = Experts.Groups(
            count: try integer("n_group", default: count), usedCount: try integer("topk_group", default: used),
            scoring: scoring)
        return groups.count == 1 && groups.usedCount == 1 ? nil : groups
    }
}
