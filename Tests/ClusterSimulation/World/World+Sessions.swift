// Responsible for: the least of what the coordinator's shell does for clients, so that they can live on the virtual
// network. Must not know: how answers are computed.
//
// The real thing is shell code: `ClientSessions` and `CoordinatorLoop` (who is told what, and who is gone),
// `GenerationService` (from text to tokens and back, stop strings). Here a stop string is a token's number, and there is
// no text; the messages are the real ones.

import Cluster
import Sequences
import Wire

extension World {
    /// What a client says.
    func serve(_ message: ClientMessage, of client: ClientID) {
        switch message {
        case .statusQuery:
            guard let status = coordinator.machine?.status(now: coordinator.clock.reading(now)) else { return }
            reply(.status(status), to: client)
        case .ping: reply(.pong(clockMicroseconds: 0), to: client)
        case .planQuery(let query): note("\(client) asks for \(query)")
        case .measureQuery, .drain: note("\(client) asks \(message)")
        case .cancel(let id):
            if let session = coordinator.sessions.session(id, of: client) { order(.cancel(session.request)) }
        case .generate(let message):
            guard coordinator.sessions.session(message.id, of: client) == nil else {
                return note("\(client) asks \(message.id) twice")
            }
            admit(message, of: client)
        }
    }

    /// A request is accepted; of its answer this is known beyond what its client has.
    func begin(_ message: Generate, number: UInt64?, known: [SampledToken]?, of client: ClientID) {
        guard case .tokens(let prompt) = message.request.prompt else { return note("\(client) asks without tokens") }
        let session = coordinator.sessions.open(message, number: number, of: client)
        if let number, let identity = message.identity, number > 0 { journal.accept(identity) }
        reply(.event(message.id, .accepted(model: "toy", promptTokens: prompt, droppedMessages: 0)), to: client)
        for token in known ?? [] { say(token, to: session.request) }
        var request = message.request
        request.answered += (known ?? []).map(\.token)
        var task = GenerationTask(session.request, prompt, request)
        task.isAccepted = known != nil
        if let reason = task.end(request, contextLength: Self.contextLength) {
            reply(.event(message.id, .finished(reason, GenerationTimings())), to: client)
            return close(session.request)
        }
        // Some are the same person.
        task.client = ClientID(UInt64(1 + Self.client(client) % 3))
        guard let right = message.identity.flatMap({ asked[$0] }) else { return note("nobody asked \(task)") }
        answers.submit(task, right: right)
        tell(.submit(task))
    }

    private func close(_ request: RequestID) {
        if let session = coordinator.sessions.session(of: request) { writeEnd(session) }
        coordinator.sessions.close(request)
    }

    /// The text side tells the machine something; that takes a moment.
    func order(_ event: Coordinator.Event) {
        queue.plan(.atCoordinator(.order(event), life: coordinator.life), at: now + random.milliseconds(0...3))
    }

    /// What the machine says about a request, for the client that asked.
    func tellClient(_ action: Coordinator.Action) {
        switch action {
        case .emit(let request, let token): pass(on: token, of: request)
        case .score(let request, let values):
            inform(request) { .event($0.id, .scores(values)) }
        case .waiting(let request, let why): inform(request) { .event($0.id, .waiting(why)) }
        case .finish(let request, let reason):
            inform(request) { session in
                let reason = session.isStopped && reason != .cancelled ? FinishReason.stop : reason
                return .event(session.id, .finished(reason, GenerationTimings()))
            }
            close(request)
        case .fail(let request, let error):
            if error.retryAfterMilliseconds != nil { happened(.queueFull) }
            inform(request) { .failed($0.id, error) }
            close(request)
        case .started, .send, .connectFirstStage, .disconnectFirstStage, .sayHello, .answerHello, .forward, .forget,
            .measured, .answerDrain, .record, .tellElectors, .cede, .stepDown, .log:
            break
        }
    }

    /// Nothing that follows a stop string is told.
    private func pass(on token: SampledToken, of request: RequestID) {
        guard let session = coordinator.sessions.session(of: request), !session.isStopped else { return }
        if token.token == session.stop {
            happened(.stopFound)
            coordinator.sessions.stop(request)
            order(.stop(request))
        }
        if bug == .lostToken && token.token % 7 == 1 { return }
        note(token, ofResumed: request)
        let times = bug == .doubledToken && token.token % 7 == 1 ? 2 : 1
        for _ in 0..<times { say(token, to: request) }
    }

    private func say(_ token: SampledToken, to request: RequestID) {
        if let session = coordinator.sessions.session(of: request) { writeDown(token, session) }
        coordinator.sessions.noteTold(request)
        inform(request) { .event($0.id, .tokens([token], text: nil)) }
    }

    private func inform(_ request: RequestID, _ make: (SimulatedSessions.Session) -> ClientReply) {
        guard let session = coordinator.sessions.session(of: request) else {
            return note("\(request) is told something and nobody asked it")
        }
        if !session.isGivenUp { reply(make(session), to: session.client) }
    }

    /// Whoever cannot be sent to is gone.
    private func reply(_ message: ClientReply, to client: ClientID) {
        let index = Self.client(client)
        guard clients[index].connectionID == client, clients[index].isConnected, !clients[index].isCut else {
            return giveUp(client)
        }
        post(.reply(message), from: .coordinator, to: .client(index), .control, life: clients[index].connection)
    }

    /// The client is gone, and its requests with it.
    func giveUp(_ client: ClientID) {
        for request in coordinator.sessions.giveUp(client) { order(.cancel(request)) }
    }

    /// Which client has this connection.
    static func client(_ id: ClientID) -> Int { Int(id.value >> 32) }
}

extension GenerationTask {
    /// Why nothing more is to come than its client has, which lacks only that end; nil: something is.
    func end(_ request: GenerationRequest, contextLength: Int) -> FinishReason? {
        let stop = request.stops.first.flatMap { Int32($0) }
        if answered.contains(where: { $0 == stop || endTokens.contains($0) }) { return .stop }
        return !answered.isEmpty && answered.count >= min(maximumTokens, contextLength - prompt.count) ? .length : nil
    }
}
