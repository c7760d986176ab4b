// Responsible for: a worker's process, as far as it is more than its machine. Must not know: what happens to it
// (World+Workers), how the machine decides.

import Cluster
import Wire

/// The machine, with activations as the toy model has them.
typealias Worker = Cluster.Worker<[UInt64], [UInt64]>

/// A place where worker processes live, one after the other.
struct SimulatedWorker {
    /// What happens to a process.
    enum Thing {
        case tick
        /// The control connection of this number is up.
        case connected(Int)
        case weightsConnected(Int)
        case inventory(Epoch)
        case verify(Epoch, ContentHash)
        case loaded(Epoch)
        case computed(Forward, [UInt64])
        /// A part of an order is sent to another worker.
        case sendPart(BlockCopies, Int)
        case stored(BlockContents, from: WorkerID)
        case letter(Letter)
        case linkUp(NodeLink, Epoch)
    }

    let memoryBytes: UInt64
    let readBytesPerSecond: Double
    /// Names its cache, which outlives processes.
    let cacheIdentity: ContentHash?
    /// For so long it holds a stage without a coordinator.
    var lease = Duration.seconds(600)
    var cache = SimulatedCache()
    /// The process that lives here now; nil: none.
    var machine: Worker?
    var clock = ProcessClock(start: 0)
    var id = WorkerID(0)
    /// Counts the processes.
    var life = 0
    /// Counts the attempts to connect to the coordinator's control socket; the newest counts.
    var connection = 0
    var isConnecting = false
    var welcome: Welcome?
    /// Of the plan that serves, and perhaps of one that is prepared beside it.
    var stages: [LoadedStage] = []
    /// Received, and neither computed nor skipped.
    var waitingSteps: [(epoch: Epoch, step: StepID)] = []
    /// By the epochs of their steps.
    var nextStages: [Epoch: String] = [:]
    /// Counts the times that all copying was ended.
    var copying = 0
    var load: WeightLoad?
    /// Contents whose bytes this process has found right.
    var verified: Set<ContentHash> = []
    /// Counts the sockets for weights, and the attempts to connect them.
    var weightsSocket = 0
    var weightsConnection = 0
    var isWeightsLinkUp = false
    /// The coordinator's process that they connect to, and when the load last moved.
    var weightsPeer = 0
    var lastWeights: UInt64 = 0
    /// Results that wait until the coordinator is there again.
    var unsent: [StepResult] = []
    /// Computes, loads so many times slower.
    var slowness: UInt64 = 1
    /// What has happened while it was stopped.
    var isFrozen = false
    var held: [Thing] = []
    var tick: UInt64 = .max
    var loadFails = false
    /// Says what no honest worker does.
    var meansHarm = false
    /// It is behind a slow line.
    var hasSlowWeights = false
    /// Computes nothing to its end.
    var isHung = false

    /// A new process begins with nothing but its cache.
    mutating func begin(slot: Int, now: UInt64) {
        life += 1
        id = WorkerID(UInt64(slot) << 32 | UInt64(life))
        clock = ProcessClock(start: now)
        unload()
        welcome = nil
        (waitingSteps, held, unsent, verified) = ([], [], [], [])
        (isFrozen, isHung, isWeightsLinkUp) = (false, false, false)
        weightsSocket += 1
        tick = .max
        var join = Join()
        join.memoryBytes = memoryBytes
        join.readBytesPerSecond = readBytesPerSecond
        join.cacheIdentity = cacheIdentity
        join.dataEndpoint = dataEndpoint(slot)
        machine = Worker(id, join, lease: lease, now: clock.reading(now))
    }

    func dataEndpoint(_ slot: Int) -> String { "tcp://10.0.0.\(slot + 1):\(7000 + life)" }

    mutating func end() {
        machine = nil
        unload()
    }

    /// It holds no layers any more.
    mutating func unload() { (stages, load, nextStages) = ([], nil, [:]) }

    func stage(of epoch: Epoch) -> ToyStage? { stages.first { $0.stage.assign.epoch == epoch }?.stage }

    func assign(of epoch: Epoch) -> Assign? { machine?.assignments.first { $0.epoch == epoch } }

    /// One stage is over, and the other goes on.
    mutating func drop(_ epoch: Epoch) {
        stages.removeAll { $0.stage.assign.epoch == epoch }
        nextStages[epoch] = nil
        if load?.assign.epoch == epoch { load = nil }
    }
}

/// A stage, and what of its keys and values is known to be right.
struct LoadedStage {
    let stage: ToyStage
    var keyValues: HeldKeyValues
}

/// The blocks of one order as they are sent: one part after the other, each as it is then.
struct BlockCopies {
    struct Part {
        let layers: Range<Int>
        let extent: BlockExtent
        /// Not keys and values, but what was kept behind the one layer.
        var isOutputs = false
    }

    let parts: [Part]
    let order: CopyBlocks
    /// Of the stage that has them.
    let epoch: Epoch
    /// When copying was ended last.
    let copying: Int
}
