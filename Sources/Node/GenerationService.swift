// Responsible for: requests of every kind of client: prompt to tokens before the coordinator's loop, tokens to text after.
// Must not know: sockets, workers, plans.
import Cluster
import Synchronization
import Transport
import Wire

/// The text side of a coordinator. Requests enter the loop through its mailbox; what becomes of them comes back through
/// one stream each.
package final class GenerationService: Sendable {
    /// What the loop is asked.
    enum Order: Sendable {
        case submit(GenerationTask, AsyncStream<Outcome>.Continuation)
        case cancel(RequestID)
        case stop(RequestID)
    }

    /// What the loop answers about one request, in the machine's words.
    enum Outcome: Sendable {
        case waiting(String)
        case started
        case token(Wire.SampledToken)
        case scores([Float])
        case finished(FinishReason)
        case failed(NodeError)
    }

    private let loaded: LoadedModel
    private let orders: Mailbox<Order>
    private let lastID = Atomic<UInt64>(0)

    init(_ loaded: LoadedModel, orders: Mailbox<Order>) {
        (self.loaded, self.orders) = (loaded, orders)
    }

    /// Answers a request; the work is done by tasks and the loop, never by the caller.
    package func generate(_ request: GenerationRequest) -> Generation {
        let id = RequestID(lastID.add(1, ordering: .relaxed).newValue)
        let isCancelled = Cancellation()
        let orders = self.orders
        let events = AsyncThrowingStream<GenerationEvent, any Error> { continuation in
            continuation.onTermination = { reason in
                if case .cancelled = reason { Self.cancel(id, isCancelled, orders) }
            }
            Task {
                do {
                    try await answer(request, id: id, isCancelled: isCancelled) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
        return Generation(events: events, cancel: { Self.cancel(id, isCancelled, orders) })
    }

    private static func cancel(_ id: RequestID, _ isCancelled: Cancellation, _ orders: Mailbox<Order>) {
        isCancelled.set()
        Task { await orders.postPatiently(.cancel(id)) }
    }

    private func answer(
        _ request: GenerationRequest, id: RequestID, isCancelled: Cancellation, emit: (GenerationEvent) -> Void
    ) async throws {
        try request.validate()
        let prompt = try loaded.encoder.encode(request)
        emit(
            .accepted(
                model: loaded.model.name, promptTokens: prompt.tokens, droppedMessages: prompt.droppedMessages))
        var clock = AnswerClock()
        if isCancelled.isSet {
            return emit(.finished(.cancelled, clock.timings(promptTokens: prompt.tokens.count)))
        }
        var assembler = loaded.assembler(for: request, prompt: prompt)
        let (outcomes, sink) = AsyncStream<Outcome>.makeStream()
        guard orders.post(.submit(task(request, id: id, prompt: prompt.tokens), sink)) else {
            throw NodeError("the coordinator has more to do than it can keep track of", hint: "ask again in a moment")
        }
        if isCancelled.isSet { await orders.postPatiently(.cancel(id)) }
        var isTextComplete = false
        for await outcome in outcomes {
            switch outcome {
            case .waiting(let why): emit(.waiting(why))
            case .started: clock.start()
            case .scores(let values): emit(.scores(values))
            case .token(let sample):
                if isTextComplete { continue }
                clock.tick()
                let step = assembler.append(sample.token)
                emit(.tokens([GeneratedToken(sample, wanted: request.sampling.logProbabilities)], text: step.text))
                isTextComplete = step.isFinished
                if step.isFinished { await orders.postPatiently(.stop(id)) }
            case .finished(let reason):
                let reason = isTextComplete && reason != .cancelled ? FinishReason.stop : reason
                if !isTextComplete, let rest = assembler.finish(), !rest.isEmpty { emit(.tokens([], text: rest)) }
                return emit(.finished(reason, clock.timings(promptTokens: prompt.tokens.count)))
            case .failed(let error): throw error
            }
        }
        throw NodeError("the coordinator stopped", hint: "ask again when it runs")
    }

    private func task(_ request: GenerationRequest, id: RequestID, prompt: [Int32]) -> GenerationTask {
        GenerationTask(
            request: id, prompt: prompt, sampling: Wire.SamplingParameters(request.sampling),
            maximumTokens: request.maximumTokens,
            endTokens: request.ignoresEndOfText ? [] : loaded.endTokens.sorted(),
            scoringStart: request.scoringStart, priority: request.priority)
    }
}

extension Mailbox {
    /// Posts as soon as there is room; gives up only where the mailbox is closed.
    func postPatiently(_ element: Element) async {
        while !post(element) && !isClosed { try? await Task.sleep(for: .milliseconds(1)) }
    }
}
