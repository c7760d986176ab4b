// The families of models in Hugging Face folders: which there are, who reads their config.json, how their tensors are
// called. A new family is a case here; the compiler names the places to fill in. Knows nothing of shapes.

/// A family, by the `model_type` of its config.json.
enum HuggingFaceFamily: String, CaseIterable {
    case gpt2
    case llama
    case mistral
    case qwen2
    case qwen3
    case gemma2
    /// Text and images; only the part for text is used.
    case gemma3
    case gemma3Text = "gemma3_text"
    case phi3
    case olmo2
    case mixtral
    case qwen3MoE = "qwen3_moe"
    case gptOSS = "gpt_oss"
    /// Phi-1, Phi-1.5 and Phi-2.
    case phi
    /// Also Pythia.
    case gptNeoX = "gpt_neox"
    case gptNeo = "gpt_neo"
    case internlm2

    /// `name` is the `model_type` in `file`.
    init(named name: String, file: String) throws(ModelFileError) {
        guard let family = Self(rawValue: name) else {
            throw ModelFileError.unsupportedArchitecture(
                name, file: file, field: "model_type", supported: Self.allCases.map(\.rawValue))
        }
        self = family
    }

    /// What config.json says; `tensors` are those of the weight files. Not validated yet.
    func configuration(
        _ model: HuggingFaceModel, _ tensors: [String: StoredTensor]
    ) throws(ModelFileError) -> ModelConfiguration {
        switch self {
        case .gpt2: try model.gpt2(tensors)
        case .llama: try model.llama(tensors)
        case .mistral: try model.mistral(tensors)
        case .qwen2: try model.qwen2(tensors)
        case .qwen3: try model.qwen3(tensors)
        case .gemma2: try model.gemma2(tensors)
        case .gemma3: try model.gemma3(tensors)
        case .gemma3Text: try model.gemma3Text(tensors)
        case .phi3: try model.phi3(tensors)
        case .olmo2: try model.olmo2(tensors)
        case .mixtral: try model.mixtral(tensors)
        case .qwen3MoE: try model.qwen3MoE(tensors)
        case .gptOSS: try model.gptOSS(tensors)
        case .phi: try model.phi(tensors)
        case .gptNeoX: try model.gptNeoX(tensors)
        case .gptNeo: try model.gptNeo(tensors)
        case .internlm2: try model.internlm2(tensors)
        }
    }

    /// How the tensors are called.
    var names: HuggingFaceNames {
        switch self {
        case .gpt2: .gpt2
        case .llama, .mistral, .qwen2, .qwen3, .mixtral, .qwen3MoE: .llama
        case .gemma2, .gemma3Text: .gemma
        case .gemma3: .gemmaWithImages
        case .phi3: .phi3
        case .olmo2: .olmo2
        case .gptOSS: .gptOSS
        case .phi: .phi
        case .gptNeoX: .gptNeoX
        case .gptNeo: .gptNeo
        case .internlm2: .internlm2
        }
    }
}

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
        if pieces.count == 4, let name = exact["\(pieces[2]).\(pieces[3])"] {
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

    /// `Gemma3ForConditionalGeneration`, as published and as transformers keeps it in memory.
    static let gemmaWithImages = {
        var names = gemma
        names.outerPrefixes = ["language_model.model.", "model.language_model.", "model."]
        names.outputs = ["lm_head.weight", "language_model.lm_head.weight"]
        return names
    }()

    /// `Phi3ForCausalLM`: fused matrices.
    static let phi3 = llama.renaming(["attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"])

    /// `Olmo2ForCausalLM`: norms after both parts of a layer.
    static let olmo2 = llama.renaming([
        "post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
    ])

    /// `GptOssForCausalLM`: the numbers of its sinks have no ".weight" to their name.
    static let gptOSS = {
        var names = llama
        names.exact["attn_sinks.weight"] = "self_attn.sinks"
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
