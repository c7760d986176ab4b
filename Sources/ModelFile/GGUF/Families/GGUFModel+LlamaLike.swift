// The metadata of families that are built like Llama but for a few numbers. What files do not say is what llama.cpp
// takes for the family.

extension GGUFModel {
    func smollm3(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.setSmolLM3(
            unrotatedLayers: try ModelConfiguration.layers(configuration.layerCount, file: mainFile) {
                ($0 + 1) % 4 == 0
            })
        return configuration
    }

    /// Also with experts. A scale of 0 stands for none.
    func granite(_ keys: GGUFKeys, _ architecture: Architecture) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.architecture = architecture
        func scale(_ key: String) throws(ModelFileError) -> Double? {
            try keys.optionalNumber(key).flatMap { $0 == 0 ? nil : $0 }
        }
        configuration.embeddingScale = Float(try scale("embedding_scale") ?? 1)
        configuration.attentionScale = try scale("attention.scale").map { Float($0) }
        configuration.residualScale = Float(try scale("residual_scale") ?? 1)
        configuration.logitScale = Float(1 / (try scale("logit_scale") ?? 1))
        if try metadata.bool(keys.prefix + "rope.scaling.finetuned") == false {
            configuration.unrotatedLayers = try ModelConfiguration.layers(
                configuration.layerCount, file: mainFile, where: { _ in true })
        }
        if architecture == .granitemoe, try keys.optional("expert_count") ?? 0 != 0 {
            configuration.experts = try experts(keys, of: configuration)
        }
        return configuration
    }

    /// Also Ministral 3, whose queries grow with their position.
    func mistral3(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, pairing: .interleaved)
        configuration.architecture = .mistral3
        guard let scale = try keys.optionalNumber("attention.temperature_scale"), scale != 0 else {
            return configuration
        }
        let original = try keys.integer(
            "rope.scaling.original_context_length", default: keys.integer("context_length"))
        configuration.attentionTemperature = .init(
            scale: Float(scale), length: try keys.integer("attention.temperature_length", default: original))
        return configuration
    }

    func seedOSS(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.architecture = .seedOSS
        return configuration
    }

    func ernie(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setErnie()
        return configuration
    }

    /// A window is only read where a file names one, which llama.cpp's do not.
    func starCoder2(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys, epsilon: "layer_norm_epsilon")
        configuration.setStarCoder2()
        configuration.slidingWindow = try slidingWindow(keys, layerCount: configuration.layerCount, period: 0)
        return configuration
    }

    /// Only the model of 64 layers has a window that files need not name.
    func exaone4(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        let layerCount = configuration.layerCount
        configuration.slidingWindow = try slidingWindow(
            keys, layerCount: layerCount, absent: layerCount == 64 ? 4096 : nil, period: 4)
        configuration.setExaone4(slides: configuration.slidingWindow?.layers)
        return configuration
    }

    /// ChatGLM's files have one matrix for q, k and v, those of its class in transformers three.
    func glm(_ keys: GGUFKeys, _ architecture: Architecture) throws(ModelFileError) -> ModelConfiguration {
        if metadata.values[keys.prefix + "rope.dimension_sections"] != nil {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "rope.dimension_sections",
                "is not supported: positions of images turn otherwise than those of text")
        }
        if let layers = try keys.optional("nextn_predict_layers"), layers != 0 {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "nextn_predict_layers", value: layers,
                "layers that guess ahead are not supported")
        }
        var configuration = try llamaLike(keys)
        configuration.setGLM(architecture)
        configuration.hasFusedQueryKeyValue = tensors["blk.0.attn_qkv.weight"] != nil
        return configuration
    }
}
