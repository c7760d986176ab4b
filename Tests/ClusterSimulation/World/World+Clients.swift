// Responsible for: what clients do: ask, cancel, leave and ask again, each request on a connection of its own, as
// `CoordinatorClient` does. Must not know: how answers are computed.

import Sequences
import Wire

extension World {
    func prepareClients() {
        for index in 0..<(1 + random.below(random.chance(20) ? Place.mostClients : 4)) {
            let isChat = random.chance(40)
            // Many begin alike.
            let beginning = random.chance(50) ? (0..<Int32(40 + random.below(2) * 30)).map { $0 * 5 % 90 } : []
            clients.append(
                SimulatedClient(turnsLeft: isChat ? 2 + random.below(2) : 1, tokens: beginning, index: index))
            queue.plan(.ask(index), at: random.milliseconds(0...2_500))
        }
    }

    private func nextQuestion(_ index: Int) {
        let length = random.chance(20) ? 60 + random.below(40) : 1 + random.below(30)
        let news = (0..<length).map { _ in Int32(random.below(Int(ToyModel.vocabulary))) }
        let prompt = Array((clients[index].tokens + news).prefix(Self.contextLength - 20))
        let id = ClientRequestID(UInt64(1 + random.below(9)))
        var request = GenerationRequest(prompt: .tokens(prompt))
        request.sampling.seed = random.next()
        request.maximumTokens = 1 + random.below(random.chance(20) ? 100 : 24)
        request.ignoresEndOfText = random.chance(50)
        if prompt.count > 1 && random.chance(20) { request.scoringStart = 1 + random.below(prompt.count - 1) }
        request.priority = random.below(3) - 1
        if random.chance(15) { request.stops = ["\(20 + random.below(3))"] }
        let habit: Question.Habit = random.chance(75) ? .waits : random.chance(50) ? .cancels : .leaves
        clients[index].tokens = prompt
        clients[index].turnsLeft -= 1
        var message = Generate(id: id, request: request)
        message.identity = RequestIdentity(
            (0..<RequestIdentity.byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        clients[index].question = Question(
            message, habit: habit, contextLength: Self.contextLength, lengths: lengths)
    }

    /// Asks the next thing, or the same again, on a new connection.
    func ask(_ index: Int) {
        if clients[index].question == nil { nextQuestion(index) }
        clients[index].connection += 1
        clients[index].isCut = false
        clients[index].connectingSince = now
        let had = clients[index].had
        clients[index].had = []
        clients[index].question?.message.request.answered = had
        if let question = clients[index].question {
            heard.ask(question, client: index, having: had)
            if let identity = question.message.identity { asked[identity] = question.whole }
        }
        plan(.handshake, client: index, within: 1...20)
    }

    /// What it has of its answer it need not hear again.
    private func goOn(_ index: Int) {
        guard clients[index].question?.message.request.scoringStart == nil else { return }
        clients[index].had = heard.tokens(of: index)
        if !clients[index].had.isEmpty { happened(.answerGoesOn) }
    }

    private func plan(_ thing: SimulatedClient.Thing, client index: Int, within range: ClosedRange<UInt64>) {
        queue.plan(
            .atClient(thing, index: index, connection: clients[index].connection),
            at: now + random.milliseconds(range))
    }

    /// Something happens to a client's newest connection.
    func happen(_ thing: SimulatedClient.Thing, client index: Int, connection: Int) {
        guard clients[index].connection == connection else { return }
        if case .handshake = thing { return shakeHands(index) }
        guard clients[index].isConnected else { return }
        switch thing {
        case .handshake: break
        case .lost:
            happened(.askedAgain)
            close(index)
            goOn(index)
            queue.plan(.ask(index), at: now + random.milliseconds(10...500))
        case .tick: checkSilence(index)
        case .cancel:
            guard let question = clients[index].question else { return }
            happened(.clientCancelled)
            heard.cancel(client: index)
            say(.cancel(question.message.id), index)
        case .leave: leave(index)
        case .letter(let letter):
            guard case .reply(let reply) = letter.content else { return note("client \(index) is sent \(letter)") }
            hear(reply, index)
        }
    }

    private func shakeHands(_ index: Int) {
        guard let question = clients[index].question, !clients[index].isConnected else { return }
        guard coordinator.accepts, !network.areParted(.coordinator, .client(index)) else {
            if now - clients[index].connectingSince < SimulatedClient.connectLimit {
                return plan(.handshake, client: index, within: 50...150)
            }
            happened(.noAnswer)
            return queue.plan(.ask(index), at: now + random.milliseconds(10...500))
        }
        clients[index].isConnected = true
        clients[index].lastHeard = now
        say(.generate(question.message), index)
        if isCoded { say(.statusQuery(StatusQuery()), index) }
        plan(.tick, client: index, within: 500...500)
        switch question.habit {
        case .waits: break
        case .cancels: plan(.cancel, client: index, within: 0...1_500)
        case .leaves: plan(.leave, client: index, within: 0...1_500)
        }
    }

    private func say(_ message: ClientMessage, _ index: Int) {
        clients[index].lastSent = now
        // The host is there again, and knows nothing of this connection.
        if clients[index].isCut, coordinator.accepts, !network.areParted(.coordinator, .client(index)) {
            happened(.lossFoundOut)
            return plan(.lost, client: index, within: 1...20)
        }
        post(
            .request(clients[index].connectionID, message), from: .client(index), to: .coordinator, .control,
            life: coordinator.controlLife)
    }

    private func hear(_ reply: ClientReply, _ index: Int) {
        if trace != nil { trace?.append("\(now) client \(index) hears \(reply)") }
        clients[index].lastHeard = now
        note(heard.hear(reply, client: index))
        switch reply {
        case .event(_, .finished):
            close(index)
            answered(index)
        case .failed(_, let error):
            close(index)
            goOn(index)
            queue.plan(.ask(index), at: now + (error.retryAfterMilliseconds ?? 0) + random.milliseconds(0...50))
        case .event, .status, .measurements, .drain, .planPreview, .pong, .refusal, .standbyPlace, .elsewhere: break
        }
    }

    /// It has its answer, or as much of it as it wanted.
    private func answered(_ index: Int) {
        clients[index].tokens += heard.tokens(of: index)
        clients[index].question = nil
        if clients[index].turnsLeft > 0 { queue.plan(.ask(index), at: now + random.milliseconds(0...300)) }
    }

    /// It closes its connection in the middle of an answer, and sometimes asks the same again.
    private func leave(_ index: Int) {
        if !heard.tokens(of: index).isEmpty { happened(.clientLeft) }
        close(index)
        if now < Self.quietTime && random.chance(50) {
            queue.plan(.ask(index), at: now + random.milliseconds(10...1_000))
        } else {
            answered(index)
        }
    }

    /// The client's side of the end of a connection; the coordinator finds out later.
    private func close(_ index: Int) {
        network.cutAll(.coordinator, .client(index))
        clients[index].isConnected = false
        planDeparture(of: clients[index].connectionID)
    }

    /// A closed connection does not say whose it was: the coordinator looks who is gone from time to time.
    private func planDeparture(of client: ClientID) {
        if network.areParted(.coordinator, .client(Self.client(client))) { return }
        queue.plan(
            .atCoordinator(.clientGone(client), life: coordinator.life), at: now + random.milliseconds(1...300))
    }

    /// What a client's connection is to is lost; `isSilent`: it must find out by itself.
    func breakClient(_ index: Int, isSilent: Bool) {
        network.cutAll(.coordinator, .client(index))
        // Also those of which the coordinator could not learn while the two were parted.
        for connection in 0...clients[index].connection {
            let client = ClientID(UInt64(index) << 32 | UInt64(connection))
            if coordinator.sessions.isOpen(client) { planDeparture(of: client) }
        }
        guard clients[index].isConnected else { return }
        clients[index].isCut = true
        if !isSilent { plan(.lost, client: index, within: 1...50) }
    }

    private func checkSilence(_ index: Int) {
        let silence = now - clients[index].lastHeard
        if silence >= SimulatedClient.silenceLimit {
            if !clients[index].isCut { note("client \(index) is not answered, though its connection is whole") }
            happened(.silenceNoticed)
            return happen(.lost, client: index, connection: clients[index].connection)
        }
        if min(silence, now - clients[index].lastSent) > SimulatedClient.pingInterval {
            say(.ping, index)
        }
        plan(.tick, client: index, within: 500...500)
    }
}
