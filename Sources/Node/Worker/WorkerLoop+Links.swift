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
            guard mayAsk(hello.worker, arrival.key) else { return }
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
        if let tokens {
            note(tokens.events(), on: .tokens)
            while let frames = tokens.socket.receive() { receiveReply(frames, on: .tokens) }
        }
        for (epoch, link) in nexts {
            note(link.events(), on: .next, of: epoch)
            // What was decided may have closed it.
            while nexts[epoch] === link, let frames = link.socket.receive() { receiveReply(frames, on: .next) }
        }
    }

    /// An answer to a hello.
    func receiveReply(_ frames: [Frame], on link: NodeLink) {
        do { decide(.helloReply(try LinkFrames.reply(frames), on: link)) } catch {
            parts.log.warning("an unreadable answer was dropped: \(error)")
        }
    }

    /// What became of a link's connection; `epoch`: of the steps that leave by it.
    func note(_ events: [ConnectionEvent], on link: NodeLink, of epoch: Epoch = .none) {
        for event in events {
            if let connection = event.linkConnection { decide(.link(link, connection, of: epoch)) }
        }
    }

    /// Says hello on one of the links.
    func say(_ hello: Hello, on link: NodeLink) {
        switch link {
        case .weights: weights?.say(hello)
        case .tokens: tokens?.say(hello)
        case .next: nexts[hello.epoch]?.say(hello)
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
