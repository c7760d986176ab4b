// Responsible for: what faults do to the nodes and connections of a world, and that they end. Must not know: when they
// strike (World+FaultPlan), how the machines decide.

import Cluster
import Wire

extension World {
    func strike(_ fault: Fault) {
        switch fault {
        case .start(let slot): start(slot)
        case .kill(let slot): kill(slot)
        case .freeze(let slot): nodes[slot].isFrozen = nodes[slot].machine != nil
        case .thaw(let slot): thaw(slot)
        case .breakControl(let slot):
            if nodes[slot].machine != nil { happened(.controlBroken) }
            breakControl(slot)
        case .deafen(let slot):
            guard nodes[slot].machine != nil, !nodes[slot].isConnecting else { return }
            happened(.controlDead)
            network.die(.worker(slot), .coordinator, .control)
        case .breakLink(let from, let to, let link):
            happened(.stepLinkBroken)
            network.cut(from, to, link)
        case .breakWeights(let slot): breakWeights(slot)
        case .measure: happen(.order(.examine), coordinatorLife: coordinator.life)
        case .breakClient(let index):
            if clients[index].isConnected { happened(.clientBroken) }
            breakClient(index, isSilent: false)
        case .partition(let a, let b): part(a, b, isOneWay: false)
        case .oneWayPartition(let from, let to): part(from, to, isOneWay: true)
        case .heal(let a, let b): heal(a, b)
        case .slow(let slot, let factor):
            if factor > 1, nodes[slot].machine != nil { happened(.workerSlowed) }
            nodes[slot].slowness = factor
        case .hang(let slot): hang(slot)
        case .leave(let slot): leave(slot)
        case .leaveDrained(let slot): leaveDrained(slot)
        case .drain(let slot, let ends):
            let text = nodes[slot].id.description
            happen(.order(.drain(DrainRequest(worker: text, ends: ends), of: .own)), coordinatorLife: coordinator.life)
        case .endDrain(let slot, let id):
            // One that is stopped cannot say goodbye.
            if nodes[slot].id == id { nodes[slot].isFrozen ? kill(slot) : leave(slot) }
        case .killCoordinator(let loss): if now < Self.quietTime { killCoordinator(loss) }
        case .doomCoordinator(let loss): coordinator.doom = loss
        case .startCoordinator: startCoordinator()
        case .restartEverything: restartEverything()
        case .freezeCoordinator: coordinator.isFrozen = coordinator.machine != nil
        case .close(let a, let b, let link): close(a, b, link)
        case .loseLarge(let slot): loseLarge(slot)
        case .thawCoordinator:
            if coordinator.isFrozen { happened(.coordinatorFrozen) }
            thawCoordinator()
        }
    }

    /// All processes end, and others begin in their places, in any order.
    private func restartEverything() {
        guard now < Self.quietTime, coordinator.machine != nil else { return }
        happened(.everythingRestarted)
        killCoordinator(CoordinatorLoss(isSilent: false, pause: random.milliseconds(2...400)))
        coordinator.isRecalling = keepsJournal
        for slot in nodes.indices {
            kill(slot)
            queue.plan(.fault(.start(slot)), at: now + random.milliseconds(2...600))
        }
    }

    private func hang(_ slot: Int) {
        guard nodes[slot].machine != nil else { return }
        happened(.workerHung)
        nodes[slot].isHung = true
    }

    private func leave(_ slot: Int) {
        guard !nodes[slot].isFrozen, nodes[slot].machine != nil else { return }
        happened(.workerLeft)
        tell(slot, .leave)
        nodes[slot].end()
    }

    private func leaveDrained(_ slot: Int) {
        guard !nodes[slot].isFrozen, nodes[slot].machine != nil else { return }
        let id = nodes[slot].id
        tell(slot, .wantsToLeave)
        let end = min(now + random.milliseconds(200...2_000), max(now, Self.quietTime - 1))
        if nodes[slot].machine != nil { queue.plan(.fault(.endDrain(slot, id)), at: end) }
    }

    /// What happened while the process was stopped happens now, in order.
    private func thaw(_ slot: Int) {
        guard nodes[slot].isFrozen else { return }
        happened(.workerFrozen)
        nodes[slot].isFrozen = false
        let held = nodes[slot].held
        nodes[slot].held = []
        for thing in held { happen(thing, slot: slot, life: nodes[slot].life) }
    }

    private func breakControl(_ slot: Int) {
        guard nodes[slot].machine != nil else { return }
        network.cut(.worker(slot), .coordinator, .control)
        network.cut(.coordinator, .worker(slot), .control)
        if random.chance(60) { planDisconnection(of: nodes[slot].id, within: 1...20) }
        reconnectControl(slot, within: 21...300)
    }

    /// What was asked for is lost; what was sent may have arrived already, and be read after the new beginning.
    private func breakWeights(_ slot: Int) {
        guard nodes[slot].isWeightsLinkUp else { return }
        if nodes[slot].load != nil { happened(.weightLinkBroken) }
        network.cut(.worker(slot), .coordinator, .weights)
        if random.chance(70) { network.cut(.coordinator, .worker(slot), .weights) }
        reconnectWeights(slot, within: 1...50)
    }

    private func part(_ a: Place, _ b: Place, isOneWay: Bool) {
        guard a != b else { return }
        switch (a, b) {
        case (.worker, .worker): happened(.workerPartition)
        case (.client, _), (_, .client): happened(.clientPartition)
        default: happened(isOneWay ? .oneWayPartition : .partition)
        }
        network.block(a, b, true)
        if !isOneWay { network.block(b, a, true) }
    }

    private func heal(_ a: Place, _ b: Place) {
        guard network.areParted(a, b) else { return }
        network.block(a, b, false)
        network.block(b, a, false)
        network.cutAll(a, b)
        guard a == .coordinator || b == .coordinator else { return }
        for place in [a, b] {
            switch place {
            case .coordinator: break
            case .worker(let slot):
                breakControl(slot)
                reconnectWeights(slot, within: 1...300)
            case .client(let index): breakClient(index, isSilent: false)
            }
        }
    }

    /// From now on nothing goes wrong, and there are workers enough.
    func endFaults() {
        let others = nodes.indices.map { Place.worker($0) } + clients.indices.map { Place.client($0) }
        if !isLinkWorld {
            for (index, other) in others.enumerated() {
                heal(.coordinator, other)
                for another in others[..<index] { heal(another, other) }
            }
        }
        weights.damagePercent = 0
        coordinator.doom = nil
        thawCoordinator()
        // Whoever waits for it may lose patience before.
        if coordinator.machine == nil {
            let delay = random.chance(50) ? 0 : random.milliseconds(1_000...14_000)
            queue.plan(.fault(.startCoordinator), at: now + delay)
        }
        let needsAll =
            coordinator.configuration.minimumWorkers > 1 || coordinator.configuration.split != nil
            || nodes.contains { $0.memoryBytes < 1_000 }
        endLinkFaults(needsAll: needsAll)
        for slot in nodes.indices {
            thaw(slot)
            if nodes[slot].isHung { kill(slot) }
            nodes[slot].slowness = 1
            nodes[slot].loadFails = false
            if needsAll || random.chance(50) { start(slot) }
        }
        if !nodes.contains(where: { $0.machine != nil }) { start(0) }
    }
}
