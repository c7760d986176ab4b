// Responsible for: no sequence is stepped on a stage that lacks a block of it, or has one of other tokens in its place. Must
// not know: how the code under test works, who kept or rebuilt what.

import Wire

/// What stages find in the blocks of the same step: the same tokens in every layer.
struct BlockChecker {
    private struct Place: Hashable {
        let epoch: Epoch
        let step: StepID
        let sequence: SequenceID
        let position: Int
    }

    private var digests: [Place: UInt64] = [:]

    /// A violation, or nil. [tokens of the step] what one stage has found.
    mutating func observe(_ contents: [ToyStage.Content], of forward: Forward) -> String? {
        for content in contents {
            let place = Place(
                epoch: forward.epoch, step: forward.step, sequence: content.sequence, position: content.position)
            guard let other = digests.updateValue(content.digest, forKey: place) else { continue }
            if other != content.digest {
                return "\(content.sequence) goes on at position \(content.position) over other tokens than before it"
            }
        }
        return nil
    }
}
