// Responsible for: the coordinator's process, as far as it is more than its machine. Must not know: what happens to it
// (World+Coordinator), how the machine decides.

import Cluster
import Sequences
import Wire

/// The place where coordinator processes live, one after the other. What is in memory is lost with the process.
struct SimulatedCoordinator {
    /// What happens to a process.
    enum Thing {
        case tick
        case disconnected(WorkerID)
        /// From the text side, which answers on other threads.
        case order(Coordinator.Event)
        case clientGone(ClientID)
        /// The weight server has read what was asked for.
        case read(Fetch, worker: Int, socket: Int)
        case letter(Letter)
        case firstStageUp(Epoch)
        /// A request is safe in the journal.
        case admitted(Generate, number: UInt64, known: [SampledToken]?, ClientID)
        /// Whoever has not asked again for a request of an earlier process does not come.
        case nobodyComes
    }

    /// Without addresses and epoch, which each process has of its own.
    var configuration: CoordinatorConfiguration
    /// The process that lives here now; nil: none.
    var machine: Coordinator?
    /// Counts the processes.
    var life = 0
    var clock = ProcessClock(start: 0)
    var sessions = SimulatedSessions()
    /// Of its journal, and of the requests that were in it when it began.
    var lastNumber: UInt64 = 0
    var resumed: [ResumedSession] = []
    /// By the epochs of their steps.
    var firstStages: [Epoch: String] = [:]
    /// When the weight server has read all that it was asked for.
    var weightsFreeAt: UInt64 = 0
    var tick: UInt64 = .max
    /// What has happened while it was stopped.
    var isFrozen = false
    var held: [Thing] = []
    /// Everything was started again, and no plan has served since.
    var isRecalling = false
    /// What happens to it when it has sent the next step.
    var doom: CoordinatorLoss?
    /// With a planted bug: the tokens of a result for an earlier coordinator.
    var earlierTokens: [Int32] = []

    init(_ configuration: CoordinatorConfiguration) { self.configuration = configuration }

    /// Whether a connection can be made to it.
    var accepts: Bool { machine != nil && !isFrozen }

    /// The process that listens at an address of its own ports; nil: nobody does.
    func life(at endpoint: String) -> Int? {
        machine != nil && [configuration.weightsEndpoint, configuration.tokensEndpoint].contains(endpoint) ? life : nil
    }

    /// The process that listens at the address everybody knows.
    var controlLife: Int? { machine != nil ? life : nil }
}
