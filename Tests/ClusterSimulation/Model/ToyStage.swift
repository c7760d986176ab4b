// Responsible for: the toy model's layers as a worker computes them: through block tables, with activations passed on.
// Must not know: the machines that decide what is computed.

import Sequences
import Wire

/// One stage: its layers' keys in blocks, and the samplers' memory if it is the last.
final class ToyStage {
    private struct Sampler {
        var digest: UInt64
        /// Tokens known, and the last of them.
        var count: Int
        var last: Int32
        let seed: UInt64
    }

    private let assign: Assign
    private let bug: PlantedBug?
    private let lengths: ToyModel.Lengths
    /// [layers] what each computes with, from the bytes that were loaded.
    private let factors: [UInt64]
    /// [layers, blocks * blockPositions]; 0: never written.
    private var keys: [[UInt64]]
    private var samplers: [SequenceID: Sampler] = [:]
    /// What the machines must never ask for.
    private(set) var complaint: String?

    init(_ assign: Assign, factors: [UInt64], lengths: ToyModel.Lengths, bug: PlantedBug?) {
        self.assign = assign
        self.factors = factors
        self.lengths = lengths
        self.bug = bug
        let slots = assign.keyValueBlockCount * KeyValueBlock.positions
        keys = Array(repeating: Array(repeating: 0, count: slots), count: assign.layers.count)
    }

    var sequenceCount: Int { samplers.count }

    func end(_ sequences: [SequenceID]) {
        for sequence in sequences where samplers.removeValue(forKey: sequence) == nil && assign.isLast {
            complaint = "\(sequence) ended without having begun"
        }
    }

    /// Activations [tokens] in, and out; samples and scores on the last stage.
    func compute(_ forward: Forward, _ input: [UInt64]) -> (hidden: [UInt64], result: StepResult) {
        var hidden: [UInt64] = []
        var result = StepResult(epoch: forward.epoch, step: forward.step)
        hidden.reserveCapacity(forward.tokenCount)
        for item in forward.items {
            for (offset, token) in item.tokens.enumerated() {
                let position = item.position + offset
                let embedded =
                    assign.isFirst ? ToyModel.embed(token, position: position) : input[hidden.count]
                hidden.append(run(embedded, item, position, forward.step))
            }
        }
        if bug == .swappedSequences, forward.items.count > 1, forward.step.value % 3 == 0 { hidden.reverse() }
        guard assign.isLast else { return (hidden, result) }
        var row = 0
        for item in forward.items {
            row += item.tokens.count
            for token in sample(item, hidden[(row - item.tokens.count)..<row]) {
                result.samples.append(
                    SequenceSample(sequence: item.sequence, sample: SampledToken(token: token)))
            }
            if item.targets.isEmpty { continue }
            let values = zip(hidden[..<row].suffix(item.targets.count), item.targets).map {
                ToyModel.score($0, target: $1)
            }
            result.scores.append(SequenceScores(sequence: item.sequence, logProbabilities: values))
        }
        return (hidden, result)
    }

    /// One token through all layers.
    private func run(_ embedded: UInt64, _ item: ForwardItem, _ position: Int, _ step: StepID) -> UInt64 {
        var hidden = embedded
        func slot(_ position: Int) -> Int {
            Int(item.blocks[position / KeyValueBlock.positions]) * KeyValueBlock.positions
                + position % KeyValueBlock.positions
        }
        let isShort = bug == .skippedLayer && step.value % 4 == 3
        let own = slot(position)
        let stretch = lengths.stretch(bug == .forgottenRestart ? 1 : item.restartLength, position: position)
        for index in 0..<(isShort ? keys.count - 1 : keys.count) {
            let layer = assign.layers.lowerBound + index
            hidden = ToyModel.mix(hidden, stretch ^ factors[index])
            if bug != .staleBlock || keys[index][own] == 0 { keys[index][own] = ToyModel.key(hidden, layer: layer) }
            let (a, b, c, d) = ToyModel.looksAt(position, layer: layer)
            hidden = ToyModel.attend(
                hidden, keys[index][slot(a)], keys[index][slot(b)], keys[index][slot(c)], keys[index][slot(d)])
        }
        return hidden
    }

    /// What follows the tokens of an item that are to be sampled after, up to the first wrong guess. Keeps the history
    /// that a sampler needs.
    private func sample(_ item: ForwardItem, _ hidden: ArraySlice<UInt64>) -> [Int32] {
        if let begin = item.begin {
            if samplers[item.sequence] != nil { complaint = "\(item.sequence) began twice" }
            let digest = begin.history.reduce(UInt64(begin.promptTokenCount)) { ToyModel.remember($0, $1) }
            samplers[item.sequence] = Sampler(
                digest: digest, count: item.position, last: begin.history.last ?? -1, seed: begin.sampling.seed)
        }
        guard var sampler = samplers[item.sequence] else {
            if item.sampleCount > 0 { complaint = "\(item.sequence) samples and has not begun" }
            return []
        }
        var sampled: [Int32] = []
        for (offset, token) in item.tokens.enumerated() {
            let position = item.position + offset
            if offset >= item.tokens.count - item.draftCount {
                let isRight = position == sampler.count - 1 && token == sampler.last
                if !isRight && bug != .trustedGuess { break }
            } else if position >= sampler.count {
                if position > sampler.count { complaint = "\(item.sequence) leaves out positions before \(position)" }
                sampler.digest = ToyModel.remember(sampler.digest, token)
                (sampler.count, sampler.last) = (position + 1, token)
            }
            if offset < item.tokens.count - item.sampleCount { continue }
            let next = ToyModel.sample(
                hidden[hidden.startIndex + offset], seed: sampler.seed, position: position + 1, digest: sampler.digest)
            sampled.append(next)
            sampler.digest = ToyModel.remember(sampler.digest, next)
            (sampler.count, sampler.last) = (position + 2, next)
        }
        samplers[item.sequence] = sampler
        return sampled
    }
}
