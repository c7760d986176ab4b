// Responsible for: what happens to a coordinator, and what it may ask of its shell. Must not know: how it decides.

import Sequences
import Wire

extension Coordinator {
    /// What happens to a coordinator.
    package enum Event: Sendable {
        /// Anything a worker says on the control link.
        case worker(WorkerID, WorkerMessage)
        /// Its connection is closed.
        case disconnected(WorkerID)
        /// From the tokens link.
        case stepResult(StepResult)
        /// From the weights or the tokens link.
        case hello(WorkerID, NodeLink, Hello)
        /// From the first stage, and what was found out about the connection to it.
        case helloReply(HelloReply)
        case firstStage(Epoch, LinkConnection)
        /// A client asks that a worker be left out of plans, or counted in again; answered by `answerDrain` at once.
        case drain(DrainRequest, of: ClientID)
        /// What the links carry is to be found out; answered by `measured`, in some seconds.
        case examine
        /// The plan that this asks for is to be carried out; `preview` tells which that is.
        case apply(PlanQuery)
        case submit(GenerationTask)
        /// Its client wants no more, or is gone: ends with `FinishReason.cancelled`.
        case cancel(RequestID)
        /// A stop string was found: ends with `FinishReason.stop`.
        case stop(RequestID)
        /// What a standby says, and what becomes of it.
        case standby(StandbyEvent)
        case tick
    }

    /// What the shell must do.
    package enum Action: Sendable, Equatable {
        case send(WorkerID, CoordinatorMessage)
        /// Connect to this endpoint, whose key is this (nil: links are open), for the `forward`s and hellos of this epoch;
        /// close the data connections of other epochs, unless `isBeside`.
        case connectFirstStage(Epoch, endpoint: String, key: NodeKey?, isBeside: Bool)
        /// Close the data connection of this epoch.
        case disconnectFirstStage(Epoch)
        /// To the first stage, with the raw frame that it names, if the connection is up; never kept for later.
        case sayHello(Hello)
        /// To a worker, over its connection to the weights or the tokens socket.
        case answerHello(WorkerID, NodeLink, HelloReply)
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
        /// What was found out for all that asked.
        case measured(Measurements)
        /// Write this down, for the next process: it need not be safe at once.
        case record(JournalPlan)
        /// What became of what a client has asked for.
        case answerDrain(ClientID, DrainReply)
        /// These have a say from now on: to be written down as well, then told to the standby.
        case tellElectors(Electors)
        /// The standby can serve, and this coordinator cannot: hand over to it.
        case cede
        /// Another coordinator serves, or takes over: nothing that is done here counts any more. What is asked goes on there.
        case stepDown(Sentence)
        case log(LogLevel, String)
    }

    // MARK: What its shell may ask

    /// Whose results count: the last worker of the plan that serves; nil: none serves.
    package var samplingWorker: WorkerID? { deployments.serving?.last }

    /// Whether this worker is a member.
    package func isMember(_ worker: WorkerID) -> Bool { membership.members.contains { $0.id == worker } }

    /// What a member that asks under this epoch may have of weights that belong to the layers of which `holds` is true; nil:
    /// it is none.
    package func claim(of worker: WorkerID, in epoch: Epoch, _ holds: (Range<Int>) -> Bool) -> WeightClaim? {
        isMember(worker) ? deployments.told.claim(of: worker, in: epoch, holds) : nil
    }

    /// Whether it may serve, and who has a say in that.
    package var authority: Authority { succession.authority }

    /// Who is a member.
    package var workers: [WorkerID] { membership.members.map(\.id) }
}
