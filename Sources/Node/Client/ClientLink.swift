// Responsible for: one connection of a client to a coordinator, from the first attempt to its end. Must not know: what is asked
// over it, other coordinators.
import Generation
import Sequences
import Transport
import Wire

/// One connection to a coordinator, owned by one thread.
final class ClientLink {
    private var link: OutboundLink
    private let poller: Poller
    let passage: Passage
    private let wasThere: Bool
    /// There is another coordinator: no time is lost with one that does not answer.
    var hasOthers: Bool
    private var lastHeard = ContinuousClock.now
    private var lastSent = ContinuousClock.now

    /// Connects, and has this user's key admitted where a token was given; throws where nobody answers in time, or the
    /// key is not let in. `wasThere`: a coordinator with the right key was, so that whoever ends connections without a word
    /// stands in for it.
    init(
        _ context: Context, _ passage: Passage, waker: Waker,
        connectMilliseconds: Int = CoordinatorClient.connectMilliseconds, wasThere: Bool = false,
        hasOthers: Bool = false
    ) throws {
        (self.passage, self.wasThere, self.hasOthers) = (passage, wasThere, hasOthers)
        guard var way = try passage.find() else { throw passage.absent() }
        do {
            poller = try Poller(waker)
        } catch { throw TandemError(error) }
        link = try Self.link(over: way, context, poller)
        do {
            var isIn = try isLetIn(passage, connectMilliseconds)
            if !isIn, let newer = try passage.find(), !newer.isSame(as: way) {
                // It was started again while we waited for it, and knows its owner by another token.
                link.close()
                way = newer
                link = try Self.link(over: way, context, poller)
                isIn = try isLetIn(passage, connectMilliseconds)
            }
            if !isIn {
                try passage.enrol(way, in: context)
                // The link makes itself anew.
                guard try isLetIn(passage, connectMilliseconds) else { throw passage.notAdmitted() }
            }
        } catch {
            close()
            throw error
        }
        passage.remember(way)
    }

    private static func link(
        over way: Passage.Way, _ context: Context, _ poller: Poller
    ) throws(TandemError) -> OutboundLink {
        do { return try way.link(context, maximumFrameBytes: Wire.Limits.headerBytes, poller) } catch {
            throw TandemError(error)
        }
    }

    /// Waits for the connection. False: the coordinator does not know our key. Throws why there is none.
    private func isLetIn(_ passage: Passage, _ milliseconds: Int) throws -> Bool {
        var silentFailures = 0
        // Turns are counted, not time: time in which this machine stood still is not the coordinator's silence.
        for _ in 0..<milliseconds / 100 {
            _ = poller.wait(timeoutMilliseconds: 100)
            var isUp = false
            for event in link.events() {
                switch event {
                case .handshakeSucceeded: isUp = true
                case .turnedAway: return false
                case .handshakeFailed: silentFailures += 1
                case .disconnected where hasOthers: throw gone("does not answer")
                default:
                    // One that has no room for us ends a connection as soon as it is there.
                    isUp = false
                    if let failure = passage.failure(event) { throw failure }
                }
                if silentFailures >= CoordinatorSearch.mostSilentFailures {
                    throw wasThere ? gone("ends connections without a word") : passage.otherKey()
                }
            }
            if isUp { return true }
        }
        throw wasThere ? gone("does not answer") : passage.absent()
    }

    func send(_ message: ClientMessage) throws {
        let frame = ControlRequest.client(message).encode()
        guard frame.count <= Wire.Limits.headerBytes else {
            throw TandemError("the request has \(frame.count) bytes; at most \(Wire.Limits.headerBytes) are allowed")
        }
        lastSent = .now
        // What is lost with a connection is noticed below, by its end; a ping that finds none is none.
        if message == .ping { _ = link.socket.send([frame]) } else { link.send(frame) }
    }

    /// The next reply. Throws where the coordinator refuses us, went away or is silent for too long.
    func next() throws -> ClientReply {
        while true { if let reply = try next(interruptedBy: { false }) { return reply } }
    }

    /// The next reply, or nil as soon as `isInterrupted` answers true.
    func next(interruptedBy isInterrupted: () -> Bool) throws -> ClientReply? {
        while true {
            if isInterrupted() { return nil }
            if let frames = link.socket.receive() {
                lastHeard = .now
                guard frames.count == 1 else { throw TandemError(WireError("a reply has \(frames.count) frames")) }
                let reply: ClientReply
                do { reply = try ClientReply(decoding: frames[0].bytes) } catch { throw TandemError(error) }
                if case .refusal(let refusal) = reply { throw TandemError(Sentence(refusal.reason), isReply: true) }
                return reply
            }
            let start = ContinuousClock.now
            _ = poller.wait(timeoutMilliseconds: 500)
            // Time in which this process stood still (Ctrl-Z) is not the coordinator's silence.
            let pause = start.duration(to: .now)
            if pause > .seconds(1) { lastHeard += pause }
            if link.events().contains(.disconnected) { throw gone("closed the connection") }
            let limit =
                hasOthers ? CoordinatorClient.shortSilenceMilliseconds : CoordinatorClient.silenceMilliseconds
            if lastHeard.duration(to: .now) > .milliseconds(limit) {
                throw gone("does not answer")
            }
            let ping = Duration.milliseconds(min(CoordinatorClient.pingMilliseconds, limit / 3))
            if lastHeard.duration(to: .now) > ping, lastSent.duration(to: .now) > ping {
                try send(.ping)
            }
        }
    }

    private func gone(_ what: String) -> TandemError {
        TandemError(
            "the coordinator at \(passage.address.place) \(what)", kind: .unavailable,
            hint: "look at its terminal, then ask again")
    }

    func close() { link.close() }
}
