// The mixtures of experts in a GGUF model's metadata. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

extension GGUFModel {
    /// The experts of a family whose key names begin with the prefix of `keys`: those of the layers that have a router.
    func experts(_ keys: GGUFKeys, of configuration: ModelConfiguration) throws(ModelFileError) -> Experts {
        try refuseOtherMixtures(keys)
        guard (1...Limits.layers).contains(configuration.layerCount) else {
            throw ModelFileError(
                .invalidValue, file: mainFile, field: keys.prefix + "block_count", value: configuration.layerCount,
                "must be between 1 and \(Limits.layers)")
        }
        // llama.cpp's files say nothing of these weights where they sum up to 1, as in all these families' models.
        let sumsUpToOne = try metadata.bool(keys.prefix + "expert_weights_norm") ?? true
        return Experts(
            count: try keys.integer("expert_count"),
            usedCount: try keys.integer("expert_used_count"),
            feedForwardLength: try keys.integer(
                "expert_feed_forward_length", default: configuration.feedForwardLength),
            routing: sumsUpToOne ? .softmaxOverChosen : .softmaxOverAll,
            layers: (0..<configuration.layerCount).map { tensors["blk.\($0).ffn_gate_inp.weight"] != nil })
    }

    /// Refuses mixtures that are computed in other ways.
    private func refuseOtherMixtures(_ keys: GGUFKeys) throws(ModelFileError) {
        func refuse(_ key: String, _ value: any CustomStringConvertible, _ problem: String) -> ModelFileError {
            ModelFileError(.unsupported, file: mainFile, field: keys.prefix + key, value: value, problem)
        }
        for key in ["expert_shared_count", "expert_shared_feed_forward_length"] {
            if let value = try keys.optional(key), value != 0 {
                throw refuse(key, value, "experts that all tokens share are not supported")
            }
        }
        if let groups = try keys.optional("expert_group_count"), groups > 1 {
            throw refuse("expert_group_count", groups, "groups of experts are not supported")
        }
        // llama.cpp: 1 softmax over all, 2 sigmoid, 3 softmax over the chosen; 0 and none: the family's own.
        if let function = try keys.optional("expert_gating_func"), ![0, 1, 3].contains(function) {
            throw refuse("expert_gating_func", function, "only softmax chooses experts here (0, 1 or 3)")
        }
        if let scale = try keys.optionalNumber("expert_weights_scale"), scale != 0, scale != 1 {
            throw refuse("expert_weights_scale", scale, "scaled expert weights are not supported")
        }
    }
}
