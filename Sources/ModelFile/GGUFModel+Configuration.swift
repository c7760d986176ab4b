// A GGUF model's metadata as a configuration. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

extension GGUFModel {
    /// The configuration that the metadata and the presence of some tensors describe, validated.
    func configuration() throws(ModelFileError) -> ModelConfiguration {
        let name = try metadata.required("general.architecture", metadata.string("general.architecture"))
        guard let architecture = Architecture(rawValue: name) else {
            throw ModelFileError.unsupportedArchitecture(name, file: mainFile, field: "general.architecture")
        }
        guard !tensors.isEmpty else {
            throw ModelFileError(
                .missing, file: mainFile, field: "tensor count", value: 0, "the file holds a vocabulary but no weights",
                hint: "use a file of the whole model")
        }
        let configuration =
            switch architecture {
            case .gpt2: try gpt2()
            case .llama, .mixtral: try llama()
            }
        try configuration.validate(file: mainFile)
        return configuration
    }

    private func gpt2() throws(ModelFileError) -> ModelConfiguration {
        let keys = GGUFKeys(metadata: metadata, prefix: "gpt2.")
        let embedding = try keys.integer("embedding_length")
        let heads = try keys.integer("attention.head_count")
        return ModelConfiguration.gpt2(
            layerCount: try keys.integer("block_count"),
            embeddingLength: embedding,
            headCount: heads,
            headSize: try ModelConfiguration.headSize(of: embedding, heads: heads, file: mainFile),
            feedForwardLength: try keys.integer("feed_forward_length", default: 4 &* embedding),
            vocabularySize: try vocabularySize(),
            contextLength: try keys.integer("context_length"),
            epsilon: Float(try keys.number("attention.layer_norm_epsilon")),
            hasTiedEmbeddings: tensors["output.weight"] == nil)
    }

    private func llama() throws(ModelFileError) -> ModelConfiguration {
        let keys = GGUFKeys(metadata: metadata, prefix: "llama.")
        let embedding = try keys.integer("embedding_length")
        let heads = try keys.integer("attention.head_count")
        let headSize = try ModelConfiguration.headSize(
            keys.optional("attention.key_length"), of: embedding, heads: heads, file: mainFile)
        if let valueLength = try keys.optional("attention.value_length"), valueLength != headSize {
            throw ModelFileError(
                .unsupported, file: mainFile, field: "llama.attention.value_length", value: valueLength,
                "must be the size of a key, \(headSize)")
        }
        var configuration = ModelConfiguration.llama(
            layerCount: try keys.integer("block_count"),
            embeddingLength: embedding,
            headCount: heads,
            keyValueHeadCount: try keys.integer("attention.head_count_kv", default: heads),
            headSize: headSize,
            feedForwardLength: try keys.integer("feed_forward_length"),
            vocabularySize: try vocabularySize(),
            contextLength: try keys.integer("context_length"),
            epsilon: Float(try keys.number("attention.layer_norm_rms_epsilon")),
            rotary: try rotary(keys, headSize: headSize),
            hasTiedEmbeddings: tensors["output.weight"] == nil)
        configuration.hasQueryKeyValueBias = tensors["blk.0.attn_q.bias"] != nil
        configuration.hasAttentionOutputBias = tensors["blk.0.attn_output.bias"] != nil
        configuration.hasFeedForwardBias = tensors["blk.0.ffn_up.bias"] != nil
        if try keys.optional("expert_count") ?? 0 != 0 {
            configuration.architecture = .mixtral
            configuration.experts = try experts(keys, of: configuration)
        }
        return configuration
    }

    /// The rows of the embedding: `vocab_size` is optional in GGUF files, and not always right.
    private func vocabularySize() throws(ModelFileError) -> Int {
        guard let embedding = tensors["token_embd.weight"] else {
            throw ModelFileError.missingTensor("token_embd.weight", file: mainFile)
        }
        return embedding.shape[0]
    }

    private func rotary(_ keys: GGUFKeys, headSize: Int) throws(ModelFileError) -> RotaryConfiguration {
        RotaryConfiguration(
            base: try keys.optionalNumber("rope.freq_base") ?? 10_000,
            dimensions: try keys.integer("rope.dimension_count", default: headSize),
            pairing: .interleaved,
            scaling: try rotaryScaling(keys))
    }

    private func rotaryScaling(_ keys: GGUFKeys) throws(ModelFileError) -> RotaryConfiguration.Scaling {
        let type = try metadata.string("llama.rope.scaling.type")
        let oldFactor = try keys.optionalNumber("rope.scale_linear")
        let factor = try keys.optionalNumber("rope.scaling.factor") ?? oldFactor ?? 1
        guard type == nil || type == "none" || type == "linear" else {
            throw ModelFileError(
                .unsupported, file: mainFile, field: "llama.rope.scaling.type", value: type ?? "",
                "is not supported (supported: none, linear, and the factors of rope_freqs.weight)")
        }
        let isLinear = (type == "linear" || (type == nil && oldFactor != nil)) && factor != 1
        guard let tensor = tensors["rope_freqs.weight"] else { return isLinear ? .linear(factor: factor) : .none }
        guard !isLinear else {
            throw ModelFileError(
                .unsupported, file: mainFile, field: "llama.rope.scaling.type", value: "linear",
                "is not supported together with rope_freqs.weight")
        }
        return .factors(try rotaryFactors(tensor))
    }

    /// The content of `rope_freqs.weight`: one number for each pair of a head.
    private func rotaryFactors(_ tensor: StoredTensor) throws(ModelFileError) -> [Float] {
        guard tensor.type == .f32, tensor.byteCount <= Limits.headSize * 2 else {
            throw ModelFileError(
                .invalidValue, file: tensor.fileName, field: "tensor rope_freqs.weight",
                value: "\(tensor.typeName) \(tensor.shape)", "must be a short list of F32 numbers")
        }
        let bytes = try files[tensor.file].source.bytes(at: tensor.offset, count: tensor.byteCount)
        return bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { index in
                let bits = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                return Float(bitPattern: UInt32(littleEndian: bits))
            }
        }
    }
}

/// The metadata under one architecture's prefix.
struct GGUFKeys {
    let metadata: GGUFMetadata
    let prefix: String

    func integer(_ key: String, default value: Int? = nil) throws(ModelFileError) -> Int {
        try metadata.required(prefix + key, optional(key) ?? value)
    }

    func optional(_ key: String) throws(ModelFileError) -> Int? { try metadata.integer(prefix + key) }

    func number(_ key: String) throws(ModelFileError) -> Double {
        try metadata.required(prefix + key, optionalNumber(key))
    }

    func optionalNumber(_ key: String) throws(ModelFileError) -> Double? { try metadata.number(prefix + key) }
}
