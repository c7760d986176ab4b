// The weights of one stage, assembled by name from tensors.
//
// Responsible for: which tensor is which matrix or vector of which part, and refusing tensors that do not fit.
// Must not know: how they are read, what is computed.

import CKernels
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
            embeddingLength: model.embeddingLength, residualScale: model.residualScale,
            feedForwardInput: model.hasSharedNorm
                ? .attentionInput : model.hasParallelResidual ? .layerInput : .attentionOutput,
            attentionNorm: model.hasNormBefore ? try norm(prefix + "attn_norm") : nil,
            mixer: try mixer(prefix, layer: index),
            postAttentionNorm: model.hasNormAfter ? try norm(prefix + "post_attention_norm") : nil,
            feedForwardNorm: model.hasFeedForwardNorm ? try norm(prefix + "ffn_norm") : nil,
            feedForward: feedForward,
            postFeedForwardNorm: model.hasNormAfter ? try norm(prefix + "post_ffw_norm") : nil)
    }

    private func mixer(_ prefix: String, layer: Int) throws(InferenceError) -> SequenceMixer {
        if let net = model.deltaNet(layer: layer) { return .deltaNet(try deltaNet(net, prefix)) }
        if let latent = model.latent { return .latentAttention(try latentAttention(latent, prefix)) }
        return .attention(try attention(prefix, layer: layer))
    }

    private func deltaNet(_ net: DeltaNet, _ prefix: String) throws(InferenceError) -> GatedDeltaNet {
        var projections: [Linear] = []
        for name in ["attn_qkv", "attn_gate", "ssm_beta", "ssm_alpha"] {
            projections.append(try linear(prefix + name, hasBias: false))
        }
        let stored = try vector(prefix + "ssm_a")
        let rates = try FloatVector(count: stored.count, name: "rates of decay")
        rates.values.update(from: stored.values, count: stored.count)
        if net.hasLogarithmicRates {
            tk_exp(rates.values, rates.count, 0)
            tk_scale(rates.values, rates.count, -1)
        }
        let (queryScale, keyScale) = (
            try FloatVector(count: net.keySize, name: "query scale"),
            try FloatVector(count: net.keySize, name: "key scale")
        )
        // An RMS norm divides by the root of the mean, not of the sum; queries are divided by that of their size too.
        keyScale.values.update(repeating: 1 / Float(net.keySize).squareRoot(), count: net.keySize)
        queryScale.values.update(repeating: 1 / Float(net.keySize), count: net.keySize)
        return GatedDeltaNet(
            model: model, net: net, blockShape: DeltaNetBlock.Shape(net), projections: projections,
            convolution: try vector(prefix + "ssm_conv1d.weight"), rates: rates,
            timeBias: try vector(prefix + "ssm_dt.bias"), queryScale: queryScale, keyScale: keyScale,
            norm: Normalization(
                kind: .rmsNorm, epsilon: model.normalizationEpsilon, weight: try vector(prefix + "ssm_norm.weight"),
                bias: nil),
            output: try linear(prefix + "ssm_out", hasBias: false))
    }

    private func latentAttention(_ sizes: LatentSizes, _ prefix: String) throws(InferenceError) -> LatentAttention {
        func norm(_ name: String) throws(InferenceError) -> Normalization {
            Normalization(
                kind: .rmsNorm, epsilon: sizes.normalizationEpsilon, weight: try normWeight(prefix + name), bias: nil)
        }
        var heads: [LatentAttention.Head] = []
        for head in 0..<model.headCount {
            heads.append(
                LatentAttention.Head(
                    key: try matrix(LatentSizes.weightName(prefix, .key, head: head)),
                    value: try matrix(LatentSizes.weightName(prefix, .value, head: head))))
        }
        let hasQueryRank = sizes.queryRank != nil
        return LatentAttention(
            model: model, sizes: sizes,
            queryDown: hasQueryRank ? try matrix(prefix + "attn_q_a.weight") : nil,
            queryNorm: hasQueryRank ? try norm("attn_q_a_norm") : nil,
            query: try matrix(prefix + (hasQueryRank ? "attn_q_b.weight" : "attn_q.weight")),
            latent: try matrix(prefix + "attn_kv_a_mqa.weight"), latentNorm: try norm("attn_kv_a_norm"), heads: heads,
            output: try linear(prefix + "attn_output", hasBias: model.hasAttentionOutputBias))
    }

    private func attention(_ prefix: String, layer: Int) throws(InferenceError) -> Attention {
        let names = model.hasFusedQueryKeyValue ? ["attn_qkv"] : ["attn_q", "attn_k", "attn_v"]
        var queryKeyValue: [Linear] = []
        for name in names {
            queryKeyValue.append(try linear(prefix + name, hasBias: model.hasQueryKeyValueBias))
        }
        let hasNorms = model.queryKeyNorm == .perHead || model.queryKeyNorm == .allHeads
        let isRotated = model.isRotated(layer: layer)
        return Attention(
            model: model, scale: model.attentionScale(layer: layer), queryKeyValue: queryKeyValue,
            queryNorm: hasNorms ? try queryKeyNorm(prefix + "attn_q_norm") : nil,
            keyNorm: hasNorms ? try queryKeyNorm(prefix + "attn_k_norm") : nil,
            output: try linear(prefix + "attn_output", hasBias: model.hasAttentionOutputBias),
            turnedNorm: model.queryKeyNorm == .afterRotation && isRotated ? try turnedNorm() : nil,
            window: model.attentionWindow(layer: layer), isRotated: isRotated,
            temperature: model.attentionTemperature(layer: layer),
            sinks: model.hasAttentionSinks ? try vector(prefix + "attn_sinks.weight") : nil)
    }

    /// Without weights: all are 1.
    private func turnedNorm() throws(InferenceError) -> Normalization {
        let ones = try FloatVector(count: model.headSize, name: "ones")
        for index in 0..<ones.count { ones.values[index] = 1 }
        return Normalization(kind: .rmsNorm, epsilon: model.normalizationEpsilon, weight: ones, bias: nil)
    }

    private func denseFeedForward(_ prefix: String) throws(InferenceError) -> DenseFeedForward {
        let hasBias = model.hasFeedForwardBias
        return DenseFeedForward(
            model: model, feedForwardLength: model.feedForwardLength,
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
            choiceBias: experts.hasChoiceBias ? try vector(prefix + "exp_probs_b.bias") : nil,
            gateBias: try bias(.gate), upBias: try bias(.up), downBias: try bias(.down),
            shared: try experts.shared.map { shared throws(InferenceError) in try sharedExpert(shared, prefix) })
    }

    private func sharedExpert(_ shared: Experts.Shared, _ prefix: String) throws(InferenceError) -> SharedExpert {
        SharedExpert(
            network: DenseFeedForward(
                model: model, feedForwardLength: shared.feedForwardLength,
                gate: try linear(prefix + "ffn_gate_shexp", hasBias: false),
                up: try linear(prefix + "ffn_up_shexp", hasBias: false),
                down: try linear(prefix + "ffn_down_shexp", hasBias: false)),
            gate: shared.isGated ? try matrix(prefix + "ffn_gate_inp_shexp.weight") : nil)
    }

    private func head() throws(InferenceError) -> OutputHead {
        OutputHead(
            norm: try norm("output_norm"),
            output: Linear(
                weight: try matrix(model.hasTiedEmbeddings ? "token_embd.weight" : "output.weight"),
                bias: model.hasOutputBias ? try vector("output.bias") : nil),
            scale: model.logitScale, softcap: model.logitSoftcap)
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
