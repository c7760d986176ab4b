// Responsible for: the shell around a worker's machine: its beginning and end, what arrives and what it does. Must not
// know: how the machine decides, how weights are fetched (World+WorkerWeights).

import Cluster
import Wire

extension World {
    func prepareWorkers(_ count: Int) {
        let isTight = count > 1 && random.chance(25)
        let isRoomy = random.chance(60)
        for slot in 0..<count {
            let memory: UInt64 = isTight ? 450 : isRoomy ? 20_000 : 2_000
            let identity = ContentHash(Array(repeating: UInt8(slot + 1), count: ContentHash.byteCount))
            nodes.append(
                SimulatedWorker(
                    memoryBytes: memory, readBytesPerSecond: [1e9, 1e9, 3e9][random.below(3)],
                    cacheIdentity: random.chance(70) ? identity : nil))
            if random.chance(15) { nodes[slot].lease = .milliseconds(random.milliseconds(200...2_000)) }
        }
        for slot in nodes.indices {
            let time = random.chance(70) ? random.milliseconds(0...100) : random.milliseconds(0...2_500)
            queue.plan(.fault(.start(slot)), at: time)
        }
    }

    /// A new process.
    func start(_ slot: Int) {
        guard nodes[slot].machine == nil else { return }
        if nodes[slot].life > 0 { happened(.workerStarted) }
        nodes[slot].begin(slot: slot, now: now)
        endpoints[nodes[slot].dataEndpoint(slot)] = (slot, nodes[slot].life)
        reconnectControl(slot, within: 1...20)
    }

    /// The process ends, as by `kill -9`.
    func kill(_ slot: Int) {
        guard nodes[slot].machine != nil else { return }
        happened(.workerKilled)
        nodes[slot].end()
        let worker = nodes[slot].id
        for other in [Place.coordinator] + nodes.indices.map({ Place.worker($0) }) {
            network.cutAll(other, .worker(slot))
        }
        if !network.areParted(.coordinator, .worker(slot)), random.chance(70) {
            planDisconnection(of: worker, within: 1...200)
        }
        if !nodes[slot].cache.isEmpty, random.chance(30), now < Self.quietTime {
            happened(.cacheDamaged)
            nodes[slot].cache.damage(&random)
        }
    }

    /// The coordinator that is there now learns that a worker's connection is closed.
    func planDisconnection(of worker: WorkerID, within range: ClosedRange<UInt64>) {
        let time = now + random.milliseconds(range)
        queue.plan(.atCoordinator(.disconnected(worker), life: coordinator.life), at: time)
    }

    func plan(_ thing: SimulatedWorker.Thing, _ slot: Int, after time: UInt64) {
        queue.plan(.atWorker(thing, slot: slot, life: nodes[slot].life), at: now + time)
    }

    /// It connects to the coordinator, for the first time or again.
    func reconnectControl(_ slot: Int, within range: ClosedRange<UInt64>) {
        guard nodes[slot].machine != nil else { return }
        nodes[slot].connection += 1
        nodes[slot].isConnecting = true
        plan(.connected(nodes[slot].connection), slot, after: random.milliseconds(range))
    }

    /// Something happens to a process, or is kept for it while it is stopped.
    func happen(_ thing: SimulatedWorker.Thing, slot: Int, life: Int) {
        guard nodes[slot].life == life, nodes[slot].machine != nil else { return }
        if nodes[slot].isFrozen { return nodes[slot].held.append(thing) }
        switch thing {
        case .tick:
            nodes[slot].tick = .max
            checkLoad(slot)
            tell(slot, .tick)
        case .connected(let connection): connected(slot, connection)
        case .weightsConnected(let connection): weightsConnected(slot, connection)
        case .inventory(let epoch): takeInventory(slot, epoch)
        case .verify(let epoch, let content): verify(slot, epoch, content)
        case .loaded(let epoch): finishLoad(slot, epoch)
        case .computed(let forward, let input): computed(slot, forward, input)
        case .sendPart(let copies, let part): sendPart(copies, part, slot)
        case .stored(let contents, let source): tell(slot, .stored(contents, from: source))
        case .letter(let letter): arrive(letter, slot)
        case .linkUp(let link, let epoch): linkUp(link, epoch, slot)
        }
    }

    private func connected(_ slot: Int, _ connection: Int) {
        guard nodes[slot].connection == connection else { return }
        if coordinator.accepts, !network.areParted(.coordinator, .worker(slot)) {
            nodes[slot].isConnecting = false
            network.renew(.worker(slot), .coordinator, .control)
            tell(slot, .connected)
        } else {
            plan(.connected(connection), slot, after: 100)
        }
    }

    private func computed(_ slot: Int, _ forward: Forward, _ input: [UInt64]) {
        guard let stage = nodes[slot].stage(of: forward.epoch) else { return }
        var (hidden, result) = stage.compute(forward, input)
        if let found = stage.takeContents() { note(blocks.observe(found, of: forward)) }
        if forward.rebuilt != nil { happened(.layersRebuilt) }
        // Another stage may be about to be loaded in its place.
        guard nodes[slot].assign(of: forward.epoch) != nil else { return note(stage.complaint) }
        result.timings = [StageMicroseconds(wire: 300, queue: 50, compute: 1_000 + random.next() % 5_000, wait: 10)]
        note(stage.complaint)
        nodes[slot].waitingSteps.removeAll { $0 == (forward.epoch, forward.step) }
        tell(slot, .computed(result, hidden))
    }

    private func arrive(_ letter: Letter, _ slot: Int) {
        switch letter.content {
        case .command(let command): tell(slot, .command(command))
        case .forward(let forward, let input):
            if let assign = nodes[slot].assign(of: forward.epoch) {
                nodes[slot].waitingSteps.append((forward.epoch, forward.step))
                note(bounds.queue(nodes[slot].waitingSteps.count { $0.epoch == forward.epoch }, assign))
            } else {
                happened(.oldForward)
            }
            tell(slot, .forward(forward, input))
        case .chunk(let chunk, let bytes): advance(slot, .chunk(chunk), bytes: bytes)
        case .hello(let hello, let speaker): tell(slot, .hello(hello, from: speaker))
        case .helloReply(let reply):
            let links: [Link: NodeLink] = [.weights: .weights, .tokens: .tokens, .data: .next]
            if let link = links[letter.link] { tell(slot, .helloReply(reply, on: link)) }
        case .blocks(let contents, let values, let source): tell(slot, .blocks(contents, values, from: source))
        case .message, .result, .fetch, .request, .reply: note("worker \(slot) is sent \(letter.content)")
        }
    }

    /// Hands an event to a worker's machine and does what it decides.
    func tell(_ slot: Int, _ event: Worker.Event) {
        let clock = nodes[slot].clock
        guard let actions = nodes[slot].machine?.handle(event, now: clock.reading(now)) else { return }
        if trace != nil, !actions.isEmpty { trace?.append("\(now) worker \(slot): \(event) -> \(actions)") }
        for action in actions { perform(action, slot) }
        guard let deadline = nodes[slot].machine.map({ clock.moment($0.nextDeadline) }), deadline < nodes[slot].tick
        else { return }
        nodes[slot].tick = max(deadline, now)
        plan(.tick, slot, after: nodes[slot].tick - now)
    }

    /// What there is, if anybody listens where they belong.
    func sendResults(_ slot: Int) {
        guard let life = nodes[slot].welcome.flatMap({ coordinator.life(at: $0.tokensEndpoint) }) else { return }
        for result in nodes[slot].unsent {
            post(.result(result), from: .worker(slot), to: .coordinator, .tokens, life: life)
        }
        nodes[slot].unsent = []
    }

    private func perform(_ action: Worker.Action, _ slot: Int) {
        let here = Place.worker(slot)
        switch action {
        case .send(let message):
            let content = Content.message(nodes[slot].id, said(message, by: slot))
            post(content, from: here, to: .coordinator, .control, life: coordinator.controlLife)
        case .keepGrants, .noteStandby, .follow: note("worker \(slot) does what no world asks: \(action)")
        case .reconnect:
            network.cut(here, .coordinator, .control)
            network.cut(.coordinator, here, .control)
            reconnectControl(slot, within: 1...20)
        case .welcomed(let welcome):
            nodes[slot].welcome = welcome
            nodes[slot].load = nil
            nodes[slot].unsent = []
            network.cut(here, .coordinator, .tokens)
            network.cut(.coordinator, here, .tokens)
            replaceWeightsLink(slot)
            connectLink(.tokens, slot, .none)
            tellCached(slot, welcome)
        case .load(let assign):
            nodes[slot].load = nil
            nodes[slot].waitingSteps.removeAll { !assign.isBeside || $0.epoch == assign.epoch }
            plan(.inventory(assign.epoch), slot, after: random.milliseconds(1...30) * nodes[slot].slowness)
        case .connectNext(let epoch, let endpoint, _, let isBeside):
            if !isBeside { nodes[slot].nextStages = [:] }
            nodes[slot].nextStages[epoch] = endpoint
            if !isBeside, let next = endpoints[endpoint]?.slot {
                network.cut(here, .worker(next), .data)
                network.cut(.worker(next), here, .data)
            }
            connectLink(.next, slot, epoch)
        case .sayHello(let link, let hello): say(hello, on: link, slot)
        case .answerHello(let reply, let speaker): answer(reply, to: speaker, slot)
        case .unload: nodes[slot].unload()
        case .drop(let epoch):
            nodes[slot].waitingSteps.removeAll { $0.epoch == epoch }
            nodes[slot].drop(epoch)
        case .copyBlocks(let order, let epoch): copyBlocks(order, of: epoch, slot)
        case .endCopying: nodes[slot].copying += 1
        case .store(let contents, let values, let source): store(contents, values, from: source, slot)
        case .drained:
            happened(.workerDrained)
            nodes[slot].end()
        case .compute(let forward, let input):
            if nodes[slot].isHung { return }
            plan(.computed(forward, input ?? []), slot, after: random.milliseconds(1...6) * nodes[slot].slowness)
        case .sendForward(let forward, let hidden):
            // Also of steps that were skipped.
            nodes[slot].waitingSteps.removeAll { $0.epoch == forward.epoch && $0.step <= forward.step }
            if let (next, nextLife) = endpoints[nodes[slot].nextStages[forward.epoch] ?? ""] {
                post(.forward(forward, hidden ?? []), from: here, to: .worker(next), .data, life: nextLife)
            }
        case .sendResult(let result):
            nodes[slot].waitingSteps.removeAll { $0.epoch == result.epoch && $0.step <= result.step }
            nodes[slot].unsent.append(said(result, by: slot))
            sendResults(slot)
        case .endSequences(let sequences, let epoch):
            nodes[slot].stage(of: epoch)?.end(sequences)
            note(nodes[slot].stage(of: epoch)?.complaint)
        case .log(.warning, let text) where text.hasSuffix("freeing layers"): happened(.stageFreed)
        case .log(.error, let text): note("worker \(slot) complains: \(text)")
        case .refused(let reason): note("worker \(slot) is refused: \(reason)")
        case .log: break
        }
    }
}
