// What config.json and GGUF metadata of the families that are built like Llama say, in older and newer spellings; what
// they may not say, and what a GGUF file cannot.
import Foundation
import Testing

@testable import ModelFile

@Suite("Configurations of families built like Llama")
struct LlamaLikeConfigurationTests {
    private static let sizes: [String: any Sendable] = [
        "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 48, "vocab_size": 99, "max_position_embeddings": 128, "head_dim": 8,
    ]

    private func read(_ type: String, _ fields: [String: Any] = [:]) throws -> ModelConfiguration {
        let all = (Self.sizes as [String: Any]).merging(["model_type": type]) { $1 }.merging(fields) { $1 }
        return try HuggingFaceModel(MemoryFolder(files: ["config.json": jsonBytes(all)])).configuration([:])
    }

    private func rotary(_ configuration: ModelConfiguration) -> RotaryConfiguration? {
        if case .rotary(let rotary) = configuration.positions { rotary } else { nil }
    }

    private func gguf(
        _ name: String, _ values: [(String, GGUFBuilder.Value)] = []
    ) throws -> ModelConfiguration {
        var file = GGUFBuilder()
        file.metadata = [("general.architecture", .string(name))]
        for (key, value) in [
            ("block_count", 4), ("context_length", 128), ("embedding_length", 32), ("feed_forward_length", 48),
            ("attention.head_count", 4), ("attention.head_count_kv", 2),
        ] { file.metadata.append(("\(name).\(key)", .uint32(UInt32(value)))) }
        file.metadata.append(("\(name).attention.layer_norm_rms_epsilon", .float(1e-6)))
        for (key, value) in values { file.set("\(name).\(key)", value) }
        file.tensors = [.init(name: "token_embd.weight", dimensions: [32, 1], data: [UInt8](repeating: 0, count: 128))]
        return try GGUFModel(MemoryFile(name: "a.gguf", content: file.bytes), in: MemoryFolder()).configuration()
    }

    @Test("Gemma's gelu means the form with tanh in every spelling")
    func gemma() throws {
        let published: [String: Any] = ["hidden_act": "gelu", "hidden_activation": NSNull()]
        let newer = ["hidden_act": "gelu_pytorch_tanh"]
        #expect(try read("gemma", published) == read("gemma", newer))
        #expect(try read("gemma", published) == read("gemma"))
        let configuration = try read("gemma")
        #expect(configuration.normPlacement == .before)
        #expect(configuration.attentionScale == nil)
        #expect(configuration.normWeightOffset == 1)
        #expect(configuration.hasTiedEmbeddings)
        #expect(refusal { try read("gemma", ["hidden_act": "relu"]) }?.field == "hidden_act")
        #expect(refusal { try read("gemma", ["hidden_activation": "silu"]) }?.field == "hidden_activation")
        #expect(refusal { try read("gemma", ["use_bidirectional_attention": true]) }?.code == .unsupported)
    }

    @Test("SmolLM3: layers that do not turn, by a list or every so many; their window")
    func smollm3() throws {
        #expect(try read("smollm3").unrotatedLayers == [false, false, false, true])
        #expect(try rotary(read("smollm3"))?.base == 2_000_000)
        let interval = try read("smollm3", ["no_rope_layer_interval": 2])
        #expect(interval.unrotatedLayers == [false, true, false, true])
        let list: [String: Any] = [
            "no_rope_layers": [0, 1, 1, 0, 1], "no_rope_layer_interval": 2, "use_sliding_window": true,
            "sliding_window": 8,
        ]
        #expect(try read("smollm3", list).unrotatedLayers == [true, false, false, true])
        #expect(try read("smollm3", list).slidingWindow?.layers == [true, false, false, true])
        #expect(try read("smollm3", list.merging(["use_sliding_window": false]) { $1 }).slidingWindow == nil)
        #expect(refusal { try read("smollm3", ["no_rope_layers": [1, 1, 0]]) }?.code == .mismatch)
        #expect(refusal { try read("smollm3", ["no_rope_layers": ["1"]]) }?.field == "no_rope_layers")
        #expect(refusal { try read("smollm3", ["no_rope_layer_interval": 0]) }?.code == .invalidValue)
        #expect(refusal { try read("smollm3", ["num_hidden_layers": Int.max]) }?.code == .invalidValue)
    }

    @Test("Granite's multipliers are 1 where nothing is said of them; none may be 0")
    func granite() throws {
        let plain = try read("granite")
        #expect(plain.attentionScale == 1)
        #expect(plain.logitScale == 1 && plain.residualScale == 1 && plain.embeddingScale == 1)
        let scaled = try read(
            "granite", ["logits_scaling": 8, "residual_multiplier": 0.22, "embedding_multiplier": 12])
        #expect(scaled.logitScale == 0.125 && scaled.residualScale == 0.22 && scaled.embeddingScale == 12)
        for name in ["logits_scaling", "residual_multiplier", "embedding_multiplier", "attention_multiplier"] {
            #expect(refusal { try read("granite", [name: 0]) }?.code == .invalidValue, "\(name)")
        }
        let experts = try #require(try read("granitemoe", ["num_local_experts": 6]).experts)
        #expect(experts.count == 6 && experts.usedCount == 2 && experts.feedForwardLength == 48)
        #expect(experts.routing == .softmaxOverChosen)
        // 0 stands for none in GGUF files, where attention's is 1 / sqrt(head size) then.
        let zero: [(String, GGUFBuilder.Value)] = [("attention.scale", .float(0)), ("logit_scale", .float(4))]
        #expect(try gguf("granite", zero).attentionScale == nil)
        #expect(try gguf("granite", zero).logitScale == 0.25)
        let still = try gguf("granite", [("rope.scaling.finetuned", .bool(false))])
        #expect(still.unrotatedLayers == [true, true, true, true])
    }

    @Test("OLMo 3 reads alike in the older and the newer spelling: only full layers are scaled")
    func olmo3() throws {
        let yarn: [String: Any] = ["rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 32]
        let older: [String: Any] = ["rope_theta": 3e5, "rope_scaling": yarn, "sliding_window": 16]
        let newer: [String: Any] = [
            "sliding_window": 16,
            "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"],
            "rope_parameters": [
                "full_attention": yarn.merging(["rope_theta": 3e5]) { $1 },
                "sliding_attention": ["rope_type": "default", "rope_theta": 3e5] as [String: Any],
            ],
        ]
        let configuration = try read("olmo3", older)
        #expect(try read("olmo3", newer) == configuration)
        #expect(configuration.slidingWindow?.layers == [true, true, true, false])
        #expect(configuration.slidingWindow?.rotary?.scaling == RotaryConfiguration.Scaling.none)
        #expect(configuration.slidingWindow?.rotary?.base == 3e5)
        #expect(rotary(configuration)?.scaling == .yarn(.init(factor: 8, originalContextLength: 32)))
        #expect(try read("olmo3").slidingWindow?.length == 4096)
        let window: [(String, GGUFBuilder.Value)] = [
            ("attention.sliding_window", .uint32(16)), ("rope.freq_base", .float(3e5)),
        ]
        let file = try gguf("olmo2", window)
        #expect(file.slidingWindow?.layers == [true, true, true, false])
        #expect(file.slidingWindow?.rotary?.base == 3e5)
        #expect(try gguf("olmo2").slidingWindow == nil)
    }

    @Test("Mistral 3 is the text model inside; Ministral 3 has a temperature from its rotary fields")
    func mistral3() throws {
        let text = Self.sizes as [String: Any]
        let mistral = try read("mistral3", ["text_config": text])
        #expect(mistral.architecture == .mistral3)
        #expect(mistral.attentionTemperature == nil)
        #expect(mistral.hasTiedEmbeddings)
        #expect(!(try read("mistral3", ["text_config": text, "tie_word_embeddings": false]).hasTiedEmbeddings))
        let ministral = text.merging(["model_type": "ministral3"]) { $1 }
        let inside = try read("mistral3", ["text_config": ministral, "tie_word_embeddings": false])
        var alone = try read("ministral3")
        alone.hasTiedEmbeddings = inside.hasTiedEmbeddings
        #expect(inside == alone)
        #expect(alone.attentionTemperature == .init(scale: 0.1, length: 16_384))
        var yarn = RotaryConfiguration.YaRN(factor: 16, originalContextLength: 16_384)
        (yarn.mscale, yarn.mscaleAllDimensions) = (1, 1)
        #expect(rotary(alone)?.scaling == .yarn(yarn))
        let stated: [String: Any] = [
            "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 32, "llama_4_scaling_beta": 0.5,
        ]
        #expect(
            try read("ministral3", ["rope_parameters": stated]).attentionTemperature == .init(scale: 0.5, length: 32))
        let plain = ["rope_parameters": ["rope_type": "default"]]
        #expect(try read("ministral3", plain).attentionTemperature == nil)
        let lengthless = ["rope_parameters": ["rope_type": "default", "llama_4_scaling_beta": 0.5] as [String: Any]]
        #expect(refusal { try read("ministral3", lengthless) }?.field == "original_max_position_embeddings")
        let other = text.merging(["model_type": "mistral4"]) { $1 }
        #expect(refusal { try read("mistral3", ["text_config": other]) }?.value == "\"mistral4\"")
        #expect(refusal { try read("mistral3") }?.field == "text_config")
        let tuned: [(String, GGUFBuilder.Value)] = [
            ("attention.temperature_scale", .float(0.5)), ("rope.scaling.type", .string("yarn")),
            ("rope.scaling.factor", .float(4)), ("rope.scaling.original_context_length", .uint32(32)),
            ("rope.scaling.yarn_log_multiplier", .float(0.5)),
        ]
        let file = try gguf("mistral3", tuned)
        #expect(file.attentionTemperature == .init(scale: 0.5, length: 32))
        guard case .yarn(let scaling)? = rotary(file)?.scaling else { throw CancellationError() }
        #expect(scaling.mscale == 1 && scaling.mscaleAllDimensions == 0.5)
        #expect(try gguf("mistral3").attentionTemperature == nil)
    }

    @Test("GLM turns half of each head where nothing else is said")
    func glm() throws {
        for type in ["glm", "glm4"] {
            let configuration = try read(type)
            #expect(rotary(configuration)?.dimensions == 4)
            #expect(rotary(configuration)?.pairing == .interleaved)
            #expect(configuration.hasQueryKeyValueBias && !configuration.hasAttentionOutputBias)
            #expect(configuration.normPlacement == (type == "glm" ? .before : .around))
            #expect(try rotary(read(type, ["partial_rotary_factor": 0.75]))?.dimensions == 6)
            #expect(refusal { try read(type, ["partial_rotary_factor": 0]) }?.code == .invalidValue)
            #expect(try !read(type, ["attention_bias": false]).hasQueryKeyValueBias)
        }
        let images: [(String, GGUFBuilder.Value)] = [("rope.dimension_sections", .int32s([2, 1, 1, 0]))]
        #expect(refusal { try gguf("glm4", images) }?.code == .unsupported)
        #expect(refusal { try gguf("glm4", [("nextn_predict_layers", .uint32(1))]) }?.code == .unsupported)
        #expect(try gguf("glm4", [("nextn_predict_layers", .uint32(0))]).architecture == .glm4)
        #expect(try gguf("chatglm").hasFusedGateUp)
    }

    @Test("EXAONE 4: layers that see every position do not turn where there is a window")
    func exaone4() throws {
        let configuration = try read("exaone4")
        #expect(configuration.slidingWindow == .init(length: 4096, layers: [true, true, true, false]))
        #expect(configuration.unrotatedLayers == [false, false, false, true])
        #expect(try read("exaone4", ["sliding_window": NSNull()]).unrotatedLayers == nil)
        let published: [String: Any] = [
            "sliding_window_pattern": "LLLG",
            "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"],
        ]
        #expect(try read("exaone4", published) == configuration)
        #expect(refusal { try read("exaone4", ["sliding_window_pattern": 0]) }?.code == .invalidValue)
        #expect(
            try read("exaone4", ["sliding_window_pattern": "LLLG"]) == read("exaone4", ["sliding_window_pattern": 4]))
        #expect(refusal { try read("exaone4", ["sliding_window_pattern": "LX"]) }?.code == .invalidValue)
        #expect(refusal { try read("exaone4", ["sliding_window_pattern": ""]) }?.code == .invalidValue)
        let full = ["layer_types": [String](repeating: "full_attention", count: 4)]
        #expect(try read("exaone4", full).unrotatedLayers == [true, true, true, true])
        #expect(try gguf("exaone4").slidingWindow == nil)
        let window: [(String, GGUFBuilder.Value)] = [("attention.sliding_window", .uint32(16))]
        #expect(try gguf("exaone4", window).unrotatedLayers == [false, false, false, true])
        #expect(try gguf("exaone4", [("block_count", .uint32(64))]).slidingWindow?.length == 4096)
    }

    @Test("Biases of StarCoder 2, Seed-OSS and ERNIE 4.5")
    func biases() throws {
        let coder = try read("starcoder2")
        #expect(coder.hasQueryKeyValueBias && coder.hasAttentionOutputBias && coder.hasFeedForwardBias)
        #expect(coder.normalization == .layerNorm && !coder.isGated && coder.slidingWindow == nil)
        #expect(try read("starcoder2", ["norm_epsilon": 0.25]).normalizationEpsilon == 0.25)
        #expect(refusal { try read("starcoder2", ["hidden_act": "silu"]) }?.field == "hidden_act")
        let seed = try read("seed_oss")
        #expect(seed.hasQueryKeyValueBias && !seed.hasAttentionOutputBias && !seed.hasFeedForwardBias)
        #expect(try read("seed_oss", ["attention_out_bias": true]).hasAttentionOutputBias)
        let ernie = try read("ernie4_5")
        #expect(!ernie.hasQueryKeyValueBias && rotary(ernie)?.pairing == .interleaved && ernie.hasTiedEmbeddings)
        #expect(rotary(ernie)?.base == 500_000)
        let biased = try read("ernie4_5", ["use_bias": true])
        #expect(biased.hasQueryKeyValueBias && biased.hasAttentionOutputBias && biased.hasFeedForwardBias)
    }

    @Test("What a GGUF file cannot say is not written into one")
    func unwritable() throws {
        let patterns = try read("smollm3", ["no_rope_layers": [1, 0, 1, 1]])
        #expect(refusal { try patterns.ggufFields(name: "a") }?.field == "unrotated layers")
        _ = try read("smollm3").ggufFields(name: "a")
        let window = try read("ministral3", ["sliding_window": 8])
        #expect(refusal { try window.ggufFields(name: "a") }?.field == "sliding window")
        let scaled = try read(
            "olmo3", ["rope_parameters": ["sliding_attention": ["rope_type": "linear", "factor": 2]]])
        #expect(refusal { try scaled.ggufFields(name: "a") }?.field == "rotary scaling of sliding layers")
    }
}
