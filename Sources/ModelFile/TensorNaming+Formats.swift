// How GGUF and Hugging Face files call the tensors of each family. Knows nothing of shapes.

extension TensorNaming {
    /// GGUF names are the canonical ones.
    static var gguf: TensorNaming {
        TensorNaming(
            stored: { ($0, false) }, layerPrefix: "blk.",
            ignoredSuffixes: [".attn_rot_embd.weight", ".attn_rot_embd"])
    }

    /// The names of `GPT2LMHeadModel` and `LlamaForCausalLM`, also where the outer prefix was left out.
    static func huggingFace(_ architecture: Architecture, tensors: [String: StoredTensor]) -> TensorNaming {
        let family: HuggingFaceNames =
            switch architecture {
            case .gpt2: .gpt2
            case .llama, .mixtral: .llama
            }
        let hasPrefix = tensors[family.outerPrefix + family.embeddingName] != nil
        let prefix = hasPrefix ? family.outerPrefix : ""
        return TensorNaming(
            stored: { family.stored($0, prefix: prefix) }, layerPrefix: prefix + family.layers,
            ignoredSuffixes: family.buffers)
    }
}

/// The names of one family.
private struct HuggingFaceNames {
    /// What most files put before every name but the output matrix'.
    var outerPrefix: String
    /// What stands before the number of a layer.
    var layers: String
    /// Canonical to stored, without ".weight" and ".bias".
    var outside: [String: String]
    var inLayer: [String: String]
    /// Matrices stored as [inputs, outputs] (`Conv1D`).
    var transposed: Set<String> = []
    var buffers: [String]

    var embeddingName: String { "\(outside["token_embd"] ?? "").weight" }

    func stored(_ canonical: String, prefix: String) -> (name: String, isTransposed: Bool) {
        let pieces = canonical.split(separator: ".").map(String.init)  // blk.3.attn_q.weight or output.weight
        guard pieces.count == 4, pieces[0] == "blk", let name = inLayer[pieces[2]] else {
            guard pieces.count == 2, pieces[0] != "output", let name = outside[pieces[0]] else {
                return ("lm_head.weight", false)
            }
            return ("\(prefix)\(name).\(pieces[1])", false)
        }
        return (
            "\(prefix)\(layers)\(pieces[1]).\(name).\(pieces[3])",
            pieces[3] == "weight" && transposed.contains(pieces[2])
        )
    }

    static let gpt2 = HuggingFaceNames(
        outerPrefix: "transformer.",
        layers: "h.",
        outside: ["token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f"],
        inLayer: [
            "attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
            "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
        ],
        transposed: ["attn_qkv", "attn_output", "ffn_up", "ffn_down"],
        buffers: [".attn.bias", ".attn.masked_bias"])

    static let llama = HuggingFaceNames(
        outerPrefix: "model.",
        layers: "layers.",
        outside: ["token_embd": "embed_tokens", "output_norm": "norm"],
        inLayer: [
            "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
            "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
        ],
        buffers: [".rotary_emb.inv_freq"])
}
