// The mixtures of experts in a GGUF model's metadata. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

extension GGUFModel {
    /// Qwen 2 with experts, and one that all tokens share.
    func qwen2moe(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.architecture = .qwen2moe
        if try keys.optional("expert_count") ?? 0 != 0 { configuration.experts = try experts(keys, of: configuration) }
        return configuration
    }

    /// Qwen 3 with experts.
    func qwen3moe(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.architecture = .qwen3moe
        configuration.queryKeyNorm = .perHead
        if try keys.optional("expert_count") ?? 0 != 0 { configuration.experts = try experts(keys, of: configuration) }
        return configuration
    }

    /// Every other layer slides, from the first one on. Files do not say that the ends of YaRN's blend are not rounded
    /// (llama.cpp rounds them, transformers does not).
    func gptOSS(_ keys: GGUFKeys) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setGPTOSS()
        configuration.slidingWindow = try slidingWindow(keys, layerCount: configuration.layerCount, period: 2)
        if case .rotary(var rotary) = configuration.positions, case .yarn(var yarn) = rotary.scaling {
            yarn.truncates = false
            rotary.scaling = .yarn(yarn)
            configuration.positions = .rotary(rotary)
        }
        var experts = try experts(keys, of: configuration)
        experts.activation = .clampedSwiGLU(alpha: 1.702, limit: 7)
        experts.hasRouterBias = tensors["blk.0.ffn_gate_inp.bias"] != nil
        experts.hasBias = tensors["blk.0.ffn_gate_exps.bias"] != nil
        configuration.experts = experts
        return configuration
    }

    /// The experts of a family whose key names begin with the prefix of `keys`: those of the layers that have a router.
    func experts(_ keys: GGUFKeys, of configuration: ModelConfiguration) throws(ModelFileError) -> Experts {
        let shared = try sharedExpert(keys, of: configuration)
        let isDeepSeek = configuration.architecture == .deepseek2, isLlama4 = configuration.architecture == .llama4
        if !isDeepSeek, !isLlama4 { try refuseOtherMixtures(keys, hasShared: shared != nil) }
        let usual = configuration.architecture.hasNormalizedExpertWeights
        let sumsUpToOne = try metadata.bool(keys.prefix + "expert_weights_norm") ?? usual
        var experts = Experts(
            count: try keys.integer("expert_count"),
            usedCount: try keys.integer("expert_used_count"),
            feedForwardLength: try keys.integer(
                "expert_feed_forward_length", default: configuration.feedForwardLength),
            routing: sumsUpToOne ? .softmaxOverChosen : .softmaxOverAll,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: mainFile) {
                tensors["blk.\($0).ffn_gate_inp.weight"] != nil
            })
        experts.shared = shared
        if isLlama4 { (experts.routing, experts.scalesInputs) = (.sigmoid, true) }
        if isDeepSeek { try setDeepSeekChoice(&experts, keys, sumsUpToOne: sumsUpToOne) }
        return experts
    }

    /// The expert that all tokens share; nil for families that have none.
    private func sharedExpert(
        _ keys: GGUFKeys, of configuration: ModelConfiguration
    ) throws(ModelFileError) -> Experts.Shared? {
        if configuration.architecture == .deepseek2 {
            guard let count = try keys.optional("expert_shared_count"), count != 0 else { return nil }
            // Held to its limit by `validate`, negative ones too.
            return Experts.Shared(feedForwardLength: count &* (try keys.integer("expert_feed_forward_length")))
        }
        if configuration.architecture == .llama4 {
            return Experts.Shared(feedForwardLength: try keys.integer("expert_feed_forward_length"))
        }
        guard [.qwen2moe, .qwen35moe, .qwen3next].contains(configuration.architecture) else { return nil }
        let length = try keys.optional("expert_shared_feed_forward_length") ?? 0
        return Experts.Shared(
            feedForwardLength: length == 0 ? configuration.feedForwardLength : length, isGated: true)
    }

    /// How tokens choose among the experts of DeepSeek's models: by softmax (V2; also where files say nothing) or by
    /// sigmoid (V3), whose groups are scored otherwise.
    private func setDeepSeekChoice(
        _ experts: inout Experts, _ keys: GGUFKeys, sumsUpToOne: Bool
    ) throws(ModelFileError) {
        let key = "expert_gating_func"
        let function = try keys.optional(key) ?? 0
        guard (0...2).contains(function) else {
            throw ModelFileError(
                .unsupported, file: mainFile, field: keys.prefix + key, value: function,
                "only softmax and sigmoid choose experts here (0, 1 or 2)")
        }
        let isSigmoid = function == 2
        if isSigmoid { experts.routing = sumsUpToOne ? .normalizedSigmoid : .sigmoid }
        if let scale = try keys.optionalNumber("expert_weights_scale"), scale != 0 {
            experts.weightScale = Float(scale)
        }
        experts.hasChoiceBias =
            experts.layers.firstIndex(of: true).map {
                tensors["blk.\($0).exp_probs_b.bias"] != nil
            } ?? false
        if let count = try keys.optional("expert_group_count"), count > 1 {
            experts.groups = Experts.Groups(
                count: count, usedCount: try keys.integer("expert_group_used_count"),
                scoring: isSigmoid ? .sumOfTwoLargest : .largest)
        }
    }

    /// Refuses mixtures that are computed in other ways.
    private func refuseOtherMixtures(_ keys: GGUFKeys, hasShared: Bool) throws(ModelFileError) {
        func refuse(_ key: String, _ value: any CustomStringConvertible, _ problem: String) -> ModelFileError {
            ModelFileError(.unsupported, file: mainFile, field: keys.prefix + key, value: value, problem)
        }
        for key in ["expert_shared_count", "expert_shared_feed_forward_length"] where !hasShared {
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

extension Architecture {
    /// Whether the weights of the chosen experts sum up to 1 where a file says nothing of it, as llama.cpp computes the
    /// family.
    var hasNormalizedExpertWeights: Bool { ![.qwen2moe, .deepseek2, .llama4].contains(self) }
}
