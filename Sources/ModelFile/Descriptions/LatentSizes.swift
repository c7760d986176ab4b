// Multi-head latent attention as data: what is kept of a position, and the matrices that make keys and values of it.
// Knows no file format.

/// Attention whose keys and values are made of a few numbers of each position, its latent (DeepSeek V2,
/// https://arxiv.org/abs/2405.04434).
///
/// Only the latent [rank] and the part of the key that turns [rotary dimensions], both the same for all heads, are kept:
/// `headSize` is their sum, and `keyValueHeadCount` is 1. Instead of making a head's key of every latent, its query goes
/// through the transposed matrix once (the absorbed form): query · (K latent) = (transposed K query) · latent.
///
/// A layer holds "attn_kv_a_mqa.weight" [headSize, embeddingLength], whose first `rank` outputs pass the RMS norm
/// "attn_kv_a_norm"; and for each head h, as plain matrices whatever the file stacks, "attn_k_b.h.weight" [rank, plainSize],
/// transposed K, and "attn_v_b.h.weight" [valueSize, rank]. Queries [headCount, plainSize + rotary dimensions] are
/// "attn_q.weight" of the input; or "attn_q_b.weight" of the RMS norm "attn_q_a_norm" of "attn_q_a.weight"
/// [queryRank, embeddingLength] of it. Attention's output projection takes [headCount, valueSize].
package struct LatentSizes: Sendable, Hashable, Codable {
    /// Numbers of a latent.
    package var rank: Int
    /// Numbers that queries are made of; nil: they are made of the input itself.
    package var queryRank: Int?
    /// Elements of a head's query and key that do not turn; those that do follow them.
    package var plainSize: Int
    /// Elements of a head's value.
    package var valueSize: Int
    /// Of the norms of latents.
    package var normalizationEpsilon: Float

    package init(rank: Int, queryRank: Int?, plainSize: Int, valueSize: Int, normalizationEpsilon: Float) {
        self.rank = rank
        self.queryRank = queryRank
        self.plainSize = plainSize
        self.valueSize = valueSize
        self.normalizationEpsilon = normalizationEpsilon
    }

    /// The kinds of matrices that each head has of its own: stems of their names.
    package enum Matrix: String, Sendable, CaseIterable {
        case key = "attn_k_b"
        case value = "attn_v_b"
    }

    /// The canonical name of a matrix of one head; `prefix`: "blk.N.".
    package static func weightName(_ prefix: String, _ matrix: Matrix, head: Int) -> String {
        "\(prefix)\(matrix.rawValue).\(head).weight"
    }
}

extension ModelConfiguration {
    /// Becomes a model with latent attention, whose positions are rotary.
    mutating func setLatent(_ sizes: LatentSizes, rotary: RotaryConfiguration) {
        latent = sizes
        positions = .rotary(rotary)
        keyValueHeadCount = 1
        headSize = sizes.rank &+ rotary.dimensions  // held to their limits by `validate`
    }
}

extension LatentSizes {
    /// The tensors of a layer's attention without the output projection, in a fixed order.
    func tensors(_ prefix: String, of model: ModelConfiguration) -> [TensorRequirement] {
        let width = model.embeddingLength
        let turned = model.headSize - rank
        let queries = model.headCount * (plainSize + turned)
        var tensors: [TensorRequirement] = []
        if let queryRank {
            tensors += [
                TensorRequirement(name: prefix + "attn_q_a.weight", rows: queryRank, columns: width),
                TensorRequirement(name: prefix + "attn_q_a_norm.weight", rows: 1, columns: queryRank),
                TensorRequirement(name: prefix + "attn_q_b.weight", rows: queries, columns: queryRank),
            ]
        } else {
            tensors.append(TensorRequirement(name: prefix + "attn_q.weight", rows: queries, columns: width))
        }
        tensors += [
            TensorRequirement(name: prefix + "attn_kv_a_mqa.weight", rows: model.headSize, columns: width),
            TensorRequirement(name: prefix + "attn_kv_a_norm.weight", rows: 1, columns: rank),
        ]
        for head in 0..<model.headCount {
            tensors += [
                TensorRequirement(
                    name: Self.weightName(prefix, .key, head: head), rows: rank, columns: plainSize),
                TensorRequirement(
                    name: Self.weightName(prefix, .value, head: head), rows: valueSize, columns: rank),
            ]
        }
        return tensors
    }

    /// The rules that every latent attention obeys; sizes computed from a valid one cannot overflow.
    func validate(_ model: ModelConfiguration, rules: ConfigurationRules) throws(ModelFileError) {
        try rules.check("latent rank", rank, in: 1...FileLimits.headSize)
        if let queryRank { try rules.check("query rank", queryRank, in: 1...FileLimits.embeddingLength) }
        try rules.check("unrotated key size", plainSize, in: 1...FileLimits.headSize)
        try rules.check("value size", valueSize, in: 1...FileLimits.headSize)
        try rules.check("latent norm epsilon", Double(normalizationEpsilon), above: 0, upTo: 1)
        guard case .rotary(let rotary) = model.positions, model.keyValueHeadCount == 1,
            model.headSize == rank + rotary.dimensions
        else {
            throw rules.invalid(
                "head size", model.headSize, "must be the latent's and the rotary dimensions, of one key/value head")
        }
        guard model.queryKeyNorm == .none, model.slidingWindow == nil, !model.hasAttentionSinks,
            model.unrotatedLayers == nil, model.attentionTemperature == nil,
            !model.hasFusedQueryKeyValue, !model.hasQueryKeyValueBias
        else {
            throw rules.invalid("latent rank", rank, "needs attention without windows, biases, sinks and head norms")
        }
        let matrices = model.layerCount * model.headCount * Matrix.allCases.count
        guard matrices <= FileLimits.tensors else {
            throw rules.invalid("number of latent matrices", matrices, "must be at most \(FileLimits.tensors)")
        }
    }
}
