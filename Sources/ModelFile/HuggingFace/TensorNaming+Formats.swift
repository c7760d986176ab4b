// How GGUF and Hugging Face files call the tensors of a model. Knows nothing of shapes.

extension TensorNaming {
    /// GGUF names are the canonical ones, but for the norm before the feed-forward networks of gpt-oss, Seed-OSS,
    /// Qwen3.5 and Qwen3-Next.
    static func gguf(_ architecture: Architecture) -> TensorNaming {
        let ending = ".ffn_norm.weight"
        func stored(_ name: String) -> String {
            guard [.gptOSS, .seedOSS, .qwen35, .qwen35moe, .qwen3next].contains(architecture), name.hasSuffix(ending)
            else {
                return name
            }
            return name.dropLast(ending.utf8.count) + ".post_attention_norm.weight"
        }
        return TensorNaming(
            stored: { (stored($0), false) }, layerPrefix: "blk.",
            ignoredSuffixes: [".attn_rot_embd.weight", ".attn_rot_embd"])
    }

    /// The names of a family's class in transformers, also where the outer prefix was left out.
    static func huggingFace(_ family: HuggingFaceFamily, tensors: [String: StoredTensor]) -> TensorNaming {
        let names = family.names
        let prefix = names.outerPrefixes.first { tensors[$0 + names.embeddingName] != nil } ?? ""
        let output = names.outputs.first { tensors[$0] != nil } ?? names.outputs[0]
        return TensorNaming(
            stored: { names.stored($0, prefix: prefix, output: output) }, layerPrefix: prefix + names.layers,
            ignoredSuffixes: names.buffers, groupsHeads: names.groupsHeads)
    }
}
