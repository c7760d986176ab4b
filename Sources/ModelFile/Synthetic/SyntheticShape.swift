// Shapes of well-known models, for benchmarks without a download. Knows no file format.

/// A model of a known shape. Positions are not scaled: that would cost nothing, and change nothing but the answers.
package enum SyntheticShape: String, Sendable, CaseIterable {
    /// Llama 3.2 1B.
    case llama1B = "llama-1b"
    /// Llama 3.1 8B.
    case llama8B = "llama-8b"
    /// The smallest GPT-2.
    case gpt2 = "gpt2-124m"
    /// Qwen 2.5 0.5B.
    case qwen05B = "qwen2-0.5b"
    /// Qwen 3 30B with 128 experts, 8 used.
    case moe30B = "moe-30b-a3b"

    /// The names of all, for messages.
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The model's configuration; `layers` nil: as many as it has.
    package func configuration(layers: Int? = nil) -> ModelConfiguration {
        switch self {
        case .llama1B:
            Self.decoder(
                .llama, layers: layers ?? 16, width: 2048, heads: 32, keyValueHeads: 8, headSize: 64, wide: 8192,
                vocabulary: 128_256, context: 131_072, base: 500_000, isTied: true)
        case .llama8B:
            Self.decoder(
                .llama, layers: layers ?? 32, width: 4096, heads: 32, keyValueHeads: 8, headSize: 128, wide: 14_336,
                vocabulary: 128_256, context: 131_072, base: 500_000, isTied: false)
        case .qwen05B:
            Self.decoder(
                .qwen2, layers: layers ?? 24, width: 896, heads: 14, keyValueHeads: 2, headSize: 64, wide: 4864,
                vocabulary: 151_936, context: 32_768, base: 1_000_000, isTied: true)
        case .moe30B: Self.mixture(layers: layers ?? 48)
        case .gpt2: Self.gpt2(layers: layers ?? 12)
        }
    }

    /// Of no model there is: many narrow layers, for clusters that only pretend to compute.
    static let simulated = decoder(
        .llama, layers: 64, width: 1024, heads: 16, keyValueHeads: 4, headSize: 64, wide: 4096, vocabulary: 32_000,
        context: 32_768, base: 10_000, isTied: false)

    private static func decoder(
        _ architecture: Architecture, layers: Int, width: Int, heads: Int, keyValueHeads: Int, headSize: Int, wide: Int,
        vocabulary: Int, context: Int, base: Double, isTied: Bool
    ) -> ModelConfiguration {
        // As in GGUF files: Llama's pairs are neighbours, all others' are halves.
        let pairing: RotaryConfiguration.Pairing = architecture == .llama ? .interleaved : .halves
        return ModelConfiguration(
            architecture: architecture, layerCount: layers, embeddingLength: width, headCount: heads,
            keyValueHeadCount: keyValueHeads, headSize: headSize, feedForwardLength: wide, vocabularySize: vocabulary,
            contextLength: context, normalization: .rmsNorm, normalizationEpsilon: 1e-5,
            positions: .rotary(RotaryConfiguration(base: base, dimensions: headSize, pairing: pairing)),
            activation: .silu, isGated: true, hasFusedQueryKeyValue: false,
            hasQueryKeyValueBias: architecture == .qwen2, hasAttentionOutputBias: false, hasFeedForwardBias: false,
            hasTiedEmbeddings: isTied)
    }

    private static func mixture(layers: Int) -> ModelConfiguration {
        var configuration = decoder(
            .qwen3moe, layers: layers, width: 2048, heads: 32, keyValueHeads: 4, headSize: 128, wide: 6144,
            vocabulary: 151_936, context: 40_960, base: 1_000_000, isTied: false)
        configuration.queryKeyNorm = .perHead
        configuration.experts = Experts(
            count: 128, usedCount: 8, feedForwardLength: 768, routing: .softmaxOverChosen,
            layers: Array(repeating: true, count: layers))
        return configuration
    }

    private static func gpt2(layers: Int) -> ModelConfiguration {
        ModelConfiguration(
            architecture: .gpt2, layerCount: layers, embeddingLength: 768, headCount: 12, keyValueHeadCount: 12,
            headSize: 64, feedForwardLength: 3072, vocabularySize: 50_257, contextLength: 1024,
            normalization: .layerNorm, normalizationEpsilon: 1e-5, positions: .learned, activation: .geluTanh,
            isGated: false, hasFusedQueryKeyValue: true, hasQueryKeyValueBias: true, hasAttentionOutputBias: true,
            hasFeedForwardBias: true, hasTiedEmbeddings: true)
    }
}
