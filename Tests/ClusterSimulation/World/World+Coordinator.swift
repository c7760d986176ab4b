// Responsible for: the shell around the coordinator's machine: its end, its next beginning, what arrives and what is sent.
// Must not know: how the machine decides, what clients are told (World+Sessions).

import Cluster
import Sequences
import Wire

extension World {
    /// A new process. It may get the ports of the one before, or others.
    func startCoordinator() {
        guard coordinator.machine == nil else { return }
        if coordinator.life > 0 { happened(.coordinatorRestarted) }
        coordinator.life += 1
        coordinator.clock = ProcessClock(start: now)
        if coordinator.life == 1 || random.chance(25) {
            coordinator.configuration.weightsEndpoint = "w\(coordinator.life)"
            coordinator.configuration.tokensEndpoint = "t\(coordinator.life)"
        }
        // As the real shell does: the time of day.
        let timeOfDay = 1_000 + (bug == .repeatedEpochs ? 0 : now)
        coordinator.configuration.firstEpoch = Epoch(timeOfDay)
        coordinator.configuration.recalledPlans = keepsJournal ? disk.state.plans : []
        coordinator.machine = Coordinator(coordinator.configuration, now: coordinator.clock.reading(now))
        coordinator.sessions = SimulatedSessions()
        coordinator.firstStages = [:]
        coordinator.weightsFreeAt = now
        coordinator.tick = .max
        coordinator.isFrozen = false
        coordinator.held = []
        coordinator.earlierTokens = []
        resume()
    }

    /// The process ends, as by `kill -9`, or its host does.
    func killCoordinator(_ loss: CoordinatorLoss) {
        guard coordinator.machine != nil else { return }
        happened(loss.isSilent ? .hostLost : .coordinatorKilled)
        if !coordinator.sessions.isEmpty { happened(.requestsLost) }
        coordinator.machine = nil
        disk.crash(&random)
        coordinator.held = []
        coordinator.isFrozen = false
        answers.coordinatorIsLost()
        bounds.coordinatorIsLost()
        for slot in nodes.indices {
            network.cutAll(.coordinator, .worker(slot))
            if loss.isSilent || network.areParted(.coordinator, .worker(slot)) { continue }
            reconnectControl(slot, within: 1...300)
            reconnectWeights(slot, within: 1...100)
        }
        for index in clients.indices { breakClient(index, isSilent: loss.isSilent) }
        if let pause = loss.pause { queue.plan(.fault(.startCoordinator), at: now + pause) }
    }

    /// Something happens to a process, or is kept for it while it is stopped.
    func happen(_ thing: SimulatedCoordinator.Thing, coordinatorLife life: Int) {
        guard coordinator.machine != nil, coordinator.life == life else { return }
        if coordinator.isFrozen { return coordinator.held.append(thing) }
        switch thing {
        case .tick:
            coordinator.tick = .max
            tell(.tick)
        case .disconnected(let worker): tell(.disconnected(worker))
        case .order(let event):
            if case .stop(let request) = event { answers.wish(.stopped, request) }
            if case .cancel(let request) = event { answers.wish(.cancelled, request) }
            tell(event)
        case .clientGone(let client): giveUp(client)
        case .read(let fetch, let slot, let socket): sendChunk(fetch, to: slot, socket: socket)
        case .letter(let letter): receive(letter)
        case .firstStageUp(let epoch): firstStageUp(epoch)
        case .admitted(let message, let number, let known, let client):
            admitted(message, number: number, known: known, of: client)
        case .nobodyComes: nobodyComes()
        }
    }

    /// What happened while the process was stopped happens now, in order.
    func thawCoordinator() {
        guard coordinator.isFrozen else { return }
        coordinator.isFrozen = false
        let held = coordinator.held
        coordinator.held = []
        for thing in held { happen(thing, coordinatorLife: coordinator.life) }
    }

    private func receive(_ letter: Letter) {
        switch (letter.content, letter.from) {
        case (.message(let worker, let message), _): tell(.worker(worker, message))
        case (.result(let result), _): receive(result)
        case (.fetch(let fetch, let socket), .worker(let slot)): receive(fetch, of: slot, socket: socket)
        case (.request(let client, let message), _): serve(message, of: client)
        case (.hello(let hello, let worker?), _):
            tell(.hello(worker, letter.link == .weights ? .weights : .tokens, hello))
        case (.helloReply(let reply), _): tell(.helloReply(reply))
        default: note("the coordinator is sent \(letter.content)")
        }
    }

    private func receive(_ result: StepResult) {
        var result = result
        if result.epoch < coordinator.configuration.firstEpoch {
            happened(.oldResult)
            if bug == .earlierResult, !result.samples.isEmpty {
                coordinator.earlierTokens = result.samples.map(\.sample.token)
            }
        } else if bug == .earlierResult {
            for (index, token) in coordinator.earlierTokens.enumerated() where index < result.samples.count {
                result.samples[index].sample.token = token
                coordinator.earlierTokens = []
            }
        }
        result.timings.append(StageMicroseconds(wait: 1 + random.next() % 40_000))
        tell(.stepResult(result))
    }

    /// Hands an event to the machine and does what it decides.
    func tell(_ event: Coordinator.Event) {
        if case .stepResult(let result) = event { bounds.result(result) }
        switch event {
        case .worker(let worker, .join): bounds.join(worker, at: now)
        case .disconnected: bounds.end(at: now)
        default: break
        }
        let clock = coordinator.clock
        guard let actions = coordinator.machine?.handle(event, now: clock.reading(now)) else { return }
        if trace != nil, !actions.isEmpty { trace?.append("\(now) coordinator: \(event) -> \(actions)") }
        for action in actions {
            note(bounds.observe(action, at: now))
            note(answers.observe(action))
            perform(action)
        }
        guard let deadline = coordinator.machine?.nextDeadline.map(clock.moment), deadline < coordinator.tick else {
            return
        }
        coordinator.tick = max(deadline, now)
        queue.plan(.atCoordinator(.tick, life: coordinator.life), at: coordinator.tick)
    }

    private func perform(_ action: Coordinator.Action) {
        switch action {
        case .send(let worker, let command):
            if let slot = nodes.firstIndex(where: { $0.id == worker }) {
                post(.command(command), from: .coordinator, to: .worker(slot), .control, life: nodes[slot].life)
            }
        case .connectFirstStage(let epoch, let endpoint, _, let isBeside):
            connectFirstStage(epoch, endpoint, isBeside: isBeside)
        case .disconnectFirstStage(let epoch): coordinator.firstStages[epoch] = nil
        case .answerDrain(_, let reply): if reply.state == .refused { happened(.drainRefused) }
        case .sayHello(let hello): sayHello(hello)
        case .answerHello(let worker, let link, let reply): answer(worker, on: link, reply)
        case .forward(let forward):
            if let doom = coordinator.doom {
                coordinator.doom = nil
                queue.plan(.fault(.killCoordinator(doom)), at: now + random.milliseconds(0...6))
            }
            if let (slot, life) = endpoints[coordinator.firstStages[forward.epoch] ?? ""] {
                post(.forward(forward, []), from: .coordinator, to: .worker(slot), .data, life: life)
            }
        case .log(_, let text) where text.contains("is given up: "): happened(.changeAbandoned)
        case .log(_, let text) where text.contains("were copied"): happened(.changedWhileServing)
        case .log(.error, let text) where text.hasPrefix("set ") && isLinkWorld: noteSetAside(text)
        case .log(.error, let text) where !text.hasPrefix("set "): note("the coordinator complains: \(text)")
        case .log(_, let text) where text.hasPrefix("the stages hold "):
            happened(.planAdopted)
            if !text.hasPrefix("the stages hold 0 ") { happened(.blocksAdopted) }
        case .started, .emit, .score, .finish, .fail, .waiting: tellClient(action)
        case .measured(let found):
            if found.links.contains(where: { $0.figures.bytesPerSecond > 0 }) { happened(.linksMeasured) }
        case .record(let plan): record(plan)
        case .tellElectors, .stepDown, .cede: note("the coordinator does what no world asks: \(action)")
        case .forget, .log: break
        }
    }
}
