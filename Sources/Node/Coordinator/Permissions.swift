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
            switch request {
            case .newcomer, .standby: return false
            case .worker, .client: return true
            }
        }
        guard let key, let standing = roll.standing(of: key) else { return false }
        return switch (request, standing) {
        case (.newcomer, .newcomer), (.newcomer, .owner): true
        case (.worker, .member(.worker, _)): true
        case (.client, .member(.client, _)), (.client, .owner): true
        case (.standby, .member(.standby, _)): true
        case (.newcomer, _), (.worker, _), (.client, _), (.standby, _): false
        }
    }

    /// Whether this key may change what the cluster does for all: its owner's, as for `tandem remove`.
    func mayAdminister(_ key: PublicKey?) -> Bool {
        guard let roll else { return true }
        return key.flatMap { roll.standing(of: $0) } == .owner
    }

    /// Whose turn a message takes. All connections of a key count as one; where links are open each is its own.
    func owner(_ arrival: Arrival) -> ClientID {
        guard let key = arrival.key else { return ClientID(arrival.peer) }
        return ClientID(of: NodeKey(key))
    }

    /// Who may ask for a request again, also of the next process: the owner has another key with each, and is known by the
    /// coordinator's. nil: links are open.
    func keeper(_ arrival: Arrival, coordinator: NodeKey?) -> NodeKey? {
        guard let key = arrival.key else { return nil }
        return roll?.standing(of: key) == .owner ? coordinator : NodeKey(key)
    }

    /// Who asks over this connection.
    func requester(_ arrival: Arrival) -> ClientSessions.Requester {
        let owner = owner(arrival)
        guard let key = arrival.key else { return .init(id: owner, name: "\(arrival.peer)") }
        let name: String =
            switch roll?.standing(of: key) {
            case .member(_, let name): name
            case .owner: "owner"
            case .newcomer, nil: key.shortText
            }
        return .init(id: owner, name: name)
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

    /// What a key may have of what it asks for: a member's, those of the layers that it is to hold. nil: it is no member's.
    func claim(
        _ fetch: Fetch, _ key: PublicKey?, from coordinator: Coordinator, _ speakers: Speakers,
        _ contents: LayerContents
    ) -> WeightClaim? {
        guard roll != nil else { return .granted }
        guard let key, let worker = speakers.workers(of: [key]).first else { return nil }
        return coordinator.claim(of: worker, in: fetch.epoch) { contents.need(fetch.content, in: $0) }
    }
}

extension ClientID {
    /// All connections of a key.
    init(of key: NodeKey) { self.init(key.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
}
