// Tiny sound mixtures of experts in the forms in which files store them, to be spoiled by tests.
import Foundation

@testable import ModelFile

enum TinyMixtures {
    /// What a family's config.json says; 2 layers, 2 heads of 16, 3 experts, of which 2 are used, 32 everywhere else.
    static func settings(_ family: HuggingFaceFamily) -> [String: Any] {
        var settings: [String: Any] = [
            "model_type": family.rawValue, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 32, "vocab_size": 8,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": false,
            "num_local_experts": 3, "num_experts_per_tok": 2,
        ]
        if family == .qwen3MoE || family == .qwen2MoE {
            settings["num_local_experts"] = nil
            settings["num_experts"] = 3
            settings["moe_intermediate_size"] = 16
            settings["norm_topk_prob"] = false
            settings["mlp_only_layers"] = [0]
        }
        if family == .qwen2MoE { settings["shared_expert_intermediate_size"] = 24 }
        if family == .deepSeekV3 {
            let values: [String: Any] = [
                "q_lora_rank": 12, "kv_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 4, "v_head_dim": 8,
                "n_routed_experts": 3, "moe_intermediate_size": 16, "n_shared_experts": 2, "first_k_dense_replace": 1,
                "n_group": 1, "topk_group": 1,
            ]
            settings.merge(values) { $1 }
        }
        if family == .llama4Text {
            let values: [String: Any] = [
                "intermediate_size_mlp": 24, "attention_chunk_size": 16, "interleave_moe_layer_step": 2,
                "no_rope_layers": [1, 0],
            ]
            settings.merge(values) { $1 }
        }
        if family == .gptOSS {
            settings["sliding_window"] = 16
            settings["layer_types"] = ["full_attention", "sliding_attention"]
            settings["swiglu_limit"] = 5
            settings["rope_theta"] = 150_000
            settings["rope_scaling"] = [
                "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 16, "truncate": false,
            ]
        }
        return settings
    }

    /// The configuration that these settings are.
    static func configuration(_ family: HuggingFaceFamily) throws -> ModelConfiguration {
        let folder = MemoryFolder(files: ["config.json": try jsonBytes(settings(family))])
        return try HuggingFaceModel(folder).configuration([:])
    }

    /// The experts' tensors of a layer, by the names that follow its prefix.
    private static func experts(_ family: HuggingFaceFamily, mxfp4: Bool) -> [SafetensorsBuilder.Tensor] {
        func floats(_ name: String, _ shape: [Int]) -> SafetensorsBuilder.Tensor {
            .init(name: name, shape: shape, bytes: shape.reduce(4, *))
        }
        func bytes(_ name: String, _ shape: [Int]) -> SafetensorsBuilder.Tensor {
            .init(name: name, type: "U8", shape: shape, bytes: shape.reduce(1, *))
        }
        switch family {
        case .mixtral:
            return [floats("block_sparse_moe.gate.weight", [3, 32])]
                + (0..<3).flatMap { expert in
                    ["w1", "w2", "w3"].map { floats("block_sparse_moe.experts.\(expert).\($0).weight", [32, 32]) }
                }
        case .llama4Text:
            return [
                floats("feed_forward.router.weight", [3, 32]),
                floats("feed_forward.experts.gate_up_proj", [3, 32, 64]),
                floats("feed_forward.experts.down_proj", [3, 32, 32]),
            ]
        case .qwen2MoE, .qwen3MoE, .deepSeekV3:
            return [
                floats("mlp.gate.weight", [3, 32]), floats("mlp.experts.gate_up_proj", [3, 32, 32]),
                floats("mlp.experts.down_proj", [3, 32, 16]),
            ]
        default:
            let shared = [
                floats("mlp.router.weight", [3, 32]), floats("mlp.router.bias", [3]),
                floats("mlp.experts.gate_up_proj_bias", [3, 64]), floats("mlp.experts.down_proj_bias", [3, 32]),
            ]
            return shared
                + (mxfp4
                    ? [
                        bytes("mlp.experts.gate_up_proj_blocks", [3, 64, 1, 16]),
                        bytes("mlp.experts.gate_up_proj_scales", [3, 64, 1]),
                        bytes("mlp.experts.down_proj_blocks", [3, 32, 1, 16]),
                        bytes("mlp.experts.down_proj_scales", [3, 32, 1]),
                    ]
                    : [
                        floats("mlp.experts.gate_up_proj", [3, 32, 64]), floats("mlp.experts.down_proj", [3, 32, 32]),
                    ])
        }
    }

    /// Tensors of the configuration that are not a mixture's.
    private static func plain(_ configuration: ModelConfiguration) -> [TensorRequirement] {
        TinyModels.requirements(configuration).filter {
            !$0.name.contains("ffn_gate_inp.") && !$0.name.contains("_exps.")
                && $0.name.split(separator: ".").count != 5
        }
    }

    static func folder(_ family: HuggingFaceFamily, mxfp4: Bool = false) throws -> MemoryFolder {
        var settings = settings(family)
        if mxfp4 { settings["quantization_config"] = ["quant_method": "mxfp4"] }
        let configuration = try configuration(family)
        let present = StoredTensor(
            name: "model.embed_tokens.weight", typeName: "", shape: [], fileName: "", file: 0, offset: 0, byteCount: 0)
        let naming = TensorNaming.huggingFace(family, tensors: [present.name: present])
        var file = SafetensorsBuilder()
        for requirement in plain(configuration) {
            let shape = requirement.rows == 1 ? [requirement.columns] : [requirement.rows, requirement.columns]
            file.tensors.append(
                .init(name: naming.stored(requirement.name).name, shape: shape, bytes: shape.reduce(4, *)))
        }
        for layer in 0..<configuration.layerCount where configuration.latent != nil {
            let shape = [2 * (16 + 8), 16]
            file.tensors.append(
                .init(name: "model.layers.\(layer).self_attn.kv_b_proj.weight", shape: shape, bytes: shape.reduce(4, *))
            )
        }
        for layer in 0..<configuration.layerCount where configuration.experts(layer: layer) != nil {
            for var tensor in experts(family, mxfp4: mxfp4) {
                tensor.name = "model.layers.\(layer).\(tensor.name)"
                file.tensors.append(tensor)
            }
        }
        return MemoryFolder(files: [
            "config.json": try jsonBytes(settings), "model.safetensors": try file.bytes(),
        ])
    }

    /// A GGUF file with the keys and names of llama.cpp: "llama", "qwen2moe", "qwen3moe", "gpt-oss",
    /// "deepseek2" or "llama4".
    static func gguf(_ architecture: String) throws -> GGUFBuilder {
        let families: [String: HuggingFaceFamily] = [
            "llama": .mixtral, "qwen2moe": .qwen2MoE, "qwen3moe": .qwen3MoE, "gpt-oss": .gptOSS,
            "deepseek2": .deepSeekV3, "llama4": .llama4Text,
        ]
        guard let family = families[architecture] else { preconditionFailure("no mixture") }
        let configuration = try configuration(family)
        var file = TinyModels.llamaGGUF()
        file.set("general.architecture", .string(architecture))
        let keys: [(String, UInt32)] = [
            ("block_count", 2), ("context_length", 64), ("embedding_length", 32),
            ("feed_forward_length", UInt32(configuration.feedForwardLength)),
            ("attention.head_count", 2), ("attention.head_count_kv", 1), ("attention.key_length", 16),
            ("expert_count", 3), ("expert_used_count", 2),
            ("expert_feed_forward_length", UInt32(configuration.experts?.feedForwardLength ?? 0)),
        ]
        for (key, value) in keys { file.set("\(architecture).\(key)", .uint32(value)) }
        file.set("\(architecture).attention.layer_norm_rms_epsilon", .float(1e-5))
        if let latent = configuration.latent {
            let keys: [(String, Int)] = [
                ("attention.key_length", 20), ("attention.key_length_mla", 20), ("attention.value_length_mla", 8),
                ("attention.kv_lora_rank", latent.rank), ("attention.q_lora_rank", latent.queryRank ?? 0),
                ("rope.dimension_count", 4), ("expert_shared_count", 2), ("expert_gating_func", 2),
            ]
            for (key, value) in keys { file.set("\(architecture).\(key)", .uint32(UInt32(value))) }
            file.set("deepseek2.expert_weights_norm", .bool(true))
        } else if let shared = configuration.experts?.shared {
            let length = UInt32(shared.feedForwardLength)
            file.set("\(architecture).expert_shared_feed_forward_length", .uint32(length))
        }
        if family == .gptOSS { file.set("gpt-oss.attention.sliding_window", .uint32(16)) }
        let naming = TensorNaming.gguf(configuration.architecture)
        var stacked: Set<String> = []
        file.tensors = TinyModels.requirements(configuration).compactMap { requirement in
            var name = naming.stored(requirement.name).name
            var shape = requirement.rows == 1 ? [requirement.columns] : [requirement.rows, requirement.columns]
            if let stack = Experts.stackedName(of: name) {
                (name, shape) = (stack, [stack.contains("_exps") ? 3 : 2] + shape)
                guard stacked.insert(stack).inserted else { return nil }
            }
            return .init(
                name: name, dimensions: shape.reversed().map(UInt64.init),
                data: [UInt8](repeating: 1, count: shape.reduce(4, *)))
        }
        return file
    }
}
