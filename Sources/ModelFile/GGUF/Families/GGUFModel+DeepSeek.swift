// DeepSeek V2 and V3 in a GGUF model's metadata: older files with one matrix of keys and values, newer ones with the two
// apart. Key names and what files do not say: llama.cpp (`LLM_ARCH_DEEPSEEK2`).

extension GGUFModel {
    func deepseek2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        if let scale = try keys.optionalNumber("attention.temperature_scale"), scale != 0 {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "attention.temperature_scale", value: scale,
                "is not supported together with latent attention")
        }
        let context = try keys.integer("context_length")
        let turned = try keys.integer("rope.dimension_count")
        let rotary = try rotary(keys, headSize: turned, context: context, pairing: .interleaved)
        let predictionLayers = try keys.optional("nextn_predict_layers") ?? 0
        let epsilon = Float(try keys.number("attention.layer_norm_rms_epsilon"))
        var configuration = ModelConfiguration.llama(
            layerCount: try keys.integer("block_count") &- predictionLayers,
            embeddingLength: try keys.integer("embedding_length"),
            headCount: try keys.integer("attention.head_count"),
            keyValueHeadCount: 1,
            headSize: turned,
            feedForwardLength: try keys.integer("feed_forward_length"),
            vocabularySize: try vocabularySize(),
            contextLength: rotary.contextLength(declared: context),
            epsilon: epsilon,
            rotary: rotary,
            hasTiedEmbeddings: tensors["output.weight"] == nil)
        configuration.architecture = .deepseek2
        // With the two matrices apart "key_length" is that of what is kept of a position.
        let keyLength = try keys.integer("attention.key_length_mla", default: keys.optional("attention.key_length"))
        let valueLength = try keys.integer(
            "attention.value_length_mla", default: keys.optional("attention.value_length"))
        let hasQueryRank = tensors["blk.0.attn_q_a.weight"] != nil
        let sizes = LatentSizes(
            rank: try keys.integer("attention.kv_lora_rank"),
            queryRank: hasQueryRank ? try keys.integer("attention.q_lora_rank") : nil,
            plainSize: keyLength &- turned, valueSize: valueLength, normalizationEpsilon: epsilon)
        configuration.setLatent(sizes, rotary: rotary)
        if try keys.optional("expert_count") ?? 0 != 0 { configuration.experts = try experts(keys, of: configuration) }
        return configuration
    }
}
