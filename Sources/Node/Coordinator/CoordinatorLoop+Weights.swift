// Responsible for: who is served weights, and in which order. Must not know: where they lie, how they are read.
import Cluster
import Logging
import Transport
import Wire

/// What waits to be read for workers, and over which connection each fetches.
struct FetchQueue {
    /// Fetches of one worker that may wait: twice what it has outstanding, and what it asks again over a new connection.
    private static let fetchesOfWorker = 32
    /// Fetches that the thread that reads weights is given at a time.
    static let readsAtOnce = 8

    private var waiting = FairQueue<ClientID, WeightServer.Request>(limit: fetchesOfWorker)
    /// The newest connection of each key that has fetched.
    private var connections: [ClientID: Peer] = [:]
    /// Being read.
    private var readCount = 0

    /// Puts in a fetch of whoever `owner` is; one that asks for more than it may have outstanding is not answered, and
    /// nobody else waits for it. `isKnown`: all connections of its key are one owner. Returns the connection whose place
    /// this one takes.
    mutating func add(_ fetch: Fetch, over peer: Peer, of owner: ClientID, isKnown: Bool) -> Peer? {
        var replaced: Peer?
        if isKnown, connections[owner] != peer { replaced = connections.updateValue(peer, forKey: owner) }
        _ = waiting.add(.init(peer: peer, fetch: fetch), of: owner)
        return replaced
    }

    /// The next to be read, if there is room for it: owners take turns. What came over a connection that was replaced is
    /// passed over.
    mutating func next() -> WeightServer.Request? {
        while readCount < Self.readsAtOnce, let (owner, request) = waiting.next() {
            guard connections[owner] ?? request.peer == request.peer else { continue }
            readCount += 1
            return request
        }
        return nil
    }

    /// One is read.
    mutating func noteRead() { readCount -= 1 }
}

extension CoordinatorLoop {
    /// A worker asks for weights: it gets those of its own share, and no others.
    func take(_ fetch: Fetch, over arrival: Arrival) {
        switch permissions.claim(fetch, arrival.key, from: machine, speakers, parts.contents) {
        case .granted:
            let replaced = waitingFetches.add(
                fetch, over: arrival.peer, of: permissions.owner(arrival), isKnown: arrival.key != nil)
            // What one connection does not take is bounded, so a key has no more than one.
            if let replaced { sockets.weights.disconnect(replaced) }
        case .outdated: _ = sockets.weights.send(to: arrival.peer, [Chunk(outdated: fetch).encode()])
        case .foreign: refuse(arrival, on: sockets.weights)
        // It was lost, and does not know it yet.
        case nil: break
        }
    }

    func readWeights() {
        while let request = waitingFetches.next() { if !fetches.post(request) { waitingFetches.noteRead() } }
    }

    func sendChunks() {
        for reply in chunks.drain() {
            waitingFetches.noteRead()
            _ = reply.bytes.withUnsafeBytes {
                sockets.weights.send(to: reply.peer, [reply.chunk.encode()], bulk: $0.isEmpty ? nil : $0)
            }
        }
    }
}
