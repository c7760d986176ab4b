// The config.json of Llama and the families whose layers are built like its. Field names and defaults are those of the
// `...Config` classes of the transformers library.

/// What the families that are built like Llama take where config.json says nothing.
struct LlamaDefaults {
    var headCount: Int?
    /// nil: as many as heads.
    var keyValueHeadCount: Int?
    /// nil: an equal share of the embedding.
    var headSize: Int?
    var feedForwardLength: Int?
    var vocabularySize: Int?
    var contextLength = 2048
    var epsilon = 1e-6
    /// The field that has it.
    var epsilonName = "rms_norm_eps"
    var isTied = false
}

extension HuggingFaceModel {
    /// Sizes and rotary positions as all families built like Llama name them, without biases.
    func llamaLike(
        _ tensors: [String: StoredTensor], defaults: LlamaDefaults = LlamaDefaults(),
        rotary: (_ headSize: Int, _ context: Int) throws(ModelFileError) -> RotaryConfiguration
    ) throws(ModelFileError) -> ModelConfiguration {
        let embedding = try integer("hidden_size")
        let heads = try integer("num_attention_heads", default: defaults.headCount)
        let headSize = try ModelConfiguration.headSize(
            settings.integer("head_dim") ?? defaults.headSize, of: embedding, heads: heads, file: file)
        let context = try integer("max_position_embeddings", default: defaults.contextLength)
        let rotary = try rotary(headSize, context)
        return ModelConfiguration.llama(
            layerCount: try integer("num_hidden_layers"),
            embeddingLength: embedding,
            headCount: heads,
            keyValueHeadCount: try integer("num_key_value_heads", default: defaults.keyValueHeadCount ?? heads),
            headSize: headSize,
            feedForwardLength: try integer("intermediate_size", default: defaults.feedForwardLength),
            vocabularySize: try integer("vocab_size", default: defaults.vocabularySize),
            contextLength: rotary.contextLength(declared: context),
            epsilon: Float(try settings.number(defaults.epsilonName) ?? defaults.epsilon),
            rotary: rotary,
            hasTiedEmbeddings: try isTied(tensors, default: defaults.isTied))
    }

    func llama(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        var configuration = try llamaLike(tensors, rotary: rotary)
        try setAttentionBias(&configuration)
        configuration.hasFeedForwardBias = try settings.bool("mlp_bias") ?? false
        return configuration
    }

    /// Llama with a window in every layer.
    func mistral(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(keyValueHeadCount: 8, contextLength: 131_072)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.slidingWindow = try windowOfEveryLayer(configuration, absent: 4096)
        return configuration
    }

    /// Llama with biases on q, k and v, and a window in some layers.
    func qwen2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(keyValueHeadCount: 32, contextLength: 32_768)
        var configuration = try qwen(.qwen2, tensors, defaults: defaults)
        configuration.hasQueryKeyValueBias = true
        return configuration
    }

    /// Llama with norms of the heads of queries and keys, and a window in some layers.
    func qwen3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(keyValueHeadCount: 32, headSize: 128, contextLength: 32_768)
        var configuration = try qwen(.qwen3, tensors, defaults: defaults)
        configuration.queryKeyNorm = .perHead
        try setAttentionBias(&configuration)
        return configuration
    }

    private func qwen(
        _ architecture: Architecture, _ tensors: [String: StoredTensor], defaults: LlamaDefaults
    ) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.architecture = architecture
        if try settings.bool("use_sliding_window") ?? false {
            let firstSliding = try integer("max_window_layers", default: 28)
            configuration.slidingWindow = try slidingWindow(
                layerCount: configuration.layerCount, absent: 4096, where: { $0 >= firstSliding })
        }
        return configuration
    }

    /// Llama with fused matrices, heads that turn in part, longrope, and a window in every layer.
    func phi3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(contextLength: 4096, epsilon: 1e-5)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: phi3Rotary)
        configuration.setPhi3()
        configuration.slidingWindow = try windowOfEveryLayer(configuration, absent: nil)
        return configuration
    }

    /// Llama with norms after instead of before, and norms of all queries and all keys of a token.
    func olmo2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        var configuration = try llamaLike(tensors, defaults: LlamaDefaults(epsilon: 1e-5), rotary: rotary)
        configuration.setOlmo2()
        try setAttentionBias(&configuration)
        return configuration
    }

    /// InternLM 2: Llama under other names, its q, k and v in one matrix, group by group.
    func internlm2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(vocabularySize: 103_168)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.architecture = .internlm2
        let hasBias = try settings.bool("bias") ?? true
        configuration.hasQueryKeyValueBias = hasBias
        configuration.hasAttentionOutputBias = hasBias
        return configuration
    }

    /// "attention_bias": biases on q, k, v and the output projection.
    func setAttentionBias(
        _ configuration: inout ModelConfiguration, default value: Bool = false
    ) throws(ModelFileError) {
        let hasBias = try settings.bool("attention_bias") ?? value
        configuration.hasQueryKeyValueBias = hasBias
        configuration.hasAttentionOutputBias = hasBias
    }

    /// A window in every layer. `absent`: its length where config.json does not name it (null: there is none).
    func windowOfEveryLayer(
        _ configuration: ModelConfiguration, absent: Int?
    ) throws(ModelFileError) -> ModelConfiguration.SlidingWindow? {
        // The classes of these families take no notice of layer_types.
        let length = settings["sliding_window"] == nil ? absent : try settings.integer("sliding_window")
        guard let length else { return nil }
        return ModelConfiguration.SlidingWindow(
            length: length,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: file, where: { _ in true }))
    }
}
