// Responsible for: the coordinator's part in taking up what workers hold from the one before it. Must not know: which plan
// that makes, how workers know what they hold.

import Sequences
import Wire

extension Coordinator {
    /// A worker says what it holds.
    mutating func note(_ holding: Holding, of worker: WorkerID, _ now: Moment) {
        guard adoption.note(holding, of: worker, now) else { return }
        membership.arrange { adoption.firstLayer(of: $0) }
        deployments.noteHeld(adoption.newestEpoch)
        deployments.noteNewMembers()
        let layers = "\(holding.layers.lowerBound)-\(holding.layers.upperBound - 1)"
        let (name, blocks) = (membership.name(of: worker), holding.blocks.count)
        log(.info, "\(name) still holds layers \(layers) and the contents of \(blocks) KV blocks")
    }

    /// The stages of a plan have kept all that they held: it is found again.
    mutating func adopt(_ plan: Plan) {
        guard adoption.keeping(for: plan) != nil else { return }
        let positions = scheduler.adopt(adoption.blocks(of: plan), blockCount: plan.blockCount)
        log(.info, "the stages hold \(positions) positions of an earlier coordinator")
    }
}
