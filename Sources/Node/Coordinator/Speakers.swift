// Responsible for: which worker speaks over which connection of the control link. Must not know: what is said, who may
// join (Roll).
import Transport
import Wire

/// Workers, bound to their connections and keys by their joins.
struct Speakers {
    private struct Binding {
        var peer: Peer
        let key: PublicKey?
    }

    private var bindings: [WorkerID: Binding] = [:]
    private var workers: [Peer: WorkerID] = [:]

    /// Who speaks over a connection; nil: nobody who has joined.
    subscript(_ peer: Peer) -> WorkerID? { workers[peer] }

    /// Where a worker is to be answered; nil: it is gone.
    func peer(of worker: WorkerID) -> Peer? { bindings[worker]?.peer }

    /// The key of a worker; nil: links are open, or it is gone.
    func key(of worker: WorkerID) -> PublicKey? { bindings[worker]?.key }

    /// A worker joins over a connection. Returns the other workers whose places its key or connection takes (processes
    /// before it, which have ended); nil: another key has this id, so that it may not.
    mutating func bind(_ worker: WorkerID, to peer: Peer, _ key: PublicKey?) -> [WorkerID]? {
        if let known = bindings[worker] {
            guard known.key == key else { return nil }
            workers[known.peer] = nil
        }
        var replaced: [WorkerID] = []
        if let other = workers[peer], other != worker { replaced.append(other) }
        if let key {
            replaced += bindings.filter { $0.value.key == key && $0.key != worker }.map(\.key).sorted()
        }
        for other in replaced { forget(other) }
        bindings[worker] = Binding(peer: peer, key: key)
        workers[peer] = worker
        return replaced
    }

    /// Its connection is gone.
    mutating func forget(_ worker: WorkerID) {
        guard let binding = bindings.removeValue(forKey: worker) else { return }
        if workers[binding.peer] == worker { workers[binding.peer] = nil }
    }

    /// The workers with these keys.
    func workers(of keys: Set<PublicKey>) -> [WorkerID] {
        bindings.filter { $0.value.key.map(keys.contains) ?? false }.map(\.key).sorted()
    }
}
