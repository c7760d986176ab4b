// Responsible for: who may say what to a coordinator, on each of its links. Must not know: what comes of it.
import Cluster
import Transport
import Wire

/// Holds what has arrived against the key that sent it. Where links are open nobody is known, and everybody may say
/// everything: that is what `--insecure` gives up.
struct Permissions {
    /// nil: links are open.
    var roll: Roll?

    /// Whether this key may say this on the control link.
    func allows(_ request: ControlRequest, from key: PublicKey?) -> Bool {
        guard let roll else {
            if case .newcomer = request { return false }
            return true
        }
        guard let key, let standing = roll.standing(of: key) else { return false }
        return switch (request, standing) {
        case (.newcomer, .newcomer), (.newcomer, .owner): true
        case (.worker, .member(.worker, _)): true
        case (.client, .member(.client, _)), (.client, .owner): true
        case (.newcomer, _), (.worker, _), (.client, _): false
        }
    }

    /// Who asks over this connection. All connections of a key count as one; where links are open each is its own.
    func requester(_ arrival: Arrival) -> ClientSessions.Requester {
        guard let key = arrival.key else {
            return .init(id: ClientID(arrival.peer), name: "\(arrival.peer)")
        }
        let number = key.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let name: String =
            switch roll?.standing(of: key) {
            case .member(_, let name): name
            case .owner: "owner"
            case .newcomer, nil: key.shortText
            }
        return .init(id: ClientID(number), name: name)
    }

    /// Results come from the worker that samples in the epoch that serves, and from nobody else.
    func mayGiveResults(_ key: PublicKey?, to coordinator: Coordinator, _ speakers: Speakers) -> Bool {
        guard roll != nil else { return true }
        return coordinator.samplingWorker.flatMap { speakers.key(of: $0) }.map { $0 == key } ?? false
    }

    /// Whose hello this is: the worker's with this key; where links are open, whose it says. nil: nobody's who has joined.
    func speaker(_ hello: Hello, _ key: PublicKey?, _ speakers: Speakers) -> WorkerID? {
        guard let worker = hello.worker, speakers.peer(of: worker) != nil else { return nil }
        return roll == nil || speakers.key(of: worker) == key ? worker : nil
    }

    /// Weights are for members.
    func mayFetch(_ key: PublicKey?, from coordinator: Coordinator, _ speakers: Speakers) -> Bool {
        guard roll != nil else { return true }
        guard let key else { return false }
        return speakers.workers(of: [key]).contains { coordinator.isMember($0) }
    }
}
