// What each family always has in common, whatever file a model comes from. Knows no file format.

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
    static func unsupportedArchitecture(_ name: String, file: String, field: String) -> ModelFileError {
        ModelFileError(
            .unsupported, file: file, field: field, value: "\"\(name)\"",
            "is not supported (supported: \(Architecture.supportedNames))")
    }

    static func missingTensor(_ name: String, file: String) -> ModelFileError {
        ModelFileError(
            .missing, file: file, field: "tensor \(name)", "is missing",
            hint: "the model is incomplete, or not of the kind that its configuration says")
    }
}
