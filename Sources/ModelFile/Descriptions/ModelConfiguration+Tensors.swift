// Which tensors each part of a model needs, under which names and with which shapes. Knows no file format; the names
// are those of llama.cpp's GGUF files.

extension ModelConfiguration {
    /// The tensors that a part needs, in a fixed order.
    package func tensors(of part: ModelPart) -> [TensorRequirement] {
        switch part {
        case .embedding: embeddingTensors
        case .layer(let index): layerTensors("blk.\(index).", experts: experts(layer: index), deltaNet(layer: index))
        case .head: headTensors
        }
    }

    /// The parts that a stage with these layers holds: the embedding with the first layer, the head with the last.
    package func parts(ofLayers layers: Range<Int>) -> [ModelPart] {
        precondition(layers.lowerBound >= 0 && layers.upperBound <= layerCount, "layers outside of the model")
        var parts: [ModelPart] = layers.map { .layer($0) }
        if layers.contains(0) { parts.insert(.embedding, at: 0) }
        if layers.contains(layerCount - 1) { parts.append(.head) }
        return parts
    }

    /// Operations of the products with a part's matrices for one token, which passes through few of many experts; a
    /// multiplication and an addition are two.
    package func operationsPerToken(of part: ModelPart) -> Double {
        if part == .embedding { return 0 }
        var weights = tensors(of: part).reduce(0.0) { $0 + ($1.rows > 1 ? Double($1.rows) * Double($1.columns) : 0) }
        if case .layer(let index) = part, let experts = experts(layer: index) {
            let unused = Double(experts.count - experts.usedCount) * Double(Experts.Matrix.allCases.count)
            weights -= unused * Double(experts.feedForwardLength) * Double(embeddingLength)
        }
        return 2 * max(0, weights)
    }

    private var embeddingTensors: [TensorRequirement] {
        var tensors = [tokenEmbedding]
        if case .learned = positions {
            tensors.append(
                TensorRequirement(name: "position_embd.weight", rows: contextLength, columns: embeddingLength))
        }
        return tensors
    }

    private var headTensors: [TensorRequirement] {
        let output = TensorRequirement(name: "output.weight", rows: vocabularySize, columns: embeddingLength)
        let bias = TensorRequirement(name: "output.bias", rows: 1, columns: vocabularySize)
        return norm("output_norm") + [hasTiedEmbeddings ? tokenEmbedding : output] + (hasOutputBias ? [bias] : [])
    }

    private var tokenEmbedding: TensorRequirement {
        TensorRequirement(name: "token_embd.weight", rows: vocabularySize, columns: embeddingLength)
    }

    private func layerTensors(_ prefix: String, experts: Experts?, _ deltaNet: DeltaNet?) -> [TensorRequirement] {
        var tensors = hasNormBefore ? norm(prefix + "attn_norm") : []
        tensors += deltaNet?.tensors(prefix, embeddingLength: embeddingLength) ?? attentionTensors(prefix)
        if hasNormAfter { tensors += norm(prefix + "post_attention_norm") }
        if hasFeedForwardNorm { tensors += norm(prefix + "ffn_norm") }
        tensors += experts?.tensors(prefix, embeddingLength: embeddingLength) ?? feedForwardTensors(prefix)
        if hasNormAfter { tensors += norm(prefix + "post_ffw_norm") }
        return tensors
    }

    private func attentionTensors(_ prefix: String) -> [TensorRequirement] {
        var tensors: [TensorRequirement] = []
        if let latent {
            tensors += latent.tensors(prefix, of: self)
        } else if hasFusedQueryKeyValue {
            tensors += linear(
                prefix + "attn_qkv", rows: queryLength + 2 * keyValueLength, columns: embeddingLength,
                hasBias: hasQueryKeyValueBias)
        } else {
            for (name, rows) in [("attn_q", queryRows), ("attn_k", keyValueLength), ("attn_v", keyValueLength)] {
                tensors += linear(
                    prefix + name, rows: rows, columns: embeddingLength, hasBias: hasQueryKeyValueBias)
            }
        }
        if let lengths = queryKeyNormLengths {
            tensors.append(TensorRequirement(name: prefix + "attn_q_norm.weight", rows: 1, columns: lengths.query))
            tensors.append(TensorRequirement(name: prefix + "attn_k_norm.weight", rows: 1, columns: lengths.key))
        }
        if hasAttentionSinks {
            tensors.append(TensorRequirement(name: prefix + "attn_sinks.weight", rows: 1, columns: headCount))
        }
        tensors += linear(
            prefix + "attn_output", rows: embeddingLength,
            columns: latent.map { headCount * $0.valueSize } ?? queryLength, hasBias: hasAttentionOutputBias)
        return tensors
    }

    private func feedForwardTensors(_ prefix: String) -> [TensorRequirement] {
        var tensors: [TensorRequirement] = []
        let inputs =
            hasFusedGateUp
            ? [("ffn_up", 2 * feedForwardLength)]
            : (isGated ? ["ffn_gate", "ffn_up"] : ["ffn_up"]).map { ($0, feedForwardLength) }
        for (name, rows) in inputs {
            tensors += linear(prefix + name, rows: rows, columns: embeddingLength, hasBias: hasFeedForwardBias)
        }
        tensors += linear(
            prefix + "ffn_down", rows: embeddingLength, columns: feedForwardLength, hasBias: hasFeedForwardBias)
        return tensors
    }

    private var queryKeyNormLengths: (query: Int, key: Int)? {
        switch queryKeyNorm {
        case .none, .afterRotation: nil
        case .perHead: (headSize, headSize)
        case .allHeads: (queryLength, keyValueLength)
        }
    }

    private func norm(_ name: String) -> [TensorRequirement] {
        let weight = TensorRequirement(name: name + ".weight", rows: 1, columns: embeddingLength)
        let bias = TensorRequirement(name: name + ".bias", rows: 1, columns: embeddingLength)
        return normalization == .layerNorm ? [weight, bias] : [weight]
    }

    private func linear(_ name: String, rows: Int, columns: Int, hasBias: Bool) -> [TensorRequirement] {
        let weight = TensorRequirement(name: name + ".weight", rows: rows, columns: columns)
        let bias = TensorRequirement(name: name + ".bias", rows: 1, columns: rows)
        return hasBias ? [weight, bias] : [weight]
    }
}

extension ModelConfiguration {
    /// "attn_norm" and "ffn_norm" stand before attention and feed-forward.
    package var hasNormBefore: Bool { normPlacement != .after }
    /// Feed-forward has a norm of its own before it.
    package var hasFeedForwardNorm: Bool { hasNormBefore && !hasSharedNorm }
    /// "post_attention_norm" and "post_ffw_norm" stand after them.
    package var hasNormAfter: Bool { normPlacement != .before }
}
