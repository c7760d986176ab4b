// A GGUF model's metadata as a configuration: the way to the family's reader, and what the readers share. Key names:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

import Sequences

extension GGUFModel {
    /// The configuration that the metadata and the presence of some tensors describe, validated.
    func configuration() throws(ModelFileError) -> ModelConfiguration {
        try refuseOtherKinds()
        let name = try metadata.required("general.architecture", metadata.string("general.architecture"))
        guard let architecture = Architecture(rawValue: name), architecture.hasGGUF else {
            throw unsupportedArchitecture(name)
        }
        guard !tensors.isEmpty else {
            throw ModelFileError(
                .missing, file: mainFile, field: "tensor count", value: 0, "the file holds a vocabulary but no weights",
                hint: "use a file of the whole model")
        }
        let configuration = try configuration(of: architecture)
        try configuration.validate(file: mainFile)
        return configuration
    }

    private func unsupportedArchitecture(_ name: String) -> ModelFileError {
        ModelFileError.unsupportedArchitecture(
            name, file: mainFile, field: "general.architecture",
            supported: Architecture.allCases.filter(\.hasGGUF).map(\.name))
    }

    /// Not validated yet.
    private func configuration(of architecture: Architecture) throws(ModelFileError) -> ModelConfiguration {
        let keys = GGUFKeys(metadata: metadata, prefix: architecture.name + ".")
        let configuration =
            switch architecture {
            case .gpt2: try gpt2(keys)
            case .llama: try llama(keys)
            case .qwen2, .qwen3: try qwen(keys, architecture)
            case .gemma: try gemma(keys)
            case .gemma2: try gemma2(keys)
            case .gemma3: try gemma3(keys)
            case .phi3: try phi3(keys)
            case .olmo2: try olmo2(keys)
            case .smollm3: try smollm3(keys)
            case .granite, .granitemoe: try granite(keys, architecture)
            case .mistral3: try mistral3(keys)
            case .glm4, .chatglm: try glm(keys, architecture)
            case .qwen2moe: try qwen2moe(keys)
            case .seedOSS: try seedOSS(keys)
            case .ernie4_5: try ernie(keys)
            case .exaone4: try exaone4(keys)
            case .starcoder2: try starCoder2(keys)
            case .qwen3moe: try qwen3moe(keys)
            case .gptOSS: try gptOSS(keys)
            case .qwen35, .qwen35moe, .qwen3next: try qwen35(keys, architecture)
            case .deepseek2: try deepseek2(keys)
            case .llama4: try llama4(keys)
            case .phi2: try phi2(keys)
            case .gptNeoX: try gptNeoX(keys)
            case .internlm2: try internlm2(keys)
            case .gptNeo: throw unsupportedArchitecture(architecture.name)
            }
        if configuration.experts == nil, let experts = try keys.optional("expert_count"), experts != 0 {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + "expert_count", value: experts,
                "mixtures of experts of this architecture are not supported")
        }
        return configuration
    }

    /// The rows of the embedding: `vocab_size` is optional in GGUF files, and not always right.
    func vocabularySize() throws(ModelFileError) -> Int {
        guard let embedding = tensors["token_embd.weight"] else {
            throw ModelFileError.missingTensor("token_embd.weight", file: mainFile)
        }
        return embedding.shape[0]
    }

    /// "attention.sliding_window" for the layers that "attention.sliding_window_pattern" names, or else those of
    /// `period`: all but every `period`th slide (0: all). nil where the window is absent or 0.
    func slidingWindow(
        _ keys: GGUFKeys, layerCount: Int, absent: Int? = nil, period: Int
    ) throws(ModelFileError) -> ModelConfiguration.SlidingWindow? {
        guard let length = try keys.optional("attention.sliding_window") ?? absent, length != 0 else { return nil }
        let layers = try slidingLayers(keys, layerCount: layerCount, period: period)
        return layers.contains(true) ? ModelConfiguration.SlidingWindow(length: length, layers: layers) : nil
    }

    private func slidingLayers(
        _ keys: GGUFKeys, layerCount: Int, period: Int
    ) throws(ModelFileError) -> [Bool] {
        let key = keys.prefix + "attention.sliding_window_pattern"
        var period = period
        if case .numbers(let flags) = metadata.values[key] {
            let slides = flags.count == layerCount ? (0..<layerCount).map { flags[$0].flag } : [nil]
            guard !slides.contains(nil) else {
                throw ModelFileError(
                    .mismatch, file: mainFile, field: key, value: flags.count,
                    "must be true or false for each of the \(layerCount) layers")
            }
            return try ModelConfiguration.layers(layerCount, file: mainFile) { slides[$0] ?? false }
        }
        if let stated = try metadata.integer(key) { period = stated }
        guard period >= 0 else {
            throw ModelFileError(.invalidValue, file: mainFile, field: key, value: period, "must be 0 or more")
        }
        return try ModelConfiguration.layers(layerCount, file: mainFile) { period == 0 || ($0 + 1) % period != 0 }
    }
}

extension GGUFValue {
    /// True or false, also where it is written 1 or 0.
    fileprivate var flag: Bool? {
        switch self {
        case .bool(let value): value
        case .integer(0): false
        case .integer(1): true
        default: nil
        }
    }
}

/// The metadata under one architecture's prefix.
struct GGUFKeys {
    let metadata: GGUFMetadata
    /// With its dot.
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
