// Responsible for: the coordinator's part in proving links: what comes and goes over them, and what the connection to the
// first stage does. Must not know: what is proven by it (Cluster/Links).
import Cluster
import Logging
import Transport
import Wire

extension CoordinatorLoop {
    /// Makes the link for the steps of a plan.
    func connectFirstStage(_ epoch: Epoch, _ text: String, _ key: NodeKey?) {
        disconnectFirstStage(epoch)
        do {
            firstStages[epoch] = try OutboundLink(
                sockets.context, to: Endpoint(parsing: text), server: key.map { PublicKey($0) },
                maximumFrameBytes: Wire.Limits.headerBytes, poller: poller)
        } catch {
            parts.log.warning("the first worker cannot be reached: \(error)")
            firstStageProblems.append(epoch)
        }
    }

    /// Closes it.
    func disconnectFirstStage(_ epoch: Epoch) { firstStages.removeValue(forKey: epoch)?.close() }

    /// A worker asks on one of its links whether it is heard.
    func receiveHello(_ arrival: Arrival, on link: NodeLink) {
        do {
            let hello = try LinkFrames.hello(arrival.frames)
            guard let worker = permissions.speaker(hello, arrival.key, speakers) else { return }
            askers[link, default: [:]][worker] = arrival.peer
            decide(.hello(worker, link, hello))
        } catch {
            parts.log.warning("an unreadable hello over \(arrival.peer) was dropped: \(error)")
            refuse(arrival, on: link == .weights ? sockets.weights : sockets.tokens)
        }
    }

    /// Answers a worker over its connection to the weights or the tokens socket.
    func answer(_ worker: WorkerID, on link: NodeLink, _ reply: HelloReply) {
        guard let peer = askers[link]?[worker] else { return }
        (link == .weights ? sockets.weights : sockets.tokens).answer(peer, reply)
    }

    /// What first stages answer, and what the connections to them do.
    func receiveFirstStages() {
        let problems = firstStageProblems
        firstStageProblems = []
        for epoch in problems { decide(.firstStage(epoch, .notResolved)) }
        for (epoch, link) in firstStages {
            for event in link.events() {
                if let connection = event.linkConnection { decide(.firstStage(epoch, connection)) }
            }
            // What was decided may have led to another first stage.
            while firstStages[epoch] === link, let frames = link.socket.receive() {
                guard LinkFrames.areOfLink(frames) else { continue }
                do { decide(.helloReply(try LinkFrames.reply(frames))) } catch {
                    parts.log.warning("an unreadable answer of the first stage was dropped: \(error)")
                }
            }
        }
    }
}
