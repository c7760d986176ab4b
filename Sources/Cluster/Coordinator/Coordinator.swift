// Responsible for: the coordinator's decisions: who is a member, which plan serves, which step is next, what a client
// is told. Must not know: sockets, clocks, threads, text. `Node/CoordinatorNode` does what it decides.

import Sequences
import Wire

/// The coordinator as a value: events in, actions out, in order. Times are milliseconds of one monotonic clock.
///
/// The shell performs the actions in order, calls `handle(.tick)` at the latest at `nextDeadline`, and passes on every
/// message of workers, named by their routing ids.
package struct Coordinator: Sendable {
    /// What happens to a coordinator.
    package enum Event: Sendable {
        /// Anything a worker says on the control link.
        case worker(WorkerID, WorkerMessage)
        /// Its connection is closed.
        case disconnected(WorkerID)
        /// From the tokens link.
        case stepResult(StepResult)
        case submit(GenerationTask)
        /// Its client wants no more, or is gone: ends with `FinishReason.cancelled`.
        case cancel(RequestID)
        /// A stop string was found: ends with `FinishReason.stop`.
        case stop(RequestID)
        case tick
    }

    /// What the shell must do.
    package enum Action: Sendable, Equatable {
        case send(WorkerID, WorkerCommand)
        /// Close the data connection there was; connect one to this endpoint, for the `forward`s that follow.
        case connectFirstStage(endpoint: String)
        /// To the first stage. At most `Limits.stepsInFlight(stages:)` are unanswered at once.
        case forward(Forward)
        /// The request left the queue: the computation of its prompt begins, but for `reusedTokens`. Comes once.
        case started(RequestID, reusedTokens: Int)
        /// The next token of the answer. After `finish` or `fail` nothing follows for this request.
        case emit(RequestID, SampledToken)
        /// The log-probabilities of the next tokens of a prompt that is scored.
        case score(RequestID, [Float])
        case finish(RequestID, FinishReason)
        /// There is no (more) answer, and why.
        case fail(RequestID, TandemError)
        /// The request waits; why. Comes again when the reason changes.
        case waiting(RequestID, Sentence)
        /// This worker is no member any more; drop what is queued for it.
        case forget(WorkerID)
        case log(LogLevel, String)
    }

    package let configuration: CoordinatorConfiguration
    /// In join order, but who comes back to an earlier place takes it again.
    var members: [Member] = []
    /// The cache identities of all who joined, in the order of their first joining.
    var places: [ContentHash] = []
    var service: Service
    var scheduler: Scheduler
    var epoch: Epoch
    /// Members have changed since the last plan was made.
    var needsPlan = false
    /// The first plan has served: from then on fewer workers than were asked for are better than none.
    var hasServed = false
    /// Preparations that came to nothing since a plan last served.
    var failedPreparations = 0
    /// When the last plan ceased to serve; nil: one serves.
    var withoutServiceSince: UInt64?
    /// The last sign that steps move.
    var lastProgress: UInt64
    /// A moving mean of the milliseconds between ends of requests, and when the last one ended.
    var finishInterval = 1_000.0
    var lastFinish: UInt64
    /// What waiting requests were last told.
    var lastExplanation: Sentence?
    private let startedAt: UInt64
    private var lastEvent: UInt64
    private var nextHeartbeat: UInt64
    private var actions: [Action] = []

    /// A coordinator without workers. `now` in milliseconds.
    package init(_ configuration: CoordinatorConfiguration, now: UInt64) {
        self.configuration = configuration
        service = .none(.tooFewWorkers(needed: configuration.minimumWorkers, present: 0))
        scheduler = Scheduler(configuration.schedulerRules)
        epoch = configuration.firstEpoch
        withoutServiceSince = now
        lastProgress = now
        lastFinish = now
        startedAt = now
        lastEvent = now
        nextHeartbeat = now
    }

    /// Decides what an event means. `now` never goes back.
    package mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        excuseAbsence(now)
        switch event {
        case .worker(let worker, let message): receive(message, from: worker, now)
        case .disconnected(let worker):
            if let index = index(of: worker) { lose(index, "its connection is closed", now) }
        case .stepResult(let result): complete(result, now)
        case .submit(let task): submit(task, now)
        case .cancel(let request): end(request, .cancelled, now)
        case .stop(let request): end(request, .stop, now)
        case .tick: tick(now)
        }
        reconsiderPlan(now)
        sendSteps(now)
        explainWaiting()
        defer { actions = [] }
        return actions
    }

    /// When `handle(.tick)` is due at the latest; nil: not before another event.
    package var nextDeadline: UInt64? {
        members.isEmpty && scheduler.isIdle ? nil : nextHeartbeat
    }

    /// Milliseconds since it began.
    func uptime(_ now: UInt64) -> UInt64 { now - startedAt }

    mutating func act(_ action: Action) { actions.append(action) }

    mutating func log(_ level: LogLevel, _ text: String) { actions.append(.log(level, text)) }

    /// Time in which this process itself did not run is nobody's silence.
    private mutating func excuseAbsence(_ now: UInt64) {
        let gap = now - lastEvent
        lastEvent = now
        guard gap > 2 * configuration.heartbeatInterval else { return }
        for index in members.indices { members[index].lastHeard = min(now, members[index].lastHeard + gap) }
        lastProgress = min(now, lastProgress + gap)
    }

    private mutating func tick(_ now: UInt64) {
        guard now >= nextHeartbeat else { return }
        nextHeartbeat = now + configuration.heartbeatInterval
        for member in members { act(.send(member.id, .heartbeat)) }
        checkMembers(now)
        checkService(now)
        checkWaiting(now)
    }
}
