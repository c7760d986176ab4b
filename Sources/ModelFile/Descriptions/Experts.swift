// The mixture of experts of a model as data: how many there are, how a token chooses among them, what each computes.
// Knows no file format.

/// A feed-forward network that consists of many, of which each token passes through a few.
///
/// A layer that has one holds, for each expert e, the matrices "ffn_gate.e.weight", "ffn_up.e.weight"
/// [feedForwardLength, embeddingLength] and "ffn_down.e.weight" [embeddingLength, feedForwardLength]: plain matrices,
/// whatever the file stacks, so that whatever reads, sends and packs tensors needs to know nothing of experts. The
/// router is "ffn_gate_inp.weight" [count, embeddingLength]. Biases are one tensor for all experts:
/// "ffn_gate_exps.bias", "ffn_up_exps.bias" [count, feedForwardLength], "ffn_down_exps.bias" [count, embeddingLength].
/// The expert that all tokens share is "ffn_gate_shexp.weight", "ffn_up_shexp.weight" [its feedForwardLength,
/// embeddingLength] and "ffn_down_shexp.weight".
package struct Experts: Sendable, Hashable, Codable {
    /// From the router's outputs to the weights of the experts with the `usedCount` largest.
    package enum Routing: String, Sendable, Hashable, Codable {
        /// Softmax over all outputs (Qwen3-MoE where `norm_topk_prob` is false): the weights sum up to less than 1.
        case softmaxOverAll
        /// Softmax over the chosen outputs (Mixtral, gpt-oss); the same as softmax over all, divided by the sum of the
        /// chosen (Qwen3-MoE where `norm_topk_prob` is true).
        case softmaxOverChosen
        /// Sigmoid of each output.
        case sigmoid
        /// The same divided by the sum of the chosen, and 1e-20 (DeepSeek V3).
        case normalizedSigmoid
    }

    /// Groups of as many consecutive experts, of which each token chooses some before it chooses experts of these.
    package struct Groups: Sendable, Hashable, Codable {
        /// What a group is chosen by, of what its experts are chosen by.
        package enum Scoring: String, Sendable, Hashable, Codable {
            /// DeepSeek V2.
            case largest
            /// DeepSeek V3.
            case sumOfTwoLargest
        }

        package var count: Int
        package var usedCount: Int
        package var scoring: Scoring

        package init(count: Int, usedCount: Int, scoring: Scoring) {
            (self.count, self.usedCount, self.scoring) = (count, usedCount, scoring)
        }
    }

    /// What stands between an expert's matrices.
    package enum Activation: Sendable, Hashable, Codable {
        /// silu(gate) * up
        case silu
        /// g = min(gate, limit), u = up clamped to -limit...limit; (u + 1) * g * sigmoid(alpha * g) (gpt-oss).
        case clampedSwiGLU(alpha: Float, limit: Float)
    }

    /// An expert that every token passes through beside those that it chooses (several of them are one whose matrices
    /// have the rows of all).
    package struct Shared: Sendable, Hashable, Codable {
        /// Rows of its gate and up matrices.
        package var feedForwardLength: Int
        /// What it gives is multiplied by sigmoid("ffn_gate_inp_shexp.weight" [1, embeddingLength] · x) (Qwen2-MoE).
        package var isGated = false

        package init(feedForwardLength: Int, isGated: Bool = false) {
            (self.feedForwardLength, self.isGated) = (feedForwardLength, isGated)
        }
    }

    package var count: Int
    /// Experts that each token passes through.
    package var usedCount: Int
    /// Rows of an expert's gate and up matrices.
    package var feedForwardLength: Int
    package var routing: Routing
    package var activation = Activation.silu
    /// "ffn_gate_inp.bias" [count] is added to the router's outputs.
    package var hasRouterBias = false
    /// "exp_probs_b.bias" [count] is added to what experts are chosen by (with sigmoid: to that), not to their weights.
    package var hasChoiceBias = false
    /// nil: experts are chosen among all.
    package var groups: Groups?
    /// What an expert takes is multiplied by its weight, instead of what it gives (Llama 4).
    package var scalesInputs = false
    /// The weights of the chosen are multiplied by it.
    package var weightScale: Float = 1
    /// A bias on each matrix of each expert.
    package var hasBias = false
    /// nil: there is none.
    package var shared: Shared?
    /// [layerCount]: which layers have experts; the others have a dense network of the model's `feedForwardLength`.
    package var layers: [Bool]

    package init(count: Int, usedCount: Int, feedForwardLength: Int, routing: Routing, layers: [Bool]) {
        self.count = count
        self.usedCount = usedCount
        self.feedForwardLength = feedForwardLength
        self.routing = routing
        self.layers = layers
    }

    /// The kinds of an expert's matrices: stems of their names.
    package enum Matrix: String, Sendable, CaseIterable {
        case gate = "ffn_gate"
        case up = "ffn_up"
        case down = "ffn_down"
    }

    /// The canonical name of a matrix of one expert; `prefix`: "blk.N.".
    package static func weightName(_ prefix: String, _ matrix: Matrix, expert: Int) -> String {
        "\(prefix)\(matrix.rawValue).\(expert).weight"
    }

    /// The canonical name of the biases of one kind of matrix, of all experts.
    package static func biasName(_ prefix: String, _ matrix: Matrix) -> String {
        "\(prefix)\(matrix.rawValue)_exps.bias"
    }
}

extension ModelConfiguration {
    /// The experts of a layer; nil where its feed-forward network is dense.
    package func experts(layer: Int) -> Experts? { experts.flatMap { $0.layers[layer] ? $0 : nil } }
}

extension Experts {
    /// The tensors of a layer with experts, in a fixed order: router, then expert by expert, then biases, then the shared
    /// one's.
    func tensors(_ prefix: String, embeddingLength: Int) -> [TensorRequirement] {
        func shape(_ matrix: Matrix) -> (rows: Int, columns: Int) {
            matrix == .down ? (embeddingLength, feedForwardLength) : (feedForwardLength, embeddingLength)
        }
        var tensors = [TensorRequirement(name: prefix + "ffn_gate_inp.weight", rows: count, columns: embeddingLength)]
        if hasRouterBias {
            tensors.append(TensorRequirement(name: prefix + "ffn_gate_inp.bias", rows: 1, columns: count))
        }
        if hasChoiceBias {
            tensors.append(TensorRequirement(name: prefix + "exp_probs_b.bias", rows: 1, columns: count))
        }
        for expert in 0..<count {
            for matrix in Matrix.allCases {
                let (rows, columns) = shape(matrix)
                tensors.append(
                    TensorRequirement(
                        name: Self.weightName(prefix, matrix, expert: expert), rows: rows, columns: columns))
            }
        }
        if hasBias {
            for matrix in Matrix.allCases {
                tensors.append(
                    TensorRequirement(name: Self.biasName(prefix, matrix), rows: count, columns: shape(matrix).rows))
            }
        }
        return tensors + (shared?.tensors(prefix, embeddingLength: embeddingLength) ?? [])
    }

    /// The rules that every mixture obeys; sizes computed from a valid one cannot overflow.
    func validate(layerCount: Int, rules: ConfigurationRules) throws(ModelFileError) {
        try rules.check("expert count", count, in: 1...FileLimits.experts)
        try rules.check("used expert count", usedCount, in: 1...count)
        try rules.check("expert feed-forward length", feedForwardLength, in: 1...FileLimits.feedForwardLength)
        try rules.check("expert weight scale", Double(weightScale), above: 0, upTo: 1e6)
        if let groups { try validate(groups, rules: rules) }
        if let shared {
            try rules.check(
                "shared expert feed-forward length", shared.feedForwardLength, in: 1...FileLimits.feedForwardLength)
        }
        guard layers.count == layerCount else {
            throw rules.invalid("layers of experts", layers.count, "must be the layer count, \(layerCount)")
        }
        let matrices = layers.count { $0 } * count * Matrix.allCases.count
        guard matrices <= FileLimits.tensors else {
            throw rules.invalid("number of expert matrices", matrices, "must be at most \(FileLimits.tensors)")
        }
        if case .clampedSwiGLU(let alpha, let limit) = activation {
            try rules.check("expert activation alpha", Double(alpha), above: 0, upTo: 1e6)
            try rules.check("expert activation limit", Double(limit), above: 0, upTo: 1e6)
        }
    }

    private func validate(_ groups: Groups, rules: ConfigurationRules) throws(ModelFileError) {
        try rules.check("expert group count", groups.count, in: 1...count)
        try rules.check("used expert group count", groups.usedCount, in: 1...groups.count)
        let size = count / groups.count
        guard count % groups.count == 0, size >= (groups.scoring == .largest ? 1 : 2) else {
            throw rules.invalid(
                "expert group count", groups.count, "must divide the expert count, \(count), into groups of several")
        }
        guard usedCount <= groups.usedCount * size else {
            throw rules.invalid(
                "used expert count", usedCount, "must be at most the experts of \(groups.usedCount) groups")
        }
    }
}

extension Experts.Shared {
    /// Its tensors in a layer, in a fixed order.
    fileprivate func tensors(_ prefix: String, embeddingLength: Int) -> [TensorRequirement] {
        let wide = feedForwardLength
        let gate = TensorRequirement(name: prefix + "ffn_gate_inp_shexp.weight", rows: 1, columns: embeddingLength)
        return (isGated ? [gate] : []) + [
            TensorRequirement(name: prefix + "ffn_gate_shexp.weight", rows: wide, columns: embeddingLength),
            TensorRequirement(name: prefix + "ffn_up_shexp.weight", rows: wide, columns: embeddingLength),
            TensorRequirement(name: prefix + "ffn_down_shexp.weight", rows: embeddingLength, columns: wide),
        ]
    }
}
