// Responsible for: what goes wrong in a simulated world, and when. Must not know: what it does to nodes (World+Faults).

/// How a coordinator's process ends.
struct CoordinatorLoss {
    /// Its host does, and nobody's connections are closed.
    let isSilent: Bool
    /// The next process begins so long after; nil: not by itself.
    let pause: UInt64?

    init(_ random: inout SeededRandom) {
        isSilent = random.chance(30)
        // Often at once, as by a supervisor.
        let length = random.chance(60) ? random.milliseconds(2...60) : random.milliseconds(20...2_500)
        pause = random.chance(isSilent ? 60 : 90) ? length : nil
    }
}

/// One thing that goes wrong, or right again.
enum Fault {
    case start(Int)
    case kill(Int)
    case freeze(Int)
    case thaw(Int)
    /// The control connection breaks and comes back.
    case breakControl(Int)
    /// The control connection is dead, and neither side is told.
    case deafen(Int)
    /// What is under way between two places is lost.
    case breakLink(Place, Place, Link)
    case breakWeights(Int)
    case breakClient(Int)
    case partition(Place, Place)
    /// Nothing gets from the first to the second any more.
    case oneWayPartition(Place, Place)
    case heal(Place, Place)
    case slow(Int, UInt64)
    case leave(Int)
    /// Answers heartbeats, and computes one step for ever.
    case hang(Int)
    case killCoordinator(CoordinatorLoss)
    /// The coordinator is killed as soon as it has sent a step.
    case doomCoordinator(CoordinatorLoss)
    case startCoordinator
    case freezeCoordinator
    case thawCoordinator
}

extension World {
    func prepareFaults() {
        for slot in nodes.indices { nodes[slot].loadFails = random.chance(10) }
        let count = random.chance(15) ? 0 : 1 + random.below(6)
        for _ in 0..<count {
            let time = random.milliseconds(50...(Self.quietTime - 200))
            let later = time + random.milliseconds(20...2_500)
            if random.chance(65) { prepareWorkerFault(at: time, later) } else { prepareFault(at: time, later) }
        }
    }

    private func prepareWorkerFault(at time: UInt64, _ later: UInt64) {
        let slot = random.below(nodes.count)
        let other = random.chance(50) ? Place.coordinator : Place.worker(random.below(nodes.count))
        switch random.below(10) {
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
        switch random.below(8) {
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
