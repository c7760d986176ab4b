// The config.json of families that are built like Llama but for a few numbers. Field names and defaults are those of the
// `...Config` classes of the transformers library.

extension HuggingFaceModel {
    /// Llama with layers that do not turn: those that "no_rope_layers" marks with 0, or every "no_rope_layer_interval"th. A
    /// window, where there is one, is theirs.
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
}
