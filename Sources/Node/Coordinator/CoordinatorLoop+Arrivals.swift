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
                case .standby(let message): hear(message, over: arrival)
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
            take(fetch, over: arrival)
        }
        readWeights()
    }
}
