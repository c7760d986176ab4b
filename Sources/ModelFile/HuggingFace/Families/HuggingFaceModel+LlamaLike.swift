// The config.json of families that are built like Llama but for a few numbers. Field names and defaults are those of
// the `...Config` classes of the transformers library.

extension HuggingFaceModel {
    /// Llama with layers that do not turn: those that "no_rope_layers" marks with 0, or every "no_rope_layer_interval"th.
    /// A window, where there is one, is theirs.
    func smollm3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 16, keyValueHeadCount: 4, vocabularySize: 128_256, contextLength: 32_768, isTied: true)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary(absentBase: 2_000_000))
        try setAttentionBias(&configuration)
        configuration.hasFeedForwardBias = try settings.bool("mlp_bias") ?? false
        let unrotated = try unrotatedLayers(layerCount: configuration.layerCount)
        configuration.setSmolLM3(unrotatedLayers: unrotated)
        if try settings.bool("use_sliding_window") ?? false {
            configuration.slidingWindow = try slidingWindow(
                layerCount: configuration.layerCount, absent: nil, where: { unrotated[$0] })
        }
        return configuration
    }

    private func unrotatedLayers(layerCount: Int) throws(ModelFileError) -> [Bool] {
        let name = "no_rope_layers"
        guard let flags = try settings.array(name) else {
            let interval = try integer("no_rope_layer_interval", default: 4)
            guard interval >= 1 else {
                throw ModelFileError(
                    .invalidValue, file: file, field: "no_rope_layer_interval", value: interval, "must be at least 1")
            }
            return try ModelConfiguration.layers(layerCount, file: file) { ($0 + 1) % interval == 0 }
        }
        var turns: [Bool] = []
        for flag in flags {
            switch flag {
            case .integer(let number): turns.append(number != 0)
            case .bool(let value): turns.append(value)
            default: throw settings.wrong(name, flag, "a list of 0 and 1")
            }
        }
        guard turns.count >= layerCount else {
            throw ModelFileError(
                .mismatch, file: file, field: name, value: turns.count,
                "must name as many layers as there are, \(layerCount)")
        }
        return try ModelConfiguration.layers(layerCount, file: file) { !turns[$0] }
    }

    /// Llama with a multiplier of embeddings, of attention's scores and of what is added to the residual stream, and a
    /// divisor of logits.
    func granite(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        var configuration = try llamaLike(tensors, rotary: rotary)
        configuration.architecture = .granite
        try setAttentionBias(&configuration)
        configuration.hasFeedForwardBias = try settings.bool("mlp_bias") ?? false
        configuration.embeddingScale = Float(try settings.number("embedding_multiplier") ?? 1)
        configuration.attentionScale = Float(try settings.number("attention_multiplier") ?? 1)
        configuration.residualScale = Float(try settings.number("residual_multiplier") ?? 1)
        configuration.logitScale = Float(1 / (try settings.number("logits_scaling") ?? 1))
        return configuration
    }

    /// OLMo 2 with a window in three of four layers, which turn by plain frequencies.
    func olmo3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        var configuration = try llamaLike(
            tensors, defaults: LlamaDefaults(epsilon: 1e-5), rotary: globalRotary(absentBase: 500_000))
        configuration.setOlmo2()
        try setAttentionBias(&configuration)
        configuration.slidingWindow = try slidingWindow(
            layerCount: configuration.layerCount, absent: 4096, where: { ($0 + 1) % 4 != 0 })
        configuration.slidingWindow?.rotary = try localRotary(
            headSize: configuration.headSize, absentBase: try settings.number("rope_theta") ?? 500_000)
        return configuration
    }

    /// GLM: neighbours of a head turn together, half of each head; biases of q, k and v.
    func glm(
        _ tensors: [String: StoredTensor], _ architecture: Architecture
    ) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 32, keyValueHeadCount: 2, headSize: 128, vocabularySize: 151_552, contextLength: 131_072,
            epsilon: 1.5625e-7)
        var configuration = try llamaLike(tensors, defaults: defaults) { headSize, context throws(ModelFileError) in
            try rotary(headSize: turningElements(of: headSize, absent: 0.5), context: context)
        }
        configuration.setGLM(architecture)
        configuration.hasQueryKeyValueBias = try settings.bool("attention_bias") ?? true
        return configuration
    }

    /// LayerNorm, no gate, biases everywhere, and a window in every layer.
    func starCoder2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["gelu_pytorch_tanh", "gelu_new"], default: "gelu_pytorch_tanh")
        let defaults = LlamaDefaults(
            headCount: 24, keyValueHeadCount: 2, vocabularySize: 49_152, contextLength: 4096, isTied: true)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.setStarCoder2()
        configuration.normalizationEpsilon = Float(try settings.number("norm_epsilon") ?? 1e-5)
        setBiases(&configuration, try settings.bool("use_bias") ?? true)
        configuration.slidingWindow = try windowOfEveryLayer(configuration, absent: nil)
        return configuration
    }

    /// Of every matrix.
    private func setBiases(_ configuration: inout ModelConfiguration, _ hasBias: Bool) {
        configuration.hasQueryKeyValueBias = hasBias
        configuration.hasAttentionOutputBias = hasBias
        configuration.hasFeedForwardBias = hasBias
    }

    /// Llama with biases of q, k and v.
    func seedOSS(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 80, keyValueHeadCount: 8, headSize: 128, vocabularySize: 155_136, contextLength: 524_288)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.architecture = .seedOSS
        configuration.hasQueryKeyValueBias = try settings.bool("attention_bias") ?? true
        configuration.hasAttentionOutputBias = try settings.bool("attention_out_bias") ?? false
        configuration.hasFeedForwardBias = try settings.bool("mlp_bias") ?? false
        return configuration
    }

    /// Llama whose pairs are neighbours; "use_bias": every matrix has a bias.
    func ernie(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 16, keyValueHeadCount: 2, headSize: 128, vocabularySize: 103_424, contextLength: 131_072,
            epsilon: 1e-5, isTied: true)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary(absentBase: 500_000))
        configuration.setErnie()
        setBiases(&configuration, try settings.bool("use_bias") ?? false)
        return configuration
    }

    /// Norms after instead of before; layers that see every position do not turn where the model has a window.
    func exaone4(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(headCount: 32, keyValueHeadCount: 32, epsilon: 1e-5)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        let layerCount = configuration.layerCount
        guard let length = try windowLength(absent: 4096) else {
            configuration.setExaone4(slides: nil)
            return configuration
        }
        let slides =
            try layerTypes(layerCount: layerCount, such: "sliding_attention").or(
                slidingByPattern(layerCount: layerCount)) ?? []
        configuration.setExaone4(slides: slides)
        if slides.contains(true) { configuration.slidingWindow = .init(length: length, layers: slides) }
        return configuration
    }

    /// All but every "sliding_window_pattern"th layer; or a text of L (local) and G (global) for layers in turn.
    private func slidingByPattern(layerCount: Int) throws(ModelFileError) -> [Bool] {
        let name = "sliding_window_pattern"
        if case .string(let text)? = settings[name] {
            let letters = Array(text.utf8)
            guard !letters.isEmpty, letters.allSatisfy({ [UInt8(ascii: "L"), UInt8(ascii: "G")].contains($0) }) else {
                throw ModelFileError(
                    .invalidValue, file: file, field: name, value: "\"\(text)\"", "must be made of L and G")
            }
            return try ModelConfiguration.layers(layerCount, file: file) {
                letters[$0 % letters.count] == UInt8(ascii: "L")
            }
        }
        let pattern = try integer(name, default: 4)
        guard pattern >= 1 else {
            throw ModelFileError(
                .invalidValue, file: file, field: name, value: pattern, "must be at least 1")
        }
        return try ModelConfiguration.layers(layerCount, file: file) { ($0 + 1) % pattern != 0 }
    }
}

// MARK: Mistral 3

extension HuggingFaceModel {
    /// A model for text and images: the part for text.
    func mistral3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        var text = self
        text.settings = try settings.required("text_config", settings.object("text_config"))
        let kind = try text.settings.string("model_type") ?? "mistral"
        var configuration: ModelConfiguration
        switch kind {
        case "mistral": configuration = try text.mistral(tensors)
        case "ministral3": configuration = try text.ministral3(tensors)
        default:
            throw ModelFileError(
                .unsupported, file: file, field: "text_config.model_type", value: "\"\(kind)\"",
                "is not supported (supported: mistral, ministral3)")
        }
        configuration.architecture = .mistral3
        // Its class ties where no other matrix is stored, unless it is told not to.
        let name = "tie_word_embeddings"
        let saysTied = try text.settings.bool(name).or(settings.bool(name)) ?? true
        let names = HuggingFaceNames.llamaWithImages
        configuration.hasTiedEmbeddings = saysTied && !names.outputs.contains { tensors[$0] != nil }
        return configuration
    }

    /// Llama whose queries grow with their position.
    func ministral3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 32, keyValueHeadCount: 8, headSize: 128, vocabularySize: 131_072, contextLength: 262_144,
            epsilon: 1e-5)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: ministral3Rotary)
        configuration.architecture = .mistral3
        configuration.slidingWindow = try windowOfEveryLayer(configuration, absent: nil)
        configuration.attentionTemperature = try attentionTemperature(configuration)
        return configuration
    }

    private func ministral3Rotary(headSize: Int, context: Int) throws(ModelFileError) -> RotaryConfiguration {
        guard try rotaryFields() == nil else { return try rotary(headSize: headSize, context: context) }
        var yarn = RotaryConfiguration.YaRN(factor: 16, originalContextLength: 16_384)
        (yarn.mscale, yarn.mscaleAllDimensions) = (1, 1)
        return RotaryConfiguration(base: 1_000_000, dimensions: headSize, pairing: .halves, scaling: .yarn(yarn))
    }

    /// "llama_4_scaling_beta" among the rotary fields, with the original length.
    private func attentionTemperature(
        _ configuration: ModelConfiguration
    ) throws(ModelFileError) -> ModelConfiguration.AttentionTemperature? {
        let fields = try rotaryFields()
        guard let scale = try fields == nil ? 0.1 : fields?.number("llama_4_scaling_beta"), scale != 0 else {
            return nil
        }
        if case .rotary(let rotary) = configuration.positions, case .yarn(let yarn) = rotary.scaling {
            return .init(scale: Float(scale), length: yarn.originalContextLength)
        }
        let name = "original_max_position_embeddings"
        return .init(scale: Float(scale), length: try settings.required(name, fields?.integer(name)))
    }
}
