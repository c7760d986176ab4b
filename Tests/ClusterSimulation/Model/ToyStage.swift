// Responsible for: the toy model's layers as a worker computes them: through block tables, with activations passed on.
// Must not know: the machines that decide what is computed.

import Cluster
import Sequences
import Wire

/// One stage: its layers' keys in blocks, and the samplers' memory if it is the last.
final class ToyStage {
    /// The tokens up to a position, as a stage finds them in the blocks that it reads.
    struct Content {
        let sequence: SequenceID
        let position: Int
        let digest: UInt64
    }

    private struct Sampler {
        var digest: UInt64
        /// Tokens known, and the last of them.
        var count: Int
        var last: Int32
        let seed: UInt64
    }

    let assign: Assign
    private let bug: PlantedBug?
    private let lengths: ToyModel.Lengths
    /// [layers] what each computes with, from the bytes that were loaded.
    private let factors: [UInt64]
    /// [layers] stages of one worker may have some in common.
    private var memories: [LayerMemory]
    private var frozen: [LayerMemory] = []
    /// What went out behind a layer, by the layer that it goes into, where it is kept.
    private var outputs: [Int: OutputMemory] = [:]
    private var contents: [Content] = []
    private var samplers: [SequenceID: Sampler] = [:]
    /// What the machines must never ask for.
    private(set) var complaint: String?

    init(_ assign: Assign, factors: [UInt64], lengths: ToyModel.Lengths, bug: PlantedBug?) {
        self.assign = assign
        self.factors = factors
        self.lengths = lengths
        self.bug = bug
        let slots = assign.keyValueBlockCount * KeyValueBlock.positions
        memories = assign.layers.map { _ in LayerMemory(slots) }
        for kept in assign.outputs { outputs[kept.layer] = OutputMemory(slots) }
    }

    /// Goes on with what an earlier stage has, which may still compute.
    func take(_ kept: HeldKeyValues.Kept, from previous: ToyStage) {
        for layer in kept.layers where previous.assign.layers.contains(layer) {
            let (own, other) = (layer - assign.layers.lowerBound, layer - previous.assign.layers.lowerBound)
            memories[own] = previous.memories[other]
        }
        for layer in kept.outputs { outputs[layer] = previous.outputs[layer] }
    }

    /// What the last step found in its blocks; nil: it looked at none.
    func takeContents() -> [Content]? {
        defer { contents = [] }
        return contents.isEmpty ? nil : contents
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
        if let layers = forward.rebuilt { return (rebuild(forward, layers, input), result) }
        hidden.reserveCapacity(forward.tokenCount)
        for item in forward.items {
            for (offset, token) in item.tokens.enumerated() {
                let position = item.position + offset
                let embedded =
                    assign.isFirst ? ToyModel.embed(token, position: position) : input[hidden.count]
                let isShort = bug == .skippedLayer && forward.step.value % 4 == 3
                hidden.append(run(embedded, item, position, isShort ? assign.layers.dropLast() : assign.layers))
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

    /// What goes on to the next stage, of the layers that are lost from here on.
    private func rebuild(_ forward: Forward, _ layers: Range<Int>, _ input: [UInt64]) -> [UInt64] {
        var hidden: [UInt64] = []
        let own = layers.clamped(to: assign.layers)
        for item in forward.items {
            for position in item.position..<item.position + item.tokens.count {
                let slot = slot(bug == .shiftedOutputs ? item.position : position, item)
                if layers.lowerBound > assign.layers.lowerBound {
                    let kept = outputs[layers.lowerBound]?.values[slot] ?? 0
                    if kept == 0 {
                        complaint = "the inputs of layer \(layers.lowerBound) are not kept at \(position)"
                    }
                    hidden.append(kept)
                } else {
                    let token = item.tokens[position - item.position]
                    hidden.append(assign.isFirst ? ToyModel.embed(token, position: position) : input[hidden.count])
                }
                if own.isEmpty || bug == .passedRebuild || bug == .keptTooMuch { continue }
                hidden[hidden.count - 1] = run(hidden[hidden.count - 1], item, position, own)
            }
        }
        return hidden
    }

    // MARK: Blocks from worker to worker

    /// Keys and digests of the first positions of a block, layer by layer; or what was kept of it behind a layer.
    func contents(of layers: Range<Int>, _ extent: BlockExtent, isOutputs: Bool) -> [UInt64] {
        let first = Int(extent.block) * KeyValueBlock.positions
        if isOutputs {
            guard let kept = outputs[layers.upperBound] else {
                complaint = "the inputs of layer \(layers.upperBound) are to be copied, and not kept"
                return []
            }
            return Array(kept.values[first..<first + extent.positions])
        }
        return layers.flatMap { layer in
            let memory = (frozen.isEmpty ? memories : frozen)[layer - assign.layers.lowerBound]
            return memory.keys[first..<first + extent.positions] + memory.digests[first..<first + extent.positions]
        }
    }

    /// With a planted bug: keys and values as they are now are sent from now on.
    func freeze() { if bug == .staleCopy, frozen.isEmpty { frozen = memories.map { LayerMemory($0) } } }

    /// The same, from another worker.
    func store(_ contents: BlockContents, _ values: [UInt64]) {
        let count = contents.positions
        if contents.isOutputs { return storeOutputs(contents, values) }
        guard values.count == contents.layers.count * 2 * count else {
            return complaint = "\(values.count) values came for \(contents)"
        }
        if bug == .lostTail, count < KeyValueBlock.positions { return }
        let first = Int(contents.block) * KeyValueBlock.positions
        for (place, layer) in contents.layers.enumerated() {
            let memory = memories[layer - assign.layers.lowerBound]
            for offset in 0..<count {
                memory.keys[first + offset] = values[2 * place * count + offset]
                memory.digests[first + offset] = values[(2 * place + 1) * count + offset]
            }
        }
    }

    private func storeOutputs(_ contents: BlockContents, _ values: [UInt64]) {
        guard values.count == contents.positions, let kept = outputs[contents.layers.upperBound] else {
            return complaint = "\(values.count) values came for \(contents)"
        }
        let first = Int(contents.block) * KeyValueBlock.positions
        kept.values.replaceSubrange(first..<first + values.count, with: values)
    }

    private func slot(_ position: Int, _ item: ForwardItem) -> Int {
        Int(item.blocks[position / KeyValueBlock.positions]) * KeyValueBlock.positions
            + position % KeyValueBlock.positions
    }

    /// One token through some layers.
    private func run(_ embedded: UInt64, _ item: ForwardItem, _ position: Int, _ layers: Range<Int>) -> UInt64 {
        var hidden = embedded
        let own = slot(position, item)
        let stretch = lengths.stretch(bug == .forgottenRestart ? 1 : item.restartLength, position: position)
        for layer in layers {
            let index = layer - assign.layers.lowerBound
            hidden = ToyModel.mix(hidden, stretch ^ factors[index])
            let memory = memories[index]
            if bug != .staleBlock || memory.keys[own] == 0 { memory.keys[own] = ToyModel.key(hidden, layer: layer) }
            let (a, b, c, d) = ToyModel.looksAt(position, layer: layer)
            let seen = [a, b, c, d].map { memory.keys[slot($0, item)] }
            hidden = ToyModel.attend(hidden, seen[0], seen[1], seen[2], seen[3])
            noteContent(index, item, position, own)
            outputs[layer + 1]?.values[own] = hidden
        }
        return hidden
    }

    /// What the blocks of a layer say of the tokens before a position; the position's own is written.
    private func noteContent(_ index: Int, _ item: ForwardItem, _ position: Int, _ own: Int) {
        let memory = memories[index]
        let before = position == 0 ? 1 : memory.digests[slot(position - 1, item)]
        if before == 0 {
            complaint = "layer \(assign.layers.lowerBound + index) lacks what \(item.sequence) has before \(position)"
        }
        memory.digests[own] = ToyModel.remember(before, item.tokens[position - item.position]) | 1
        contents.append(
            Content(sequence: item.sequence, position: position, digest: memory.digests[own]))
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
