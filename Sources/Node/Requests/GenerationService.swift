// Responsible for: requests of every kind of client: prompt to tokens before the coordinator's loop, tokens to text after.
// Must not know: sockets, workers, plans.
import Cluster
import Generation
import Logging
import ModelFile
import Sequences
import Synchronization
import Transport
import Wire

/// The text side of a coordinator. Requests enter the loop through its mailbox; what becomes of them comes back through
/// one stream each.
package final class GenerationService: Generator {
    /// What the loop is asked.
    enum Order: Sendable {
        case submit(GenerationTask, Outcomes.Continuation)
        case cancel(RequestID)
        case stop(RequestID)
    }

    /// Of one request: all that its text side has not taken yet. Throws what the request failed with.
    typealias Outcomes = AsyncThrowingStream<Outcome, any Error>

    /// What the loop answers about one request, in the machine's words.
    enum Outcome: Sendable {
        case waiting(Sentence)
        case started
        case token(SampledToken)
        case scores([Float])
        case finished(FinishReason)
    }

    private let loaded: LoadedModel
    private let prompts: PromptThreads
    private let orders: Mailbox<Order>
    private let maximumUnread: Int
    let budget: RequestBudget
    private let log: Logger
    private let lastID = Atomic<UInt64>(0)

    /// At most `maximumUnread` events of a request wait for their reader, and as many outcomes for their text side; requests
    /// take no more than `budget`. Throws where there are no threads for prompts.
    init(
        _ loaded: LoadedModel, orders: Mailbox<Order>, maximumUnread: Int, budget: RequestBudget, log: Logger
    ) throws(TandemError) {
        (self.loaded, self.orders, self.maximumUnread, self.budget) = (loaded, orders, maximumUnread, budget)
        self.log = log
        prompts = try PromptThreads()
    }

    /// Answers a request; the work is done by threads, tasks and the loop, never by the caller. A request whose events are not
    /// read while they come is cancelled and ends with `TandemError.readTooSlowly`.
    package func generate(_ request: GenerationRequest) -> Generation { generate(request, for: .own, named: "itself") }

    /// The same for a client, who takes turns with others and may ask no more than so much at once. `known`: what follows
    /// what the client has of the answer, as far as somebody knows; it is told first. nil: it was not accepted before. `name`: for the log.
    func generate(
        _ request: GenerationRequest, known: [SampledToken]? = nil, for client: ClientID, named name: String
    ) -> Generation {
        let id = RequestID(lastID.add(1, ordering: .relaxed).newValue)
        let isCancelled = Cancellation()
        let orders = self.orders
        let policy = AsyncThrowingStream<GenerationEvent, any Error>.Continuation.BufferingPolicy
            .bufferingOldest(maximumUnread)
        let events = AsyncThrowingStream(GenerationEvent.self, bufferingPolicy: policy) { continuation in
            continuation.onTermination = { reason in
                if case .cancelled = reason { Self.cancel(id, isCancelled, orders) }
            }
            Task {
                var line = RequestLogLine(id, of: name)
                do {
                    let bytes = request.keptBytes(contextLength: loaded.contextLength)
                    try budget.take(bytes, of: client)
                    defer { budget.giveBack(bytes, of: client) }
                    try await answer(request, known, of: client, id: id, isCancelled: isCancelled) { event in
                        line.note(event)
                        guard case .dropped = continuation.yield(event) else { return }
                        Self.cancel(id, isCancelled, orders)
                        throw TandemError.readTooSlowly
                    }
                    continuation.finish()
                } catch {
                    line.fail(error)
                    continuation.finish(throwing: error)
                }
                line.tell(log)
            }
        }
        return Generation(events: events, cancel: { Self.cancel(id, isCancelled, orders) })
    }

    private static func cancel(_ id: RequestID, _ isCancelled: Cancellation, _ orders: Mailbox<Order>) {
        // Once is enough, however often it is said.
        guard !isCancelled.isSet else { return }
        isCancelled.set()
        Task { await orders.postPatiently(.cancel(id)) }
    }

    private func answer(
        _ request: GenerationRequest, _ known: [SampledToken]?, of client: ClientID, id: RequestID,
        isCancelled: Cancellation,
        emit: (GenerationEvent) throws -> Void
    ) async throws {
        var clock = AnswerClock()
        guard case (let prompt, var beginning)? = try await prepare(request, of: client, isCancelled) else {
            return try emit(.finished(.cancelled, clock.timings(promptTokens: 0)))
        }
        try emit(
            .accepted(
                model: loaded.model.name, promptTokens: prompt.tokens, droppedMessages: prompt.droppedMessages))
        for notice in prompt.notices { try emit(.notice(notice)) }
        clock = AnswerClock()
        if isCancelled.isSet {
            return try emit(.finished(.cancelled, clock.timings(promptTokens: prompt.tokens.count)))
        }
        var assembler = beginning.assembler
        if beginning.end == nil {
            for sample in known ?? [] where beginning.end == nil {
                let step = assembler.append(sample)
                for event in step.events { try emit(event) }
                if step.isFinished { beginning.end = .stop }
            }
            let count = request.answered.count + (known?.count ?? 0)
            if known?.isEmpty == false, beginning.end == nil, count >= beginning.limit { beginning.end = .length }
        }
        if let reason = beginning.end {
            if reason == .length { for event in assembler.finish() { try emit(event) } }
            return try emit(.finished(reason, clock.timings(promptTokens: prompt.tokens.count)))
        }
        let (outcomes, sink) = Outcomes.makeStream(bufferingPolicy: .bufferingOldest(maximumUnread))
        guard orders.post(.submit(task(request, known, of: client, id: id, prompt: prompt.tokens), sink)) else {
            throw orders.isClosed ? TandemError.stopped : TandemError.overloaded
        }
        if isCancelled.isSet { await orders.postPatiently(.cancel(id)) }
        var isTextComplete = false
        for try await outcome in outcomes {
            switch outcome {
            case .waiting(let why): try emit(.waiting(why))
            case .started: clock.start()
            case .scores(let values): try emit(.scores(values))
            case .token(let sample):
                if isTextComplete { continue }
                clock.tick()
                let step = assembler.append(sample)
                for event in step.events { try emit(event) }
                isTextComplete = step.isFinished
                if step.isFinished { await orders.postPatiently(.stop(id)) }
            case .finished(let reason):
                let reason = isTextComplete && reason != .cancelled ? FinishReason.stop : reason
                if !isTextComplete { for event in assembler.finish() { try emit(event) } }
                return try emit(.finished(reason, clock.timings(promptTokens: prompt.tokens.count)))
            }
        }
        throw TandemError.stopped
    }

    /// Where an answer begins: after what its client has of it.
    private struct Beginning {
        var assembler: AnswerAssembler
        /// Tokens that it may have.
        let limit: Int
        /// Why there is nothing more to come; nil: there is.
        var end: FinishReason?
    }

    /// The prompt's tokens and what follows them; nil: the request was cancelled before.
    private func prepare(
        _ request: GenerationRequest, of client: ClientID, _ isCancelled: Cancellation
    ) async throws -> (PromptEncoder.Encoded, Beginning)? {
        let loaded = loaded
        return try await prompts.run(bytes: request.promptBytes, of: client, isCancelled) {
            try request.validate()
            let prompt = try loaded.encoder.encode(request, isCancelled: isCancelled)
            var beginning = Beginning(
                assembler: loaded.assembler(for: request, prompt: prompt),
                limit: loaded.answerLimit(for: request, prompt: prompt))
            if beginning.assembler.take(request.answered) {
                beginning.end = .stop
            } else if request.scoringStart == nil, request.answered.count >= beginning.limit {
                beginning.end = .length
            }
            return (prompt, beginning)
        }
    }

    private func task(
        _ request: GenerationRequest, _ known: [SampledToken]?, of client: ClientID, id: RequestID, prompt: [Int32]
    ) -> GenerationTask {
        var task = GenerationTask(
            request: id, client: client, prompt: prompt,
            answered: request.answered + (known ?? []).map(\.token),
            sampling: loaded.sampling(of: request), maximumTokens: request.maximumTokens,
            endTokens: (request.ignoresEndOfText ? [] : loaded.endTokens.sorted()) + request.stopTokens,
            scoringStart: request.scoringStart, priority: request.priority)
        task.isAccepted = known != nil
        return task
    }
}

extension TandemError {
    /// The end of a request whose answer nobody took in time.
    static let readTooSlowly = TandemError(
        "the answer was given up, because its client read it too slowly or not at all", kind: .cancelled,
        hint: "read the answer while it comes, or ask for a shorter one")

    /// The end of a request where too much waits on the way through the coordinator.
    static let overloaded = TandemError(
        "the coordinator has more to do than it can keep track of",
        kind: .overloaded(retryAfterMilliseconds: 1000), hint: "try again in 1 s")

    /// The end of a request that comes too late.
    static let stopping = TandemError(
        "the coordinator is stopping and takes no new requests", kind: .unavailable, hint: "ask again when it runs")

    static let stopped = TandemError(
        "the coordinator stopped", kind: .unavailable, hint: "ask again when it runs")
}

extension Mailbox {
    /// Posts as soon as there is room; gives up only where the mailbox is closed.
    func postPatiently(_ element: Element) async {
        while !post(element) && !isClosed { try? await Task.sleep(for: .milliseconds(1)) }
    }
}
