// Responsible for: who may say what to a coordinator, on each of its links. Must not know: what comes of it.
import Cluster
import Transport
import Wire

/// Holds what has arrived against who sent it. Peers are known by the ids that they chose, which keeps strays out but
/// nobody who means harm.
enum Permissions {
    /// Who speaks on the control link, and what is said.
    enum Speaker {
        case worker(WorkerID, WorkerMessage)
        case client(ClientID, ClientMessage)
    }

    /// Workers speak as workers and clients as clients; nil: this peer may not say this.
    static func speaker(_ peer: Peer, saying request: ControlRequest) -> Speaker? {
        switch request {
        case .worker(let message): WorkerID(routingID: peer.routingID).map { .worker($0, message) }
        case .client(let message): ClientID(routingID: peer.routingID).map { .client($0, message) }
        }
    }

    /// Results come from the worker that samples in the epoch that serves, and from nobody else.
    static func mayGiveResults(_ peer: Peer, to coordinator: Coordinator) -> Bool {
        WorkerID(routingID: peer.routingID).map { $0 == coordinator.samplingWorker } ?? false
    }

    /// Weights are for members.
    static func mayFetch(_ peer: Peer, from coordinator: Coordinator) -> Bool {
        WorkerID(routingID: peer.routingID).map(coordinator.isMember) ?? false
    }
}
