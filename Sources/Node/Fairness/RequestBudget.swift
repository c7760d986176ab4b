// Responsible for: how much of the coordinator's memory all requests together, and those of one client, may take. Must
// not know: what becomes of a request.
import Sequences
import Synchronization
import Wire

/// Bytes and numbers of requests that have begun and not ended. For any thread.
final class RequestBudget: Sendable {
    /// What there is of something.
    struct Amount: Sendable, Equatable {
        var requests = 0
        var bytes = 0
    }

    /// By default four of the largest prompts of one client, and sixteen in all.
    static let bytes = 16 * RequestLimits.promptBytes
    static let clientBytes = 4 * RequestLimits.promptBytes

    private struct State {
        var total = Amount()
        var clients: [ClientID: Amount] = [:]
    }

    private let limit: Amount
    private let clientLimit: Amount
    private let state = Mutex(State())

    /// At most `limit` in all, and `clientLimit` of each client.
    init(limit: Amount, clientLimit: Amount) {
        (self.limit, self.clientLimit) = (limit, clientLimit)
    }

    /// Takes what a request needs; throws `TandemError` where there is not so much left for its client.
    func take(_ bytes: Int, of client: ClientID) throws(TandemError) {
        let isThere = state.withLock { state in
            let mine = state.clients[client] ?? Amount()
            guard state.total.requests < limit.requests, bytes <= limit.bytes - state.total.bytes,
                mine.requests < clientLimit.requests, bytes <= clientLimit.bytes - mine.bytes
            else { return false }
            state.total = Amount(requests: state.total.requests + 1, bytes: state.total.bytes + bytes)
            state.clients[client] = Amount(requests: mine.requests + 1, bytes: mine.bytes + bytes)
            return true
        }
        if !isThere { throw .overloaded }
    }

    /// Gives back what a request took.
    func giveBack(_ bytes: Int, of client: ClientID) {
        state.withLock { state in
            state.total = Amount(requests: state.total.requests - 1, bytes: state.total.bytes - bytes)
            guard let mine = state.clients[client] else { return }
            state.clients[client] =
                mine.requests == 1 ? nil : Amount(requests: mine.requests - 1, bytes: mine.bytes - bytes)
        }
    }

    /// What is taken now.
    var taken: Amount { state.withLock { $0.total } }
}

extension GenerationRequest {
    /// About so many bytes of memory a request takes from its coming to its end: its text, and its tokens, of which there
    /// are at most as many as bytes where that is not known yet.
    func keptBytes(contextLength: Int) -> Int {
        let tokens: Int
        if case .tokens(let given) = prompt { tokens = given.count } else { tokens = min(promptBytes, contextLength) }
        let texts = promptBytes + stops.reduce(0) { $0 + $1.utf8.count }
        return texts + 2 * tokens * MemoryLayout<Int32>.size + sampling.logitBias.count * MemoryLayout<LogitBias>.size
            + Self.leastBytes
    }

    /// Of streams, tasks and entries in tables.
    private static let leastBytes = 4096
}
