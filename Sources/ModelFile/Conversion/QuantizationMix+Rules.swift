// Which tensor of a model gets which type: the rules of llama.cpp's `llama_model_quantize` without an importance matrix
// (src/llama-quant.cpp), as a table. Knows no arithmetic.

/// What the rules must know of a model.
package struct QuantizationTraits: Sendable, Hashable {
    package var layerCount: Int
    /// Query heads for each key/value head.
    package var queryGroup: Int
    /// 0: not a mixture of experts.
    package var expertCount: Int
    /// The embedding is the output matrix too.
    package var hasTiedEmbeddings: Bool

    package init(layerCount: Int, queryGroup: Int, expertCount: Int, hasTiedEmbeddings: Bool) {
        self.layerCount = layerCount
        self.queryGroup = queryGroup
        self.expertCount = expertCount
        self.hasTiedEmbeddings = hasTiedEmbeddings
    }

    /// Llama 2 70B and its like: 8 query heads share a value head, so better values cost little.
    fileprivate var isLarge: Bool { layerCount == 80 && queryGroup == 8 }
}

/// A tensor as the rules see it.
package struct QuantizationSubject: Sendable, Hashable {
    /// The name in GGUF files.
    package var name: String
    /// Elements of a row.
    package var columns: Int
    /// One matrix for each expert.
    package var isExperts: Bool

    package init(name: String, columns: Int, isExperts: Bool) {
        (self.name, self.columns, self.isExperts) = (name, columns, isExperts)
    }
}

extension QuantizationMix {
    /// The type for a tensor; nil where it must stay as it is (norms, positions, routers and other small ones).
    /// `isFallback`: the type that the rules name has blocks that do not fit the rows.
    package func type(
        for tensor: QuantizationSubject, isMatrix: Bool, in model: QuantizationTraits
    ) -> (type: TensorType, isFallback: Bool)? {
        guard isMatrix, Self.isQuantizable(tensor.name) else { return nil }
        guard mainType.isQuantized else { return (mainType, false) }
        let wanted = wantedType(tensor, model)
        guard tensor.columns % wanted.blockElements != 0 else { return (wanted, false) }
        let fallback = Self.fallbacks[wanted] ?? .f16
        return (tensor.columns % fallback.blockElements == 0 ? fallback : .f16, true)
    }

    /// Names that are left alone although they may be matrices: small, and what they hold is delicate.
    private static func isQuantizable(_ name: String) -> Bool {
        let isLeftAlone = [
            "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel",
            "per_layer_model_proj", "position_embd", "token_types", "ssm_conv1d", "shortconv.conv.weight",
            "indexer.k_proj.weight", "indexer.q_proj.weight", "time_mix_", "attn_rel_b.weight", "rope_freqs",
            "rope_factors",
        ].contains { name.contains($0) }
        return name.hasSuffix("weight") && !isLeftAlone
    }

    /// For rows that are no whole blocks: what comes nearest with blocks of 32; F16 where that does not fit either.
    private static let fallbacks: [TensorType: TensorType] = [
        .q2_k: .q4_0, .q3_k: .q4_0, .q4_k: .q5_0, .q5_k: .q5_1, .q6_k: .q8_0, .iq4_xs: .iq4_nl,
    ]

    private func wantedType(_ tensor: QuantizationSubject, _ model: QuantizationTraits) -> TensorType {
        let role = Role(tensor.name)
        if role == .output || (role == .embedding && model.hasTiedEmbeddings) {
            let isEasy = self == .mxfp4_moe || self == .q8_0 || tensor.columns % mainType.blockElements != 0
            return isEasy ? .q8_0 : .q6_k
        }
        if self == .mxfp4_moe { return tensor.isExperts ? .mxfp4 : .q8_0 }
        let place = Place(layer: Self.layer(of: tensor.name), model: model)
        let rule = Self.rules.first { $0.role == role && ($0.mixes?.contains(self) ?? true) && place.meets($0.when) }
        let type = rule?.type ?? mainType
        let isPoor = type == .q3_k || type == .q4_k
        return role == .value && model.isLarge && model.expertCount != 8 && isPoor ? .q5_k : type
    }

    /// The number in "blk.N.", which may come from a file that lies.
    private static func layer(of name: String) -> Int {
        let pieces = name.split(separator: ".", maxSplits: 2)
        guard pieces.count == 3, pieces[0] == "blk", let number = Int(pieces[1]) else { return 0 }
        return min(max(0, number), FileLimits.layers)
    }

    // MARK: The table

    /// What a tensor is for.
    private enum Role {
        case output, embedding
        /// Values, alone or together with queries and keys.
        case value
        case key, attentionOutput, down, other

        init(_ name: String) {
            func has(_ part: String) -> Bool { name.contains(part) }
            if name == "output.weight" {
                self = .output
            } else if name == "token_embd.weight" || name == "per_layer_token_embd.weight" {
                self = .embedding
            } else if has("attn_qkv.weight") || has("attn_kv_b.weight") || has("attn_v.weight") {
                self = .value
            } else if has("attn_k.weight") {
                self = .key
            } else if has("attn_output.weight") {
                self = .attentionOutput
            } else if has("ffn_down") {
                self = .down
            } else {
                self = .other
            }
        }
    }

    /// Where a rule holds.
    private enum Condition {
        case always
        case hasEightExperts
        /// Four or more query heads share a value head.
        case isGroupedByFour
        case isInFirst(layers: Int)
        /// In the first 1 / divisor of the layers.
        case isInFirstPart(divisor: Int)
        /// The first and the last eighth, and every third layer between.
        case deservesMoreBits
    }

    private struct Place {
        var layer: Int
        var model: QuantizationTraits

        func meets(_ condition: Condition) -> Bool {
            let count = model.layerCount
            switch condition {
            case .always: return true
            case .hasEightExperts: return model.expertCount == 8
            case .isGroupedByFour: return model.queryGroup >= 4
            case .isInFirst(let layers): return layer < layers
            case .isInFirstPart(let divisor): return layer < count / divisor
            case .deservesMoreBits:
                return layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2
            }
        }
    }

    /// A line of the table; the first that fits decides.
    private struct Rule {
        var role: Role
        /// nil: every mix.
        var mixes: Set<QuantizationMix>?
        var when: Condition
        var type: TensorType

        init(_ role: Role, _ mixes: Set<QuantizationMix>?, _ when: Condition, _ type: TensorType) {
            (self.role, self.mixes, self.when, self.type) = (role, mixes, when, type)
        }
    }

    private static let rules: [Rule] = [
        Rule(.value, nil, .hasEightExperts, .q8_0),
        Rule(.value, [.q2_k], .isGroupedByFour, .q4_k),
        Rule(.value, [.q2_k], .always, .q3_k),
        Rule(.value, [.q3_k_m], .isInFirst(layers: 2), .q5_k),
        Rule(.value, [.q3_k_m], .always, .q4_k),
        Rule(.value, [.q3_k_l], .always, .q5_k),
        Rule(.value, [.iq4_nl, .iq4_xs], .isGroupedByFour, .q5_k),
        Rule(.value, [.q4_k_m, .q5_k_m], .deservesMoreBits, .q6_k),
        Rule(.value, [.q4_k_s], .isInFirst(layers: 4), .q5_k),

        Rule(.key, nil, .hasEightExperts, .q8_0),

        Rule(
            .attentionOutput, [.q2_k, .q3_k_s, .q3_k_m, .q4_k_s, .q4_k_m, .iq4_nl, .iq4_xs], .hasEightExperts, .q5_k),
        Rule(.attentionOutput, [.q3_k_l], .hasEightExperts, .q3_k),
        Rule(.attentionOutput, [.q2_k], .always, .q3_k),
        Rule(.attentionOutput, [.q3_k_m], .always, .q4_k),
        Rule(.attentionOutput, [.q3_k_l], .always, .q5_k),

        Rule(.down, [.q2_k], .always, .q3_k),
        Rule(.down, [.q3_k_m], .isInFirstPart(divisor: 16), .q5_k),
        Rule(.down, [.q3_k_m], .always, .q4_k),
        Rule(.down, [.q3_k_l], .always, .q5_k),
        Rule(.down, [.q4_k_m, .q5_k_m], .deservesMoreBits, .q6_k),
        Rule(.down, [.q4_k_s, .iq4_nl, .iq4_xs], .isInFirstPart(divisor: 8), .q5_k),
    ]
}
