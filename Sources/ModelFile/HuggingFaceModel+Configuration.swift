// The config.json of a Hugging Face folder as a configuration. Field names and defaults: the classes `GPT2Config` and
// `LlamaConfig` of the transformers library.

extension HuggingFaceModel {
    private var file: String { settings.file }

    /// The configuration, validated; `tensors` are those of the weight files.
    func configuration(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let name = try settings.required("model_type", settings.string("model_type"))
        guard let architecture = Architecture(rawValue: name) else {
            throw ModelFileError.unsupportedArchitecture(name, file: file, field: "model_type")
        }
        guard settings.present("quantization_config") == nil else {
            throw ModelFileError(
                .unsupported, file: file, field: "quantization_config", "quantized safetensors are not supported",
                hint: "use a GGUF file of type Q8_0 or Q4_0, or the model before quantization")
        }
        let configuration =
            switch architecture {
            case .gpt2: try gpt2(tensors)
            case .llama: try llama(tensors)
            case .mixtral: try mixtral(tensors)
            }
        try configuration.validate(file: file)
        return configuration
    }

    private func gpt2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("activation_function", isOneOf: ["gelu_new", "gelu_pytorch_tanh"], default: "gelu_new")
        try require("scale_attn_weights", is: true, default: true)
        try require("scale_attn_by_inverse_layer_idx", is: false, default: false)
        try require("add_cross_attention", is: false, default: false)
        let embedding = try integer("n_embd")
        let heads = try integer("n_head")
        return ModelConfiguration.gpt2(
            layerCount: try integer("n_layer"),
            embeddingLength: embedding,
            headCount: heads,
            headSize: try ModelConfiguration.headSize(of: embedding, heads: heads, file: file),
            feedForwardLength: try integer("n_inner", default: 4 &* embedding),
            vocabularySize: try integer("vocab_size"),
            contextLength: try integer("n_positions", default: try settings.integer("n_ctx") ?? 1024),
            epsilon: Float(try settings.number("layer_norm_epsilon") ?? 1e-5),
            hasTiedEmbeddings: try isTied(tensors, default: true))
    }

    func llama(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let embedding = try integer("hidden_size")
        let heads = try integer("num_attention_heads")
        let headSize = try ModelConfiguration.headSize(
            settings.integer("head_dim"), of: embedding, heads: heads, file: file)
        let context = try integer("max_position_embeddings", default: 2048)
        var configuration = ModelConfiguration.llama(
            layerCount: try integer("num_hidden_layers"),
            embeddingLength: embedding,
            headCount: heads,
            keyValueHeadCount: try integer("num_key_value_heads", default: heads),
            headSize: headSize,
            feedForwardLength: try integer("intermediate_size"),
            vocabularySize: try integer("vocab_size"),
            contextLength: context,
            epsilon: Float(try settings.number("rms_norm_eps") ?? 1e-6),
            rotary: try rotary(headSize: headSize),
            hasTiedEmbeddings: try isTied(tensors, default: false))
        let hasAttentionBias = try settings.bool("attention_bias") ?? false
        configuration.hasQueryKeyValueBias = hasAttentionBias
        configuration.hasAttentionOutputBias = hasAttentionBias
        configuration.hasFeedForwardBias = try settings.bool("mlp_bias") ?? false
        return configuration
    }

    /// What config.json says; where it says nothing, a model without an output matrix is tied.
    private func isTied(_ tensors: [String: StoredTensor], default value: Bool) throws(ModelFileError) -> Bool {
        try settings.bool("tie_word_embeddings") ?? (value || tensors["lm_head.weight"] == nil)
    }

    /// `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling`.
    private func rotary(headSize: Int) throws(ModelFileError) -> RotaryConfiguration {
        let fields = try settings.object("rope_parameters").or(settings.object("rope_scaling"))
        let base = try (fields?.number("rope_theta")).or(settings.number("rope_theta")) ?? 10_000
        let name = "partial_rotary_factor"
        let share = try (fields?.number(name)).or(settings.number(name)) ?? 1
        guard share > 0, share <= 1, headSize >= 1, headSize <= Limits.headSize else {
            throw ModelFileError(
                .invalidValue, file: file, field: "\(name) of head size \(headSize)", value: share,
                "must be above 0 and at most 1, the head size at most \(Limits.headSize)")
        }
        return RotaryConfiguration(
            base: base, dimensions: Int(Double(headSize) * share), pairing: .halves,
            scaling: try fields.map(rotaryScaling) ?? .none)
    }

    private func rotaryScaling(_ fields: JSONObject) throws(ModelFileError) -> RotaryConfiguration.Scaling {
        func number(_ name: String) throws(ModelFileError) -> Double {
            try fields.required("rotary scaling \(name)", fields.number(name))
        }
        let type = try fields.string("rope_type").or(fields.string("type")) ?? "default"
        switch type {
        case "default": return .none
        case "linear": return .linear(factor: try number("factor"))
        case "llama3":
            let original = "original_max_position_embeddings"
            return .llama3(
                factor: try number("factor"), lowFrequencyFactor: try number("low_freq_factor"),
                highFrequencyFactor: try number("high_freq_factor"),
                originalContextLength: try fields.required(original, fields.integer(original)))
        default:
            throw ModelFileError(
                .unsupported, file: file, field: "rope_type", value: "\"\(type)\"",
                "is not supported (supported: default, linear, llama3)")
        }
    }

    func integer(_ name: String, default value: Int? = nil) throws(ModelFileError) -> Int {
        try settings.required(name, settings.integer(name) ?? value)
    }

    private func require(_ name: String, isOneOf names: [String], default value: String) throws(ModelFileError) {
        let found = try settings.string(name) ?? value
        guard names.contains(found) else {
            throw ModelFileError(
                .unsupported, file: file, field: name, value: "\"\(found)\"",
                "is not supported (supported: \(names.joined(separator: ", ")))")
        }
    }

    private func require(_ name: String, is expected: Bool, default value: Bool) throws(ModelFileError) {
        let found = try settings.bool(name) ?? value
        guard found == expected else {
            throw ModelFileError(
                .unsupported, file: file, field: name, value: found, "is not supported (supported: \(expected))")
        }
    }
}
