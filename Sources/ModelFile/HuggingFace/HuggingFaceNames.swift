// How the families of Hugging Face folders call their tensors. Knows nothing of shapes, and of families only the names of
// their classes.

/// The names of one family.
struct HuggingFaceNames {
    /// What files put before every name but the output matrix'; the first that fits, or none.
    var outerPrefixes = ["model."]
    /// What stands before the number of a layer.
    var layers = "layers."
    /// Canonical to stored, without ".weight" and ".bias".
    var outside: [String: String]
    var inLayer: [String: String]
    /// The same of tensors whose names end otherwise, whole.
    var exact: [String: String] = [:]
    /// Matrices stored as [inputs, outputs] (`Conv1D`).
    var transposed: Set<String> = []
    /// The names of the output matrix; the first that is there.
    var outputs = ["lm_head.weight"]
    /// "attn_qkv" is stored group by group: `GroupedHeads`.
    var groupsHeads = false
    var buffers: [String] = [".rotary_emb.inv_freq"]

    var embeddingName: String { "\(outside["token_embd"] ?? "").weight" }

    /// `prefix` is one of `outerPrefixes`, `output` one of `outputs`.
    func stored(_ canonical: String, prefix: String, output: String) -> (name: String, isTransposed: Bool) {
        let pieces = canonical.split(separator: ".").map(String.init)  // blk.3.attn_q.weight or output.weight
        if pieces.count >= 3, let name = exact[pieces[2...].joined(separator: ".")] {
            return ("\(prefix)\(layers)\(pieces[1]).\(name)", false)
        }
        if canonical == "output.bias" { return (output.dropLast("weight".utf8.count) + "bias", false) }
        guard pieces.count == 4, pieces[0] == "blk", let name = inLayer[pieces[2]] else {
            guard pieces.count == 2, pieces[0] != "output", let name = outside[pieces[0]] else {
                return (output, false)
            }
            return ("\(prefix)\(name).\(pieces[1])", false)
        }
        return (
            "\(prefix)\(layers)\(pieces[1]).\(name).\(pieces[3])",
            pieces[3] == "weight" && transposed.contains(pieces[2])
        )
    }
}

extension HuggingFaceNames {
    /// `GPT2LMHeadModel`
    static let gpt2 = HuggingFaceNames(
        outerPrefixes: ["transformer."],
        layers: "h.",
        outside: ["token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f"],
        inLayer: [
            "attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
            "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
        ],
        transposed: ["attn_qkv", "attn_output", "ffn_up", "ffn_down"],
        buffers: [".attn.bias", ".attn.masked_bias"])

    /// `LlamaForCausalLM` and those like it; norms of queries and keys where a family has them.
    static let llama = HuggingFaceNames(
        outside: ["token_embd": "embed_tokens", "output_norm": "norm"],
        inLayer: [
            "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
            "attn_k_norm": "self_attn.k_norm", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
            "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
        ])

    /// `Gemma2ForCausalLM` and `Gemma3ForCausalLM`: norms around both parts of a layer.
    static let gemma = llama.renaming([
        "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    ])

    /// `Gemma3ForConditionalGeneration`.
    static let gemmaWithImages = gemma.besideImages

    /// `Mistral3ForConditionalGeneration`.
    static let llamaWithImages = llama.besideImages

    /// Those of a model inside one for text and images, as published and as transformers keeps it in memory.
    private var besideImages: HuggingFaceNames {
        var names = self
        names.outerPrefixes = ["language_model.model.", "model.language_model.", "model."]
        names.outputs = ["lm_head.weight", "language_model.lm_head.weight"]
        return names
    }

    /// `Phi3ForCausalLM`: fused matrices.
    static let phi3 = llama.renaming(["attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"])

    /// `Starcoder2ForCausalLM`: no gate.
    static let starCoder2 = llama.renaming(["ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"])

    /// `GlmForCausalLM`: one matrix for gate and up.
    static let glm = llama.renaming(["ffn_up": "mlp.gate_up_proj"])

    /// `Glm4ForCausalLM`: norms around both parts of a layer, too.
    static let glm4 = glm.renaming([
        "post_attention_norm": "post_self_attn_layernorm", "post_ffw_norm": "post_mlp_layernorm",
    ])

    /// `Olmo2ForCausalLM`, `Olmo3ForCausalLM` and `Exaone4ForCausalLM`: norms after both parts of a layer.
    static let olmo2 = llama.renaming([
        "post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
    ])

    /// `Qwen2MoeForCausalLM`: an expert that all tokens share.
    static let qwen2MoE = llama.renaming([
        "ffn_gate_inp_shexp": "mlp.shared_expert_gate", "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
        "ffn_up_shexp": "mlp.shared_expert.up_proj", "ffn_down_shexp": "mlp.shared_expert.down_proj",
    ])

    /// `GptOssForCausalLM`: the numbers of its sinks have no ".weight" to their name.
    static let gptOSS = {
        var names = llama
        names.exact["attn_sinks.weight"] = "self_attn.sinks"
        return names
    }()

    /// `DeepseekV2ForCausalLM` and `DeepseekV3ForCausalLM`.
    static let deepSeek = {
        var names = llama.renaming([
            "attn_q_a": "self_attn.q_a_proj", "attn_q_a_norm": "self_attn.q_a_layernorm",
            "attn_q_b": "self_attn.q_b_proj", "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa",
            "attn_kv_a_norm": "self_attn.kv_a_layernorm", "ffn_gate_shexp": "mlp.shared_experts.gate_proj",
            "ffn_up_shexp": "mlp.shared_experts.up_proj", "ffn_down_shexp": "mlp.shared_experts.down_proj",
        ])
        names.exact["exp_probs_b.bias"] = "mlp.gate.e_score_correction_bias"
        return names
    }()

    /// `Llama4ForCausalLM`, and `Llama4ForConditionalGeneration` as published.
    static let llama4 = {
        var names = llama.renaming([
            "ffn_gate": "feed_forward.gate_proj", "ffn_up": "feed_forward.up_proj",
            "ffn_down": "feed_forward.down_proj",
            "ffn_gate_shexp": "feed_forward.shared_expert.gate_proj",
            "ffn_up_shexp": "feed_forward.shared_expert.up_proj",
            "ffn_down_shexp": "feed_forward.shared_expert.down_proj",
        ])
        names.outerPrefixes = ["language_model.model.", "model.language_model.", "model."]
        names.outputs = ["lm_head.weight", "language_model.lm_head.weight"]
        return names
    }()

    /// `Qwen3_5ForCausalLM`, `Qwen3_5MoeForCausalLM` and `Qwen3NextForCausalLM`: delta nets beside attention; some of
    /// their tensors have no ".weight" to their name.
    static let qwen35 = {
        var names = qwen2MoE.renaming([
            "attn_qkv": "linear_attn.in_proj_qkv", "attn_gate": "linear_attn.in_proj_z",
            "ssm_beta": "linear_attn.in_proj_b", "ssm_alpha": "linear_attn.in_proj_a",
            "ssm_conv1d": "linear_attn.conv1d", "ssm_norm": "linear_attn.norm", "ssm_out": "linear_attn.out_proj",
        ])
        names.exact["ssm_dt.bias"] = "linear_attn.dt_bias"
        names.exact["ssm_a"] = "linear_attn.A_log"
        return names
    }()

    /// `Qwen3_5ForConditionalGeneration`, as published and as older files have it.
    static let qwen35WithImages = {
        var names = qwen35
        names.outerPrefixes = ["model.language_model.", "language_model.model.", "model."]
        names.outputs = ["lm_head.weight", "language_model.lm_head.weight"]
        return names
    }()
    /// `PhiForCausalLM`
    static let phi = {
        var names = llama.renaming(["attn_output": "self_attn.dense", "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"])
        names.outside["output_norm"] = "final_layernorm"
        return names
    }()

    /// `GPTNeoXForCausalLM`
    static let gptNeoX = HuggingFaceNames(
        outerPrefixes: ["gpt_neox."],
        outside: ["token_embd": "embed_in", "output_norm": "final_layer_norm"],
        inLayer: [
            "attn_norm": "input_layernorm", "attn_qkv": "attention.query_key_value", "attn_output": "attention.dense",
            "ffn_norm": "post_attention_layernorm", "ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h",
        ],
        outputs: ["embed_out.weight"],
        groupsHeads: true,
        buffers: [".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq"])

    /// `GPTNeoForCausalLM`
    static let gptNeo = HuggingFaceNames(
        outerPrefixes: ["transformer."],
        layers: "h.",
        outside: ["token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f"],
        inLayer: [
            "attn_norm": "ln_1", "attn_q": "attn.attention.q_proj", "attn_k": "attn.attention.k_proj",
            "attn_v": "attn.attention.v_proj", "attn_output": "attn.attention.out_proj", "ffn_norm": "ln_2",
            "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
        ],
        buffers: [".attn.attention.bias", ".attn.attention.masked_bias"])

    /// `InternLM2ForCausalLM`
    static let internlm2 = HuggingFaceNames(
        outside: ["token_embd": "tok_embeddings", "output_norm": "norm"],
        inLayer: [
            "attn_norm": "attention_norm", "attn_qkv": "attention.wqkv", "attn_output": "attention.wo",
            "ffn_norm": "ffn_norm", "ffn_gate": "feed_forward.w1", "ffn_up": "feed_forward.w3",
            "ffn_down": "feed_forward.w2",
        ],
        outputs: ["output.weight"],
        groupsHeads: true)

    private func renaming(_ names: [String: String]) -> HuggingFaceNames {
        var result = self
        result.inLayer.merge(names) { $1 }
        return result
    }
}
