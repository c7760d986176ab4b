// Responsible for: which faults strike a world, and when. Must not know: what they do to nodes (World+Faults).

extension World {
    func prepareFaults() {
        if random.chance(15) { return prepareLinkFaults() }
        for slot in nodes.indices { nodes[slot].loadFails = random.chance(10) }
        for _ in 0..<random.below(3) { queue.plan(.fault(.measure), at: random.milliseconds(50...Self.quietTime)) }
        prepareMalice()
        let count = random.chance(15) ? 0 : 1 + random.below(6)
        for _ in 0..<count {
            let time = random.milliseconds(50...(Self.quietTime - 200))
            let later = time + random.milliseconds(20...2_500)
            if random.chance(65) { prepareWorkerFault(at: time, later) } else { prepareFault(at: time, later) }
        }
    }

    /// Only links fail, and for as long as there is another way.
    private func prepareLinkFaults() {
        isLinkWorld = true
        for slot in nodes.indices { nodes[slot].hasSlowWeights = random.chance(15) }
        weights.damagePercent = 0
        for _ in 0..<(1 + random.below(3)) {
            let time = random.chance(40) ? 0 : random.milliseconds(50...(Self.quietTime - 200))
            let (slot, other) = (random.below(nodes.count), random.below(nodes.count))
            let fault: Fault
            switch random.below(5) {
            case 0, 1: fault = .close(.worker(slot), .worker(other), .data)
            case 2: fault = .close(.worker(slot), .coordinator, .tokens)
            case 3: fault = .close(.worker(slot), .coordinator, random.chance(60) ? .weights : .data)
            default: fault = .loseLarge(slot)
            }
            queue.plan(.fault(fault), at: time)
        }
    }

    private func prepareWorkerFault(at time: UInt64, _ later: UInt64) {
        let slot = random.below(nodes.count)
        let other = random.chance(50) ? Place.coordinator : Place.worker(random.below(nodes.count))
        switch random.below(13) {
        case 10:
            queue.plan(.fault(.leaveDrained(slot)), at: time)
            if random.chance(70) { queue.plan(.fault(.start(slot)), at: later + 2_000) }
        case 11:
            queue.plan(.fault(.drain(slot, ends: false)), at: time)
            queue.plan(.fault(.drain(slot, ends: true)), at: later)
        case 12:
            if case .worker(let from) = other, from != slot {
                queue.plan(.fault(.breakLink(other, .worker(slot), .copies)), at: time)
                queue.plan(.fault(.breakLink(other, .worker(slot), .copies)), at: later)
            }
            queue.plan(.fault(.start(random.below(nodes.count))), at: time)
        case 0, 1:
            queue.plan(.fault(.kill(slot)), at: time)
            if random.chance(70) { queue.plan(.fault(.start(slot)), at: later) }
        case 2, 3:
            queue.plan(.fault(.freeze(slot)), at: time)
            queue.plan(.fault(.thaw(slot)), at: later)
        case 4: queue.plan(.fault(random.chance(60) ? .breakControl(slot) : .deafen(slot)), at: time)
        case 5:
            queue.plan(.fault(.breakLink(other, .worker(slot), .data)), at: time)
            queue.plan(.fault(.breakLink(.worker(slot), .coordinator, .tokens)), at: later)
        case 6:
            let isOneWay = random.chance(40)
            let (a, b) = random.chance(50) ? (other, Place.worker(slot)) : (Place.worker(slot), other)
            queue.plan(.fault(isOneWay ? .oneWayPartition(a, b) : .partition(a, b)), at: time)
            queue.plan(.fault(.heal(a, b)), at: later)
        case 7:
            queue.plan(.fault(.slow(slot, random.milliseconds(2...60))), at: time)
            queue.plan(.fault(.slow(slot, 1)), at: later)
        case 8: queue.plan(.fault(.hang(slot)), at: time)
        default:
            queue.plan(.fault(.leave(slot)), at: time)
            if random.chance(70) { queue.plan(.fault(.start(slot)), at: later) }
        }
    }

    private func prepareFault(at time: UInt64, _ later: UInt64) {
        let client = random.below(clients.count)
        switch random.below(9) {
        case 8: queue.plan(.fault(.restartEverything), at: time)
        case 0, 1, 2:
            let loss = CoordinatorLoss(&random)
            queue.plan(.fault(random.chance(75) ? .doomCoordinator(loss) : .killCoordinator(loss)), at: time)
        case 3:
            queue.plan(.fault(.freezeCoordinator), at: time)
            queue.plan(.fault(.thawCoordinator), at: later)
        case 4:
            let ends = [Place.coordinator, Place.client(client)]
            let (a, b) = random.chance(50) ? (ends[0], ends[1]) : (ends[1], ends[0])
            queue.plan(.fault(random.chance(40) ? .oneWayPartition(a, b) : .partition(a, b)), at: time)
            queue.plan(.fault(.heal(a, b)), at: later)
        case 5: queue.plan(.fault(.breakClient(client)), at: time)
        default:
            // Loads are soon over: several times, so that one is hit.
            for _ in 0..<4 {
                let slot = random.below(nodes.count)
                queue.plan(.fault(.breakWeights(slot)), at: random.milliseconds(10...1_000))
            }
        }
    }
}
