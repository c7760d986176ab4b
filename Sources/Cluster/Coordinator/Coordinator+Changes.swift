// Responsible for: a plan that is prepared beside the one that serves, from its beginning to the first step of it. Must not
// know: how it is chosen, requests but that no step of them is sent for a moment.

import Sequences
import Wire

extension Coordinator {
    /// Workers prepare a plan while another serves. Where not all keys and values could be had it is not begun.
    mutating func beginChange(_ plan: Plan, _ reason: String, _ now: Moment) {
        guard let serving = deployments.serving else { return }
        holders.end(serving.epoch, isWhole: scheduler.isWhole)
        let room = configuration.model.outputsRoom(in: plan, beside: serving, membership.members)
        let (keeping, copied) = holders.sharing(for: plan, room: room) { membership.key(of: $0) }
        let isCovered = zip(plan.stages, zip(keeping, copied)).allSatisfy { share, sources in
            sources.0.layers.count { $0 != .none } + sources.1.reduce(0) { $0 + $1.layers.count } == share.layers.count
        }
        guard isCovered else { return }
        prepare(
            deployments.prepare(
                plan, over: membership.members, keeping: keeping, copied: copied, beside: reason, now), now)
    }

    /// Copies what is to be copied, ends the sending of steps when little is left, and lets the new plan serve when nothing
    /// is. True: it serves.
    mutating func advanceChange(_ now: Moment) -> Bool {
        guard let next = deployments.preparing, next.isBeside, next.isReady else { return false }
        if copying == nil {
            copying = BlockCopying(next.epoch, pairs(of: next), blockCount: next.plan.blockCount, configuration.copying)
        }
        while copying?.isDue(now) == true {
            let contents = scheduler.settledContents
            let isDrained = scheduler.isFenced && scheduler.stepsInFlight == 0
            let orders = copying?.orders(contents, isDrained: isDrained, now) ?? []
            for order in orders { send(order, next.epoch) }
            if isDrained, copying?.isComplete(contents) == true { return switchOver(now) }
            guard copying?.wantsFence == true else { return false }
            copying?.fence(now)
            scheduler.fence()
            if scheduler.holdsBlocks { interruption.begin(now) }
        }
        return false
    }

    /// Which workers have what others are to have.
    private func pairs(of next: Deployment) -> [BlockCopying.Pair] {
        next.stages.flatMap { stage in
            stage.copied.map { source in
                let model = configuration.model
                let bytes =
                    model.keyValueBytes(of: source.layers, blockCount: 1)
                    + model.outputBytes(blockCount: 1) * UInt64(source.outputs.count)
                return BlockCopying.Pair(
                    source: source.worker, target: stage.worker, layers: source.layers, bytesPerBlock: bytes,
                    outputs: source.outputs)
            }
        }
    }

    private mutating func send(_ order: BlockCopying.Order, _ epoch: Epoch) {
        let target = order.pair.target
        var copy = CopyBlocks(
            epoch: epoch, number: order.number, target: target, endpoint: membership.dataEndpoint(of: target),
            key: membership.key(of: target), layers: order.pair.layers, blocks: order.blocks)
        copy.outputs = order.pair.outputs
        act(.send(order.pair.source, .copyBlocks(copy)))
    }

    /// All blocks of an order are at their target.
    mutating func note(_ copied: Copied, of worker: WorkerID, _ now: Moment) {
        guard deployments.preparing?.epoch == copied.epoch else { return }
        copying?.note(copied, at: worker, now)
    }

    /// No step is in flight, and everything is where the new plan needs it.
    private mutating func switchOver(_ now: Moment) -> Bool {
        guard let earlier = deployments.serving, let copying else { return false }
        let told = deployments.preparing.map { texts(of: $0) } ?? []
        for (worker, message) in told { act(.send(worker, message)) }
        suspend(earlier.epoch, now)
        guard let next = deployments.switchOver(copiedBlocks: copying.copiedBlocks, now) else { return false }
        self.copying = nil
        log(.info, "\(copying.copiedBlocks) KV blocks (\(bytesText(copying.copiedBytes))) were copied")
        for stage in next.stages where earlier.stage(of: stage.worker) != nil {
            act(.send(stage.worker, .drop(earlier.epoch)))
        }
        standBy(next)
        act(.disconnectFirstStage(earlier.epoch))
        firstLinks.removeAll { $0.epoch == earlier.epoch }
        serve(next, now)
        return true
    }

    /// Stages that others' keys and values were copied to are told what is in them, so that they can tell another
    /// coordinator. Before the first step: what is told later counts for nothing.
    private func texts(of next: Deployment) -> [(WorkerID, CoordinatorMessage)] {
        guard let model = configuration.modelHash, next.stages.contains(where: { !$0.copied.isEmpty }) else {
            return []
        }
        let blocks = scheduler.texts
        return zip(next.stages, next.plan.stages).compactMap { stage, share in
            if stage.copied.isEmpty { return nil }
            var holding = Holding()
            (holding.model, holding.layers) = (model, share.layers)
            holding.since = share.layers.map { _ in next.epoch }
            (holding.keyValueBlockCount, holding.blocks) = (next.plan.blockCount, blocks)
            return (stage.worker, .texts(next.epoch, holding))
        }
    }

    // MARK: What comes to nothing

    /// What is prepared beside the plan that serves is given up; that goes on. `isFault`: it is not tried again soon.
    mutating func abandonChange(_ why: String, isFault: Bool, _ now: Moment) {
        guard let next = deployments.preparing, next.isBeside else { return }
        log(.warning, "\(next.epoch) is given up: \(why)")
        var involved = next.stages.map(\.worker)
        for stage in deployments.serving?.stages ?? [] where !involved.contains(stage.worker) {
            involved.append(stage.worker)
        }
        for worker in involved where isMember(worker) { act(.send(worker, .drop(next.epoch))) }
        act(.disconnectFirstStage(next.epoch))
        firstLinks.removeAll { $0.epoch == next.epoch }
        copying = nil
        scheduler.endFence()
        deployments.abandonChange(isFault: isFault, now)
    }

    /// A worker cannot do its part in a plan that is prepared beside another. False: it is no such plan, or its only one.
    mutating func failChange(_ deployment: Deployment, at worker: WorkerID, _ why: String, _ now: Moment) -> Bool {
        guard deployment.isBeside, deployment.epoch == deployments.preparing?.epoch,
            deployments.serving?.stage(of: worker) != nil
        else { return false }
        abandonChange("\(membership.name(of: worker)) cannot take part: \(why)", isFault: true, now)
        return true
    }

    /// A stage that has not what it shares with the one that computes can have it from nowhere.
    mutating func checkKept(_ ready: Ready, _ worker: WorkerID, _ now: Moment) {
        guard let next = deployments.preparing, next.isBeside, next.epoch == ready.epoch, !ready.hasKept,
            next.stage(of: worker) != nil
        else { return }
        abandonChange("\(membership.name(of: worker)) has not what it is to keep", isFault: true, now)
    }

    /// Copies that do not get on.
    mutating func checkChange(_ now: Moment) {
        guard let pair = copying?.stalled(now) else { return }
        let (source, target) = (membership.name(of: pair.source), membership.name(of: pair.target))
        abandonChange("keys and values do not get from \(source) to \(target)", isFault: true, now)
    }

    /// The change under way, for people; nil: none is.
    var change: PlanChange? {
        guard let next = deployments.preparing, let reason = next.beside else { return nil }
        let phase: PlanChange.Phase = copying == nil ? .loading : scheduler.isFenced ? .fencing : .copying
        var change = PlanChange(epoch: next.epoch, phase)
        change.reason = reason
        for (stage, share) in zip(next.stages, next.plan.stages) {
            let total = configuration.model.weightBytes(of: share.layers)
            change.bytesToLoad += total
            switch stage.readiness {
            case .assigned: break
            case .loading(let loading):
                guard loading.bytesTotal > 0 else { break }
                change.loadedBytes += UInt64(
                    Double(total) * min(1, Double(loading.bytesDone) / Double(loading.bytesTotal)))
            case .ready: change.loadedBytes += total
            }
            change.stages.append(.init(worker: share.worker, endLayer: share.layers.upperBound))
        }
        change.loadedBytes = min(change.loadedBytes, change.bytesToLoad)
        if let copying {
            (change.copiedBlocks, change.blocksLeft) = (copying.copiedBlocks, copying.blocksLeft)
            change.copiedBytes = copying.copiedBytes
        }
        return change
    }
}

extension Forward {
    /// The KV blocks that it writes to.
    var writtenBlocks: [Int32] { items.flatMap { $0.blocks[($0.position / KeyValueBlock.positions)...] } }
}
