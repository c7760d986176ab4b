// The config.json of the GPT families: layers with LayerNorm and a network without a gate. Field names and defaults are those
// of the `...Config` classes of the transformers library.

extension HuggingFaceModel {
    func gpt2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("add_cross_attention", is: false, default: false)
        let embedding = try integer("n_embd")
        let heads = try integer("n_head")
        var configuration = ModelConfiguration.gpt2(
            layerCount: try integer("n_layer"),
            embeddingLength: embedding,
            headCount: heads,
            headSize: try ModelConfiguration.headSize(of: embedding, heads: heads, file: file),
            feedForwardLength: try integer("n_inner", default: 4 &* embedding),
            vocabularySize: try integer("vocab_size"),
            contextLength: try integer("n_positions", default: try settings.integer("n_ctx") ?? 1024),
            epsilon: Float(try settings.number("layer_norm_epsilon") ?? 1e-5),
            hasTiedEmbeddings: try isTied(tensors, default: true))
        configuration.activation = try activation("activation_function", default: "gelu_new")
        if try settings.bool("scale_attn_weights") == false { configuration.attentionScale = 1 }
        configuration.hasInverseLayerScale = try settings.bool("scale_attn_by_inverse_layer_idx") ?? false
        return configuration
    }

    /// Phi-1, Phi-1.5 and Phi-2: heads that turn in part.
    func phi(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("qk_layernorm", is: false, default: false)
        let defaults = LlamaDefaults(vocabularySize: 51_200, epsilon: 1e-5, epsilonName: "layer_norm_eps")
        var configuration = try llamaLike(tensors, defaults: defaults) { headSize, context throws(ModelFileError) in
            try partialRotary(headSize: headSize, context: context, absentShare: 0.5)
        }
        configuration.setPhi2(activation: try activation("hidden_act", default: "gelu_new"))
        return configuration
    }

    /// GPT-NeoX and Pythia: the same, and one matrix for q, k and v, head by head.
    func gptNeoX(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(
            headCount: 64, vocabularySize: 50_432, epsilon: 1e-5, epsilonName: "layer_norm_eps")
        var configuration = try llamaLike(tensors, defaults: defaults) { headSize, context throws(ModelFileError) in
            try partialRotary(
                headSize: headSize, context: context, share: "rotary_pct", absentShare: 0.25, base: "rotary_emb_base")
        }
        // Its class takes no notice of num_key_value_heads.
        configuration.keyValueHeadCount = configuration.headCount
        configuration.setGPTNeoX(
            activation: try activation("hidden_act", default: "gelu"),
            hasAttentionBias: try settings.bool("attention_bias") ?? true,
            hasParallelResidual: try settings.bool("use_parallel_residual") ?? true)
        return configuration
    }

    /// GPT-2 with three matrices for q, k and v, scores as they are, and windows in some layers.
    func gptNeo(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let embedding = try integer("hidden_size", default: 2048)
        let heads = try integer("num_heads", default: 16)
        var configuration = ModelConfiguration.gpt2(
            layerCount: try integer("num_layers", default: 24),
            embeddingLength: embedding,
            headCount: heads,
            headSize: try ModelConfiguration.headSize(of: embedding, heads: heads, file: file),
            feedForwardLength: try integer("intermediate_size", default: 4 &* embedding),
            vocabularySize: try integer("vocab_size", default: 50_257),
            contextLength: try integer("max_position_embeddings", default: 2048),
            epsilon: Float(try settings.number("layer_norm_epsilon") ?? 1e-5),
            hasTiedEmbeddings: try isTied(tensors, default: true))
        configuration.setGPTNeo(activation: try activation("activation_function", default: "gelu_new"))
        let slides = try localLayers(configuration.layerCount)
        if slides.contains(true) {
            configuration.slidingWindow = .init(length: try integer("window_size", default: 256), layers: slides)
        }
        return configuration
    }

    /// "attention_types": kinds of layers and how often these follow each other, [[["global", "local"], 12]].
    private func localLayers(_ layerCount: Int) throws(ModelFileError) -> [Bool] {
        let name = "attention_types"
        guard let types = try settings.array(name) else {
            return try ModelConfiguration.layers(layerCount, file: file) { $0 % 2 == 1 }
        }
        var slides: [Bool] = []
        for group in types {
            guard case .array(let list) = group, let pair = list.pair, case .array(let kinds) = pair.0,
                case .integer(let times) = pair.1
            else { throw settings.wrong(name, group, "a list of kinds and how often these follow each other") }
            var ofGroup: [Bool] = []
            for kind in kinds { ofGroup.append(try isLocal(kind, field: name)) }
            guard !ofGroup.isEmpty, times > 0 else { continue }
            // No more than it takes to see that there are too many.
            for _ in 0..<min(times, FileLimits.layers) where slides.count <= layerCount { slides += ofGroup }
        }
        guard slides.count == layerCount else {
            throw ModelFileError(
                .mismatch, file: file, field: name, value: slides.count,
                "must name as many layers as there are, \(layerCount)")
        }
        return slides
    }

    private func isLocal(_ kind: JSONValue, field: String) throws(ModelFileError) -> Bool {
        switch kind {
        case .string("local"): return true
        case .string("global"): return false
        default:
            throw ModelFileError(
                .unsupported, file: file, field: field, value: kind.kindName,
                "is not supported (supported: global, local)")
        }
    }

    /// The activation of a network without a gate, by the name that config.json has for it.
    private func activation(
        _ name: String, default value: String
    ) throws(ModelFileError) -> ModelConfiguration.Activation {
        let exact = ["gelu", "gelu_python"]
        let approximate = ["gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"]
        try require(name, isOneOf: exact + approximate, default: value)
        return exact.contains(try settings.string(name) ?? value) ? .gelu : .geluTanh
    }
}
