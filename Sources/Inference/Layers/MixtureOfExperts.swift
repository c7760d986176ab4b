// The feed-forward network of one layer as many experts, of which each token passes through a few.
//
// Responsible for: who goes where, and the experts' products as a straight line with shapes.
// Must not know: the residual stream, other layers, where weights come from.

import CKernels
import ModelFile

/// The matrices of one expert.
struct Expert {
    /// [feedForwardLength, embeddingLength]
    let gate: PackedMatrix
    let up: PackedMatrix
    /// [embeddingLength, feedForwardLength]
    let down: PackedMatrix
}

/// The expert that all tokens share.
struct SharedExpert {
    let network: DenseFeedForward
    /// [1, embeddingLength]: what it gives is multiplied by the sigmoid of this one's output.
    let gate: PackedMatrix?

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool { network.quantizesInput || gate?.isQuantized == true }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength]; what each token's is to be
    /// multiplied by goes into gates [tokens].
    func forward(_ pass: ForwardPass, gates: UnsafeMutablePointer<Float>) {
        network.forward(pass)
        guard let gate else { return }
        let tokens = pass.batch.tokenCount
        gate.multiply(pass.workspace.normed, into: gates, stride: 1, tokens: tokens, pool: pass.pool)
        tk_sigmoid(gates, tokens)
    }
}

/// The sum over a token's experts e of weight(e) * (down(activation(gate(x), up(x)))), or of the same without the weight of
/// weight(e) * x.
///
/// Each token has a row for each expert that it chose; rows of one expert lie together, so that an expert's matrices are
/// read once for all its tokens. A row depends on nothing but its token, and a token's rows are added up in ascending
/// order of expert, to what the shared expert gives if there is one: results do not depend on the batch or on the number
/// of threads.
struct MixtureOfExperts {
    let model: ModelConfiguration
    let experts: Experts
    /// [count, embeddingLength]
    let router: Linear
    /// [count]
    let members: [Expert]
    /// [count]: added to what experts are chosen by.
    let choiceBias: FloatVector?
    /// The bias holds no numbers: experts chosen by it mean nothing, which their weights must say, as they do not hold it.
    private let hasDamagedChoice: Bool
    /// [count, feedForwardLength], [count, feedForwardLength], [count, embeddingLength]
    let gateBias: FloatVector?
    let upBias: FloatVector?
    let downBias: FloatVector?
    let shared: SharedExpert?

    private let quantizesGathered: Bool
    private let quantizesWidened: Bool

    init(
        model: ModelConfiguration, experts: Experts, router: Linear, members: [Expert], choiceBias: FloatVector?,
        gateBias: FloatVector?, upBias: FloatVector?, downBias: FloatVector?, shared: SharedExpert?
    ) {
        self.model = model
        self.experts = experts
        self.router = router
        self.members = members
        self.choiceBias = choiceBias
        hasDamagedChoice = choiceBias.map { !$0.isFinite } ?? false
        self.gateBias = gateBias
        self.upBias = upBias
        self.downBias = downBias
        self.shared = shared
        quantizesGathered = members.contains { $0.gate.isQuantized || $0.up.isQuantized }
        quantizesWidened = members.contains { $0.down.isQuantized }
    }

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool { router.weight.isQuantized || shared?.quantizesInput == true }

    /// workspace.normed [tokens, embeddingLength] -> workspace.update [tokens, embeddingLength].
    func forward(_ pass: ForwardPass) {
        guard let space = pass.workspace.experts else { preconditionFailure("a stage with experts has their buffers") }
        let normed = pass.workspace.normed
        let tokens = pass.batch.tokenCount
        let rows = tokens * experts.usedCount
        let dim = model.embeddingLength
        let wide = experts.feedForwardLength

        // normed [tokens, dim] -> scores [tokens, count] -> chosen, weights [tokens, used]
        router.weight.multiply(normed, into: space.scores, stride: experts.count, tokens: tokens, pool: pass.pool)
        pass.forEachRow(cost: 4 * experts.count * experts.usedCount) { token in choose(space, token: token) }
        space.group(tokens: tokens, of: experts)
        // normed [tokens, dim] -> gathered [rows, dim]
        pass.pool.run(pieces: rows, operations: 4 * rows * dim) { row, _ in
            let choice = Int(space.choiceOfRow[row]), token = choice / experts.usedCount
            (space.gathered.values + row * dim).update(from: normed.values + token * dim, count: dim)
            if experts.scalesInputs { tk_scale(space.gathered.values + row * dim, dim, space.weights[choice]) }
            if quantizesGathered { space.gathered.quantizeRow(row, of: rows, columns: dim) }
        }
        // gathered [rows, dim] -> gate, up [rows, wide]
        multiply(pass, space, space.gathered, columns: dim, into: space.gate, space.up, stride: wide) { expert in
            (expert.gate, expert.up)
        }
        // activation in place in gate
        let widened = Activations(values: space.gate, quantized: space.widened)
        pass.pool.run(pieces: rows, operations: 20 * rows * wide) { row, _ in
            activate(space, row: row)
            if quantizesWidened { widened.quantizeRow(row, of: rows, columns: wide) }
        }
        // widened [rows, wide] -> outputs [rows, dim]; the gathered inputs are not needed any more
        let outputs = space.gathered.values
        multiply(pass, space, widened, columns: wide, into: outputs, nil, stride: dim) { expert in (expert.down, nil) }
        // normed [tokens, dim] -> update [tokens, dim]
        shared?.forward(pass, gates: space.sharedGates)
        // update [tokens, dim] += outputs [rows, dim]
        pass.forEachRow(cost: 4 * experts.usedCount * dim) { token in
            addUp(space, outputs, token: token, into: pass.workspace.update + token * pass.workspace.updateStride)
        }
    }

    /// chosen, weights [used] of one token from its scores [count].
    private func choose(_ space: ExpertBuffers, token: Int) {
        let scores = space.scores + token * experts.count
        let chosen = space.chosen + token * experts.usedCount
        let weights = space.weights + token * experts.usedCount
        router.addBias(scores)
        let isSigmoid = experts.routing == .sigmoid || experts.routing == .normalizedSigmoid
        if isSigmoid { tk_sigmoid(scores, experts.count) }
        tk_choose_largest(chosen, experts.usedCount, candidates(space, token: token, scores: scores), experts.count)
        if experts.routing == .softmaxOverAll { tk_softmax(scores, experts.count) }
        for index in 0..<experts.usedCount { weights[index] = scores[Int(chosen[index])] }
        switch experts.routing {
        case .softmaxOverAll, .sigmoid: break
        case .softmaxOverChosen: tk_softmax(weights, experts.usedCount)
        case .normalizedSigmoid:
            var sum: Float = 0
            for index in 0..<experts.usedCount { sum += weights[index] }
            for index in 0..<experts.usedCount { weights[index] /= sum + 1e-20 }
        }
        if experts.weightScale != 1 { tk_scale(weights, experts.usedCount, experts.weightScale) }
        if hasDamagedChoice { weights[0] = .nan }
    }

    /// What the experts of a token are chosen by [count]: its scores, where nothing else is said of the choice. Softmax
    /// keeps the order, so its inputs do as well.
    private func candidates(
        _ space: ExpertBuffers, token: Int, scores: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
        guard choiceBias != nil || experts.groups != nil else { return scores }
        let candidates = space.candidates + token * experts.count
        candidates.update(from: scores, count: experts.count)
        if let choiceBias { tk_add(candidates, choiceBias.values, experts.count) }
        guard let groups = experts.groups else { return candidates }
        let size = experts.count / groups.count
        let groupScores = space.groupScores + token * groups.count
        let indices = space.groupIndices + token * max(2, groups.count)
        for group in 0..<groups.count {
            let members = candidates + group * size
            let largest = groups.scoring == .largest ? 1 : 2
            tk_choose_largest(indices, largest, members, size)
            groupScores[group] = members[Int(indices[0])]
            if largest == 2 { groupScores[group] += members[Int(indices[1])] }
        }
        tk_choose_largest(indices, groups.usedCount, groupScores, groups.count)
        var next = 0  // among the chosen groups, which ascend
        for group in 0..<groups.count {
            if next < groups.usedCount, indices[next] == UInt32(group) {
                next += 1
            } else {
                (candidates + group * size).update(repeating: -.infinity, count: size)
            }
        }
        return candidates
    }

    /// out [rows, stride] = the first (and `second` = the second) of an expert's matrices times each of its rows of
    /// x [rows, columns]. One job for all experts, so that even a single token keeps all threads busy.
    private func multiply(
        _ pass: ForwardPass, _ space: ExpertBuffers, _ x: Activations, columns: Int,
        into out: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>?, stride: Int,
        _ matrices: (Expert) -> (PackedMatrix, PackedMatrix?)
    ) {
        let each = second == nil ? 1 : 2
        let products = space.activeCount * each
        let parts = pass.pool.threads == 1 ? 1 : (4 * pass.pool.threads + products - 1) / products
        let rows = pass.batch.tokenCount * experts.usedCount
        pass.pool.run(pieces: products * parts, operations: each * rows * columns * stride) { piece, _ in
            let (product, part) = piece.quotientAndRemainder(dividingBy: parts)
            let (place, which) = product.quotientAndRemainder(dividingBy: each)
            let expert = Int(space.active[place])
            let (matrix, other) = matrices(members[expert])
            let chosenBy = Int(space.starts[expert])..<Int(space.starts[expert + 1])
            let chosen = which == 0 ? matrix : other ?? matrix
            chosen.multiply(
                x, tokens: chosenBy, of: rows, into: (which == 0 ? out : second ?? out) + chosenBy.lowerBound * stride,
                stride: stride, groups: chosen.groupCount * part / parts..<chosen.groupCount * (part + 1) / parts)
        }
    }

    /// gate [feedForwardLength] of one row = activation(gate, up).
    private func activate(_ space: ExpertBuffers, row: Int) {
        let wide = experts.feedForwardLength
        let gate = space.gate + row * wide
        let up = space.up + row * wide
        let expert = Int(space.expertOfRow[row])
        if let gateBias { tk_add(gate, gateBias.values + expert * wide, wide) }
        if let upBias { tk_add(up, upBias.values + expert * wide, wide) }
        switch experts.activation {
        case .silu: tk_silu_multiply(gate, up, wide)
        case .clampedSwiGLU(let alpha, let limit): tk_clamped_swiglu(gate, up, wide, alpha, limit)
        }
    }

    /// update [embeddingLength] of one token: fma(weight, output + bias, update) in ascending order of expert, from what
    /// the shared expert gives (times its gate), or from 0.
    private func addUp(
        _ space: ExpertBuffers, _ outputs: UnsafeMutablePointer<Float>, token: Int,
        into update: UnsafeMutablePointer<Float>
    ) {
        let dim = model.embeddingLength
        if shared == nil { update.update(repeating: 0, count: dim) }
        if shared?.gate != nil { tk_scale(update, dim, space.sharedGates[token]) }
        for place in token * experts.usedCount..<(token + 1) * experts.usedCount {
            let output = outputs + Int(space.rowOfChoice[place]) * dim
            if let downBias { tk_add(output, downBias.values + Int(space.chosen[place]) * dim, dim) }
            tk_add_scaled(update, output, experts.scalesInputs ? 1 : space.weights[place], dim)
        }
    }
}
