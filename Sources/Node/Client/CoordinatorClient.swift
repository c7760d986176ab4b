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
    private let coordinators: Mutex<CoordinatorList>
    private let context: Context
    private let patience: Duration

    /// How long a coordinator that was lost amid an answer is looked for.
    package static let patienceSeconds = 30

    /// How long a coordinator may take to accept a connection, and to say anything while we ask it every
    /// `pingMilliseconds` whether it is there.
    static let connectMilliseconds = 5_000
    static let silenceMilliseconds = 10_000
    static let pingMilliseconds = 2_000
    /// The same where another coordinator may have taken over.
    static let shortSilenceMilliseconds = 3_000
    /// How long each attempt to find it again may take, and the time between two of them.
    private static let attemptMilliseconds = 1_000
    private static let attemptPauseMicroseconds: UInt32 = 100_000
    /// A coordinator that begins may not have told yet whom it lets in.
    private static let beginning = Duration.seconds(3)

    /// `address`: "HOST:PORT", or "HOST:PORT#KEY#TOKEN" the first time; several, with commas, where one may take over from
    /// another. `state`: where this user's key is kept. `patience`:
    /// how long a coordinator that was lost amid an answer is looked for, so that the answer can go on. Nothing is opened
    /// yet. Throws where the address is none, or the key cannot be used.
    package init(
        address: String, state: StateFolder = StateFolder(nil), isInsecure: Bool = false,
        patience: Duration = .seconds(patienceSeconds)
    ) throws(TandemError) {
        self.patience = patience
        let list = try CoordinatorList(
            JoinAddress.list(parsing: address, .coordinator), role: .client, folder: state, isInsecure: isInsecure)
        coordinators = Mutex(list)
        do { context = try Context(list.passage.security()) } catch { throw TandemError(error, of: .coordinator) }
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
    package var host: String? {
        if case .tcp(let host, _) = coordinators.withLock({ $0.passage.address.endpoint }) { host } else { nil }
    }

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
                    let link = try connect(Waker())
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
        var link = try connect(waker)
        var searchEnd: ContinuousClock.Instant?
        while true {
            do {
                defer { link.close() }
                return try follow(&progress, identity, over: link, cancellation: cancellation, emit: emit)
            } catch let elsewhere as Elsewhere where !progress.hasBegun {
                // Nobody has accepted it yet: whoever serves is asked, as soon as somebody does.
                let end = searchEnd ?? ContinuousClock.now + max(patience, .milliseconds(Self.connectMilliseconds))
                searchEnd = end
                guard ContinuousClock.now < end, let found = try findAgain(waker, until: end, cancellation) else {
                    throw elsewhere.failure
                }
                link = found
            } catch {
                let failure: any Error = if let elsewhere = error as? Elsewhere { elsewhere.failure } else { error }
                guard let loss = failure as? TandemError, patience > .zero, let end = progress.lose(loss, patience)
                else {
                    throw failure
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
            case .standbyPlace(let place):
                coordinators.withLock { $0.note(standby: place) }
                link.hasOthers = true
            case .elsewhere(let place):
                coordinators.withLock { $0.turn(to: place) }
                throw Elsewhere(of: link.passage)
            case .status, .measurements, .drain, .planPreview, .pong, .refusal: break
            }
        }
    }

    /// The coordinator does not serve, and another one may.
    private struct Elsewhere: Error {
        let failure: TandemError

        init(of passage: Passage) {
            failure = TandemError(
                "the coordinator at \(passage.address.place) does not serve", kind: .unavailable,
                hint: "ask again when it does, or another one has taken over")
        }
    }

    /// A connection to the first coordinator that answers, beginning with the last one that did. Throws why none does.
    private func connect(
        _ waker: Waker, connectMilliseconds: Int = CoordinatorClient.connectMilliseconds, wasThere: Bool = false
    ) throws -> ClientLink {
        let count = coordinators.withLock { $0.count }
        var first: TandemError?
        for _ in 0..<count {
            do {
                return try ClientLink(
                    context, coordinators.withLock { $0.passage }, waker: waker,
                    connectMilliseconds: count > 1
                        ? min(connectMilliseconds, Self.attemptMilliseconds)
                        : connectMilliseconds,
                    wasThere: wasThere, hasOthers: count > 1)
            } catch let error as TandemError where count > 1 {
                first = first ?? error
                coordinators.withLock { $0.advance() }
            }
        }
        throw first ?? TandemError("there is no coordinator", kind: .unavailable)
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
                return try connect(waker, connectMilliseconds: Self.attemptMilliseconds, wasThere: true)
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
