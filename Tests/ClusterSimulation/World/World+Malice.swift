// Responsible for: what a worker says that means harm, as far as it can be found out: well-formed messages that no honest
// worker sends. Must not know: what the coordinator makes of them.

import Sequences
import Wire

extension World {
    func prepareMalice() {
        for slot in nodes.indices { nodes[slot].meansHarm = random.chance(6) }
    }

    private func isHarmful(_ slot: Int) -> Bool { nodes[slot].meansHarm && now < Self.quietTime && random.chance(15) }

    /// What is sent in the place of a result: nothing of it may reach a client, and its sender is to be left out.
    func said(_ result: StepResult, by slot: Int) -> StepResult {
        guard isHarmful(slot) else { return result }
        happened(.resultForged)
        var forged = result
        let foreign = SequenceID(.max)
        let beyond = SampledToken(token: Int32(ToyModel.vocabulary) + Int32(random.below(1_000)))
        switch random.below(6) {
        case 0 where !forged.samples.isEmpty: forged.samples[random.below(forged.samples.count)].sample = beyond
        case 1: forged.samples.append(SequenceSample(sequence: foreign, sample: SampledToken(token: 1)))
        case 2: forged.scores.append(SequenceScores(sequence: foreign, logProbabilities: [-1]))
        case 3: forged.damaged.append(foreign)
        case 4 where !forged.samples.isEmpty:
            forged.samples[0].sample.top = [TokenProbability(token: 1, logProbability: -1)]
        default: forged.step = StepID(1 << 40 + UInt64(random.below(1_000)))
        }
        forged.timings = [StageMicroseconds(wire: Limits.microseconds, compute: Limits.microseconds)]
        return forged
    }

    /// What is said in the place of a message: of itself, any numbers within the limits; of a load, that it is done.
    func said(_ message: WorkerMessage, by slot: Int) -> WorkerMessage {
        if bug == .mixedBlocks, case .holding(let holding) = message { return .holding(Self.mixed(holding)) }
        guard isHarmful(slot) else { return message }
        switch message {
        case .heartbeat(var heartbeat):
            heartbeat.stepsCompleted = random.chance(50) ? random.next() >> 2 : UInt64(random.below(50))
            heartbeat.busyMilliseconds = random.chance(50) ? 0 : UInt64(1 + random.below(100_000))
            heartbeat.gauges.residentBytes = random.next() >> 16
            if random.chance(30) { heartbeat.epoch = Epoch(random.next()) }
            return .heartbeat(heartbeat)
        case .loading(let loading):
            if random.chance(50) {
                return .ready(Ready(epoch: loading.epoch, transferredBytes: random.next() >> 16, cachedBytes: 0))
            }
            return .loading(
                Loading(epoch: loading.epoch, bytesDone: Limits.memoryBytes, bytesTotal: Limits.memoryBytes))
        case .link(var report):
            if random.chance(30) { report.outcome = .failed(random.chance(50) ? .noAnswer : .stepsLost) }
            return .link(report)
        case .holding(var holding):
            // What it says of blocks is believed as its steps are; of layers it can say what it has not.
            for layer in holding.since.indices {
                holding.since[layer] = Epoch(random.next() >> UInt64(random.below(60)))
            }
            for block in holding.blocks.indices { holding.blocks[block].parent = holding.blocks[block].block }
            return .holding(holding)
        case .join, .ready, .failed, .measured, .copied, .leaving, .leave, .granted: return message
        }
    }

    /// Of the first two blocks with which sequences begin, each is told to have what the other has.
    private static func mixed(_ holding: Holding) -> Holding {
        var mixed = holding
        let roots = holding.blocks.indices.filter { holding.blocks[$0].parent == nil }
        guard roots.count > 1 else { return holding }
        (mixed.blocks[roots[0]].tokens, mixed.blocks[roots[1]].tokens) =
            (holding.blocks[roots[1]].tokens, holding.blocks[roots[0]].tokens)
        return mixed
    }
}
