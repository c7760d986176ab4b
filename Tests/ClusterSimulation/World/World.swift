// Responsible for: one simulated cluster: its parts, virtual time, and how it all ends. Must not know: what nodes do,
// how the machines decide.

import Cluster
import Sequences
import Wire

/// A cluster in one thread and virtual time, all chance from one seed. Milliseconds.
final class World {
    /// What happens at a time, and to which process: one that has ended since does not see it. Indirect: the queue moves
    /// things often.
    indirect enum Thing {
        case atCoordinator(SimulatedCoordinator.Thing, life: Int)
        case atWorker(SimulatedWorker.Thing, slot: Int, life: Int)
        case atClient(SimulatedClient.Thing, index: Int, connection: Int)
        case deliver(Letter)
        case fault(Fault)
        /// A client asks.
        case ask(Int)
        case quiet
    }

    /// Faults happen before this time; after it nothing is wrong any more, and everything must end by `endOfTime`.
    static let quietTime: UInt64 = 3_000
    static let endOfTime: UInt64 = 120_000
    static let contextLength = 192
    /// Things in one millisecond.
    private static let mostAtOnce = 100_000

    let seed: UInt64
    let bug: PlantedBug?
    let lengths: ToyModel.Lengths
    /// In few worlds messages become bytes and are read again: it takes long.
    let isCoded: Bool
    var random: SeededRandom
    var now: UInt64 = 0
    var queue = EventQueue<Thing>()
    var coordinator: SimulatedCoordinator
    var nodes: [SimulatedWorker] = []
    var clients: [SimulatedClient] = []
    var weights: WeightService
    var network = VirtualNetwork()
    /// The process behind each endpoint there ever was.
    var endpoints: [String: (slot: Int, life: Int)] = [:]
    /// The right answer to whatever was asked, by anybody and at any time.
    var asked: [RequestIdentity: SingleProcessAnswer] = [:]
    /// In most worlds coordinators write down what they accept, on a disk that outlives them.
    let keepsJournal: Bool
    var disk = SimulatedDisk()
    var journal = JournalChecker()
    var answers = AnswerChecker()
    var heard = ClientChecker()
    var bounds = BoundChecker()
    var blocks = BlockChecker()
    var violation: String?
    var handled = 0
    var tally = Tally()
    /// What happened, where somebody wants to read it.
    var trace: [String]?
    /// Only links fail in it.
    var isLinkWorld = false
    private var isQuiet = false

    init(seed: UInt64, bug: PlantedBug? = nil) {
        self.seed = seed
        self.bug = bug
        random = SeededRandom(seed: seed)
        let workers = 1 + random.below(Place.mostWorkers)
        let length = 8 + random.below(100)
        lengths = [.none, .dynamic(beyond: length), .replayed(beyond: length)][random.below(3)]
        isCoded = random.chance(4)
        keepsJournal = random.chance(70)
        coordinator = SimulatedCoordinator(Self.configuration(&random, workers: workers, lengths: lengths))
        weights = WeightService(&random)
        startCoordinator()
        prepareWorkers(workers)
        prepareClients()
        prepareFaults()
        queue.plan(.quiet, at: Self.quietTime)
    }

    private static func configuration(_ random: inout SeededRandom, workers: Int, lengths: ToyModel.Lengths)
        -> CoordinatorConfiguration
    {
        let shape = ModelShape(
            name: "toy", layerBytes: Array(repeating: 100, count: ToyModel.layerCount), embeddingBytes: 50,
            headBytes: 50, tiedBytes: 0, keyValueBytesPerBlock: Array(repeating: 1, count: ToyModel.layerCount),
            workspaceBytes: 10, activationsPerToken: 1,
            vocabularySize: Int(ToyModel.vocabulary))
        var configuration = CoordinatorConfiguration(
            model: shape, modelDescription: [], build: "simulation", weightsEndpoint: "", tokensEndpoint: "",
            contextLength: contextLength, firstEpoch: .none)
        configuration.modelHash = ContentHash(Array(repeating: 7, count: ContentHash.byteCount))
        switch lengths {
        case .none: break
        case .dynamic(let length): configuration.lengthRule.dynamicLength = length
        case .replayed(let length): configuration.lengthRule.replayLength = length
        }
        configuration.wantedBlocks = [6, 12, 24][random.below(3)]
        configuration.prefillChunk = [5, 16, 64][random.below(3)]
        configuration.maximumBatchTokens = configuration.prefillChunk + 8
        configuration.maximumRunning = [1, 3, 8][random.below(3)]
        if random.chance(20) { configuration.maximumWaiting = 1 + random.below(2) }
        configuration.guesses = random.chance(80)
        configuration.keepsPrefixes = random.chance(80)
        configuration.stepTime = .milliseconds([1, 10, 100][random.below(3)])
        configuration.minimumWorkers = 1 + random.below(min(workers, 2))
        if workers > 1, random.chance(20) { configuration.split = [0..<3, 3..<6] }
        configuration.stalledAfter = .milliseconds(1_500)
        configuration.setAsideFor = .seconds(2)
        configuration.hungAfter = .seconds(2)
        configuration.loadStalledAfter = .seconds(5)
        configuration.changesWhileServing = random.chance(85)
        // A block of a layer has one byte here.
        configuration.copying.firstOrderBytes = Double(1 + random.below(20))
        configuration.copying.orderBytes = 1...Double(2 + random.below(40))
        configuration.copying.smallBytes = UInt64(random.below(4))
        configuration.copying.mostVainOrders = 2 + random.below(6)
        configuration.copying.patience = .seconds(1)
        configuration.unbalancedFor = .milliseconds(200)
        configuration.balancedEvery = .seconds(1)
        return configuration
    }

    /// Runs to the end; nil, or what went wrong.
    func run() -> String? {
        var atOnce = 0
        while violation == nil, let (time, thing) = queue.next() {
            atOnce = time == now ? atOnce + 1 : 0
            if atOnce > Self.mostAtOnce { return "time stands still at \(now) ms: \(thing)" }
            now = time
            handled += 1
            if now > Self.endOfTime { return "\(answers.open) requests do not end: \(describe())" }
            happen(thing)
            if isQuiet && isAtRest { return violation ?? checkRest() }
        }
        return violation ?? "nothing happens any more: \(describe())"
    }

    private func happen(_ thing: Thing) {
        switch thing {
        case .atCoordinator(let thing, let life): happen(thing, coordinatorLife: life)
        case .atWorker(let thing, let slot, let life): happen(thing, slot: slot, life: life)
        case .atClient(let thing, let index, let connection): happen(thing, client: index, connection: connection)
        case .deliver(let letter): deliver(letter)
        case .ask(let index): ask(index)
        case .fault(let fault):
            trace?.append("\(now) \(fault)")
            strike(fault)
        case .quiet:
            isQuiet = true
            endFaults()
        }
    }

    /// A checker's complaint; the first one counts.
    func note(_ found: String?) {
        if violation == nil, let found { violation = "at \(now) ms: \(found)" }
    }

    func happened(_ happening: Happening) { tally[happening] += 1 }

    // MARK: The end

    /// What the coordinator says of itself; nil: there is none.
    var status: StatusReply? { coordinator.machine?.status(now: coordinator.clock.reading(now)) }

    private var isAtRest: Bool {
        guard answers.open == 0, coordinator.sessions.isEmpty, clients.allSatisfy(\.isDone) else { return false }
        guard let status, nodes.indices.allSatisfy({ nodes[$0].machine == nil || isConnected($0) }) else {
            return false
        }
        // What is on its way to a worker may be what frees its state.
        return status.isServing && status.requests.isEmpty && status.pipeline.stepsInFlight == 0
            && network.lettersUnderWay == 0
    }

    /// Whether a worker hears the coordinator: what frees its state may be lost otherwise, and comes by joining again.
    private func isConnected(_ slot: Int) -> Bool {
        !nodes[slot].isConnecting && !network.isDead(.worker(slot), .coordinator, .control)
    }

    private func checkRest() -> String? {
        guard let status else { return "at rest there is no coordinator" }
        let samplers = status.workers.filter { $0.layers?.upperBound == ToyModel.layerCount }.map { worker in
            nodes.first { $0.id == worker.id }?.stage(of: status.epoch)?.sequenceCount ?? 0
        }
        return RestChecker.violation(status, samplers: samplers.reduce(0, +))
    }

    private func describe() -> String {
        guard let status else { return "no coordinator" }
        let workers = status.workers.map { "\($0.id) \($0.state) \($0.layers.map { "\($0)" } ?? "")" }
        let busy = clients.filter { !$0.isDone }.map(\.index)
        return "\(status.state); \(workers); requests \(status.requests.map { "\($0.id) \($0.state)" }); "
            + "\(coordinator.sessions.count) sessions; clients \(busy) without an answer; "
            + "\(network.lettersUnderWay) letters under way"
    }
}
