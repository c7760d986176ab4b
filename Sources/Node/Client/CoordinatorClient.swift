// Responsible for: the client's side of the control link: ask a coordinator, follow the answer, never wait for ever.
// Must not know: what the coordinator does to answer.
import Generation
import Glibc
import Sequences
import Synchronization
import Transport
import Wire

/// Talks to one coordinator. Each request has a connection and a thread of its own.
package final class CoordinatorClient: Generator {
    private let passage: Passage
    private let context: Context
    private let patience: Duration

    /// How long a coordinator that was lost amid an answer is looked for.
    package static let patienceSeconds = 30

    /// How long a coordinator may take to accept a connection, and to say anything while we ask it every
    /// `pingMilliseconds` whether it is there.
    static let connectMilliseconds = 5_000
    static let silenceMilliseconds = 10_000
    static let pingMilliseconds = 2_000
    /// How long each attempt to find it again may take, and the time between two of them.
    private static let attemptMilliseconds = 1_000
    private static let attemptPauseMicroseconds: UInt32 = 100_000
    /// A coordinator that begins may not have told yet whom it lets in.
    private static let beginning = Duration.seconds(3)

    /// `address`: "HOST:PORT", or "HOST:PORT#KEY#TOKEN" the first time. `state`: where this user's key is kept. `patience`:
    /// how long a coordinator that was lost amid an answer is looked for, so that the answer can go on. Nothing is opened
    /// yet. Throws where the address is none, or the key cannot be used.
    package init(
        address: String, state: StateFolder = StateFolder(nil), isInsecure: Bool = false,
        patience: Duration = .seconds(patienceSeconds)
    ) throws(TandemError) {
        self.patience = patience
        let address = try JoinAddress(parsing: address, .coordinator)
        passage = try Passage(address, role: .client, folder: state, isInsecure: isInsecure)
        do { context = try Context(passage.security()) } catch { throw TandemError(error, of: .coordinator) }
    }

    /// Sends a request; its events end with `.finished` or a thrown `TandemError`.
    package func generate(_ request: GenerationRequest) -> Generation {
        let cancellation = ClientCancellation()
        let events = AsyncThrowingStream<GenerationEvent, any Error> { continuation in
            continuation.onTermination = { _ in cancellation.cancel() }
            Self.onThread(
                "client",
                { [self] in
                    try converse(request, cancellation: cancellation) { continuation.yield($0) }
                },
                then: { result in
                    switch result {
                    case .success: continuation.finish()
                    case .failure(let error): continuation.finish(throwing: error)
                    }
                })
        }
        return Generation(events: events, cancel: { cancellation.cancel() })
    }

    /// Asks for the cluster's state.
    package func status() async throws -> ClusterStatus {
        try await overLink("status") { link in
            try link.send(.statusQuery(StatusQuery()))
            while true {
                if case .status(let reply) = try link.next() { return ClusterStatus(reply) }
            }
        }
    }

    /// Has the worker of this id left out of plans, or (`ends`) counted in again. Throws where that is refused.
    package func drain(_ worker: String, ends: Bool = false) async throws -> DrainOutcome {
        try await overLink("drain") { link in
            var request = DrainRequest(worker: worker, ends: ends)
            request.build = Build.version
            try link.send(.drain(request))
            while true {
                if case .drain(let reply) = try link.next() { return try DrainOutcome(reply) }
            }
        }
    }

    /// The host that it asks; nil: the coordinator is in this process.
    package var host: String? { if case .tcp(let host, _) = passage.address.endpoint { host } else { nil } }

    /// So many questions that need no thinking, and their answers, over one connection.
    package func roundTrips(_ count: Int) async throws -> [RoundTrip] {
        try await overLink("ping") { link in
            try (0..<count).map { _ in
                let start = ContinuousClock.now
                try link.send(.ping)
                while true {
                    guard case .pong(let clock) = try link.next() else { continue }
                    return RoundTrip(
                        seconds: start.duration(to: .now).seconds, theirClock: clock, ourClock: Microseconds.ofDay)
                }
            }
        }
    }

    /// What the links of the cluster carry, and what the clocks of its workers say. Takes some seconds, and sends some MiB
    /// over each link that no answer needs.
    package func measurements() async throws -> ClusterMeasurements {
        try await overLink("measure") { link in
            var query = MeasureQuery()
            query.build = Build.version
            try link.send(.measureQuery(query))
            while true {
                if case .measurements(let found) = try link.next() { return ClusterMeasurements(found) }
            }
        }
    }

    /// The plan that there would be. Throws the coordinator's reason where there is none, or it may not be carried out.
    package func plan(_ question: PlanQuestion) async throws -> ClusterPlan {
        try await overLink("plan") { link in
            try link.send(.planQuery(question.query))
            while true {
                switch try link.next() {
                case .planPreview(let preview): return ClusterPlan(preview)
                case .failed(PlanQuery.request, let error):
                    throw TandemError(error.message, kind: error.kind, hint: error.hint, isReply: true)
                default: continue
                }
            }
        }
    }

    /// What `body` makes of a connection, on a thread of its own.
    private func overLink<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (ClientLink) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Self.onThread(
                name,
                { [self] in
                    let link = try ClientLink(context, passage, waker: Waker())
                    defer { link.close() }
                    return try body(link)
                }, then: { continuation.resume(with: $0) })
        }
    }

    /// One request from its first message to its last, over as many connections as it takes.
    private func converse(
        _ request: GenerationRequest, cancellation: ClientCancellation, emit: (GenerationEvent) -> Void
    ) throws {
        try request.validate()
        let waker = try cancellation.makeWaker()
        var progress = AnswerProgress(request)
        let bytes = (0..<RequestIdentity.byteCount).map { _ in UInt8.random(in: 0 ... .max) }
        let identity = RequestIdentity(bytes)
        var link = try ClientLink(context, passage, waker: waker)
        while true {
            do {
                defer { link.close() }
                return try follow(&progress, identity, over: link, cancellation: cancellation, emit: emit)
            } catch {
                guard let loss = error as? TandemError, patience > .zero, let end = progress.lose(loss, patience) else {
                    throw error
                }
                if !cancellation.isRequested {
                    emit(.waiting("\(loss.message); the answer goes on if it can within \(Int(patience.seconds)) s"))
                    do {
                        if let found = try findAgain(waker, until: end, cancellation) {
                            link = found
                            continue
                        }
                    } catch { throw loss }
                }
                for event in progress.cancel() { emit(event) }
                return
            }
        }
    }

    /// Asks for what is missing of an answer, and follows it to its end.
    private func follow(
        _ progress: inout AnswerProgress, _ identity: RequestIdentity?, over link: ClientLink,
        cancellation: ClientCancellation, emit: (GenerationEvent) -> Void
    ) throws {
        let id = ClientRequestID(1)
        var message = Generate(id: id, request: progress.rest)
        message.build = Build.version
        message.identity = identity
        try link.send(.generate(message))
        while true {
            guard let reply = try link.next(interruptedBy: { cancellation.takeRequest() }) else {
                try link.send(.cancel(id))
                continue
            }
            switch reply {
            case .event(_, let event):
                for event in try progress.take(event) { emit(event) }
                if case .finished = event { return }
            case .failed(_, let error):
                throw TandemError(error.message, kind: error.kind, hint: error.hint, isReply: true)
            case .status, .measurements, .drain, .planPreview, .pong, .refusal: break
            }
        }
    }

    /// A connection to the coordinator that was lost, as soon as there is one again; nil: nobody wants the answer any more.
    /// Throws why there is none.
    private func findAgain(
        _ waker: Waker, until end: ContinuousClock.Instant, _ cancellation: ClientCancellation
    ) throws -> ClientLink? {
        var firstRefusal: ContinuousClock.Instant?
        while !cancellation.isRequested {
            usleep(Self.attemptPauseMicroseconds)
            do {
                return try ClientLink(
                    context, passage, waker: waker, connectMilliseconds: Self.attemptMilliseconds, wasThere: true)
            } catch let error as TandemError {
                let now = ContinuousClock.now
                switch error.kind {
                case .unavailable where now < end: break
                case .forbidden where (firstRefusal ?? now) + Self.beginning > now: firstRefusal = firstRefusal ?? now
                default: throw error
                }
            }
        }
        return nil
    }

    private static func onThread<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws -> Value,
        then finish: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        do { _ = try LoopThread(name: name) { finish(Result { try body() }) } } catch {
            finish(.failure(TandemError(error)))
        }
    }
}

/// Carries a cancellation from any thread into a client's thread.
private final class ClientCancellation: Sendable {
    private struct State {
        var isRequested = false
        var isTaken = false
        var waker: Waker?
    }
    private let state = Mutex(State())

    /// The bell that wakes the thread when `cancel` is called.
    func makeWaker() throws(TransportError) -> Waker {
        let waker = try Waker()
        state.withLock { $0.waker = waker }
        return waker
    }

    func cancel() {
        let waker = state.withLock { state in
            state.isRequested = true
            return state.waker
        }
        waker?.ring()
    }

    var isRequested: Bool { state.withLock { $0.isRequested } }

    /// True once, after `cancel`.
    func takeRequest() -> Bool {
        state.withLock { state in
            defer { state.isTaken = state.isRequested }
            return state.isRequested && !state.isTaken
        }
    }
}

/// One connection to a coordinator, owned by one thread.
private final class ClientLink {
    private var link: OutboundLink
    private let poller: Poller
    private let address: String
    private let wasThere: Bool
    private var lastHeard = ContinuousClock.now
    private var lastSent = ContinuousClock.now

    /// Connects, and has this user's key admitted where a token was given; throws where nobody answers in time, or the
    /// key is not let in. `wasThere`: a coordinator with the right key was, so that whoever ends connections without a word
    /// stands in for it.
    init(
        _ context: Context, _ passage: Passage, waker: Waker,
        connectMilliseconds: Int = CoordinatorClient.connectMilliseconds, wasThere: Bool = false
    ) throws {
        address = passage.address.place
        self.wasThere = wasThere
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
            if lastHeard.duration(to: .now) > .milliseconds(CoordinatorClient.silenceMilliseconds) {
                throw gone("does not answer")
            }
            let ping = Duration.milliseconds(CoordinatorClient.pingMilliseconds)
            if lastHeard.duration(to: .now) > ping, lastSent.duration(to: .now) > ping {
                try send(.ping)
            }
        }
    }

    private func gone(_ what: String) -> TandemError {
        TandemError(
            "the coordinator at \(address) \(what)", kind: .unavailable, hint: "look at its terminal, then ask again")
    }

    func close() { link.close() }
}
