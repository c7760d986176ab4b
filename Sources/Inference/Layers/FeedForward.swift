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
    /// Rows of gate and up: the model's, or those of an expert that all tokens share.
    let feedForwardLength: Int
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

        // normed [tokens, dim] -> gate, up [tokens, wide] -> activation: gated networks leave it in gate, others in up
        let widened = Activations(values: model.isGated ? space.gate : space.up, quantized: space.widened)
        if model.hasFusedGateUp {
            widenWithOneMatrix(pass, widened)
        } else {
            widen(pass, widened)
        }
        // widened [tokens, wide] -> update [tokens, dim]
        down.weight.multiply(widened, into: space.update, stride: space.updateStride, tokens: tokens, pool: pass.pool)
        if down.bias != nil {
            pass.forEachRow(cost: dim) { row in down.addBias(space.update + row * space.updateStride) }
        }
    }

    /// Products, activation and its quantization, columns by columns as one job: gate and up of a piece stay in the
    /// second-level cache.
    private func widen(_ pass: ForwardPass, _ widened: Activations) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let wide = feedForwardLength
        let groups = up.weight.groupCount
        let groupNumbers = tokens * space.pieceStride(columns: PackedMatrix.panelsAtOnce * PackedMatrix.panelRows)
        let groupsOfPiece = max(1, space.pieceNumbers / max(1, groupNumbers))  // a batch may be empty
        let pieces = max(
            PackedMatrix.pieces(ofGroups: groups, pool: pass.pool), (groups + groupsOfPiece - 1) / groupsOfPiece)
        let operations = (gate == nil ? 1 : 2) * tokens * wide * model.embeddingLength
        pass.pool.run(pieces: pieces, operations: operations) { piece, thread in
            let own = groups * piece / pieces..<groups * (piece + 1) / pieces
            let columns = up.weight.rows(ofGroups: own)
            let stride = space.pieceStride(columns: columns.count)
            let place = space.piece(ofThread: thread)
            // normed [tokens, dim] -> place.gate, place.up [tokens, columns.count]
            let all = 0..<tokens, start = columns.lowerBound
            gate?.weight.multiply(
                space.normed, tokens: all, of: tokens, into: place.gate - start, stride: stride, groups: own)
            up.weight.multiply(
                space.normed, tokens: all, of: tokens, into: place.up - start, stride: stride, groups: own)
            for row in 0..<tokens {
                let rowUp = place.up + row * stride
                let rowGate = model.isGated ? place.gate + row * stride : rowUp
                gate?.addBias(rowGate, columns: columns)
                up.addBias(rowUp, columns: columns)
                activate(gate: rowGate, up: rowUp, count: columns.count)
                keep(rowGate, columns, ofRow: row, of: tokens, in: widened)
            }
        }
    }

    /// Some columns of a row of the input of `down`: quantized, or as they are.
    private func keep(
        _ values: UnsafeMutablePointer<Float>, _ columns: Range<Int>, ofRow row: Int, of tokens: Int,
        in widened: Activations
    ) {
        let wide = feedForwardLength
        if down.weight.isQuantized {
            tk_quantize(
                tk_quantized(blocks: widened.quantized, tokens: tokens), wide, row, columns.lowerBound, values,
                columns.count)
        } else {
            (widened.values + row * wide + columns.lowerBound).update(from: values, count: columns.count)
        }
    }

    /// The same where one matrix has the rows of gate and up.
    private func widenWithOneMatrix(_ pass: ForwardPass, _ widened: Activations) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let wide = feedForwardLength
        up.weight.multiply(space.normed, into: space.up, stride: up.weight.rows, tokens: tokens, pool: pass.pool)
        pass.forEachRow(cost: 20 * wide) { row in
            let rowUp = space.up + row * up.weight.rows
            up.addBias(rowUp)
            let rowGate = space.gate + row * wide
            rowGate.update(from: rowUp, count: wide)
            activate(gate: rowGate, up: rowUp + wide, count: wide)
            if down.weight.isQuantized { widened.quantizeRow(row, of: tokens, columns: wide) }
        }
    }

    /// gate [count] = activation(gate) * up, or where there is no gate up = activation(up).
    private func activate(gate: UnsafeMutablePointer<Float>, up: UnsafeMutablePointer<Float>, count: Int) {
        switch (model.activation, model.isGated) {
        case (.silu, true): tk_silu_multiply(gate, up, count)
        case (.geluTanh, true): tk_gelu_multiply(gate, up, count)
        case (.geluTanh, false): tk_gelu_tanh(up, count)
        case (.gelu, false): tk_gelu_erf(up, count)
        case (.silu, false), (.gelu, true): preconditionFailure("a stage is not made with such a network")
        }
    }
}
