// Responsible for: the right answer, computed in one piece without blocks, stages, steps or epochs. Must not know: the
// code under test, apart from the form of a request.

import Cluster
import Sequences
import Wire

/// The reference that every simulated answer must equal.
struct SingleProcessAnswer {
    let tokens: [Int32]
    let scores: [Float]
    let reason: FinishReason

    init(_ task: GenerationTask, contextLength: Int, lengths: ToyModel.Lengths) {
        var computed = WholeSequence(lengths, restartLength: task.prompt.count)
        for token in task.prompt { computed.feed(token) }
        if let start = task.scoringStart {
            tokens = []
            scores = (start..<task.prompt.count).map {
                ToyModel.score(computed.hidden[$0 - 1], target: task.prompt[$0])
            }
            reason = .length
            return
        }
        var digest = task.prompt.reduce(UInt64(task.prompt.count)) { ToyModel.remember($0, $1) }
        var all = task.prompt
        while true {
            let token = ToyModel.sample(
                computed.hidden[all.count - 1], seed: task.sampling.seed, position: all.count, digest: digest)
            all.append(token)
            if task.endTokens.contains(token) {
                reason = .stop
                break
            }
            if all.count == task.prompt.count + task.maximumTokens || all.count == contextLength {
                reason = .length
                break
            }
            digest = ToyModel.remember(digest, token)
            if case .replayed(let length) = lengths, all.count == length + 1 {
                computed = WholeSequence(lengths, restartLength: all.count)
                for token in all { computed.feed(token) }
            } else {
                computed.feed(token)
            }
        }
        tokens = Array(all[task.prompt.count...])
        scores = []
    }

    private init(tokens: [Int32], reason: FinishReason) {
        self.tokens = tokens
        scores = []
        self.reason = reason
    }

    /// The answer as far as a client gets it that asked for an end at this token.
    func stopped(at stop: Int32?) -> SingleProcessAnswer {
        guard let stop, let index = tokens.firstIndex(of: stop) else { return self }
        return SingleProcessAnswer(tokens: Array(tokens[...index]), reason: .stop)
    }
}

/// A sequence through all layers of the toy model.
private struct WholeSequence {
    let lengths: ToyModel.Lengths
    let restartLength: Int
    /// Of every position, behind the last layer.
    var hidden: [UInt64] = []
    /// [layers, positions]
    private var keys = Array(repeating: [UInt64](), count: ToyModel.layerCount)

    init(_ lengths: ToyModel.Lengths, restartLength: Int) {
        self.lengths = lengths
        self.restartLength = restartLength
    }

    mutating func feed(_ token: Int32) {
        let position = hidden.count
        let stretch = lengths.stretch(restartLength, position: position)
        var value = ToyModel.embed(token, position: position)
        for layer in 0..<ToyModel.layerCount {
            value = ToyModel.mix(value, stretch ^ ToyWeights.factors[layer])
            keys[layer].append(ToyModel.key(value, layer: layer))
            let (a, b, c, d) = ToyModel.looksAt(position, layer: layer)
            value = ToyModel.attend(value, keys[layer][a], keys[layer][b], keys[layer][c], keys[layer][d])
        }
        hidden.append(value)
    }
}
