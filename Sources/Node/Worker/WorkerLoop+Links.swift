// Responsible for: the worker's part in proving links: what comes and goes over them, and what their connections do. Must
// not know: what is proven by it (Cluster/Links).
import Cluster
import Logging
import Transport
import Wire

extension WorkerLoop {
    /// Who speaks on the data link: a worker by its id, and else the coordinator.
    private func speaker(_ peer: Peer) -> WorkerID? { WorkerID(routingID: peer.routingID) }

    /// Somebody asks on the data link whether he is heard.
    func receiveHello(_ frames: [Frame], from peer: Peer) {
        do {
            let hello = try LinkFrames.hello(frames)
            askers[speaker(peer)] = peer
            decide(.hello(hello, from: speaker(peer)))
        } catch { parts.log.warning("an unreadable hello was dropped: \(error)") }
    }

    /// Answers, and what became of connections, on the links that carry nothing else this way.
    func receiveReplies() {
        for (name, link) in [(NodeLink.next, next?.link), (.tokens, tokens)] {
            guard let link else { continue }
            note(link.events(), on: name)
            while let frames = link.socket.receive() { receiveReply(frames, on: name) }
        }
    }

    /// An answer to a hello.
    func receiveReply(_ frames: [Frame], on link: NodeLink) {
        do { decide(.helloReply(try LinkFrames.reply(frames), on: link)) } catch {
            parts.log.warning("an unreadable answer was dropped: \(error)")
        }
    }

    /// What became of a link's connection.
    func note(_ events: [ConnectionEvent], on link: NodeLink) {
        for event in events {
            if let connection = event.linkConnection { decide(.link(link, connection)) }
        }
    }

    /// Says hello on one of the links.
    func say(_ hello: Hello, on link: NodeLink) {
        switch link {
        case .weights: weights?.say(hello)
        case .tokens: tokens?.say(hello)
        case .next: if let next, next.epoch == hello.epoch { next.link.say(hello) }
        case .previous: break
        }
    }

    /// Answers who asked on the data link.
    func answer(_ reply: HelloReply, to speaker: WorkerID?) {
        if let peer = askers[speaker] { data.answer(peer, reply) }
    }

    // MARK: The control link

    /// Where the coordinator is, by one of its addresses: that which answers, where it has several. Where its name cannot
    /// be looked up now, its last address.
    func lookUpCoordinator() {
        guard case .tcp(let host, let port) = parts.coordinator else { return }
        do { coordinator = .tcp(host: try NumericAddress.answering(host, port: port), port: port) } catch {
            decide(.unreachable(.notResolved, address: "\(parts.coordinator)"))
        }
    }

    /// What the events of the control link mean. A port where nobody listens ends an attempt at once.
    func receiveControlEvents() {
        for event in control.events() {
            switch event {
            case .handshakeSucceeded: decide(.connected)
            case .handshakeFailed: decide(.unreachable(.handshakeRefused, address: "\(coordinator)"))
            case .disconnected:
                let isQuick = now - controlSince < .milliseconds(1500)
                if !hasControlEnded {
                    decide(.unreachable(isQuick ? .refused : .noAnswer, address: "\(coordinator)"))
                }
                hasControlEnded = true
            case .connected, .accepted: break
            }
        }
    }
}
