// The config.json of Llama 4. Field names and defaults: the classes `Llama4Config` and `Llama4TextConfig` of the
// transformers library.

extension HuggingFaceModel {
    /// A model for text and images: the part for text.
    func llama4(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        var text = self
        text.settings = try settings.required("text_config", settings.object("text_config"))
        return try text.llama4Text(tensors)
    }

    func llama4Text(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        try require("hidden_act", isOneOf: ["silu", "swish"], default: "silu")
        let defaults = LlamaDefaults(
            headCount: 40, keyValueHeadCount: 8, headSize: 128, vocabularySize: 202_048, contextLength: 131_072,
            epsilon: 1e-5)
        var configuration = try llamaLike(tensors, defaults: defaults) { headSize, context throws(ModelFileError) in
            var rotary = try rotary(
                headSize: headSize, context: context, fields: rotaryFields(),
                base: try settings.number("rope_theta") ?? 500_000)
            rotary.pairing = .interleaved
            return rotary
        }
        try setAttentionBias(&configuration)
        let hasOutput = HuggingFaceNames.llama4.outputs.contains { tensors[$0] != nil }
        configuration.hasTiedEmbeddings = try settings.bool("tie_word_embeddings") ?? !hasOutput
        let rotated = try rotatedLayers(configuration.layerCount)
        let isTuned = try isTuned()
        configuration.setLlama4(
            rotated: rotated, chunk: try chunks(rotated: rotated), hasNorm: try settings.bool("use_qk_norm") ?? true,
            temperature: isTuned
                ? (Float(try settings.number("attn_scale") ?? 0.1), try integer("floor_scale", default: 8192)) : nil)
        let expertLength = configuration.feedForwardLength
        configuration.feedForwardLength = try integer("intermediate_size_mlp", default: 16_384)
        let layers = try llama4SparseLayers(configuration.layerCount)
        guard layers.contains(true) else { return configuration }
        var experts = Experts(
            count: try integer("num_local_experts", default: 16),
            usedCount: try integer("num_experts_per_tok", default: 1), feedForwardLength: expertLength,
            routing: .sigmoid, layers: layers)
        experts.scalesInputs = true
        experts.shared = Experts.Shared(feedForwardLength: expertLength)
        configuration.experts = experts
        return configuration
    }

    /// "attn_temperature_tuning", which older files have as a number.
    private func isTuned() throws(ModelFileError) -> Bool {
        let name = "attn_temperature_tuning"
        if case .integer(let number)? = settings[name] { return number != 0 }
        return try settings.bool(name) ?? true
    }

    /// "no_rope_layers", in which 1 says that a layer turns, or all but every `no_rope_layer_interval`th.
    private func rotatedLayers(_ layerCount: Int) throws(ModelFileError) -> [Bool] {
        let name = "no_rope_layers"
        guard let flags = try settings.array(name), flags.count > 0 else {
            let interval = try integer("no_rope_layer_interval", default: 4)
            guard interval >= 1 else {
                throw ModelFileError(
                    .invalidValue, file: file, field: "no_rope_layer_interval", value: interval, "must be 1 or more")
            }
            return try ModelConfiguration.layers(layerCount, file: file) { ($0 + 1) % interval != 0 }
        }
        var rotated: [Bool] = []
        for flag in flags {
            switch flag {
            case .integer(0), .bool(false): rotated.append(false)
            case .integer(1), .bool(true): rotated.append(true)
            default: throw settings.wrong(name, flag, "a list of 0 and 1")
            }
        }
        guard rotated.count >= layerCount else {
            throw ModelFileError(
                .mismatch, file: file, field: name, value: rotated.count,
                "must name as many layers as there are, \(layerCount)")
        }
        return try ModelConfiguration.layers(layerCount, file: file) { rotated[$0] }
    }

    /// "attention_chunk_size" for the layers that "layer_types" names, or else those that turn.
    private func chunks(rotated: [Bool]) throws(ModelFileError) -> ModelConfiguration.SlidingWindow? {
        let name = "attention_chunk_size"
        guard let length = settings[name] == nil ? 8192 : try settings.integer(name) else { return nil }
        let layers = try layerTypes(layerCount: rotated.count, such: "chunked_attention") ?? rotated
        return ModelConfiguration.SlidingWindow(length: length, layers: layers)
    }

    /// "moe_layers", or every `interleave_moe_layer_step`th.
    private func llama4SparseLayers(_ layerCount: Int) throws(ModelFileError) -> [Bool] {
        guard let listed = try settings.array("moe_layers") else {
            let step = try integer("interleave_moe_layer_step", default: 1)
            guard step >= 1 else {
                throw ModelFileError(
                    .invalidValue, file: file, field: "interleave_moe_layer_step", value: step, "must be 1 or more")
            }
            return try ModelConfiguration.layers(layerCount, file: file) { ($0 + 1) % step == 0 }
        }
        var sparse: Set<Int> = []
        for value in listed {
            guard case .integer(let layer) = value else {
                throw settings.wrong("moe_layers", value, "a list of whole numbers")
            }
            sparse.insert(layer)
        }
        return try ModelConfiguration.layers(layerCount, file: file) { sparse.contains($0) }
    }
}
