// Responsible for: the worker's part in proving links: what comes and goes over them, and what their connections do. Must
// not know: what is proven by it (Cluster/Links).
import Cluster
import Logging
import Transport
import Wire

extension WorkerLoop {
    /// Somebody asks on the data link whether he is heard. Where links are open it is whoever he says.
    func receiveHello(_ frames: [Frame], over arrival: Arrival) {
        do {
            let hello = try LinkFrames.hello(frames)
            guard arrival.key == nil || hello.worker == machine.assignment?.previous else { return }
            if askers.count >= Wire.Limits.workers { askers = [:] }
            askers[hello.worker] = arrival.peer
            decide(.hello(hello, from: hello.worker))
        } catch {
            parts.log.warning("an unreadable hello was dropped: \(error)")
            refuse(arrival)
        }
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
            guard let connection = event.linkConnection else { continue }
            decide(.link(link, connection, of: link == .next ? next?.epoch ?? .none : .none))
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

    /// Says something to the coordinator. Only a shell knows what time of day it is.
    func send(_ message: WorkerMessage) {
        var message = message
        if case .measured(var measured) = message {
            measured.clockMicroseconds = Microseconds.ofDay
            message = .measured(measured)
        }
        _ = control?.link.socket.send([ControlRequest.worker(message).encode()])
    }

    /// Answers who asked on the data link.
    func answer(_ reply: HelloReply, to speaker: WorkerID?) {
        if let peer = askers[speaker] { data.answer(peer, reply) }
    }
}
