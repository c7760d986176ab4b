// Responsible for: a worker's part in changes of the plan while it serves: a stage beside the one that computes, blocks
// that are copied, and leaving once others have its layers. Must not know: why a plan changes, what is in a block.

import Wire

/// Who may send what to a worker's data port now.
package struct DataSender: Sendable, Equatable {
    /// What comes from it.
    package enum Kind: Sendable { case steps, blocks }

    package let kind: Kind
    /// Of the plan that it may speak of.
    package let epoch: Epoch
    /// nil: the coordinator.
    package let worker: WorkerID?
    /// nil: links are open.
    package let key: NodeKey?
}

extension Worker {
    /// The stages it was assigned: the one that computes, and perhaps one that is prepared beside it. Oldest first.
    package var assignments: [Assign] { stages.map(\.assign) }

    /// Whose steps and blocks are taken now.
    package var dataSenders: [DataSender] {
        stages.flatMap { stage -> [DataSender] in
            let assign = stage.assign
            let steps = DataSender(
                kind: .steps, epoch: assign.epoch, worker: assign.previous, key: assign.previousKey)
            guard stage.isPrepared else { return [steps] }
            return [steps]
                + assign.copied.map { .init(kind: .blocks, epoch: assign.epoch, worker: $0.worker, key: $0.key) }
        }
    }

    // MARK: Stages

    /// The stages that make room for one that is assigned now; what stays of them.
    mutating func makeRoom(for assign: Assign) -> [AssignedStage] {
        guard assign.isBeside, let serving = stages.first, serving.epoch < assign.epoch else { return [] }
        for other in stages.dropFirst() where other.epoch != assign.epoch { act(.drop(other.epoch)) }
        return [serving]
    }

    /// A step came for a stage: those before it are over.
    mutating func endStages(before epoch: Epoch) {
        guard let oldest = stages.first, oldest.epoch < epoch else { return }
        for stage in stages where stage.epoch < epoch {
            links.endNext(stage.epoch)
            act(.drop(stage.epoch))
        }
        stages.removeAll { $0.epoch < epoch }
        act(.endCopying)
    }

    /// The coordinator says that a plan is over, and another goes on.
    mutating func drop(_ epoch: Epoch, _ now: Moment) {
        let isNewest = assignment?.epoch == epoch
        stages.removeAll { $0.epoch == epoch }
        links.endNext(epoch)
        act(.drop(epoch))
        act(.endCopying)
        if isNewest, let assignment { perform(links.resume(assignment.epoch, now)) }
    }

    /// What was prepared and has not begun is of no use to a coordinator that begins anew.
    mutating func dropPrepared() {
        for stage in stages.dropFirst() { act(.drop(stage.epoch)) }
        if stages.count > 1 { act(.endCopying) }
    }

    // MARK: Blocks

    /// Blocks are to be sent to another worker, of the stage that computes.
    mutating func copy(_ order: CopyBlocks) {
        guard let stage = stages.first, stage.isLoaded, stage.epoch < order.epoch,
            stage.assign.layers.lowerBound <= order.layers.lowerBound,
            stage.assign.layers.upperBound >= order.layers.upperBound,
            order.outputs.allSatisfy({ layer in stage.assign.outputs.contains { $0.layer == layer } }),
            order.blocks.allSatisfy({ Int($0.block) < stage.assign.keyValueBlockCount })
        else { return act(.log(.warning, "blocks of layers \(order.layers) are wanted, which are not here")) }
        act(.copyBlocks(order, of: stage.epoch))
    }

    /// A block came from another worker; where it is none that a stage awaits, its order is never complete.
    mutating func take(_ contents: BlockContents, _ input: Input, from source: WorkerID) {
        guard let index = stages.firstIndex(where: { $0.epoch == contents.epoch }), stages[index].isPrepared,
            stages[index].isLoaded, stages[index].take(contents, from: source)
        else { return act(.log(.debug, "dropped a block of \(contents.epoch) from \(source), which is not due")) }
        act(.store(contents, input, from: source))
    }

    /// It is in memory.
    mutating func noteStored(_ contents: BlockContents, from source: WorkerID) {
        guard let index = stages.firstIndex(where: { $0.epoch == contents.epoch }) else { return }
        guard stages[index].noteStored(contents, from: source) else { return }
        act(.send(.copied(Copied(epoch: contents.epoch, number: contents.number, source: source))))
    }

    // MARK: Leaving

    /// Others are to have its layers first; whoever is no member has none.
    mutating func wantToLeave() {
        isLeaving = true
        switch attachment {
        case .member: act(.send(.leaving))
        case .unconnected, .joining, .pausing: leaveDrained()
        case .ended: break
        }
    }

    mutating func leaveDrained() {
        if case .member = attachment { act(.send(.leave)) }
        attachment = .ended
        act(.drained)
    }
}
