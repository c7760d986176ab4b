// Responsible for: requests that came over the control link: from a client's message to its replies.
// Must not know: sockets, how an answer is made.
import Transport
import Wire

/// The requests of connected clients. Owned by the coordinator's loop thread.
struct ClientSessions {
    private var generations: [ClientID: [ClientRequestID: Generation]] = [:]

    /// Clients with a request that has not ended.
    var active: [ClientID] { Array(generations.keys) }

    /// Begins to answer; replies come through the loop's mailbox.
    mutating func start(
        _ message: Generate, of client: ClientID, with service: GenerationService,
        replies: Mailbox<CoordinatorLoop.Wish>
    ) {
        let id = message.id
        guard generations[client]?[id] == nil else { return }
        let request: GenerationRequest
        do { request = try GenerationRequest(message) } catch {
            Task {
                await replies.postPatiently(
                    .reply(client, .failed(RequestFailure(id: id, message: error.message, hint: error.hint))))
            }
            return
        }
        let generation = service.generate(request)
        generations[client, default: [:]][id] = generation
        Task {
            do {
                for try await event in generation.events {
                    await replies.postPatiently(.reply(client, ClientReply(event, id: id)))
                }
            } catch {
                let failure = error as? NodeError ?? NodeError("\(error)")
                await replies.postPatiently(
                    .reply(
                        client,
                        .failed(
                            RequestFailure(
                                id: id, message: failure.message, hint: failure.hint,
                                retryAfterMilliseconds: failure.retryAfterMilliseconds))))
            }
            await replies.postPatiently(.forget(client, id))
        }
    }

    /// The client wants no more of a request.
    func cancel(_ request: ClientRequestID, of client: ClientID) { generations[client]?[request]?.cancel() }

    /// The client is gone.
    func cancelAll(of client: ClientID) {
        for generation in generations[client, default: [:]].values { generation.cancel() }
    }

    /// The request has ended.
    mutating func remove(_ request: ClientRequestID, of client: ClientID) {
        generations[client]?[request] = nil
        if generations[client]?.isEmpty == true { generations[client] = nil }
    }
}

extension ClientReply {
    /// An event of a generation for the client that asked for it.
    init(_ event: GenerationEvent, id: ClientRequestID) {
        switch event {
        case .accepted(let model, let tokens, let dropped):
            self = .accepted(Accepted(id: id, modelName: model, promptTokens: tokens, droppedMessages: dropped))
        case .waiting(let why): self = .waiting(Waiting(id: id, explanation: why))
        case .tokens(let tokens, let text):
            self = .tokens(TokensEvent(id: id, tokens: tokens.map(\.message), text: text))
        case .scores(let values): self = .scores(ScoresEvent(id: id, logProbabilities: values))
        case .finished(let reason, let timings):
            self = .finished(Finished(id: id, reason: reason, text: nil, timings: timings))
        }
    }
}
