// The gated delta nets of a model as data: which layers have one instead of attention, and its sizes. Knows no file
// format, and no arithmetic.

import Sequences

/// What stands in place of attention in layers that carry a state from token to token (Qwen3.5's "linear attention";
/// https://arxiv.org/abs/2412.06464).
///
/// Such a layer holds "attn_qkv" (the rows of queries and keys, [keyHeadCount * keySize] each, then of values,
/// [valueHeadCount * valueSize]), whose outputs go through a short causal convolution "ssm_conv1d" [channelCount,
/// convolutionLength]; "attn_gate" [valueLength, embeddingLength], a gate of the output; "ssm_beta" and "ssm_alpha"
/// [valueHeadCount, embeddingLength], of which each head's update and decay are made, with "ssm_dt.bias" and "ssm_a"
/// [valueHeadCount]; "ssm_norm" [valueSize] and "ssm_out" [embeddingLength, valueLength].
package struct DeltaNet: Sendable, Hashable, Codable {
    /// Which key head a value head belongs to, where there are more of these.
    package enum HeadOrder: String, Sendable, Hashable, Codable {
        /// Those of one key head stand side by side (Hugging Face).
        case grouped
        /// One of each key head in turn (GGUF files of Qwen3.5).
        case inTurn
    }

    /// Query heads too.
    package var keyHeadCount: Int
    /// A multiple of `keyHeadCount`; each has a state [keySize, valueSize].
    package var valueHeadCount: Int
    /// Elements of a query or key head.
    package var keySize: Int
    /// Elements of a value head.
    package var valueSize: Int
    /// Positions that the convolution sees, the token's own included.
    package var convolutionLength: Int
    package var headOrder: HeadOrder
    /// True: "ssm_a" holds logarithms, as Hugging Face's `A_log` does; false: -exp of them, as in GGUF files.
    package var hasLogarithmicRates: Bool
    /// [layerCount]: which layers have a delta net; the others have attention.
    package var layers: [Bool]

    package init(
        keyHeadCount: Int, valueHeadCount: Int, keySize: Int, valueSize: Int, convolutionLength: Int,
        headOrder: HeadOrder, hasLogarithmicRates: Bool, layers: [Bool]
    ) {
        self.keyHeadCount = keyHeadCount
        self.valueHeadCount = valueHeadCount
        self.keySize = keySize
        self.valueSize = valueSize
        self.convolutionLength = convolutionLength
        self.headOrder = headOrder
        self.hasLogarithmicRates = hasLogarithmicRates
        self.layers = layers
    }

    /// Elements of all query heads (and of all key heads) together.
    package var keyLength: Int { keyHeadCount * keySize }
    /// Elements of all value heads together.
    package var valueLength: Int { valueHeadCount * valueSize }
    /// Elements that the convolution goes over: queries, keys and values.
    package var channelCount: Int { 2 * keyLength + valueLength }
    /// Numbers of the states of all heads.
    package var stateCount: Int { valueHeadCount * keySize * valueSize }

    /// The key head whose queries and keys a value head has.
    package func keyHead(ofValueHead head: Int) -> Int {
        headOrder == .grouped ? head / (valueHeadCount / keyHeadCount) : head % keyHeadCount
    }
}

extension ModelConfiguration {
    /// The delta net of a layer; nil where it has attention.
    package func deltaNet(layer: Int) -> DeltaNet? { deltaNet.flatMap { $0.layers[layer] ? $0 : nil } }
}

extension DeltaNet {
    /// The tensors of a layer's delta net, without norms around it, in a fixed order.
    func tensors(_ prefix: String, embeddingLength: Int) -> [TensorRequirement] {
        [
            TensorRequirement(name: prefix + "attn_qkv.weight", rows: channelCount, columns: embeddingLength),
            TensorRequirement(name: prefix + "attn_gate.weight", rows: valueLength, columns: embeddingLength),
            TensorRequirement(name: prefix + "ssm_beta.weight", rows: valueHeadCount, columns: embeddingLength),
            TensorRequirement(name: prefix + "ssm_alpha.weight", rows: valueHeadCount, columns: embeddingLength),
            TensorRequirement(name: prefix + "ssm_conv1d.weight", rows: channelCount, columns: convolutionLength),
            TensorRequirement(name: prefix + "ssm_dt.bias", rows: 1, columns: valueHeadCount),
            TensorRequirement(name: prefix + "ssm_a", rows: 1, columns: valueHeadCount),
            TensorRequirement(name: prefix + "ssm_norm.weight", rows: 1, columns: valueSize),
            TensorRequirement(name: prefix + "ssm_out.weight", rows: embeddingLength, columns: valueLength),
        ]
    }

    /// The rules that every delta net obeys; sizes computed from a valid one cannot overflow.
    func validate(layerCount: Int, rules: ConfigurationRules) throws(ModelFileError) {
        try rules.check("delta net key head count", keyHeadCount, in: 1...FileLimits.heads)
        try rules.check("delta net value head count", valueHeadCount, in: 1...FileLimits.heads)
        guard valueHeadCount % keyHeadCount == 0 else {
            throw rules.invalid(
                "delta net value head count", valueHeadCount, "must be a multiple of the key heads, \(keyHeadCount)")
        }
        try rules.check("delta net key size", keySize, in: 1...FileLimits.headSize)
        try rules.check("delta net value size", valueSize, in: 1...FileLimits.headSize)
        // What it sees before a KV block lies in the block before.
        try rules.check("delta net convolution length", convolutionLength, in: 1...KeyValueBlock.positions)
        guard layers.count == layerCount else {
            throw rules.invalid("layers of delta nets", layers.count, "must be the layer count, \(layerCount)")
        }
        try rules.check(
            "delta net state elements of all layers", layerCount * stateCount, in: 1...FileLimits.stateElements)
        try rules.check(
            "delta net elements of all layers", layerCount * channelCount, in: 1...FileLimits.queryElements)
    }
}
