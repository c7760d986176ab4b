// The gated delta net of one layer: projections, a short convolution, a state that goes from token to token, a gated norm
// and the output's projection.
//
// Responsible for: the order of these operations, as one straight line with shapes, and where a state goes on from.
// Must not know: the residual stream, other layers, where weights come from, how blocks are chosen.

import CKernels
import ModelFile
import Sequences

/// The weights of a layer's delta net and what it computes with them. The definition is
/// `torch_recurrent_gated_delta_rule` in transformers' modeling_qwen3_next.py: per token and value head
/// S = S * decay; S += key ⊗ (value - key · S) * beta; out = query · S.
///
/// Tokens go one after the other, so no result depends on how a prompt is cut. A state lives in the KV block of its last
/// position (`DeltaNetBlock`): a sequence goes on from there, and one that shares a prefix starts from its last block.
struct GatedDeltaNet {
    let model: ModelConfiguration
    let net: DeltaNet
    let blockShape: DeltaNetBlock.Shape
    /// "attn_qkv", "attn_gate", "ssm_beta", "ssm_alpha"; their outputs lie side by side.
    let projections: [Linear]
    /// [channelCount, convolutionLength]
    let convolution: FloatVector
    /// [valueHeadCount]: -exp(A_log), and what is added to alpha.
    let rates: FloatVector
    let timeBias: FloatVector
    /// [keySize]: what normed queries and keys are multiplied by.
    let queryScale: FloatVector
    let keyScale: FloatVector
    /// Of each value head of the output.
    let norm: Normalization
    let output: Linear

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool { projections.contains { $0.weight.isQuantized } }

    // Columns of a row of projections: queries, keys and values are first.
    private var gateColumn: Int { net.channelCount }
    private var betaColumn: Int { gateColumn + net.valueLength }
    private var alphaColumn: Int { betaColumn + net.valueHeadCount }

    /// Numbers that the projections make of one token.
    static func projectedLength(_ net: DeltaNet) -> Int { net.channelCount + net.valueLength + 2 * net.valueHeadCount }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength]; inputs and states go into
    /// the cache. `index` counts layers from the stage's first one.
    func forward(_ pass: ForwardPass, index: Int) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let dim = model.embeddingLength

        // normed [tokens, dim] -> qkv [tokens, channels + values + 2 * valueHeads]
        pass.project(projections, columns: dim)
        // what states are made of into the cache: convolutions look back at it
        pass.forEachRow(cost: 2 * net.channelCount) { row in storeInputs(pass, row: row, layer: index) }
        // qkv: queries, keys and values convolved, queries and keys normed
        pass.forEachRow(cost: 16 * net.channelCount) { row in
            convolve(pass, row: row, layer: index)
            normalize(space.qkv + row * space.qkvStride)
        }
        // qkv and the cache -> attended [tokens, valueLength]; a piece is a head: all its states are one thread's
        pass.pool.run(pieces: net.valueHeadCount, operations: 4 * tokens * net.stateCount) { head, thread in
            recur(pass, head: head, layer: index, scratch: space.piece(ofThread: thread).gate)
        }
        // attended: each head normed, times silu of its gate
        pass.forEachRow(cost: 16 * net.valueLength) { row in
            gate(space.attended.values + row * net.valueLength, by: space.qkv + row * space.qkvStride + gateColumn)
            if output.weight.isQuantized {
                space.attended.quantizeRow(row, of: tokens, columns: net.valueLength)
            }
        }
        // attended [tokens, valueLength] -> update [tokens, dim]
        output.weight.multiply(
            space.attended, into: space.update, stride: space.updateStride, tokens: tokens, pool: pass.pool)
    }

    // MARK: Rows

    /// One token: its inputs go into its block; betas and decays stand in its row too.
    private func storeInputs(_ pass: ForwardPass, row: Int, layer: Int) {
        let projected = pass.workspace.qkv + row * pass.workspace.qkvStride
        let (betas, alphas) = (projected + betaColumn, projected + alphaColumn)
        let place = pass.batch.positions[row] % KeyValueBlock.positions
        let block = block(pass, row: row, position: pass.batch.positions[row], layer: layer)
        block.channels(place).update(from: projected, count: net.channelCount)
        block.betas(place).update(repeating: 1, count: net.valueHeadCount)
        tk_gate(block.betas(place), betas, net.valueHeadCount)
        for head in 0..<net.valueHeadCount {
            block.decays(place)[head] = tk_softplus_decay(
                alphas[head] + timeBias.values[head], rates.values[head])
        }
    }

    /// One token: queries, keys and values after the convolution.
    private func convolve(_ pass: ForwardPass, row: Int, layer: Int) {
        convolve(
            0..<net.channelCount, pass, row: row, position: pass.batch.positions[row], layer: layer,
            into: pass.workspace.qkv + row * pass.workspace.qkvStride)
    }

    /// out [channels.count] = silu(convolution) of some channels at a position of the row's sequence.
    private func convolve(
        _ channels: Range<Int>, _ pass: ForwardPass, row: Int, position: Int, layer: Int,
        into out: UnsafeMutablePointer<Float>
    ) {
        let taps = net.convolutionLength
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: taps) { inputs in
            for tap in 0..<taps {
                let from = position - (taps - 1 - tap)
                let place = from % KeyValueBlock.positions
                inputs[tap] =
                    from < 0
                    ? nil
                    : UnsafePointer(
                        block(pass, row: row, position: from, layer: layer).channels(place) + channels.lowerBound)
            }
            tk_short_convolution(
                out, inputs.baseAddress, convolution.values + channels.lowerBound * taps, taps, channels.count)
        }
        tk_gate(out, out, channels.count)
    }

    /// Queries and keys of one token, each head divided by its length: x / sqrt(sum(x^2) + 1e-6), as an RMS norm.
    private func normalize(_ projected: UnsafeMutablePointer<Float>) {
        for head in 0..<net.keyHeadCount {
            normalize(projected + head * net.keySize, scale: queryScale)
            normalize(projected + net.keyLength + head * net.keySize, scale: keyScale)
        }
    }

    private func normalize(_ head: UnsafeMutablePointer<Float>, scale: FloatVector) {
        tk_rms_norm(head, head, scale.values, net.keySize, 1e-6 / Float(net.keySize))
    }

    /// out [valueLength] of one token: each head normed, times silu(gate).
    private func gate(_ out: UnsafeMutablePointer<Float>, by gate: UnsafeMutablePointer<Float>) {
        for start in stride(from: 0, to: net.valueLength, by: net.valueSize) {
            norm.apply(out + start, into: out + start)
        }
        tk_silu_multiply(gate, out, net.valueLength)
        out.update(from: gate, count: net.valueLength)
    }

    // MARK: States

    /// One head of all tokens, in the order of the batch: attended [tokens, valueLength], and the states in the blocks.
    private func recur(_ pass: ForwardPass, head: Int, layer: Int, scratch: UnsafeMutablePointer<Float>) {
        let space = pass.workspace
        let key = net.keyHead(ofValueHead: head) * net.keySize
        for row in 0..<pass.batch.tokenCount {
            let position = pass.batch.positions[row]
            let place = position % KeyValueBlock.positions
            let block = block(pass, row: row, position: position, layer: layer)
            if place == 0 || block.count(head) != place {
                restore(pass, row: row, head: head, layer: layer, scratch: scratch)
            }
            let projected = space.qkv + row * space.qkvStride
            var step = tk_delta_step(
                query: projected + key, key: projected + net.keyLength + key,
                value: projected + 2 * net.keyLength + head * net.valueSize, decay: block.decays(place)[head],
                beta: block.betas(place)[head], keys: net.keySize)
            tk_delta_rule(
                &step, block.state(head), space.attended.values + row * net.valueLength + head * net.valueSize,
                net.valueSize)
            block.setCount(head, place + 1)
        }
    }

    /// Makes the state of a row's block what it was before the row's position: from the state at the end of the block
    /// before, by the inputs of the block's positions up to there.
    ///
    /// So a sequence begins a block, and so it goes back to a position that is fed again (after a wrong guess, or where a
    /// block that others have filled is taken up in its midst). The block before may have been taken back likewise, by
    /// one that feeds again what it holds: its inputs are the same, so it is made whole first.
    private func restore(
        _ pass: ForwardPass, row: Int, head: Int, layer: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let length = KeyValueBlock.positions
        let position = pass.batch.positions[row]
        let last = position / length
        func block(_ index: Int) -> DeltaNetBlock {
            self.block(pass, row: row, position: index * length, layer: layer)
        }
        var first = last
        while first > 0 && block(first - 1).count(head) != length { first -= 1 }
        for index in first...last {
            let own = block(index)
            if index == 0 {
                own.state(head).update(repeating: 0, count: blockShape.stateSize)
            } else {
                own.state(head).update(from: block(index - 1).state(head), count: blockShape.stateSize)
            }
            let end = index == last ? position % length : length
            for place in 0..<end {
                takeIn(pass, row: row, position: index * length + place, head: head, layer: layer, scratch: scratch)
            }
            own.setCount(head, end)
        }
    }

    /// The state of a position's block takes in the inputs that the block holds for this position.
    private func takeIn(
        _ pass: ForwardPass, row: Int, position: Int, head: Int, layer: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let (key, value) = (scratch, scratch + net.keySize)
        let seen = value + net.valueSize
        let firstKey = net.keyLength + net.keyHead(ofValueHead: head) * net.keySize
        let firstValue = 2 * net.keyLength + head * net.valueSize
        convolve(
            firstKey..<firstKey + net.keySize, pass, row: row, position: position, layer: layer, into: key)
        normalize(key, scale: keyScale)
        convolve(
            firstValue..<firstValue + net.valueSize, pass, row: row, position: position, layer: layer, into: value)
        let block = block(pass, row: row, position: position, layer: layer)
        let place = position % KeyValueBlock.positions
        var step = tk_delta_step(
            query: key, key: key, value: value, decay: block.decays(place)[head], beta: block.betas(place)[head],
            keys: net.keySize)
        tk_delta_rule(&step, block.state(head), seen, net.valueSize)
    }

    /// The block that holds a position of a row's sequence, which is not after the row's own.
    private func block(_ pass: ForwardPass, row: Int, position: Int, layer: Int) -> DeltaNetBlock {
        let id = pass.batch.blocks[pass.batch.tableStarts[row] + position / KeyValueBlock.positions]
        return DeltaNetBlock(pass.cache.block(id, layer: layer), blockShape)
    }
}
