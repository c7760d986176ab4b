// Responsible for: the coordinator's decisions: who is a member, which plan serves, which step is next, what a client
// is told. Must not know: sockets, clocks, threads, text. `Node/CoordinatorNode` does what it decides.

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
        /// To the first stage. At most stageCount + 1 are unanswered at once.
        case forward(Forward)
        /// The request left the queue: the computation of its prompt begins. `reusedTokens` of it need none. Comes once.
        case started(RequestID, reusedTokens: Int)
        /// The next token of the answer. After `finish` or `fail` nothing follows for this request.
        case emit(RequestID, SampledToken)
        case finish(RequestID, FinishReason)
        /// There is no (more) answer: a sentence, and another that says what to do.
        case fail(RequestID, message: String, hint: String?)
        /// The request waits; why. Comes again when the reason changes.
        case waiting(RequestID, String)
        /// This worker is no member any more; drop what is queued for it.
        case forget(WorkerID)
        case log(LogLevel, String)
    }

    package let configuration: CoordinatorConfiguration

    /// A coordinator without workers. `now` in milliseconds.
    package init(_ configuration: CoordinatorConfiguration, now: UInt64) {
        self.configuration = configuration
    }

    /// Decides what an event means. `now` never goes back.
    package mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        []
    }

    /// When `handle(.tick)` is due at the latest; nil: not before another event.
    package var nextDeadline: UInt64? { nil }

    /// The state of everything, for people.
    package func status(now: UInt64) -> StatusReply {
        StatusReply()
    }
}
