// Responsible for: streams with known answers on a cluster to which faults happen, and what came of it. Must not know: how
// a fault is done, flags, tables.
import Foundation
import Generation
import Node
import Sequences
import Synchronization

/// A cluster to which something can be done.
package protocol StruckCluster: Sendable {
    /// The process that a fault is about; nil: it is not about a worker's, or that does not run.
    func process(of fault: Fault) -> Int?
    /// Does it. Returns soon.
    func begin(_ fault: Fault) throws
    /// Undoes it. Returns soon.
    func end(_ fault: Fault) throws
    /// What processes did that they should not, since it was asked last.
    func takeTroubles() -> [String]
    /// Waits until nothing is under way any more; what went wrong is told by `takeTroubles`.
    func settle() async
}

/// One run.
package final class ChaosRun: Sendable {
    private let cluster: any StruckCluster
    private let client: CoordinatorClient
    private let schedule: FaultSchedule
    private let options: FaultSchedule.Options
    private let streams: Int
    private let vocabularySize: Int
    private let say: @Sendable (String) -> Void
    private let tally: Mutex<ChaosTally>
    /// No further requests are asked; those that run have had their time.
    private let isOver = Atomic(false)
    private let isLate = Atomic(false)

    /// How long requests may take to end once no more faults come.
    private static let patience = Duration.seconds(120)
    /// How long a coordinator may take to tell its state before a fault.
    private static let statusPatience = Duration.milliseconds(500)
    /// Before a request that was not accepted is asked again.
    private static let askAgainAfter = Duration.milliseconds(200)

    /// `say` is told what happens as it does, from any thread.
    package init(
        _ options: FaultSchedule.Options, streams: Int, vocabularySize: Int, on cluster: any StruckCluster,
        client: CoordinatorClient, say: @escaping @Sendable (String) -> Void
    ) {
        (self.options, self.streams, self.vocabularySize) = (options, streams, vocabularySize)
        (self.cluster, self.client, self.say) = (cluster, client, say)
        schedule = FaultSchedule(options)
        tally = Mutex(ChaosTally(streams: streams))
    }

    /// Computes the right answers undisturbed, then lets the faults happen. After a cancellation it ends soon, with what
    /// was found by then; throws `CancellationError` where that is nothing.
    package func run() async throws -> ChaosReport {
        let status = try await client.status()
        let requests = ChaosRequests.all(
            ChaosRequests.count(streams: streams), seed: options.seed, vocabularySize: vocabularySize,
            contextLength: status.contextLength)
        say("computing \(requests.count) answers undisturbed")
        let answers = try await knownAnswers(to: requests)
        try Task.checkCancellation()
        let count = answers.reduce(0) { $0 + $1.tokens.count }
        say(
            "\(count) tokens are known; \(schedule.faults.count) faults in \(Int(options.seconds)) s, seed \(options.seed)"
        )

        let start = ContinuousClock.now
        await withTaskGroup(of: Bool.self) { group in
            for stream in 0..<streams {
                group.addTask { [self] in
                    await play(stream, answers, since: start)
                    return true
                }
            }
            let looking = Task { [self] in await look(since: start) }
            await strike(since: start)
            looking.cancel()
            isOver.store(true, ordering: .relaxed)
            if !Task.isCancelled { await awaitStreams(of: &group) }
            group.cancelAll()
        }
        await cluster.settle()
        let last = await state()
        let seconds = start.duration(to: .now).seconds
        sayOutcome(last)
        return tally.withLock { tally in
            tally.end()
            for trouble in cluster.takeTroubles() { tally.noteReason(trouble) }
            return ChaosReport(
                tally, seed: options.seed, model: status.model, workers: options.workers, streams: streams,
                seconds: seconds)
        }
    }

    /// Waits for the streams to end; those that do not in time are lost.
    private func awaitStreams(of group: inout TaskGroup<Bool>) async {
        group.addTask {
            try? await Task.sleep(for: Self.patience)
            return false
        }
        for _ in 0..<streams where await group.next() == false {
            isLate.store(!Task.isCancelled, ordering: .relaxed)
            return
        }
    }

    /// Looks from time to time whether another plan is prepared.
    private func look(since start: ContinuousClock.Instant) async {
        while !Task.isCancelled {
            let state = await state()
            let time = start.duration(to: .now).seconds
            tally.withLock { $0.look(isPreparing: state?.isPreparing, at: time) }
            try? await Task.sleep(for: Self.lookInterval)
        }
    }

    private static let lookInterval = Duration.milliseconds(100)

    // MARK: Faults

    private enum Change {
        case begin(Fault)
        case end(Fault)
    }

    /// All faults, each at its time.
    private func strike(since start: ContinuousClock.Instant) async {
        var agenda: [(time: Double, change: Change)] = []
        for fault in schedule.faults {
            agenda.append((fault.begin, .begin(fault)))
            if let end = fault.end { agenda.append((end, .end(fault))) }
        }
        agenda.sort { $0.time < $1.time }
        for (time, change) in agenda {
            try? await Task.sleep(until: start + .seconds(time), clock: .continuous)
            if Task.isCancelled { return }
            for trouble in cluster.takeTroubles() { note(trouble) }
            do {
                switch change {
                case .begin(let fault): try await begin(fault, since: start)
                case .end(let fault): try cluster.end(fault)
                }
            } catch { note("\((error as? TandemError)?.message ?? "\(error)")") }
        }
        // What the last one did to streams is seen only if they go on for a while.
        let rest = start + .seconds(max(options.seconds, (agenda.last?.time ?? 0) + 2))
        try? await Task.sleep(until: rest, clock: .continuous)
    }

    private func begin(_ fault: Fault, since start: ContinuousClock.Instant) async throws {
        let (state, process) = (await state(), cluster.process(of: fault))
        let time = start.duration(to: .now).seconds
        sayOutcome(state)
        tally.withLock { $0.begin(fault, process: process, state, at: time) }
        say("\(Self.text(time)) s  \(fault.number). \(fault)")
        try cluster.begin(fault)
    }

    /// What streams noticed of the last fault.
    private func sayOutcome(_ state: ChaosTally.State?) {
        let (fault, outcome) = tally.withLock { tally in
            tally.note(state)
            return (tally.faults.last, tally.outcome)
        }
        guard let fault else { return }
        var facts = ["\(outcome.goneOn) of \(outcome.goneOn + outcome.waiting) streams have gone on"]
        if outcome.goneOn > 0 { facts.append("longest pause " + String(format: "%.2f s", outcome.longest)) }
        if fault.rebuiltLayerTokens > 0 { facts.append("\(fault.rebuiltLayerTokens) layer-tokens computed again") }
        if fault.lostLayers > 0 { facts.append("\(fault.liveTokens) tokens x \(fault.lostLayers) layers were there") }
        say("          " + facts.joined(separator: ", "))
    }

    /// The cluster's state; nil: the coordinator does not tell it in time.
    private func state() async -> ChaosTally.State? {
        let (answers, continuation) = AsyncStream<ClusterStatus?>.makeStream()
        let asking = Task { continuation.yield(try? await client.status()) }
        let waiting = Task {
            try? await Task.sleep(for: Self.statusPatience)
            continuation.yield(nil)
        }
        defer {
            asking.cancel()
            waiting.cancel()
        }
        for await answer in answers { return answer.map(ChaosTally.State.init) }
        return nil
    }

    private func note(_ trouble: String) {
        say("!! \(trouble)")
        tally.withLock { $0.noteReason(trouble) }
    }

    // MARK: Streams

    private func knownAnswers(to requests: [GenerationRequest]) async throws -> [KnownAnswer] {
        try await withThrowingTaskGroup(of: (Int, KnownAnswer).self) { group in
            var answers: [KnownAnswer?] = Array(repeating: nil, count: requests.count)
            var made = 0
            func makeNext() {
                let number = made
                made += 1
                group.addTask { [self] in (number, try await answer(to: requests[number])) }
            }
            while made < min(streams, requests.count) { makeNext() }
            while let (number, answer) = try await group.next() {
                answers[number] = answer
                if made < requests.count { makeNext() }
            }
            return answers.compactMap(\.self)
        }
    }

    private func answer(to request: GenerationRequest) async throws -> KnownAnswer {
        var answer = KnownAnswer(request: request, tokens: [], text: "")
        let start = ContinuousClock.now
        for try await event in client.generate(request).events {
            guard let part = event.part else { continue }
            answer.tokens += part.tokens
            answer.text += part.text
        }
        answer.seconds = start.duration(to: .now).seconds
        guard answer.tokens.count == request.maximumTokens else {
            throw TandemError("an answer has \(answer.tokens.count) of \(request.maximumTokens) tokens, undisturbed")
        }
        return answer
    }

    /// One request after the other, until it is over.
    private func play(_ stream: Int, _ answers: [KnownAnswer], since start: ContinuousClock.Instant) async {
        var number = stream
        while !isOver.load(ordering: .relaxed), !Task.isCancelled {
            let ending = await ask(answers[number % answers.count], stream, since: start)
            if case .unaccepted = ending {
                try? await Task.sleep(for: Self.askAgainAfter)
            } else {
                number += streams
                // Streams do not go round in step: each comes by every answer.
                if number % answers.count == stream % answers.count { number += 1 }
            }
        }
    }

    private func ask(
        _ known: KnownAnswer, _ stream: Int, since start: ContinuousClock.Instant
    ) async -> ChaosTally.Ending {
        var check = AnswerCheck(known)
        var ending = ChaosTally.Ending.lost("the stream ended before the answer did")
        var isAccepted = false
        let asked = ContinuousClock.now
        do {
            for try await event in client.generate(known.request).events {
                if case .accepted = event { isAccepted = true }
                if case .finished = event { ending = .completed }
                guard let part = event.part else { continue }
                let wrong = check.take(part.tokens, text: part.text)
                let time = start.duration(to: .now).seconds
                tally.withLock { $0.noteTokens(part.tokens.count, of: stream, at: time) }
                if let wrong { note("stream \(stream + 1): \(wrong)") }
            }
        } catch {
            let failure = error as? TandemError
            let why = failure.map { "\($0.message)" } ?? "\(error)"
            ending = failure?.isReply == true ? .failed(why) : .lost(why)
            // Only a coordinator that is not there takes no requests.
            if !isAccepted, options.kinds.contains(.coordinator) { ending = .unaccepted(why) }
        }
        if isLate.load(ordering: .relaxed) {
            ending = .lost("it did not end within \(Int(Self.patience.seconds)) s after the last fault")
        } else if Task.isCancelled {
            ending = .cancelled
        }
        let difference = check.difference(isComplete: ending == .completed)
        let time = start.duration(to: .now).seconds
        switch ending {
        case .failed(let why), .lost(let why): say("!! stream \(stream + 1): \(why)")
        case .unaccepted(let why): say("stream \(stream + 1): not accepted: \(why)")
        case .completed, .cancelled: break
        }
        tally.withLock { tally in
            if ending == .completed { tally.noteTime(asked.duration(to: .now).seconds, undisturbed: known.seconds) }
            tally.noteEnd(ending, difference, of: stream, at: time)
        }
        return ending
    }

    fileprivate static func text(_ seconds: Double) -> String { String(format: "%6.1f", seconds) }
}

extension GenerationEvent {
    /// What of an answer it has.
    fileprivate var part: (tokens: [SampledToken], text: String)? {
        switch self {
        case .tokens(let tokens, let text): (tokens, text ?? "")
        case .reasoning(let tokens, let text): (tokens, text)
        default: nil
        }
    }
}

extension ChaosTally.State {
    fileprivate init(_ status: ClusterStatus) {
        self.init(
            uptimeSeconds: status.uptimeSeconds, rebuiltLayerTokens: status.pipeline.rebuiltLayerTokens,
            liveTokens: status.requests.reduce(0) { $0 + $1.computedTokens },
            stages: status.stages.map { ($0.pid, $0.layers.map { $0.last - $0.first + 1 } ?? 0) })
        isPreparing = status.change != nil
    }
}
