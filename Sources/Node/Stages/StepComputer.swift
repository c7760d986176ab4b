// Responsible for: what the compute thread asks of whatever computes a step, in the words of the wire.
// Must not know: threads, mailboxes, where a step comes from.
import Inference
import Sequences
import Wire

/// Computes the steps of one stage: `Stage`, or `TimedStage`, which only pretends to. Used by one thread.
protocol StepComputer: AnyObject {
    /// Computes one step. `input`: activations [tokens, embeddingLength] of the stage before; nil on the first stage.
    /// Throws where the step does not fit the stage.
    func compute(_ forward: Forward, input: UnsafeBufferPointer<Float>?) throws -> StepOutput
    /// The sequence is over.
    func end(_ sequence: UInt64)
    /// Copies out what it keeps of a block in some layers, which has so many bytes, or takes it in; throws where it has not
    /// that block, those layers, or so many bytes of them.
    func copyBlock(_ part: Stage.BlockPart, into bytes: UnsafeMutableRawBufferPointer) throws(InferenceError)
    func storeBlock(_ part: Stage.BlockPart, from bytes: UnsafeRawBufferPointer) throws(InferenceError)
    /// What the last step found of values that are no numbers.
    var damage: Damage { get }
}

/// What a stage makes of a step.
enum StepOutput {
    /// Not the last stage: activations [tokens, embeddingLength], valid until the stage's next step.
    case hidden(UnsafeBufferPointer<Float>)
    /// The last stage: tokens in the order of the items, and the log-probabilities of the targets of each that has some;
    /// nothing of sequences whose values are no numbers.
    case sampled([SequenceSample], scores: [SequenceScores])
}

extension Stage: StepComputer {
    func compute(_ forward: Forward, input: UnsafeBufferPointer<Float>?) throws -> StepOutput {
        for item in forward.items {
            guard configuration.isLast, let start = item.begin else { continue }
            begin(
                item.sequence.value, parameters: start.sampling, promptTokenCount: start.promptTokenCount,
                history: start.history)
        }
        let batch = StageBatch(
            slices: forward.items.map {
                .init(
                    sequence: $0.sequence.value, position: $0.position, tokens: $0.tokens, blocks: $0.blocks,
                    sampleCount: $0.sampleCount, draftCount: $0.draftCount, restartLength: $0.restartLength,
                    targets: $0.targets)
            })
        if let layers = forward.rebuilt {
            let hidden = try rebuild(batch, layers: layers, input: input)
            return configuration.isLast ? .sampled([], scores: []) : .hidden(hidden)
        }
        switch try self.forward(batch, input: input) {
        case .hidden(let values): return .hidden(values)
        case .sampled(let samples):
            let damaged = damage.sequences
            return .sampled(
                samples.lazy.filter { !damaged.contains($0.sequence) }.map {
                    SequenceSample(sequence: SequenceID($0.sequence), sample: $0.sample)
                },
                scores: scores.lazy.filter { !damaged.contains($0.sequence) }.map {
                    SequenceScores(sequence: SequenceID($0.sequence), logProbabilities: $0.logProbabilities)
                })
        }
    }
}
