// Responsible for: what workers, clients and others say to a standby, and that it sends them on. Must not know: what follows from
// a worker's coming (Cluster/Succession).
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension StandbyLoop {
    private static let messagesPerTurn = 256

    func receiveControl() {
        for _ in 0..<Self.messagesPerTurn {
            guard let arrival = sockets.control.receive() else { return }
            guard arrival.frames.count == 1, let request = try? ControlRequest(decoding: arrival.frames[0].bytes),
                permissions.allows(request, from: arrival.key)
            else {
                if let sentence = sockets.control.refuse(arrival.peer) { parts.log.warning("\(sentence)") }
                continue
            }
            switch request {
            case .worker(let message): hear(message, over: arrival)
            case .client(let message): answer(message, over: arrival)
            case .newcomer:
                reply(EnrolReply.refusal(Refusal(reason: notServing)).encode(), to: arrival.peer)
            case .standby(.follow):
                reply(StandbyCommand.refusal(Refusal(reason: notServing)).encode(), to: arrival.peer)
            case .standby: break
            }
        }
    }

    private var notServing: String {
        "this coordinator is the standby of the one at \(passage.address.place), and does not serve"
    }

    private func hear(_ message: WorkerMessage, over arrival: Arrival) {
        guard let key = arrival.key.map({ NodeKey($0) }) else { return }
        switch message {
        case .join(let join):
            let since = visitors[arrival.peer]?.since ?? now
            // A worker has one connection: the last one.
            for (peer, other) in visitors where other.key == key && peer != arrival.peer { visitors[peer] = nil }
            if visitors[arrival.peer] == nil {
                visitors[arrival.peer] = Visitor(join: join, arrival: arrival, key: key, since: since)
                candidacy.note(key, isPresent: true)
            }
            ask(arrival.peer, key)
        case .granted(let term): if visitors[arrival.peer] != nil { candidacy.note(grantOf: key, term) }
        case .leave: forget(arrival.peer)
        case .loading, .ready, .failed, .heartbeat, .link, .measured, .holding, .cached, .copied, .leaving: break
        }
    }

    private func answer(_ message: ClientMessage, over arrival: Arrival) {
        switch message {
        case .statusQuery: reply(ClientReply.status(status).encode(), to: arrival.peer)
        case .ping: reply(ClientReply.pong(clockMicroseconds: Microseconds.ofDay).encode(), to: arrival.peer)
        case .cancel: break
        case .generate:
            let place = CoordinatorPlace(
                endpoint: passage.address.endpoint.description,
                key: parts.succession.record.active?.place.key ?? passage.address.key.map { NodeKey($0) })
            reply(ClientReply.elsewhere(place).encode(), to: arrival.peer)
        case .measureQuery, .drain, .planQuery:
            reply(ClientReply.refusal(Refusal(reason: notServing)).encode(), to: arrival.peer)
        }
    }

    private func reply(_ frame: [UInt8], to peer: Peer) { _ = sockets.control.send(to: peer, [frame]) }
}
