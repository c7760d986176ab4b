// Responsible for: a worker's process and shell in the simulated world. Must not know: how the machine decides.

import Cluster
import Wire

/// The machine, with activations as the toy model has them.
typealias Worker = Cluster.Worker<[UInt64], [UInt64]>

/// A place where worker processes live, one after the other.
struct SimulatedWorker {
    let memoryBytes: UInt64
    let readBandwidth: Double
    /// The process that lives here now; nil: none.
    var machine: Worker?
    var id = WorkerID(0)
    /// Counts the processes.
    var life = 0
    var stage: ToyStage?
    /// Forwards received and not yet computed, by their steps, with their activations.
    var inputs: [(forward: Forward, input: [UInt64])] = []
    var nextStage = ""
    /// Computes, loads so many times slower.
    var slowness: UInt64 = 1
    /// What has happened while it was stopped.
    var isFrozen = false
    var held: [World.Thing] = []
    var tick: UInt64 = .max
    var loadFails = false
    /// Computes nothing to its end.
    var isHung = false
}

extension World {
    func prepareWorkers(_ count: Int) {
        let isTight = count > 1 && random.chance(25)
        for _ in 0..<count {
            let memory: UInt64 = isTight ? 450 : 2_000
            nodes.append(SimulatedWorker(memoryBytes: memory, readBandwidth: [1e9, 1e9, 3e9][random.below(3)]))
        }
        for slot in nodes.indices {
            queue.plan(
                .fault(.start(slot)),
                at: random.chance(70)
                    ? random.milliseconds(0...100)
                    : random.milliseconds(0...2_500))
        }
    }

    /// A new process.
    func start(_ slot: Int) {
        guard nodes[slot].machine == nil else { return }
        nodes[slot].life += 1
        nodes[slot].id = WorkerID(UInt64(slot) << 32 | UInt64(nodes[slot].life))
        nodes[slot].isFrozen = false
        nodes[slot].held = []
        nodes[slot].inputs = []
        nodes[slot].tick = .max
        nodes[slot].isHung = false
        var join = Join()
        join.memoryBytes = nodes[slot].memoryBytes
        join.readBandwidth = nodes[slot].readBandwidth
        join.dataEndpoint = "\(slot).\(nodes[slot].life)"
        endpoints[join.dataEndpoint] = (slot, nodes[slot].life)
        nodes[slot].machine = Worker(join, now: .milliseconds(now))
        queue.plan(.connected(slot: slot, life: nodes[slot].life), at: now + random.milliseconds(1...20))
    }

    /// The process ends, as by `kill -9`.
    func kill(_ slot: Int) {
        guard nodes[slot].machine != nil else { return }
        nodes[slot].machine = nil
        nodes[slot].stage = nil
        let worker = nodes[slot].id
        cutAll(slot)
        if !network.isBlocked(.coordinator, .worker(slot)), random.chance(70) {
            queue.plan(.disconnected(worker), at: now + random.milliseconds(1...200))
        }
    }

    func cutAll(_ slot: Int) {
        for other in [Place.coordinator] + nodes.indices.map({ Place.worker($0) }) {
            for link in [Link.control, .data, .tokens] {
                network.cut(other, .worker(slot), link)
                network.cut(.worker(slot), other, link)
            }
        }
    }

    /// Something happens to a process, or is kept for it while it is stopped.
    func happen(_ thing: Thing, slot: Int, life: Int) {
        guard nodes[slot].life == life, nodes[slot].machine != nil else { return }
        if nodes[slot].isFrozen { return nodes[slot].held.append(thing) }
        switch thing {
        case .tickWorker:
            nodes[slot].tick = .max
            tell(slot, .tick)
        case .connected:
            if network.isBlocked(.coordinator, .worker(slot)) {
                queue.plan(thing, at: now + 100)
            } else {
                tell(slot, .connected)
            }
        case .loaded(_, _, let epoch):
            guard nodes[slot].machine?.assignment?.epoch == epoch else { return }
            if nodes[slot].loadFails && random.chance(30) {
                nodes[slot].stage = nil
                tell(slot, .loadFailed(epoch, message: "out of luck"))
            } else {
                tell(slot, .loaded(epoch, transferredBytes: 0, cachedBytes: 0))
            }
        case .computed(_, _, let forward, let input):
            guard let stage = nodes[slot].stage, nodes[slot].machine?.assignment?.epoch == forward.epoch else { return }
            var (hidden, result) = stage.compute(forward, input)
            result.timings = [StageTiming(wire: 300, queue: 50, compute: 1_000 + random.next() % 5_000, wait: 10)]
            note(stage.complaint)
            nodes[slot].inputs.removeAll { $0.forward.step == forward.step }
            tell(slot, .computed(result, hidden))
        case .deliver(let letter): arrive(letter, slot)
        default: break
        }
    }

    private func arrive(_ letter: Letter, _ slot: Int) {
        switch letter.content {
        case .command(let command): tell(slot, .command(command))
        case .forward(let forward, let input):
            if let assign = nodes[slot].machine?.assignment, assign.epoch == forward.epoch {
                nodes[slot].inputs.append((forward, input))
                note(bounds.queue(nodes[slot].inputs.count, assign))
            }
            tell(slot, .forward(forward, input))
        case .message, .result: break
        }
    }

    /// Hands an event to a worker's machine and does what it decides.
    func tell(_ slot: Int, _ event: Worker.Event) {
        guard let actions = nodes[slot].machine?.handle(event, now: .milliseconds(now)) else { return }
        if trace != nil, !actions.isEmpty { trace?.append("\(now) worker \(slot): \(event) -> \(actions)") }
        for action in actions { perform(action, slot) }
        guard let deadline = nodes[slot].machine.map({ ($0.nextDeadline - .start).wholeMilliseconds }),
            deadline < nodes[slot].tick
        else { return }
        nodes[slot].tick = max(deadline, now)
        queue.plan(.tickWorker(slot: slot, life: nodes[slot].life), at: nodes[slot].tick)
    }

    private func perform(_ action: Worker.Action, _ slot: Int) {
        let here = Place.worker(slot)
        let life = nodes[slot].life
        switch action {
        case .send(let message):
            post(.message(nodes[slot].id, message), from: here, to: .coordinator, .control, life: 0)
        case .reconnect:
            network.cut(here, .coordinator, .control)
            network.cut(.coordinator, here, .control)
            queue.plan(.connected(slot: slot, life: life), at: now + random.milliseconds(1...20))
        case .load(let assign):
            nodes[slot].stage = ToyStage(assign, lengths: lengths, bug: bug)
            nodes[slot].inputs = []
            let time = random.milliseconds(5...150) * nodes[slot].slowness
            queue.plan(.loaded(slot: slot, life: life, assign.epoch), at: now + time)
        case .connectNext(_, let endpoint):
            nodes[slot].nextStage = endpoint
            if let next = endpoints[endpoint]?.slot { network.cut(here, .worker(next), .data) }
        case .unload: nodes[slot].stage = nil
        case .compute(let forward, let input):
            if nodes[slot].isHung { return }
            let time = random.milliseconds(1...6) * nodes[slot].slowness
            queue.plan(.computed(slot: slot, life: life, forward, input ?? []), at: now + time)
        case .sendForward(let forward, let hidden):
            // Also of steps that were skipped.
            nodes[slot].inputs.removeAll { $0.forward.step <= forward.step }
            if let (next, nextLife) = endpoints[nodes[slot].nextStage] {
                post(.forward(forward, hidden ?? []), from: here, to: .worker(next), .data, life: nextLife)
            }
        case .sendResult(let result):
            nodes[slot].inputs.removeAll { $0.forward.step <= result.step }
            post(.result(result), from: here, to: .coordinator, .tokens, life: 0)
        case .endSequences(let sequences):
            nodes[slot].stage?.end(sequences)
            note(nodes[slot].stage?.complaint)
        case .log(.error, let text): note("worker \(slot) complains: \(text)")
        case .refused(let reason): note("worker \(slot) is refused: \(reason)")
        case .welcomed, .log: break
        }
    }

    // MARK: Letters

    func post(_ content: Content, from: Place, to: Place, _ link: Link, life: Int) {
        if network.isBlocked(from, to) { return }
        let letter = Letter(
            content: content, from: from, to: to, link: link, connection: network.connection(from, to, link),
            life: life)
        var delay = random.chance(3) ? random.milliseconds(10...80) : random.milliseconds(1...4)
        // Long enough that results arrive after their epoch.
        if link == .tokens, now < Self.quietTime, random.chance(2) { delay += random.milliseconds(100...500) }
        if !content.isHeartbeat { network.lettersUnderWay += 1 }
        queue.plan(.deliver(letter), at: network.arrival(from, to, link, at: now + delay))
    }

    func deliver(_ letter: Letter) {
        if !letter.content.isHeartbeat { network.lettersUnderWay -= 1 }
        guard network.arrives(letter) else { return }
        switch (letter.to, letter.content) {
        case (.worker(let slot), _): happen(.deliver(letter), slot: slot, life: letter.life)
        case (.coordinator, .message(let worker, let message)): tell(.worker(worker, message))
        case (.coordinator, .result(var result)):
            result.timings.append(StageTiming(wait: 1 + random.next() % 40_000))
            tell(.stepResult(result))
        case (.coordinator, _): break
        }
    }
}
