// Responsible for: the coordinator's part in taking up what workers hold, or have on their disks, from the one before it. Must not know: which plan
// that makes, how workers know what they hold.

import Sequences
import Wire

extension Coordinator {
    /// A worker says what it holds.
    mutating func note(_ holding: Holding, of worker: WorkerID, _ now: Moment) {
        guard adoption.note(holding, of: worker, now) else { return }
        arrangeMembers()
        deployments.noteHeld(adoption.newestEpoch)
        deployments.noteNewMembers()
        let layers = "\(holding.layers.lowerBound)-\(holding.layers.upperBound - 1)"
        let (name, blocks) = (membership.name(of: worker), holding.blocks.count)
        log(.info, "\(name) still holds layers \(layers) and the contents of \(blocks) KV blocks")
    }

    /// A worker says what it has on its disk.
    mutating func note(_ cached: CachedLayers, of worker: WorkerID) {
        guard cached.model == configuration.modelHash else { return }
        membership.noteCached(cached.layers, by: worker)
        arrangeMembers()
    }

    /// A worker has joined. What it had before this process is there, unless it says otherwise.
    mutating func recallLayers(of member: Member, _ now: Moment) {
        recall.note(member, now)
        membership.noteCached(recall.layers(of: member), by: member.id)
        arrangeMembers()
    }

    /// Members stand in the order of the layers that they have, so that plans give them about these.
    private mutating func arrangeMembers() {
        let serving = deployments.serving?.plan
        let members = membership.members
        let firsts = members.map { member in
            serving.map { $0.layers(of: member.id)?.lowerBound } ?? adoption.firstLayer(of: member.id)
                ?? recall.firstLayer(of: member.id, among: members)
                ?? member.cachedLayers.map(\.lowerBound).min()
        }
        membership.arrange { worker in members.firstIndex { $0.id == worker }.flatMap { firsts[$0] } }
    }

    /// What serves has done so for a while.
    mutating func recordSettled(_ now: Moment) { if let plan = recall.settled(now) { act(.record(plan)) } }

    /// The stages of a plan have kept all that they held: it is found again.
    mutating func adopt(_ plan: Plan) {
        guard adoption.keeping(for: plan) != nil else { return }
        let positions = scheduler.adopt(adoption.blocks(of: plan), blockCount: plan.blockCount)
        log(.info, "the stages hold \(positions) positions of an earlier coordinator")
    }
}
