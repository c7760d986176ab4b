// What each family always has in common, whatever file a model comes from. Knows no file format.

import Sequences

extension ModelConfiguration {
    /// GPT-2: learned positions, LayerNorm, fused q, k and v, tanh GELU, biases everywhere.
    static func gpt2(
        layerCount: Int, embeddingLength: Int, headCount: Int, headSize: Int, feedForwardLength: Int,
        vocabularySize: Int, contextLength: Int, epsilon: Float, hasTiedEmbeddings: Bool
    ) -> ModelConfiguration {
        ModelConfiguration(
            architecture: .gpt2, layerCount: layerCount, embeddingLength: embeddingLength, headCount: headCount,
            keyValueHeadCount: headCount, headSize: headSize, feedForwardLength: feedForwardLength,
            vocabularySize: vocabularySize, contextLength: contextLength, normalization: .layerNorm,
            normalizationEpsilon: epsilon, positions: .learned, activation: .geluTanh, isGated: false,
            hasFusedQueryKeyValue: true, hasQueryKeyValueBias: true, hasAttentionOutputBias: true,
            hasFeedForwardBias: true, hasTiedEmbeddings: hasTiedEmbeddings)
    }

    /// Llama: rotary positions, RMSNorm, gated SiLU, no biases (some variants add them).
    static func llama(
        layerCount: Int, embeddingLength: Int, headCount: Int, keyValueHeadCount: Int, headSize: Int,
        feedForwardLength: Int, vocabularySize: Int, contextLength: Int, epsilon: Float, rotary: RotaryConfiguration,
        hasTiedEmbeddings: Bool
    ) -> ModelConfiguration {
        ModelConfiguration(
            architecture: .llama, layerCount: layerCount, embeddingLength: embeddingLength, headCount: headCount,
            keyValueHeadCount: keyValueHeadCount, headSize: headSize, feedForwardLength: feedForwardLength,
            vocabularySize: vocabularySize, contextLength: contextLength, normalization: .rmsNorm,
            normalizationEpsilon: epsilon, positions: .rotary(rotary), activation: .silu, isGated: true,
            hasFusedQueryKeyValue: false, hasQueryKeyValueBias: false, hasAttentionOutputBias: false,
            hasFeedForwardBias: false, hasTiedEmbeddings: hasTiedEmbeddings)
    }

    /// Gemma over Llama: gated GELU, scaled embeddings; from Gemma 2 on norms around attention and feed-forward.
    mutating func setGemma(_ architecture: Architecture) {
        self.architecture = architecture
        normPlacement = architecture == .gemma ? .before : .around
        activation = .geluTanh
        embeddingScale = Float(Double(embeddingLength).squareRoot())
    }

    /// Phi-3 over Llama: one matrix for q, k and v, one for gate and up.
    mutating func setPhi3() {
        architecture = .phi3
        hasFusedQueryKeyValue = true
        hasFusedGateUp = true
    }

    /// OLMo 2 over Llama: norms after attention and feed-forward, norms of all queries and all keys of a token.
    mutating func setOlmo2() {
        architecture = .olmo2
        normPlacement = .after
        queryKeyNorm = .allHeads
    }

    /// GLM over Llama: neighbours of a head turn together, one matrix for gate and up; from GLM-4-0414 on norms around
    /// attention and feed-forward.
    mutating func setGLM(_ architecture: Architecture) {
        self.architecture = architecture
        if case .rotary(var rotary) = positions {
            rotary.pairing = .interleaved
            positions = .rotary(rotary)
        }
        normPlacement = architecture == .glm4 ? .around : .before
        hasFusedGateUp = true
    }

    /// ERNIE 4.5 over Llama: neighbours of a head turn together.
    mutating func setErnie() {
        architecture = .ernie4_5
        if case .rotary(var rotary) = positions {
            rotary.pairing = .interleaved
            positions = .rotary(rotary)
        }
    }

    /// EXAONE 4 over Llama: norms after attention and feed-forward, norms of heads; where some layers slide (`slides`),
    /// the others do not turn.
    mutating func setExaone4(slides: [Bool]?) {
        architecture = .exaone4
        normPlacement = .after
        queryKeyNorm = .perHead
        unrotatedLayers = slides.map { $0.map(!) }
    }

    /// StarCoder 2 over Llama: LayerNorm, and a network of GELU without a gate.
    mutating func setStarCoder2() {
        architecture = .starcoder2
        normalization = .layerNorm
        activation = .geluTanh
        isGated = false
    }

    /// SmolLM3 over Llama: every fourth layer does not turn.
    mutating func setSmolLM3(unrotatedLayers: [Bool]) {
        architecture = .smollm3
        self.unrotatedLayers = unrotatedLayers
    }

    /// gpt-oss over Llama: sinks.
    mutating func setGPTOSS() {
        architecture = .gptOSS
        hasAttentionSinks = true
    }

    /// Qwen3.5 and Qwen3-Next over Llama: norms of heads, gates of attention.
    mutating func setQwen35(_ architecture: Architecture) {
        self.architecture = architecture
        queryKeyNorm = .perHead
        hasAttentionGate = true
    }

    /// Llama 4 over Llama: layers that do not turn among others that see only their chunk, heads of the others normalized
    /// after they have turned, and queries that grow with their position.
    mutating func setLlama4(rotated: [Bool], chunk: SlidingWindow?, hasNorm: Bool, temperature: (Float, Int)?) {
        architecture = .llama4
        unrotatedLayers = rotated.contains(false) ? rotated.map { !$0 } : nil
        slidingWindow = chunk.flatMap { $0.layers.contains(true) ? $0 : nil }
        slidingWindow?.isChunked = true
        queryKeyNorm = hasNorm ? .afterRotation : .none
        attentionTemperature = temperature.map { scale, length in
            var temperature = AttentionTemperature(scale: scale, length: length)
            (temperature.offset, temperature.unrotatedLayersOnly) = (1, true)
            return temperature
        }
    }

    /// LayerNorm and a network without a gate, over Llama: the layers of the GPT families. Biases on the network's
    /// matrices, and on those of attention where `hasAttentionBias`.
    private mutating func setGPT(_ architecture: Architecture, _ activation: Activation, hasAttentionBias: Bool) {
        self.architecture = architecture
        self.activation = activation
        normalization = .layerNorm
        isGated = false
        hasQueryKeyValueBias = hasAttentionBias
        hasAttentionOutputBias = hasAttentionBias
        hasFeedForwardBias = true
    }

    /// Phi-1 to Phi-2 over Llama: both parts of a layer take the same normed input; biases everywhere.
    mutating func setPhi2(activation: Activation) {
        setGPT(.phi2, activation, hasAttentionBias: true)
        hasParallelResidual = true
        hasSharedNorm = true
        hasOutputBias = true
    }

    /// GPT-NeoX over Llama: one matrix for q, k and v.
    mutating func setGPTNeoX(activation: Activation, hasAttentionBias: Bool, hasParallelResidual: Bool) {
        setGPT(.gptNeoX, activation, hasAttentionBias: hasAttentionBias)
        hasFusedQueryKeyValue = true
        self.hasParallelResidual = hasParallelResidual
    }

    /// GPT-Neo over GPT-2: three matrices for q, k and v, without biases; scores are not scaled.
    mutating func setGPTNeo(activation: Activation) {
        architecture = .gptNeo
        self.activation = activation
        hasFusedQueryKeyValue = false
        hasQueryKeyValueBias = false
        attentionScale = 1
    }

    /// [count]: which layers are of some kind; the count is held to its limit before anything is allocated for it.
    static func layers(
        _ count: Int, file: String, where isSuch: (Int) -> Bool
    ) throws(ModelFileError) -> [Bool] {
        guard (1...FileLimits.layers).contains(count) else {
            throw ModelFileError(
                .invalidValue, file: file, field: "layer count", value: count,
                "must be between 1 and \(FileLimits.layers)")
        }
        return (0..<count).map(isSuch)
    }

    /// The head size: what the file says, else an equal share of the embedding.
    static func headSize(
        _ size: Int? = nil, of embeddingLength: Int, heads: Int, file: String
    ) throws(ModelFileError) -> Int {
        if let size { return size }
        guard heads >= 1, embeddingLength >= 1, embeddingLength % heads == 0 else {
            throw ModelFileError(
                .invalidValue, file: file, field: "head count", value: heads,
                "must divide the embedding length, \(embeddingLength)")
        }
        return embeddingLength / heads
    }
}

extension ModelFileError {
    static func unsupportedArchitecture(
        _ name: String, file: String, field: String, supported: [String]
    ) -> ModelFileError {
        // The families are too many to be listed in a sentence.
        let meant = name.utf8.count <= 64 ? Spelling.nearest(to: name, among: supported) : nil
        return ModelFileError(
            .unsupported, file: file, field: field, value: "\"\(name)\"",
            meant.map { "is not supported. Did you mean \"\($0)\"?" } ?? "is no architecture that is supported",
            hint: "README.md lists the families that run, llama, qwen3 and gemma3 among them")
    }

    static func missingTensor(_ name: String, file: String) -> ModelFileError {
        ModelFileError(
            .missing, file: file, field: "tensor \(name)", "is missing",
            hint: "the model is incomplete, or not of the kind that its configuration says")
    }
}
