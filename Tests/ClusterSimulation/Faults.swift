// Responsible for: what goes wrong in a simulated world, and that it ends. Must not know: how the machines decide.

import Cluster
import Wire

/// One thing that goes wrong, or right again.
enum Fault {
    case start(Int)
    case kill(Int)
    case freeze(Int)
    case thaw(Int)
    /// The control connection breaks and comes back.
    case breakControl(Int)
    /// What is under way between two places is lost.
    case breakLink(Place, Place, Link)
    case partition(Place, Place)
    case heal(Place, Place)
    case slow(Int, UInt64)
    case leave(Int)
    /// Answers heartbeats, and computes one step for ever.
    case hang(Int)
}

extension World {
    func prepareFaults() {
        for slot in nodes.indices { nodes[slot].loadFails = random.chance(10) }
        let count = random.chance(15) ? 0 : 1 + random.below(5)
        for _ in 0..<count {
            let time = random.milliseconds(50...(Self.quietTime - 200))
            let slot = random.below(nodes.count)
            let later = time + random.milliseconds(20...2_500)
            let other = random.chance(50) ? Place.coordinator : Place.worker(random.below(nodes.count))
            switch random.below(10) {
            case 0, 1:
                queue.plan(.fault(.kill(slot)), at: time)
                if random.chance(70) { queue.plan(.fault(.start(slot)), at: later) }
            case 2, 3:
                queue.plan(.fault(.freeze(slot)), at: time)
                queue.plan(.fault(.thaw(slot)), at: later)
            case 4: queue.plan(.fault(.breakControl(slot)), at: time)
            case 5:
                queue.plan(.fault(.breakLink(other, .worker(slot), .data)), at: time)
                queue.plan(.fault(.breakLink(.worker(slot), .coordinator, .tokens)), at: later)
            case 6:
                queue.plan(.fault(.partition(other, .worker(slot))), at: time)
                queue.plan(.fault(.heal(other, .worker(slot))), at: later)
            case 7:
                queue.plan(.fault(.slow(slot, random.milliseconds(2...60))), at: time)
                queue.plan(.fault(.slow(slot, 1)), at: later)
            case 8: queue.plan(.fault(.hang(slot)), at: time)
            default:
                queue.plan(.fault(.leave(slot)), at: time)
                if random.chance(70) { queue.plan(.fault(.start(slot)), at: later) }
            }
        }
    }

    func strike(_ fault: Fault) {
        switch fault {
        case .start(let slot): start(slot)
        case .kill(let slot): kill(slot)
        case .freeze(let slot): nodes[slot].isFrozen = nodes[slot].machine != nil
        case .thaw(let slot): thaw(slot)
        case .breakControl(let slot): breakControl(slot)
        case .breakLink(let from, let to, let link): network.cut(from, to, link)
        case .partition(let a, let b): if a != b { network.block(a, b, true) }
        case .heal(let a, let b): heal(a, b)
        case .slow(let slot, let factor): nodes[slot].slowness = factor
        case .hang(let slot): nodes[slot].isHung = nodes[slot].machine != nil
        case .leave(let slot):
            if !nodes[slot].isFrozen, nodes[slot].machine != nil {
                tell(slot, .leave)
                nodes[slot].machine = nil
                nodes[slot].stage = nil
            }
        }
    }

    /// What happened while the process was stopped happens now, in order.
    private func thaw(_ slot: Int) {
        guard nodes[slot].isFrozen else { return }
        nodes[slot].isFrozen = false
        let held = nodes[slot].held
        nodes[slot].held = []
        for thing in held { happen(thing, slot: slot, life: nodes[slot].life) }
    }

    private func breakControl(_ slot: Int) {
        guard nodes[slot].machine != nil else { return }
        network.cut(.worker(slot), .coordinator, .control)
        network.cut(.coordinator, .worker(slot), .control)
        if random.chance(60) { queue.plan(.disconnected(nodes[slot].id), at: now + random.milliseconds(1...20)) }
        queue.plan(.connected(slot: slot, life: nodes[slot].life), at: now + random.milliseconds(21...300))
    }

    private func heal(_ a: Place, _ b: Place) {
        guard network.isBlocked(a, b) else { return }
        network.block(a, b, false)
        for link in [Link.control, .data, .tokens] {
            network.cut(a, b, link)
            network.cut(b, a, link)
        }
        for case .worker(let slot) in [a, b] where a == .coordinator || b == .coordinator { breakControl(slot) }
    }

    /// From now on nothing goes wrong, and there are workers enough.
    func endFaults() {
        let places = [Place.coordinator] + nodes.indices.map { Place.worker($0) }
        for a in places {
            for b in places where a.number < b.number { heal(a, b) }
        }
        let needsAll =
            coordinator.configuration.minimumWorkers > 1 || coordinator.configuration.split != nil
            || nodes.contains { $0.memoryBytes < 1_000 }
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
