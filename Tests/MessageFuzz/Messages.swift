// Responsible for: right messages of every kind, about what there is. Must not know: sockets, what is changed in them.
import MessageMutator
import Sequences
import Wire

/// Makes messages with what is known of a cluster.
struct Messages {
    var epoch: UInt64 = 1
    var step: UInt64 = 1
    var layerCount = 6
    var activationsPerToken = 192
    /// Workers that have joined, or say so.
    var workers: [UInt64] = [1, 2]
    /// Who is before a worker; nil: links are open.
    var previousKey: NodeKey?
    /// What a worker is told of the model.
    var description: [UInt8] = []
    /// Where nobody listens, and where somebody does.
    var endpoints = ["tcp://127.0.0.1:9"]
    /// Contents that can be fetched.
    var contents: [ContentHash] = []

    /// Numbers in other messages that these are about.
    var known: [UInt64] { [epoch, step, UInt64(layerCount), UInt64(activationsPerToken)] }

    // MARK: To a coordinator

    /// What this one says to a coordinator; nil: what anybody says.
    func control(of role: Identity.Role?, _ random: inout Mutator) -> [[UInt8]] {
        switch role ?? random.element([.worker, .client, .newcomer]) {
        case .worker: [ControlRequest.worker(ofWorker(&random)).encode()]
        case .client: [ControlRequest.client(ofClient(&random)).encode()]
        case .owner where random.once(in: 2): [ControlRequest.client(ofClient(&random)).encode()]
        case .owner, .newcomer, .stranger: [ControlRequest.newcomer(enrol(&random)).encode()]
        }
    }

    private func ofWorker(_ random: inout Mutator) -> WorkerMessage {
        switch random.below(16) {
        case 15: return .holding(holding(&random))
        case 14:
            let figures = LinkFigures(roundTripMicroseconds: UInt64(random.below(1000)), bytesPerSecond: 1e8)
            return .measured(
                Measured(number: UInt64(random.below(9)), clockMicroseconds: 1 << 50, figures: figures))
        case 0...2: return .join(join(&random))
        case 3...4:
            let loading = Loading(epoch: Epoch(epoch), bytesDone: UInt64(random.below(9)), bytesTotal: 8)
            return .loading(loading)
        case 5: return .ready(Ready(epoch: Epoch(epoch), transferredBytes: 1, cachedBytes: 2))
        case 6: return .failed(LoadFailure(epoch: Epoch(epoch), message: "no space"))
        case 7...10:
            var heartbeat = WorkerHeartbeat()
            heartbeat.epoch = Epoch(epoch)
            heartbeat.stepsCompleted = step
            heartbeat.gauges.residentBytes = 1 << 20
            return .heartbeat(heartbeat)
        case 11...12:
            let outcome: LinkReport.Outcome =
                random.once(in: 2) ? .proven(bytesPerSecond: 1e9) : .failed(random.element(LinkFailure.allCases))
            return .link(LinkReport(epoch: Epoch(epoch), link: random.element(NodeLink.allCases), outcome: outcome))
        default: return .leave
        }
    }

    /// Layers that nobody holds, or that everybody does.
    private func holding(_ random: inout Mutator) -> Holding {
        var holding = Holding()
        holding.model = ContentHash(random.bytes(ContentHash.byteCount))
        holding.layers = 0..<1 + random.below(6)
        holding.since = holding.layers.map { _ in Epoch(epoch) }
        holding.keyValueBlockCount = 1 + random.below(64)
        holding.blocks = (0..<random.below(holding.keyValueBlockCount)).map { block in
            Holding.Block(
                block: Int32(block), parent: random.once(in: 2) ? nil : Int32(random.below(holding.keyValueBlockCount)),
                restartLength: 1 + random.below(9), tokens: Array(repeating: 3, count: 1 + random.below(32)))
        }
        return holding
    }

    private func ofClient(_ random: inout Mutator) -> ClientMessage {
        switch random.below(9) {
        // An answer is work; what is looked for is harm.
        case 0 where random.once(in: 4): .generate(generate(&random))
        case 1...3: .cancel(ClientRequestID(UInt64(random.below(30))))
        case 4...5: .statusQuery(StatusQuery())
        case 6: .measureQuery(MeasureQuery())
        case 7: .planQuery(PlanQuery())
        default: .ping
        }
    }

    /// A key that asks to be admitted.
    func enrol(_ random: inout Mutator) -> Enrol {
        guard let key = NodeKey(random.bytes(32)) else { preconditionFailure("a key has 32 bytes") }
        return Enrol(key: key, isClient: random.once(in: 2), name: random.element(["host-b", "", "\u{1B}[2J", "é"]))
    }

    /// To whoever is downstream.
    func hello(_ random: inout Mutator) -> [[UInt8]] {
        let bytes = random.element([0, 1, 4096, 65_536])
        let hello = Hello(
            epoch: Epoch(epoch), worker: random.once(in: 4) ? nil : WorkerID(random.element(workers)),
            number: UInt64(random.below(9)), probeBytes: bytes, replyBytes: random.element([0, 1, 65_536]))
        return [[], hello.encode()] + (bytes > 0 ? [random.bytes(bytes)] : [])
    }

    /// The answer to one.
    func helloReply(_ random: inout Mutator) -> [[UInt8]] {
        let reply = HelloReply(
            epoch: Epoch(epoch), worker: WorkerID(random.element(workers)), number: UInt64(random.below(9)),
            probeBytes: random.once(in: 2) ? 3 : 0)
        return [[], reply.encode()] + (reply.probeBytes > 0 ? [random.bytes(reply.probeBytes)] : [])
    }

    func join(_ random: inout Mutator) -> Join {
        var join = Join()
        join.worker = WorkerID(random.element(workers))
        join.build = "0.1.0"
        join.attempt = UInt64(random.below(5))
        join.hostName = "host"
        join.processID = 4321
        join.memoryBytes = 1 << 30
        (join.cores, join.threads) = (2, 1)
        join.instructionLevel = "avx2"
        (join.readBytesPerSecond, join.int8OperationsPerSecond) = (1e9, 1e9)
        join.dataEndpoint = random.element(endpoints)
        return join
    }

    /// Little to compute, as long as nothing is changed.
    func generate(_ random: inout Mutator) -> Generate {
        let prompts: [GenerationRequest.Prompt] = [
            .text("Once upon"), .tokens([1, 2, 3]), .messages([ChatMessage(role: .user, content: "hi")]),
        ]
        var request = GenerationRequest(prompt: random.element(prompts))
        request.isRaw = random.once(in: 2)
        request.maximumTokens = 1 + random.below(3)
        request.sampling.temperature = 0.5
        request.sampling.topK = 4
        request.sampling.seed = 7
        request.sampling.logitBias = [.init(token: 4, bias: 1)]
        request.stops = ["x"]
        request.stopTokens = [2]
        if random.once(in: 8) { request.scoringStart = 1 }
        if random.once(in: 8) { request.answered = [3, 4] }
        return Generate(id: ClientRequestID(UInt64(random.below(30))), request: request)
    }

    func result(_ random: inout Mutator) -> [[UInt8]] {
        let top = [TokenProbability(token: 1, logProbability: -1), TokenProbability(token: 2, logProbability: -2)]
        let sequence = SequenceID(UInt64(random.below(40)))
        let result = StepResult(
            epoch: Epoch(epoch), step: StepID(UInt64(random.below(2000))),
            samples: [
                SequenceSample(sequence: sequence, sample: SampledToken(token: 1, logProbability: -1, top: top))
            ],
            scores: [SequenceScores(sequence: sequence, logProbabilities: [-0.5])],
            timings: [StageMicroseconds(wire: 1, queue: 2, compute: 3, wait: 4)], sentMicroseconds: 1 << 50)
        return [result.encode()]
    }

    func fetch(_ random: inout Mutator) -> [[UInt8]] {
        let contents = contents + [ContentHash(random.bytes(32))].compactMap { $0 }
        let content = random.element(contents)
        return [
            Fetch(
                content: content, offset: UInt64(random.below(1 << 16)), length: 1 + random.below(4096),
                epoch: Epoch(epoch)
            ).encode()
        ]
    }

    // MARK: To a worker

    func forward(_ random: inout Mutator) -> [[UInt8]] {
        var items: [ForwardItem] = []
        for _ in 0...random.below(2) {
            let position = random.below(40)
            let count = 1 + random.below(3)
            let blocks = (0...(position + count - 1) / KeyValueBlock.positions).map { _ in Int32(random.below(8)) }
            var item = ForwardItem(
                sequence: SequenceID(UInt64(random.below(6))), position: position,
                tokens: (0..<count).map { _ in Int32(random.below(256)) }, blocks: blocks,
                sampleCount: random.below(2))
            if random.once(in: 2) {
                var sampling = SamplingParameters()
                sampling.temperature = 0.8
                sampling.topK = 5
                sampling.repeatPenalty = 1.1
                sampling.logProbabilityCount = 2
                item.begin = SequenceStart(
                    sampling: sampling, promptTokenCount: position + count, history: (0..<Int32(position)).map { $0 })
            }
            items.append(item)
        }
        let tokens = items.reduce(0) { $0 + $1.tokens.count }
        // The first stage expects none.
        let activations = random.once(in: 6) ? tokens * activationsPerToken : 0
        let forward = Forward(
            epoch: Epoch(epoch), step: StepID(step), items: items, activationCount: activations)
        return [forward.encode()] + (activations > 0 ? [random.bytes(activations * 4)] : [])
    }

    func command(_ random: inout Mutator) -> [[UInt8]] {
        let message: CoordinatorMessage
        switch random.below(40) {
        case 0...1:
            message = .welcome(
                Welcome(
                    build: "b", weightsEndpoint: random.element(endpoints), tokensEndpoint: random.element(endpoints),
                    modelName: "m"))
        case 2...5: message = .assign(assign())
        case 6...14: message = .release(Release(epoch: Epoch(epoch), sequences: [SequenceID(1), SequenceID(2)]))
        case 15...24: message = .skip(Skip(epoch: Epoch(epoch), steps: [StepID(step), StepID(step + 2)]))
        case 25: message = .standby(Epoch(epoch))
        case 26: message = .rejoin
        case 28...29:
            let link = random.element([nil, .weights, .tokens, .next] as [NodeLink?])
            message = .measure(Measure(number: UInt64(random.below(9)), link: link, bytes: random.below(1 << 20)))
        case 27 where random.once(in: 20): message = .refusal(Refusal(reason: "no"))
        default: message = .heartbeat
        }
        return [message.encode()]
    }

    /// All layers.
    func assign() -> Assign {
        var assign = Assign(
            epoch: Epoch(epoch), layers: 0..<layerCount, layerCount: layerCount, modelDescription: description,
            keyValueBlockCount: 16, maximumBatchTokens: 64, activationsPerToken: activationsPerToken, next: .tokens,
            previous: nil, stageIndex: 0, stageCount: 1, vocabularySize: 2048, contextLength: 512)
        assign.previousKey = previousKey
        return assign
    }

    func chunk(_ random: inout Mutator) -> [[UInt8]] {
        guard let content = contents.first ?? ContentHash(Array(repeating: 1, count: 32)) else { return [[]] }
        let length = random.below(3000)
        return [Chunk(content: content, offset: 0, length: length, total: 9000).encode(), random.bytes(length)]
    }

    /// What a coordinator says to clients; nobody else expects it.
    func reply() -> [[UInt8]] {
        [ClientReply.event(ClientRequestID(1), .tokens([SampledToken(token: 5)], text: "a")).encode()]
    }

    /// Any kind.
    func any(_ random: inout Mutator) -> [[UInt8]] {
        switch random.below(9) {
        case 0: control(of: nil, &random)
        case 7: hello(&random)
        case 8: helloReply(&random)
        case 1: result(&random)
        case 2: fetch(&random)
        case 3: forward(&random)
        case 4: command(&random)
        case 5: chunk(&random)
        default: reply()
        }
    }
}
