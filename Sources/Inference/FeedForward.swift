// The feed-forward network of one layer.
//
// Responsible for: the kinds of network, and the dense one as a straight line with shapes.
// Must not know: the residual stream, other layers, where weights come from.

import CKernels
import ModelFile

/// A feed-forward network of some kind.
enum FeedForward {
    case dense(DenseFeedForward)
    case experts(MixtureOfExperts)

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool {
        switch self {
        case .dense(let network): network.quantizesInput
        case .experts(let network): network.quantizesInput
        }
    }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength].
    func forward(_ pass: ForwardPass) {
        switch self {
        case .dense(let network): network.forward(pass)
        case .experts(let network): network.forward(pass)
        }
    }
}

/// down(activation(gate(x)) * up(x)), or down(activation(up(x))) where there is no gate.
struct DenseFeedForward {
    let model: ModelConfiguration
    /// Only where the network is gated and `up` does not hold it too.
    let gate: Linear?
    /// The rows of the gate before its own where the model has both in one matrix.
    let up: Linear
    let down: Linear

    var quantizesInput: Bool { up.weight.isQuantized || gate?.weight.isQuantized == true }

    func forward(_ pass: ForwardPass) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let dim = model.embeddingLength
        let wide = model.feedForwardLength

        // normed [tokens, dim] -> gate, up [tokens, wide]; fused: -> up [tokens, gate and up]
        gate?.weight.multiply(space.normed, into: space.gate, stride: wide, tokens: tokens, pool: pass.pool)
        up.weight.multiply(space.normed, into: space.up, stride: up.weight.rows, tokens: tokens, pool: pass.pool)
        // activation: gated networks leave it in gate, others in up
        let widened = Activations(values: model.isGated ? space.gate : space.up, quantized: space.widened)
        pass.forEachRow(cost: 20 * wide) { row in
            activate(space, row: row)
            if down.weight.isQuantized { widened.quantizeRow(row, of: tokens, columns: wide) }
        }
        // widened [tokens, wide] -> update [tokens, dim]
        down.weight.multiply(widened, into: space.update, stride: dim, tokens: tokens, pool: pass.pool)
        if down.bias != nil { pass.forEachRow(cost: dim) { row in down.addBias(space.update + row * dim) } }
    }

    /// One token: gate = activation(gate) * up, or up = activation(up).
    private func activate(_ space: Workspace, row: Int) {
        let wide = model.feedForwardLength
        let rowGate = space.gate + row * wide
        var rowUp = space.up + row * up.weight.rows
        gate?.addBias(rowGate)
        up.addBias(rowUp)
        if model.hasFusedGateUp {
            rowGate.update(from: rowUp, count: wide)
            rowUp += wide
        }
        switch (model.activation, model.isGated) {
        case (.silu, true): tk_silu_multiply(rowGate, rowUp, wide)
        case (.geluTanh, true): tk_gelu_multiply(rowGate, rowUp, wide)
        case (.geluTanh, false): tk_gelu_tanh(rowUp, wide)
        case (.silu, false): preconditionFailure("a stage is not made with such a network")
        }
    }
}
