// The config.json of Gemma 1 to 3. Field names and defaults are those of the `...Config` classes of the transformers
// library.

extension HuggingFaceModel {
    /// "gelu" of the first files means the form with tanh, as "gelu_pytorch_tanh" of later ones says.
    func gemma(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        for name in ["hidden_act", "hidden_activation"] {
            try require(name, isOneOf: ["gelu_pytorch_tanh", "gelu_new", "gelu"], default: "gelu_pytorch_tanh")
        }
        let defaults = LlamaDefaults(
            headCount: 16, keyValueHeadCount: 16, headSize: 256, vocabularySize: 256_000, contextLength: 8192,
            isTied: true)
        return try gemma(.gemma, tensors, defaults: defaults, rotary: rotary)
    }

    func gemma2(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(keyValueHeadCount: 4, headSize: 256, contextLength: 8192, isTied: true)
        var configuration = try laterGemma(.gemma2, tensors, defaults: defaults, rotary: rotary)
        configuration.attentionSoftcap = try number("attn_logit_softcapping", absent: 50).map { Float($0) }
        configuration.logitSoftcap = try number("final_logit_softcapping", absent: 30).map { Float($0) }
        configuration.slidingWindow = try slidingWindow(
            layerCount: configuration.layerCount, absent: 4096, where: { $0 % 2 == 0 })
        return configuration
    }

    /// A model for text and images: the part for text. Its class in transformers does not cap logits, whatever
    /// config.json says.
    func gemma3(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        var text = self
        text.settings = try settings.required("text_config", settings.object("text_config"))
        var configuration = try text.gemma3Text(tensors)
        configuration.logitSoftcap = nil
        return configuration
    }

    func gemma3Text(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let defaults = LlamaDefaults(
            headCount: 8, keyValueHeadCount: 4, headSize: 256, vocabularySize: 262_208, contextLength: 131_072,
            isTied: true)
        var configuration = try laterGemma(
            .gemma3, tensors, defaults: defaults, rotary: globalRotary(absentBase: 1_000_000))
        // Here the declared length is the stretched one.
        let context = try integer("max_position_embeddings", default: defaults.contextLength)
        configuration.contextLength = max(context, min(configuration.contextLength, 4096))
        configuration.queryKeyNorm = .perHead
        configuration.logitSoftcap = try number("final_logit_softcapping", absent: nil).map { Float($0) }
        let pattern = try integer("sliding_window_pattern", default: 6)
        guard pattern >= 1 else {
            throw ModelFileError(
                .invalidValue, file: file, field: "sliding_window_pattern", value: pattern, "must be at least 1")
        }
        configuration.slidingWindow = try slidingWindow(
            layerCount: configuration.layerCount, absent: 4096, where: { ($0 &+ 1) % pattern != 0 })
        configuration.slidingWindow?.rotary = try localRotary(
            headSize: configuration.headSize, absentBase: try settings.number("rope_local_base_freq") ?? 10_000)
        return configuration
    }

    private func laterGemma(
        _ architecture: Architecture, _ tensors: [String: StoredTensor], defaults: LlamaDefaults,
        rotary: (_ headSize: Int, _ context: Int) throws(ModelFileError) -> RotaryConfiguration
    ) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_activation", isOneOf: ["gelu_pytorch_tanh", "gelu_new"], default: "gelu_pytorch_tanh")
        var configuration = try gemma(architecture, tensors, defaults: defaults, rotary: rotary)
        configuration.attentionScale = Float(1 / (try settings.number("query_pre_attn_scalar") ?? 256).squareRoot())
        return configuration
    }

    private func gemma(
        _ architecture: Architecture, _ tensors: [String: StoredTensor], defaults: LlamaDefaults,
        rotary: (_ headSize: Int, _ context: Int) throws(ModelFileError) -> RotaryConfiguration
    ) throws(ModelFileError) -> ModelConfiguration {
        try require("use_bidirectional_attention", is: false, default: false)
        var configuration = try llamaLike(tensors, defaults: defaults, rotary: rotary)
        configuration.setGemma(architecture)
        configuration.normWeightOffset = 1
        try setAttentionBias(&configuration)
        return configuration
    }

    /// Of the layers that see every position, where those that slide have other ones: "full_attention" of
    /// `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling`.
    func globalRotary(
        absentBase: Double
    ) -> (_ headSize: Int, _ context: Int) throws(ModelFileError) -> RotaryConfiguration {
        { headSize, context throws(ModelFileError) in
            let fields = try settings.object("rope_parameters")?.object("full_attention")
            return try rotary(
                headSize: headSize, context: context, fields: fields.or(settings.object("rope_scaling")),
                base: try settings.number("rope_theta") ?? absentBase)
        }
    }

    /// Of the layers whose window slides: "sliding_attention" of `rope_parameters`, or else `absentBase`.
    func localRotary(headSize: Int, absentBase: Double) throws(ModelFileError) -> RotaryConfiguration {
        try rotary(
            headSize: headSize, context: try integer("max_position_embeddings", default: 131_072),
            fields: settings.object("rope_parameters")?.object("sliding_attention"), base: absentBase)
    }
}
