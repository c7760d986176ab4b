// The metadata of each family in GGUF files. What files do not say is what llama.cpp takes for the family.

extension GGUFModel {
    func gpt2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        let embedding = try keys.integer("embedding_length")
        let heads = try keys.integer("attention.head_count")
        var configuration = ModelConfiguration.gpt2(
            layerCount: try keys.integer("block_count"),
            embeddingLength: embedding,
            headCount: heads,
            headSize: try ModelConfiguration.headSize(of: embedding, heads: heads, file: mainFile),
            feedForwardLength: try keys.integer("feed_forward_length", default: 4 &* embedding),
            vocabularySize: try vocabularySize(),
            contextLength: try keys.integer("context_length"),
            epsilon: Float(try keys.number("attention.layer_norm_epsilon")),
            hasTiedEmbeddings: tensors["output.weight"] == nil)
        configuration.activation = try activation(keys, of: .gpt2)
        return configuration
    }

    /// Sizes and rotary positions as all families built like Llama name them; biases where there are some.
    func llamaLike(
        _ keys: GGUFKeys, pairing: RotaryConfiguration.Pairing = .halves, epsilon: String = "layer_norm_rms_epsilon"
    ) throws(ModelFileError) -> ModelConfiguration {
        let embedding = try keys.integer("embedding_length")
        let heads = try keys.integer("attention.head_count")
        let headSize = try ModelConfiguration.headSize(
            keys.optional("attention.key_length"), of: embedding, heads: heads, file: mainFile)
        if let valueLength = try keys.optional("attention.value_length"), valueLength != headSize {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "attention.value_length", value: valueLength,
                "must be the size of a key, \(headSize)")
        }
        let context = try keys.integer("context_length")
        let rotary = try rotary(keys, headSize: headSize, context: context, pairing: pairing)
        var configuration = ModelConfiguration.llama(
            layerCount: try keys.integer("block_count"),
            embeddingLength: embedding,
            headCount: heads,
            keyValueHeadCount: try keys.integer("attention.head_count_kv", default: heads),
            headSize: headSize,
            feedForwardLength: try keys.integer(
                "feed_forward_length", default: keys.optional("expert_feed_forward_length")),
            vocabularySize: try vocabularySize(),
            contextLength: rotary.contextLength(declared: context),
            epsilon: Float(try keys.number("attention." + epsilon)),
            rotary: rotary,
            hasTiedEmbeddings: tensors["output.weight"] == nil)
        configuration.hasQueryKeyValueBias =
            tensors["blk.0.attn_q.bias"] != nil || tensors["blk.0.attn_qkv.bias"] != nil
        configuration.hasAttentionOutputBias = tensors["blk.0.attn_output.bias"] != nil
        configuration.hasFeedForwardBias = tensors["blk.0.ffn_up.bias"] != nil
        return configuration
    }

    /// Also Mistral, whose window most files do not name, and Mixtral. q and k have their rows permuted: pairs lie side by side.
    func llama(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.slidingWindow = try slidingWindow(keys, layerCount: configuration.layerCount, period: 0)
        if try keys.optional("expert_count") ?? 0 != 0 { configuration.experts = try experts(keys, of: configuration) }
        return configuration
    }

    func qwen(_ keys: GGUFKeys, _ architecture: Architecture) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.architecture = architecture
        if architecture == .qwen3 { configuration.queryKeyNorm = .perHead }
        return configuration
    }

    /// The norms' weights of Gemma's files have 1 added already.
    func gemma(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setGemma(.gemma)
        return configuration
    }

    func gemma2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setGemma(.gemma2)
        configuration.attentionScale = try gemmaAttentionScale(keys, configuration, layersOfLargest: 46)
        configuration.attentionSoftcap = try keys.optionalNumber("attn_logit_softcapping").map { Float($0) } ?? 50
        configuration.logitSoftcap = try keys.optionalNumber("final_logit_softcapping").map { Float($0) } ?? 30
        configuration.slidingWindow = try slidingWindow(
            keys, layerCount: configuration.layerCount, absent: 4096, period: 2)
        return configuration
    }

    func gemma3(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setGemma(.gemma3)
        // Here the declared length is the stretched one.
        configuration.contextLength = max(try keys.integer("context_length"), min(configuration.contextLength, 4096))
        configuration.queryKeyNorm = .perHead
        configuration.attentionScale = try gemmaAttentionScale(keys, configuration, layersOfLargest: 62)
        configuration.logitSoftcap = try keys.optionalNumber("final_logit_softcapping").map { Float($0) }
        configuration.slidingWindow = try slidingWindow(keys, layerCount: configuration.layerCount, period: 6)
        guard case .rotary(var local) = configuration.positions else { return configuration }
        local.base = try keys.optionalNumber("rope.freq_base_swa") ?? 10_000
        local.scaling = .none
        configuration.slidingWindow?.rotary = local
        return configuration
    }

    /// Files do not name it: 1 / sqrt(head size), but for the largest model of a generation an embedding's share.
    private func gemmaAttentionScale(
        _ keys: GGUFKeys, _ configuration: ModelConfiguration, layersOfLargest: Int
    ) throws(ModelFileError) -> Float? {
        if let scale = try keys.optionalNumber("attention.scale") { return Float(scale) }
        guard configuration.layerCount == layersOfLargest, configuration.headCount >= 1 else { return nil }
        return 1 / Float(configuration.embeddingLength / configuration.headCount).squareRoot()
    }

    func phi3(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setPhi3()
        configuration.slidingWindow = try slidingWindow(keys, layerCount: configuration.layerCount, period: 0)
        return configuration
    }

    /// q, k and v in one matrix or in three.
    func phi2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, epsilon: "layer_norm_epsilon")
        configuration.setPhi2(activation: try activation(keys, of: .phi2))
        configuration.hasFusedQueryKeyValue = tensors["blk.0.attn_qkv.weight"] != nil
        configuration.hasOutputBias = tensors["output.bias"] != nil
        return configuration
    }

    func gptNeoX(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, epsilon: "layer_norm_epsilon")
        configuration.setGPTNeoX(
            activation: try activation(keys, of: .gptNeoX),
            hasAttentionBias: tensors["blk.0.attn_qkv.bias"] != nil,
            hasParallelResidual: try metadata.bool(keys.prefix + "use_parallel_residual") ?? true)
        return configuration
    }

    /// Pairs lie side by side, as in Llama's files.
    func internlm2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.architecture = .internlm2
        return configuration
    }

    /// "hidden_activation" of a network without a gate; most files leave it to the family.
    private func activation(
        _ keys: GGUFKeys, of architecture: Architecture
    ) throws(ModelFileError) -> ModelConfiguration.Activation {
        let key = keys.prefix + "hidden_activation"
        switch try metadata.string(key) {
        case nil: return architecture.ungatedActivation
        case "gelu"?: return .gelu
        case "gelu_new"?, "gelu_fast"?, "gelu_pytorch_tanh"?: return .geluTanh
        case let name?:
            throw ModelFileError(
                .unsupported, file: mainFile, field: key, value: "\"\(name)\"",
                "is not supported (supported: gelu, gelu_new, gelu_fast, gelu_pytorch_tanh)")
        }
    }

    /// Also OLMo 3, whose layers slide, and turn by plain frequencies where they do.
    func olmo2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setOlmo2()
        configuration.slidingWindow = try slidingWindow(keys, layerCount: configuration.layerCount, period: 4)
        guard case .rotary(var local) = configuration.positions else { return configuration }
        local.base = try keys.optionalNumber("rope.freq_base_swa") ?? local.base
        local.scaling = .none
        configuration.slidingWindow?.rotary = local
        return configuration
    }
}
