// Responsible for: a worker's decisions: when to join, which stage to load, which step to compute next. Must not know:
// sockets, clocks, threads, tensors. `Node/WorkerNode` does what it decides.

import DequeModule
import Wire

/// A worker as a value: events in, actions out, in order. Times are milliseconds of one monotonic clock.
///
/// The shell performs the actions in order, calls `handle(.tick)` at the latest at `nextDeadline`, and sets `gauges`
/// before it does.
package struct Worker: Sendable {
    /// What happens to a worker.
    package enum Event: Sendable {
        /// The control link is up, for the first time or again.
        case connected
        case command(WorkerCommand)
        /// How far the load of an epoch is.
        case loadProgress(Epoch, bytesDone: UInt64, bytesTotal: UInt64)
        case loaded(Epoch, transferredBytes: UInt64, cachedBytes: UInt64)
        /// The stage of this epoch cannot be loaded, or cannot go on.
        case loadFailed(Epoch, message: String)
        /// From the data link. The shell has checked that the raw frame is as long as the header says, keeps it until
        /// the step is computed, and may drop it when no `compute` follows.
        case forward(Forward)
        /// The step that `compute` asked for is done; `samples` on the last stage only.
        case computed(Epoch, StepID, samples: [SampledToken], microseconds: UInt64)
        /// The process is about to end.
        case leave
        case tick
    }

    /// What the shell must do.
    package enum Action: Sendable, Equatable {
        case send(WorkerMessage)
        /// Connect the weights and tokens links (close earlier ones).
        case welcomed(Welcome)
        /// The coordinator does not want this worker: end with this sentence.
        case refused(String)
        /// The coordinator is silent: close the control connection and open another; then `.connected`.
        case reconnect
        /// Load this stage, reusing what is loaded; give up an earlier load in progress. Answered by `.loaded` or
        /// `.loadFailed`, and `.loadProgress` in between.
        case load(Assign)
        /// Close the data connection to the next stage there was; connect one to this endpoint, for `sendForward`.
        case connectNext(endpoint: String)
        /// Give up a load in progress, close the connection to the next stage, free the stage.
        case unload
        /// Compute this step on the stage of its epoch; answered by `.computed`. One at a time.
        case compute(Forward)
        /// To the next stage, with the activations computed; `activationCount` is set.
        case sendForward(Forward)
        /// To the coordinator's tokens socket.
        case sendResult(StepResult)
        /// These sequences have ended; free their sampler state.
        case endSequences([SequenceID])
        case log(LogLevel, String)
    }

    /// What goes into the next heartbeat; the shell keeps it fresh.
    package var gauges = WorkerGauges()

    /// A worker that offers what `join` says once it is connected. `now` in milliseconds.
    package init(_ join: Join, now: UInt64) {}

    /// Decides what an event means. `now` never goes back.
    package mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        []
    }

    /// When `handle(.tick)` is due at the latest.
    package var nextDeadline: UInt64 { 0 }

    /// The stage it was assigned.
    package var assignment: Assign? { nil }
}
