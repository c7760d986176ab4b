// The buffers of a mixture of experts, allocated once for the largest batch.
//
// Responsible for: their shapes and their size, and grouping the choices of tokens by expert.
// Must not know: what is computed in them.

import CKernels
import ModelFile

/// Scratch memory for the layers with experts of a stage; "rows" are pairs of a token and an expert that it chose.
final class ExpertBuffers {
    /// [tokens, count]: the router's outputs.
    let scores: UnsafeMutablePointer<Float>
    /// [tokens, count]: what experts are chosen by, where that is something else.
    let candidates: UnsafeMutablePointer<Float>
    /// [tokens, groups], and indices of groups, or of two experts.
    let groupScores: UnsafeMutablePointer<Float>
    let groupIndices: UnsafeMutablePointer<UInt32>
    /// [tokens, used]: the experts of each token in ascending order, and their weights.
    let chosen: UnsafeMutablePointer<UInt32>
    let weights: UnsafeMutablePointer<Float>
    /// [tokens, used]: the row of each choice.
    let rowOfChoice: UnsafeMutablePointer<UInt32>
    /// [rows]: what `rowOfChoice` is the inverse of.
    let choiceOfRow: UnsafeMutablePointer<UInt32>
    let expertOfRow: UnsafeMutablePointer<UInt32>
    /// [count + 1]: the first row of each expert; its rows end where those of the next begin.
    let starts: UnsafeMutablePointer<UInt32>
    /// [activeCount]: the experts that have rows.
    let active: UnsafeMutablePointer<UInt32>
    private(set) var activeCount = 0
    /// [rows, embeddingLength]: the input of gate and up, then the output of down.
    let gathered: Activations
    /// [rows, feedForwardLength]
    let gate: UnsafeMutablePointer<Float>
    let up: UnsafeMutablePointer<Float>
    /// [rows, feedForwardLength] as `gate`: the quantized input of down.
    let widened: UnsafeMutablePointer<tk_quantized_block>
    /// [tokens]: what the shared expert's outputs are multiplied by.
    let sharedGates: UnsafeMutablePointer<Float>

    private let memory: AnonymousMemory

    /// Buffers for a stage; nil where none of its layers has experts.
    init?(_ configuration: StageConfiguration) throws(InferenceError) {
        guard let sizes = Sizes(configuration) else { return nil }
        memory = try AnonymousMemory(byteCount: sizes.byteCount, purpose: "working buffers of experts")
        var cut = BufferCutter(next: memory.base)
        scores = cut.floats(sizes.scores)
        candidates = cut.floats(sizes.scores)
        groupScores = cut.floats(sizes.groups)
        groupIndices = cut.indices(sizes.groups)
        chosen = cut.indices(sizes.rows)
        weights = cut.floats(sizes.rows)
        rowOfChoice = cut.indices(sizes.rows)
        choiceOfRow = cut.indices(sizes.rows)
        expertOfRow = cut.indices(sizes.rows)
        starts = cut.indices(sizes.count + 1)
        active = cut.indices(sizes.count)
        gathered = Activations(values: cut.floats(sizes.gathered), quantized: cut.quantized(sizes.gathered))
        gate = cut.floats(sizes.widened)
        up = cut.floats(sizes.widened)
        widened = cut.quantized(sizes.widened)
        sharedGates = cut.floats(sizes.tokens)
        precondition(cut.next <= memory.base + memory.byteCount, "the sizes are the sum of the buffers")
    }

    /// Bytes of the buffers of a stage.
    static func byteCount(_ configuration: StageConfiguration) -> Int { Sizes(configuration)?.byteCount ?? 0 }

    /// From `chosen` of all tokens: rows in ascending order of expert, those of one expert in the order of tokens.
    func group(tokens: Int, of experts: Experts) {
        let choices = tokens * experts.usedCount
        starts.update(repeating: 0, count: experts.count + 1)
        for choice in 0..<choices { starts[Int(chosen[choice]) + 1] += 1 }
        activeCount = 0
        for expert in 0..<experts.count {
            if starts[expert + 1] > 0 {
                active[activeCount] = UInt32(expert)
                activeCount += 1
            }
            starts[expert + 1] += starts[expert]
        }
        // While rows are dealt out `starts` holds the next row of each expert; afterwards the one after its last.
        for choice in 0..<choices {
            let expert = Int(chosen[choice])
            let row = starts[expert]
            starts[expert] += 1
            rowOfChoice[choice] = row
            choiceOfRow[Int(row)] = UInt32(choice)
            expertOfRow[Int(row)] = UInt32(expert)
        }
        for expert in stride(from: experts.count, to: 0, by: -1) { starts[expert] = starts[expert - 1] }
        starts[0] = 0
    }
}

/// Elements of each buffer.
private struct Sizes {
    let count: Int
    let tokens: Int
    let scores: Int
    let groups: Int
    let rows: Int
    let gathered: Int
    let widened: Int

    init?(_ configuration: StageConfiguration) {
        let model = configuration.model
        guard let experts = model.experts, experts.layers[configuration.layers].contains(true) else { return nil }
        count = experts.count
        tokens = configuration.maximumBatchTokens
        scores = configuration.maximumBatchTokens * experts.count
        groups = configuration.maximumBatchTokens * max(2, experts.groups?.count ?? 0)
        rows = configuration.maximumBatchTokens * experts.usedCount
        gathered = rows * model.embeddingLength
        widened = rows * experts.feedForwardLength
    }

    var byteCount: Int {
        [
            scores, scores, groups, groups, rows, rows, rows, rows, rows, count + 1, count, gathered, widened, widened,
            tokens,
        ]
        .reduce(0) { $0 + BufferCutter.floatBytes($1) }
            + BufferCutter.quantizedBytes(gathered) + BufferCutter.quantizedBytes(widened)
    }
}
