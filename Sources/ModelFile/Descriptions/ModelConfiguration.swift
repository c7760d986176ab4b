// What a model computes, as data: sizes and the choices in which the families differ. Knows no file format, and no
// arithmetic beyond sizes.

/// A family of models; the names are those of `general.architecture` in GGUF files.
package enum Architecture: String, Sendable, Hashable, Codable, CaseIterable {
    case gpt2
    /// Llama 1 to 3, TinyLlama, SmolLM2, Mistral, Mixtral.
    case llama
    case qwen2
    case qwen3
    case gemma
    case gemma2
    case gemma3
    /// Phi-3 and Phi-4.
    case phi3
    /// OLMo 2 and 3.
    case olmo2
    case smollm3
    case granite
    case granitemoe
    /// Mistral 3 and Ministral 3.
    case mistral3
    case glm4
    /// ChatGLM 3 and the first GLM-4.
    case chatglm
    case qwen2moe
    case seedOSS = "seed_oss"
    case ernie4_5
    case exaone4
    case starcoder2
    case qwen3moe
    case gptOSS = "gpt-oss"
    /// Qwen3.5, dense and with experts.
    case qwen35, qwen35moe
    case qwen3next
    /// DeepSeek V2 and V3.
    case deepseek2
    case llama4
    /// Phi-1, Phi-1.5 and Phi-2.
    case phi2
    /// GPT-NeoX, Pythia.
    case gptNeoX = "gptneox"
    case internlm2
    /// GPT-Neo, of which there are no GGUF files: llama.cpp knows no such architecture.
    case gptNeo = "gptneo"

    package var name: String { rawValue }

    /// GGUF files of it can be read and written.
    var hasGGUF: Bool { self != .gptNeo }
}

/// A unit of work that is never divided between workers.
package enum ModelPart: Sendable, Hashable, Codable {
    /// Token embedding, and learned positions where the model has them.
    case embedding
    case layer(Int)
    /// Final norm and output matrix; the output matrix is "token_embd.weight" itself where tied.
    case head
}

/// A tensor that a part needs. A weight matrix has outputs as rows and inputs as columns; a vector has one row.
package struct TensorRequirement: Sendable, Hashable {
    package var name: String
    package var rows: Int
    package var columns: Int
}

/// Everything that `Inference` must know to run a model, without its file.
///
/// It crosses the network as JSON; whoever receives one calls `validate()` before using it.
package struct ModelConfiguration: Sendable, Hashable, Codable {
    /// The formula of every norm.
    package enum NormalizationKind: String, Sendable, Hashable, Codable {
        /// (x - mean) / sqrt(variance + epsilon) * weight + bias
        case layerNorm
        /// x / sqrt(mean of squares + epsilon) * weight
        case rmsNorm
    }

    /// How a token's place in the sequence is made known.
    package enum Positions: Sendable, Hashable, Codable {
        /// A row of "position_embd.weight" [contextLength, embeddingLength] is added to the token's embedding.
        case learned
        case rotary(RotaryConfiguration)
    }

    /// The nonlinearity of the feed-forward part.
    package enum Activation: String, Sendable, Hashable, Codable {
        /// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
        case geluTanh
        /// 0.5 x (1 + erf(x / sqrt(2)))
        case gelu
        /// x / (1 + exp(-x))
        case silu
    }

    /// Which norms stand around attention and feed-forward. What they put out is added to the residual stream.
    package enum NormPlacement: String, Sendable, Hashable, Codable {
        /// "attn_norm" and "ffn_norm", of the input (most families).
        case before
        /// "post_attention_norm" and "post_ffw_norm", of the output (OLMo 2).
        case after
        /// All four (Gemma 2 and 3).
        case around
    }

    /// A norm of queries and keys, "attn_q_norm" and "attn_k_norm", before they turn; always an RMS norm.
    package enum QueryKeyNorm: String, Sendable, Hashable, Codable {
        case none
        /// Each head by itself; weights [headSize], the same for all heads (Qwen 3, Gemma 3).
        case perHead
        /// All heads of a token together; weights [queryLength] and [keyValueLength] (OLMo 2).
        case allHeads
        /// Each head by itself and without weights, after it has turned; none where it does not (Llama 4).
        case afterRotation
    }

    /// Layers that attend only to the last positions.
    package struct SlidingWindow: Sendable, Hashable, Codable {
        /// A token sees itself and the `length - 1` positions before it.
        package var length: Int
        /// Or instead, of the positions before it, those of its own chunk: positions are divided into chunks of `length`
        /// (Llama 4).
        package var isChunked = false
        /// [layerCount]: which layers slide; the others see every position.
        package var layers: [Bool]
        /// The rotary positions of the layers that slide, where these differ (Gemma 3).
        package var rotary: RotaryConfiguration?

        package init(length: Int, layers: [Bool], rotary: RotaryConfiguration? = nil) {
            self.length = length
            self.layers = layers
            self.rotary = rotary
        }
    }

    /// Queries that grow with their position, so that attention over long contexts stays sharp: at position p they are
    /// multiplied by 1 + scale * ln(1 + floor((p + offset) / length)) (Ministral 3, Llama 4).
    package struct AttentionTemperature: Sendable, Hashable, Codable {
        package var scale: Float
        package var length: Int
        package var offset = 0
        /// Only in layers that do not turn.
        package var unrotatedLayersOnly = false

        package init(scale: Float, length: Int) {
            self.scale = scale
            self.length = length
        }
    }

    package var architecture: Architecture
    package var layerCount: Int
    package var embeddingLength: Int
    package var headCount: Int
    /// Divides `headCount`; fewer than `headCount` is grouped-query attention.
    package var keyValueHeadCount: Int
    /// Elements of one head; `headCount * headSize` need not equal `embeddingLength`.
    package var headSize: Int
    package var feedForwardLength: Int
    package var vocabularySize: Int
    /// The longest sequence the model was made for (and, with learned positions, can have).
    package var contextLength: Int
    package var normalization: NormalizationKind
    package var normalizationEpsilon: Float
    package var positions: Positions
    package var activation: Activation
    /// True: down(activation(gate(x)) * up(x)); false: down(activation(up(x))).
    package var isGated: Bool
    /// True: one matrix "attn_qkv" holds the rows of q, then k, then v; false: three matrices.
    package var hasFusedQueryKeyValue: Bool
    /// A bias on q, k and v.
    package var hasQueryKeyValueBias: Bool
    /// A bias on the output projection of attention.
    package var hasAttentionOutputBias: Bool
    /// A bias on each feed-forward matrix.
    package var hasFeedForwardBias: Bool
    /// True where the output matrix is the token embedding.
    package var hasTiedEmbeddings: Bool

    // What only some families have; the values given here are those of the others.

    /// True: "ffn_up" holds the rows of the gate, then those of up; false: two matrices.
    package var hasFusedGateUp = false
    /// Token embeddings are multiplied by it (Gemma: the square root of `embeddingLength`).
    package var embeddingScale: Float = 1
    /// Number that is added to the stored weights of every norm (1 for Gemma's in Hugging Face files).
    package var normWeightOffset: Float = 0
    package var normPlacement = NormPlacement.before
    package var queryKeyNorm = QueryKeyNorm.none
    /// What query · key is multiplied by; nil: 1 / sqrt(headSize).
    package var attentionScale: Float?
    /// In layer i query · key is divided by i + 1 too (GPT-2 where `scale_attn_by_inverse_layer_idx`).
    package var hasInverseLayerScale = false
    /// c: attention scores s become c tanh(s / c); nil: they stay (Gemma 2).
    package var attentionSoftcap: Float?
    /// The same for logits.
    package var logitSoftcap: Float?
    /// nil: every layer sees every position.
    package var slidingWindow: SlidingWindow?
    /// One number for each head, "attn_sinks.weight": the score of a position without a value (gpt-oss).
    package var hasAttentionSinks = false
    /// [layerCount]: true where queries and keys do not turn: the layer knows no positions (SmolLM3); nil: all turn.
    package var unrotatedLayers: [Bool]?
    /// nil: queries stay as they are.
    package var attentionTemperature: AttentionTemperature?
    /// What attention and feed-forward add to the residual stream is multiplied by it (Granite).
    package var residualScale: Float = 1
    /// Logits are multiplied by it, before they are capped (Granite).
    package var logitScale: Float = 1
    /// nil: keys and values of each head are kept.
    package var latent: LatentSizes?
    /// nil: every feed-forward network is dense.
    package var experts: Experts?
    /// "attn_q" holds for each head the rows of its query, then those of a gate: what the head puts out is multiplied by
    /// the gate's sigmoid (Qwen3.5).
    package var hasAttentionGate = false
    /// nil: every layer has attention.
    package var deltaNet: DeltaNet?
    /// True: x + attention(norm(x)) + feed-forward(norm(x)); false: feed-forward takes what attention made of x.
    package var hasParallelResidual = false
    /// One norm of x, "attn_norm", for both parts of a layer with a parallel residual; false: "ffn_norm" too.
    package var hasSharedNorm = false
    /// "output.bias" [vocabularySize] is added to the logits (Phi-2).
    package var hasOutputBias = false

    package init(
        architecture: Architecture, layerCount: Int, embeddingLength: Int, headCount: Int, keyValueHeadCount: Int,
        headSize: Int, feedForwardLength: Int, vocabularySize: Int, contextLength: Int,
        normalization: NormalizationKind,
        normalizationEpsilon: Float, positions: Positions, activation: Activation, isGated: Bool,
        hasFusedQueryKeyValue: Bool, hasQueryKeyValueBias: Bool, hasAttentionOutputBias: Bool,
        hasFeedForwardBias: Bool, hasTiedEmbeddings: Bool
    ) {
        self.architecture = architecture
        self.layerCount = layerCount
        self.embeddingLength = embeddingLength
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headSize = headSize
        self.feedForwardLength = feedForwardLength
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.normalization = normalization
        self.normalizationEpsilon = normalizationEpsilon
        self.positions = positions
        self.activation = activation
        self.isGated = isGated
        self.hasFusedQueryKeyValue = hasFusedQueryKeyValue
        self.hasQueryKeyValueBias = hasQueryKeyValueBias
        self.hasAttentionOutputBias = hasAttentionOutputBias
        self.hasFeedForwardBias = hasFeedForwardBias
        self.hasTiedEmbeddings = hasTiedEmbeddings
    }

    /// Elements of all query heads together.
    package var queryLength: Int { headCount * headSize }
    /// Rows of "attn_q": the queries, and the gates beside them where there are some.
    package var queryRows: Int { hasAttentionGate ? 2 * queryLength : queryLength }
    /// Elements of all key heads (and of all value heads) together.
    package var keyValueLength: Int { keyValueHeadCount * headSize }
    /// How many positions a token of a layer sees, itself included; nil: all up to it.
    package func attentionWindow(layer: Int) -> Int? {
        slidingWindow.flatMap { $0.layers[layer] ? $0.length : nil }
    }
    /// Whether queries and keys of a layer turn by their positions.
    package func isRotated(layer: Int) -> Bool { !(unrotatedLayers?[layer] ?? false) }
    /// How queries of a layer grow with their positions; nil: not at all.
    package func attentionTemperature(layer: Int) -> AttentionTemperature? {
        attentionTemperature.flatMap { $0.unrotatedLayersOnly && isRotated(layer: layer) ? nil : $0 }
    }
    /// What query · key is multiplied by in a layer.
    package func attentionScale(layer: Int) -> Float {
        let scale = attentionScale ?? 1 / Float(headSize).squareRoot()
        return hasInverseLayerScale ? scale / Float(layer + 1) : scale
    }
}
