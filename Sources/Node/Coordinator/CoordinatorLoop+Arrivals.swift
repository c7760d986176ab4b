// Responsible for: what arrives at a coordinator's sockets: read, held against who sent it, and handed on. Must not know: what
// comes of it.
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension CoordinatorLoop {
    /// Messages taken from each link in one turn, and how long that may take, so that nobody keeps the loop from its other
    /// work.
    private static let messagesPerTurn = 256
    private static let linkTurn = Duration.milliseconds(2)
    /// Fetches of one worker that may wait: twice what it has outstanding, as it asks again over a new connection.
    static let fetchesOfWorker = 32
    /// Fetches that the thread that reads weights is given at a time.
    static let readsAtOnce = 8

    func receiveControl() {
        let end = now + Self.linkTurn
        for _ in 0..<Self.messagesPerTurn where now < end {
            guard let arrival = sockets.control.receive() else { return }
            guard arrival.frames.count == 1 else {
                refuse(arrival, on: sockets.control)
                continue
            }
            do {
                let request = try ControlRequest(decoding: arrival.frames[0].bytes)
                guard permissions.allows(request, from: arrival.key) else {
                    refuse(arrival, on: sockets.control)
                    continue
                }
                switch request {
                case .worker(let message): hear(message, over: arrival)
                case .client(let message): serve(message, over: arrival)
                case .newcomer(let enrol): admit(enrol, over: arrival)
                }
            } catch {
                parts.log.warning("an unreadable message over \(arrival.peer) was dropped: \(error)")
                refuse(arrival, on: sockets.control)
                guard speakers[arrival.peer] == nil else { continue }
                let reason = "the coordinator cannot read this request: \(error)"
                reply(.refusal(Refusal(reason: reason)), to: ClientID(arrival.peer))
            }
        }
    }

    func receiveResults() {
        let end = now + Self.linkTurn
        for _ in 0..<Self.messagesPerTurn where now < end {
            guard let arrival = sockets.tokens.receive() else { return }
            if LinkFrames.areOfLink(arrival.frames) {
                receiveHello(arrival, on: .tokens)
                continue
            }
            guard arrival.frames.count == 1 else {
                refuse(arrival, on: sockets.tokens)
                continue
            }
            // Not a fault yet: the last stage of a plan that has just ended is heard here too.
            guard permissions.mayGiveResults(arrival.key, to: machine, speakers) else { continue }
            do {
                var result = try StepResult(decoding: arrival.frames[0].bytes)
                result.timings.append(
                    StageMicroseconds(
                        wire: Microseconds.since(result.sentMicroseconds),
                        wait: trips.end(of: result.step, result.epoch)))
                decide(.stepResult(result))
            } catch {
                parts.log.warning("an unreadable result was dropped: \(error)")
                refuse(arrival, on: sockets.tokens)
            }
        }
    }

    func receiveFetches() {
        let end = now + Self.linkTurn
        for _ in 0..<Self.messagesPerTurn where now < end {
            guard let arrival = sockets.weights.receive() else { break }
            if LinkFrames.areOfLink(arrival.frames) {
                receiveHello(arrival, on: .weights)
                continue
            }
            guard arrival.frames.count == 1, let fetch = try? Fetch(decoding: arrival.frames[0].bytes) else {
                refuse(arrival, on: sockets.weights)
                continue
            }
            guard permissions.mayFetch(arrival.key, from: machine, speakers) else { continue }
            // One that asks for more than it may have outstanding is not answered, and nobody else waits for it.
            _ = waitingFetches.add(.init(peer: arrival.peer, fetch: fetch), of: Fetcher(arrival))
        }
        readWeights()
    }

    /// Workers take turns.
    private func readWeights() {
        while readCount < Self.readsAtOnce, let (_, request) = waitingFetches.next() {
            if fetches.post(request) { readCount += 1 }
        }
    }

    func sendChunks() {
        for reply in chunks.drain() {
            readCount -= 1
            _ = reply.bytes.withUnsafeBytes {
                sockets.weights.send(to: reply.peer, [reply.chunk.encode()], bulk: $0.isEmpty ? nil : $0)
            }
        }
    }
}
