// Responsible for: requests that came over the control link: from a client's message to its replies.
// Must not know: sockets, how an answer is made.
import Generation
import Sequences
import Transport
import Wire

/// The requests of connected clients. Owned by the coordinator's loop thread.
struct ClientSessions {
    private struct Request {
        let generation: Generation
        let requester: ClientID
        /// Its client is gone, or missed something of it: nothing more of it is sent.
        var isGivenUp = false
    }

    private let maximumCount: Int
    private var requests: [ClientID: [ClientRequestID: Request]] = [:]
    private var count = 0
    /// Of each requester that has any.
    private var counts: [ClientID: Int] = [:]
    /// Requests given up because their clients read too slowly, of which these do not know yet.
    private var unknown: [ClientID: Set<ClientRequestID>] = [:]
    /// Of one client; whoever asks on and on without reading is not told of more.
    private static let maximumUnknown = 1024

    /// Requests of clients that are on their way in or out, beside those that run or wait.
    static let spareCount = 1024

    /// At most `maximumCount` requests at once, those that end included.
    init(maximumCount: Int) { self.maximumCount = maximumCount }

    /// No client has a request, not even one that is about to end.
    var isEmpty: Bool { count == 0 }

    /// Clients with a request that has not ended and was not given up.
    var active: [ClientID] { requests.filter { $0.value.values.contains { !$0.isGivenUp } }.map(\.key) }

    /// Who asks: for turns and bounds (all connections of a key together), and for the log.
    struct Requester {
        let id: ClientID
        let name: String
    }

    /// Begins to answer; replies come through the loop's mailbox. A returned reply is all that the client gets.
    /// `known`: of its answer, beyond what the client has; nil: it was not accepted before; `answer`: its way through the journal.
    mutating func start(
        _ message: Generate, known: [SampledToken]?, of client: ClientID, for requester: Requester,
        with service: GenerationService, _ answer: JournaledAnswer, replies: Mailbox<CoordinatorLoop.Wish>
    ) -> ClientReply? {
        let id = message.id
        guard requests[client]?[id] == nil else { return nil }
        // Nobody alone leaves no room for others.
        guard count < maximumCount, counts[requester.id, default: 0] < maximumCount - Self.spareCount / 2 else {
            return .failed(id, .overloaded)
        }
        let generation = service.generate(
            message.request, known: known, for: requester.id, named: requester.name)
        requests[client, default: [:]][id] = Request(generation: generation, requester: requester.id)
        count += 1
        counts[requester.id, default: 0] += 1
        Task {
            var answer = answer
            do {
                for try await event in generation.events {
                    try await answer.note(event)
                    await replies.postPatiently(.reply(client, id, .event(id, event)))
                }
            } catch {
                generation.cancel()
                let error = error as? TandemError ?? TandemError("\(error)", kind: .internal)
                await replies.postPatiently(.reply(client, id, .failed(id, error)))
            }
            await answer.end()
            await replies.postPatiently(.forget(client, id))
        }
        return nil
    }

    /// The client wants no more of a request.
    func cancel(_ request: ClientRequestID, of client: ClientID) { requests[client]?[request]?.generation.cancel() }

    /// Every request that somebody may wait for.
    var all: [(ClientID, ClientRequestID)] {
        requests.flatMap { client, mine in mine.filter { !$0.value.isGivenUp }.map { (client, $0.key) } }
    }

    /// Whether nothing more of a request may be sent.
    func isGivenUp(_ request: ClientRequestID, of client: ClientID) -> Bool {
        requests[client]?[request]?.isGivenUp == true
    }

    /// The client is gone.
    mutating func leave(_ client: ClientID) {
        _ = giveUp(client)
        unknown[client] = nil
    }

    /// The client reads so slowly that there was no room for something meant for it.
    mutating func stall(_ client: ClientID) {
        let room = Self.maximumUnknown - (unknown[client]?.count ?? 0)
        let given = giveUp(client).prefix(room)
        if !given.isEmpty { unknown[client, default: []].formUnion(given) }
    }

    private mutating func giveUp(_ client: ClientID) -> [ClientRequestID] {
        guard let mine = requests[client] else { return [] }
        let given = mine.filter { !$0.value.isGivenUp }
        for (id, request) in given {
            request.generation.cancel()
            requests[client]?[id]?.isGivenUp = true
        }
        return Array(given.keys)
    }

    /// Whom to tell that a request was given up.
    var untold: [(ClientID, ClientRequestID)] { unknown.flatMap { client, ids in ids.map { (client, $0) } } }

    /// The client knows that the request was given up.
    mutating func noteTold(_ request: ClientRequestID, of client: ClientID) {
        unknown[client]?.remove(request)
        if unknown[client]?.isEmpty == true { unknown[client] = nil }
    }

    /// The request has ended.
    mutating func remove(_ request: ClientRequestID, of client: ClientID) {
        if let requester = requests[client]?.removeValue(forKey: request)?.requester {
            count -= 1
            counts[requester, default: 0] -= 1
            if counts[requester] == 0 { counts[requester] = nil }
        }
        if requests[client]?.isEmpty == true { requests[client] = nil }
    }
}
