// Responsible for: the right answer, computed in one piece without blocks, stages, steps or epochs. Must not know: the
// code under test, apart from the form of a request.

import Cluster
import Wire

/// The reference that every simulated answer must equal.
struct SingleProcessAnswer {
    let tokens: [Int32]
    let reason: FinishReason

    init(_ task: GenerationTask, contextLength: Int) {
        var keys = Array(repeating: [UInt64](), count: ToyModel.layerCount)
        var digest = UInt64(task.prompt.count)
        var hidden: UInt64 = 0
        var position = 0
        func feed(_ token: Int32) {
            hidden = ToyModel.embed(token, position: position)
            for layer in 0..<ToyModel.layerCount {
                keys[layer].append(ToyModel.key(hidden, layer: layer))
                let (a, b, c, d) = ToyModel.looksAt(position, layer: layer)
                hidden = ToyModel.attend(
                    hidden, keys[layer][a], keys[layer][b], keys[layer][c], keys[layer][d])
            }
            digest = ToyModel.remember(digest, token)
            position += 1
        }
        for token in task.prompt { feed(token) }
        var answer: [Int32] = []
        while true {
            let token = ToyModel.sample(hidden, seed: task.sampling.seed, position: position, digest: digest)
            answer.append(token)
            if task.endTokens.contains(token) {
                reason = .stop
                break
            }
            if answer.count == task.maximumTokens || task.prompt.count + answer.count == contextLength {
                reason = .length
                break
            }
            feed(token)
        }
        tokens = answer
    }
}
