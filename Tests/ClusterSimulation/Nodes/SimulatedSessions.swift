// Responsible for: the requests of clients as the text side of a coordinator's process keeps them. Must not know: what
// clients are told (World+Sessions), how answers are computed.

import Cluster
import Sequences
import Wire

/// The requests of the clients of one coordinator process.
struct SimulatedSessions {
    struct Session {
        let request: RequestID
        let client: ClientID
        let id: ClientRequestID
        /// The token that ends the answer, and whether it came.
        let stop: Int32?
        /// In the journal, and by whom it may be asked for again; nil: it is in none.
        var number: UInt64?
        var identity: RequestIdentity?
        /// Tokens of it that its client was told since its admission.
        var told = 0
        var isStopped = false
        /// Its client is gone: nothing more of it is sent.
        var isGivenUp = false
    }

    private var sessions: [Session] = []
    private var lastRequest: UInt64 = 0

    var isEmpty: Bool { sessions.isEmpty }
    var count: Int { sessions.count }

    mutating func open(_ message: Generate, number: UInt64?, of client: ClientID) -> Session {
        lastRequest += 1
        var session = Session(
            request: RequestID(lastRequest), client: client, id: message.id,
            stop: message.request.stops.first.flatMap { Int32($0) })
        (session.number, session.identity) = (number, message.identity)
        sessions.append(session)
        return session
    }

    /// One that nobody is told of.
    mutating func resume(_ message: Generate) -> Session {
        let session = open(message, number: nil, of: .own)
        change(session.request) { $0.isGivenUp = true }
        return session
    }

    mutating func noteTold(_ request: RequestID) { change(request) { $0.told += 1 } }

    func session(of request: RequestID) -> Session? { sessions.first { $0.request == request } }

    func session(_ id: ClientRequestID, of client: ClientID) -> Session? {
        sessions.first { $0.id == id && $0.client == client }
    }

    /// Whether a client has a request that was not given up.
    func isOpen(_ client: ClientID) -> Bool { sessions.contains { $0.client == client && !$0.isGivenUp } }

    mutating func stop(_ request: RequestID) { change(request) { $0.isStopped = true } }

    mutating func close(_ request: RequestID) { sessions.removeAll { $0.request == request } }

    /// The requests of a client that were not given up before, and are now.
    mutating func giveUp(_ client: ClientID) -> [RequestID] {
        let given = sessions.filter { $0.client == client && !$0.isGivenUp }.map(\.request)
        for request in given { change(request) { $0.isGivenUp = true } }
        return given
    }

    private mutating func change(_ request: RequestID, _ body: (inout Session) -> Void) {
        if let index = sessions.firstIndex(where: { $0.request == request }) { body(&sessions[index]) }
    }
}

/// A request of an earlier process that goes on without its client.
struct ResumedSession {
    let entry: JournalState.Entry
    let request: RequestID
    /// Since the admission.
    var tokens: [SampledToken]
}

extension GenerationTask {
    /// What the text side makes of a request for tokens.
    init(_ id: RequestID, _ prompt: [Int32], _ request: GenerationRequest) {
        self.init(
            request: id, prompt: prompt, answered: request.answered, sampling: request.sampling,
            maximumTokens: request.maximumTokens,
            endTokens: request.ignoresEndOfText ? [] : ToyModel.endTokens, scoringStart: request.scoringStart,
            priority: request.priority)
    }
}
