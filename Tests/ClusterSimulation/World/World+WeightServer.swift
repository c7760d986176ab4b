// Responsible for: what the weight server of a coordinator's process does: it reads one piece after the other, at a limited
// rate, and sends it, sometimes wrong. Must not know: who needs which, how they are fetched.

import Cluster
import Wire

extension World {
    /// Asked for by a worker: nobody in a world asks for what was never its own.
    func receive(_ fetch: Fetch, of slot: Int, socket: Int) {
        let claim = coordinator.machine?.claim(of: nodes[slot].id) { layers in
            ToyWeights.layers[layers].contains { $0.contains { $0.content == fetch.content } }
        }
        switch claim {
        case .granted: read(fetch, for: slot, socket: socket)
        case .outdated:
            happened(.fetchOutdated)
            guard nodes[slot].weightsSocket == socket else { return }
            let chunk = Chunk(outdated: fetch)
            post(.chunk(chunk, []), from: .coordinator, to: .worker(slot), .weights, life: nodes[slot].life)
        // It has joined just now, and its fetches of an earlier coordinator's plan come after that.
        case .foreign where fetch.epoch < coordinator.configuration.firstEpoch: break
        case .foreign: note("worker \(slot) asks for weights of \(fetch.epoch) that are not for it")
        case nil: break
        }
    }

    /// Read when everything asked for before is.
    private func read(_ fetch: Fetch, for slot: Int, socket: Int) {
        let time = UInt64(fetch.length) / weights.bytesPerMillisecond
        coordinator.weightsFreeAt = max(coordinator.weightsFreeAt, now) + time
        let thing = SimulatedCoordinator.Thing.read(fetch, worker: slot, socket: socket)
        queue.plan(.atCoordinator(thing, life: coordinator.life), at: coordinator.weightsFreeAt)
    }

    func sendChunk(_ fetch: Fetch, to slot: Int, socket: Int) {
        // The peer is a socket: one that was replaced is not reached any more.
        guard nodes[slot].weightsSocket == socket, let tensor = ToyWeights.tensor(fetch.content) else { return }
        let start = Int(fetch.offset)
        var bytes = Array(tensor.bytes[start..<min(start + fetch.length, tensor.bytes.count)])
        if random.chance(weights.damagePercent) {
            happened(.chunkDamaged)
            bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        }
        let chunk = Chunk(
            content: fetch.content, offset: fetch.offset, length: bytes.count, total: UInt64(tensor.bytes.count))
        post(.chunk(chunk, bytes), from: .coordinator, to: .worker(slot), .weights, life: nodes[slot].life)
    }
}
