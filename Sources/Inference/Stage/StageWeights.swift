// The weights of one stage, assembled by name from tensors.
//
// Responsible for: which tensor is which matrix or vector of which part, and refusing tensors that do not fit.
// Must not know: how they are read, what is computed.

import ModelFile

/// Everything with weights that a stage computes with.
struct StageWeights {
    /// Only on the first stage.
    let embedding: TokenEmbedding?
    let layers: [TransformerLayer]
    /// Only on the last stage.
    let head: OutputHead?
}

/// Finds the tensors of parts of a model and makes the parts of them.
struct StageAssembler {
    let model: ModelConfiguration
    let store: WeightStore
    let reader: WeightReader
    /// By name, every one of the shape its part requires.
    let tensors: [String: TensorDescriptor]

    /// The tensors that the layers of `configuration` need, by name, checked against the model's configuration.
    static func neededTensors(
        _ configuration: StageConfiguration, among tensors: [TensorDescriptor]
    ) throws(InferenceError) -> [String: TensorDescriptor] {
        let offered = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var needed: [String: TensorDescriptor] = [:]
        for part in configuration.model.parts(ofLayers: configuration.layers) {
            for requirement in configuration.model.tensors(of: part) {
                guard let tensor = offered[requirement.name] else { throw .missingTensor(name: requirement.name) }
                do { try tensor.validate() } catch {
                    throw .wrongTensor(name: tensor.name, reason: error.description)
                }
                guard tensor.rows == requirement.rows, tensor.columns == requirement.columns else {
                    throw .wrongTensor(
                        name: tensor.name,
                        reason: "its shape is [\(tensor.rows), \(tensor.columns)] instead of "
                            + "[\(requirement.rows), \(requirement.columns)]")
                }
                needed[tensor.name] = tensor
            }
        }
        return needed
    }

    /// Loads the parts of the given layers, in the order of the model.
    func assemble(_ layers: Range<Int>) throws(InferenceError) -> StageWeights {
        let parts = model.parts(ofLayers: layers)
        let embedding = parts.contains(.embedding) ? try embedding() : nil
        var assembled: [TransformerLayer] = []
        for layer in layers { assembled.append(try self.layer(layer)) }
        return StageWeights(embedding: embedding, layers: assembled, head: parts.contains(.head) ? try head() : nil)
    }

    private func embedding() throws(InferenceError) -> TokenEmbedding {
        var positions: PackedMatrix?
        if case .learned = model.positions { positions = try matrix("position_embd.weight") }
        return TokenEmbedding(
            tokens: try matrix("token_embd.weight"), positions: positions, scale: model.embeddingScale)
    }

    private func layer(_ index: Int) throws(InferenceError) -> TransformerLayer {
        let prefix = "blk.\(index)."
        var matrices: [TensorDescriptor] = []
        for requirement in model.tensors(of: .layer(index)) {
            let tensor = try tensor(requirement.name)
            if !tensor.isVector { matrices.append(tensor) }
        }
        try store.matrices(matrices, reader: reader)
        let feedForward: FeedForward =
            if let experts = model.experts(layer: index) {
                .experts(try mixture(experts, prefix))
            } else {
                .dense(try denseFeedForward(prefix))
            }
        return TransformerLayer(
            embeddingLength: model.embeddingLength,
            feedForwardInput: model.hasSharedNorm
                ? .attentionInput : model.hasParallelResidual ? .layerInput : .attentionOutput,
            attentionNorm: model.hasNormBefore ? try norm(prefix + "attn_norm") : nil,
            mixer: .attention(try attention(prefix, layer: index)),
            postAttentionNorm: model.hasNormAfter ? try norm(prefix + "post_attention_norm") : nil,
            feedForwardNorm: model.hasFeedForwardNorm ? try norm(prefix + "ffn_norm") : nil,
            feedForward: feedForward,
            postFeedForwardNorm: model.hasNormAfter ? try norm(prefix + "post_ffw_norm") : nil)
    }

    private func attention(_ prefix: String, layer: Int) throws(InferenceError) -> Attention {
        let names = model.hasFusedQueryKeyValue ? ["attn_qkv"] : ["attn_q", "attn_k", "attn_v"]
        var queryKeyValue: [Linear] = []
        for name in names {
            queryKeyValue.append(try linear(prefix + name, hasBias: model.hasQueryKeyValueBias))
        }
        let hasNorms = model.queryKeyNorm != .none
        return Attention(
            model: model, scale: model.attentionScale(layer: layer), queryKeyValue: queryKeyValue,
            queryNorm: hasNorms ? try queryKeyNorm(prefix + "attn_q_norm") : nil,
            keyNorm: hasNorms ? try queryKeyNorm(prefix + "attn_k_norm") : nil,
            output: try linear(prefix + "attn_output", hasBias: model.hasAttentionOutputBias),
            window: model.attentionWindow(layer: layer),
            sinks: model.hasAttentionSinks ? try vector(prefix + "attn_sinks.weight") : nil)
    }

    private func denseFeedForward(_ prefix: String) throws(InferenceError) -> DenseFeedForward {
        let hasBias = model.hasFeedForwardBias
        return DenseFeedForward(
            model: model,
            gate: model.isGated && !model.hasFusedGateUp ? try linear(prefix + "ffn_gate", hasBias: hasBias) : nil,
            up: try linear(prefix + "ffn_up", hasBias: hasBias),
            down: try linear(prefix + "ffn_down", hasBias: hasBias))
    }

    private func mixture(_ experts: Experts, _ prefix: String) throws(InferenceError) -> MixtureOfExperts {
        let router = try linear(prefix + "ffn_gate_inp", hasBias: experts.hasRouterBias)
        var members: [Expert] = []
        for expert in 0..<experts.count {
            func weight(_ kind: Experts.Matrix) throws(InferenceError) -> PackedMatrix {
                try matrix(Experts.weightName(prefix, kind, expert: expert))
            }
            members.append(Expert(gate: try weight(.gate), up: try weight(.up), down: try weight(.down)))
        }
        func bias(_ matrix: Experts.Matrix) throws(InferenceError) -> FloatVector? {
            experts.hasBias ? try vector(Experts.biasName(prefix, matrix)) : nil
        }
        return MixtureOfExperts(
            model: model, experts: experts, router: router, members: members,
            gateBias: try bias(.gate), upBias: try bias(.up), downBias: try bias(.down))
    }

    private func head() throws(InferenceError) -> OutputHead {
        OutputHead(
            norm: try norm("output_norm"),
            output: Linear(
                weight: try matrix(model.hasTiedEmbeddings ? "token_embd.weight" : "output.weight"),
                bias: model.hasOutputBias ? try vector("output.bias") : nil),
            softcap: model.logitSoftcap)
    }

    private func linear(_ name: String, hasBias: Bool) throws(InferenceError) -> Linear {
        Linear(
            weight: try matrix(name + ".weight"), bias: hasBias ? try vector(name + ".bias") : nil)
    }

    private func norm(_ name: String) throws(InferenceError) -> Normalization {
        Normalization(
            kind: model.normalization, epsilon: model.normalizationEpsilon, weight: try normWeight(name),
            bias: model.normalization == .layerNorm ? try vector(name + ".bias") : nil)
    }

    private func queryKeyNorm(_ name: String) throws(InferenceError) -> Normalization {
        Normalization(
            kind: .rmsNorm, epsilon: model.normalizationEpsilon, weight: try normWeight(name), bias: nil)
    }

    private func normWeight(_ name: String) throws(InferenceError) -> FloatVector {
        try store.vector(try tensor(name + ".weight"), adding: model.normWeightOffset, reader: reader)
    }

    private func matrix(_ name: String) throws(InferenceError) -> PackedMatrix {
        try store.matrix(try tensor(name), reader: reader)
    }

    private func vector(_ name: String) throws(InferenceError) -> FloatVector {
        try store.vector(try tensor(name), reader: reader)
    }

    private func tensor(_ name: String) throws(InferenceError) -> TensorDescriptor {
        guard let tensor = tensors[name] else { throw .missingTensor(name: name) }
        return tensor
    }
}
