// Responsible for: one simulated cluster: virtual time, the coordinator's shell, clients, and how it all ends. Must not
// know: how the machines decide.

import Cluster
import Sequences
import Wire

/// A cluster in one thread and virtual time, all chance from one seed. Milliseconds.
final class World {
    /// What happens at a time. Indirect: the queue moves things often.
    indirect enum Thing {
        case tickCoordinator
        case tickWorker(slot: Int, life: Int)
        case deliver(Letter)
        case connected(slot: Int, life: Int)
        case disconnected(WorkerID)
        case loaded(slot: Int, life: Int, Epoch)
        case computed(slot: Int, life: Int, Forward, [UInt64])
        case fault(Fault)
        case submit(Int)
        case wish(RequestID, ClientWish)
        case quiet
    }

    /// Faults happen before this time; after it nothing is wrong any more, and everything must end by `endOfTime`.
    static let quietTime: UInt64 = 3_000
    static let endOfTime: UInt64 = 120_000
    static let contextLength = 192

    let seed: UInt64
    let bug: PlantedBug?
    let lengths: ToyModel.Lengths
    var random: SeededRandom
    var now: UInt64 = 0
    var queue = EventQueue<Thing>()
    var coordinator: Coordinator
    var nodes: [SimulatedWorker] = []
    var network = VirtualNetwork()
    var firstStage = ""
    /// The process behind each endpoint there ever was.
    var endpoints: [String: (slot: Int, life: Int)] = [:]
    var answers: AnswerChecker
    var bounds = BoundChecker()
    var violation: String?
    var handled = 0
    /// What happened, where somebody wants to read it.
    var trace: [String]?
    private var conversations: [Conversation] = []
    private var nextRequest: UInt64 = 0
    private var coordinatorTick: UInt64 = .max
    private var isQuiet = false

    init(seed: UInt64, bug: PlantedBug? = nil) {
        self.seed = seed
        self.bug = bug
        random = SeededRandom(seed: seed)
        let workers = 1 + random.below(4)
        let length = 8 + random.below(100)
        lengths = [.none, .dynamic(beyond: length), .replayed(beyond: length)][random.below(3)]
        answers = AnswerChecker(contextLength: World.contextLength, lengths: lengths)
        coordinator = Coordinator(Self.configuration(&random, workers: workers, lengths: lengths), now: .start)
        prepareWorkers(workers)
        prepareFaults()
        prepareClients()
        queue.plan(.quiet, at: Self.quietTime)
    }

    private static func configuration(_ random: inout SeededRandom, workers: Int, lengths: ToyModel.Lengths)
        -> CoordinatorConfiguration
    {
        let shape = ModelShape(
            name: "toy", layerBytes: Array(repeating: 100, count: ToyModel.layerCount), embeddingBytes: 50,
            headBytes: 50, tiedBytes: 0, keyValueBytesPerBlock: 1, workspaceBytes: 10, activationsPerToken: 1)
        var configuration = CoordinatorConfiguration(
            model: shape, modelDescription: [], build: "simulation", weightsEndpoint: "w", tokensEndpoint: "t",
            contextLength: contextLength, firstEpoch: Epoch(1000))
        switch lengths {
        case .none: break
        case .dynamic(let length): configuration.lengthRule.dynamicLength = length
        case .replayed(let length): configuration.lengthRule.replayLength = length
        }
        configuration.wantedBlocks = [6, 12, 24][random.below(3)]
        configuration.prefillChunk = [5, 16, 64][random.below(3)]
        configuration.maximumBatchTokens = configuration.prefillChunk + 8
        configuration.maximumRunning = [1, 3, 8][random.below(3)]
        configuration.guesses = random.chance(80)
        configuration.keepsPrefixes = random.chance(80)
        configuration.stepTime = .milliseconds([1, 10, 100][random.below(3)])
        configuration.minimumWorkers = 1 + random.below(min(workers, 2))
        if workers > 1, random.chance(20) { configuration.split = [0..<3, 3..<6] }
        configuration.stalledAfter = .milliseconds(1_500)
        configuration.setAsideFor = .seconds(2)
        configuration.hungAfter = .seconds(2)
        configuration.loadStalledAfter = .seconds(5)
        return configuration
    }

    /// Runs to the end; nil, or what went wrong.
    func run() -> String? {
        while violation == nil, let (time, thing) = queue.next() {
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
        case .tickCoordinator:
            coordinatorTick = .max
            tell(.tick)
        case .deliver(let letter): deliver(letter)
        case .disconnected(let worker): tell(.disconnected(worker))
        case .fault(let fault):
            trace?.append("\(now) \(fault)")
            strike(fault)
        case .submit(let index): submit(index)
        case .wish(let request, let wish):
            answers.wish(wish, request)
            tell(wish == .cancelled ? .cancel(request) : .stop(request))
        case .quiet:
            isQuiet = true
            endFaults()
        case .tickWorker(let slot, let life), .connected(let slot, let life), .loaded(let slot, let life, _),
            .computed(let slot, let life, _, _):
            happen(thing, slot: slot, life: life)
        }
    }

    // MARK: The coordinator's shell

    /// Hands an event to the coordinator and does what it decides.
    func tell(_ event: Coordinator.Event) {
        if case .stepResult(let result) = event { bounds.result(result) }
        let actions = coordinator.handle(event, now: .milliseconds(now))
        if trace != nil, !actions.isEmpty { trace?.append("\(now) coordinator: \(event) -> \(actions)") }
        for action in actions {
            note(bounds.observe(action))
            if bug == .lostToken, case .emit(_, let token) = action, token.token % 7 == 1 { continue }
            note(answers.observe(action))
            perform(action)
        }
        if let deadline = coordinator.nextDeadline.map({ ($0 - .start).wholeMilliseconds }), deadline < coordinatorTick
        {
            coordinatorTick = max(deadline, now)
            queue.plan(.tickCoordinator, at: coordinatorTick)
        }
    }

    private func perform(_ action: Coordinator.Action) {
        switch action {
        case .send(let worker, let command):
            if let slot = nodes.firstIndex(where: { $0.id == worker }) {
                post(.command(command), from: .coordinator, to: .worker(slot), .control, life: nodes[slot].life)
            }
        case .connectFirstStage(_, let endpoint):
            firstStage = endpoint
            network.cut(.coordinator, .worker(endpoints[endpoint]?.slot ?? 0), .data)
        case .forward(let forward):
            if let (slot, life) = endpoints[firstStage] {
                post(.forward(forward, []), from: .coordinator, to: .worker(slot), .data, life: life)
            }
        case .finish(let request, _): requestEnded(request)
        case .log(.error, let text) where !text.hasPrefix("set "): note("the coordinator complains: \(text)")
        case .started, .emit, .score, .fail, .waiting, .forget, .log: break
        }
    }

    func note(_ found: String?) {
        if violation == nil, let found { violation = "at \(now) ms: \(found)" }
    }

    // MARK: Clients

    /// Requests of one client, one after the other, each going on from the one before.
    private struct Conversation {
        var turnsLeft: Int
        var tokens: [Int32] = []
        var current = RequestID(0)
    }

    private func prepareClients() {
        for index in 0..<(1 + random.below(random.chance(20) ? 12 : 4)) {
            let isChat = random.chance(40)
            // Many begin alike.
            let beginning = random.chance(50) ? (0..<Int32(40 + random.below(2) * 30)).map { $0 * 5 % 90 } : []
            conversations.append(Conversation(turnsLeft: isChat ? 2 + random.below(2) : 1, tokens: beginning))
            queue.plan(.submit(index), at: random.milliseconds(0...2_500))
        }
    }

    private func submit(_ index: Int) {
        let length = random.chance(20) ? 60 + random.below(40) : 1 + random.below(30)
        let news = (0..<length).map { _ in Int32(random.below(Int(ToyModel.vocabulary))) }
        let prompt = Array((conversations[index].tokens + news).prefix(Self.contextLength - 20))
        nextRequest += 1
        var sampling = SamplingParameters()
        sampling.seed = random.next()
        let task = GenerationTask(
            request: RequestID(nextRequest), prompt: prompt, sampling: sampling,
            maximumTokens: 1 + random.below(random.chance(20) ? 100 : 24), endTokens: random.chance(50) ? [5, 6] : [],
            scoringStart: prompt.count > 1 && random.chance(20) ? 1 + random.below(prompt.count - 1) : nil,
            priority: random.below(3) - 1)
        conversations[index].tokens = prompt
        conversations[index].current = task.request
        conversations[index].turnsLeft -= 1
        answers.submit(task)
        if random.chance(25) {
            let wish: ClientWish = random.chance(50) ? .cancelled : .stopped
            queue.plan(.wish(task.request, wish), at: now + random.milliseconds(0...1_500))
        }
        tell(.submit(task))
    }

    private func requestEnded(_ request: RequestID) {
        guard let index = conversations.firstIndex(where: { $0.current == request }) else { return }
        conversations[index].tokens += answers.tokens(of: request)
        if conversations[index].turnsLeft > 0 {
            queue.plan(.submit(index), at: now + random.milliseconds(0...300))
        }
    }

    // MARK: The end

    private var isAtRest: Bool {
        guard answers.open == 0, conversations.allSatisfy({ $0.turnsLeft == 0 }) else { return false }
        // What is on its way to a worker may be what frees its state.
        let status = coordinator.status(now: .milliseconds(now))
        return status.isServing && status.requests.isEmpty && status.pipeline.stepsInFlight == 0
            && network.lettersUnderWay == 0
    }

    private func checkRest() -> String? {
        let status = coordinator.status(now: .milliseconds(now))
        let samplers = status.workers.filter { $0.layers?.upperBound == ToyModel.layerCount }.map { worker in
            nodes.first { $0.id == worker.id }?.stage?.sequenceCount ?? 0
        }
        return RestChecker.violation(status, samplers: samplers.reduce(0, +))
    }

    private func describe() -> String {
        let status = coordinator.status(now: .milliseconds(now))
        let workers = status.workers.map { "\($0.id) \($0.state) \($0.layers.map { "\($0)" } ?? "")" }
        return "\(status.state); \(workers); requests \(status.requests.map { "\($0.id) \($0.state)" })"
    }
}
