// What llama.cpp's files of models with gated delta nets have otherwise than the tensors of this project: the order of value
// heads, rates instead of their logarithms, two matrices as one. Knows no arithmetic.

extension DeltaNet {
    /// Puts the rows, columns and values of a tensor in the form that llama.cpp has for the architecture.
    func adapt(_ conversion: inout TensorConversion, for architecture: Architecture) {
        let name = conversion.source.name
        conversion.negatesExponential = hasLogarithmicRates && name.hasSuffix(".ssm_a")
        guard architecture != .qwen3next, headOrder == .grouped, valueHeadCount > keyHeadCount else { return }
        func inTurn(from first: Int, size: Int) -> TensorConversion.RowOrder {
            .headsInTurn(first: first, groups: keyHeadCount, heads: valueHeadCount, size: size)
        }
        switch name.split(separator: ".", maxSplits: 2).last {
        case "attn_qkv.weight", "ssm_conv1d.weight":
            conversion.rowOrder = inTurn(from: 2 * keyLength, size: valueSize)
        case "attn_gate.weight": conversion.rowOrder = inTurn(from: 0, size: valueSize)
        case "ssm_alpha.weight", "ssm_beta.weight", "ssm_dt.bias", "ssm_a":
            conversion.rowOrder = inTurn(from: 0, size: 1)
        case "ssm_out.weight": conversion.columnOrder = inTurn(from: 0, size: valueSize)
        default: break
        }
    }

    /// Of Qwen3-Next: "ssm_ba" instead of "ssm_beta" and "ssm_alpha", with the rows of both for one key head after the other.
    func fusingRates(
        _ entries: [(tensor: GGUFTensor, content: GGUFConversion.Content)]
    ) -> [(tensor: GGUFTensor, content: GGUFConversion.Content)] {
        let (beta, alpha) = (".ssm_beta.weight", ".ssm_alpha.weight")
        var result: [(tensor: GGUFTensor, content: GGUFConversion.Content)] = []
        var betas: [Substring: TensorConversion] = [:]
        for (tensor, content) in entries {
            let isBeta = tensor.name.hasSuffix(beta)
            guard isBeta || tensor.name.hasSuffix(alpha), case .converted(let parts) = content, let part = parts.first
            else {
                result.append((tensor, content))
                continue
            }
            let layer = tensor.name.dropLast((isBeta ? beta : alpha).utf8.count)
            if isBeta {
                betas[layer] = part
            } else if let other = betas[layer] {
                var fused = tensor
                (fused.name, fused.shape) = (layer + ".ssm_ba.weight", [2 * valueHeadCount, part.target.columns])
                let heads = (0..<keyHeadCount).flatMap { [rows(of: other, head: $0), rows(of: part, head: $0)] }
                result.append((fused, .converted(heads)))
            }
        }
        return result
    }

    /// The rows of a conversion that belong to one key head.
    private func rows(of conversion: TensorConversion, head: Int) -> TensorConversion {
        let count = valueHeadCount / keyHeadCount
        var part = conversion
        part.target.name += ".\(head)"
        part.target.byteCount = part.target.byteCount / part.target.rows * count
        part.target.rows = count
        part.rowOrder = .from(head * count)
        return part
    }
}
