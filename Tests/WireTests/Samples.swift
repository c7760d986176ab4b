// Responsible for: one value of every message, with every field set to something of its own. Must not know: bytes.

import Sequences
import Wire

enum Samples {
    static let hash = ContentHash((0..<32).map { UInt8($0) })!

    static var join: Join {
        var join = Join()
        join.build = "0.1.0"
        join.attempt = 3
        join.hostName = "höst"
        join.processID = 4321
        join.memoryBytes = 1 << 40
        join.cores = 8
        join.threads = 7
        join.instructionLevel = "avx512"
        join.readBytesPerSecond = 2.5e10
        join.int8OperationsPerSecond = 1e12
        join.dataEndpoint = "tcp://10.0.0.2:5001"
        join.cacheIdentity = hash
        join.worker = WorkerID(0x8000_0000_0000_0001)
        join.term = Term(.max)
        return join
    }

    static var holding: Holding {
        var holding = Holding()
        holding.model = hash
        holding.layers = 2..<5
        holding.since = [Epoch(1 << 41), Epoch(7), Epoch(7)]
        holding.keyValueBlockCount = 40
        holding.outputs = [KeptOutputs(layer: 3, since: Epoch(7)), KeptOutputs(layer: 5, since: Epoch(7))]
        holding.blocks = [
            Holding.Block(block: 3, parent: 39, restartLength: 12, tokens: [5, 0, 9]),
            Holding.Block(block: 39, parent: nil, restartLength: 1, tokens: Array(0..<32)),
        ]
        return holding
    }

    static var heartbeat: WorkerHeartbeat {
        var heartbeat = WorkerHeartbeat()
        heartbeat.epoch = Epoch(5)
        heartbeat.stepsCompleted = 6
        heartbeat.busyMilliseconds = 7
        heartbeat.gauges.residentBytes = 8
        heartbeat.gauges.transferredBytes = 9
        heartbeat.gauges.cachedBytes = 10
        heartbeat.beat = .max
        heartbeat.gauges.processorShare = 0.25
        return heartbeat
    }

    static var sampling: SamplingParameters {
        var sampling = SamplingParameters()
        sampling.temperature = 0.7
        sampling.topK = 40
        sampling.topP = 0.9
        sampling.minP = 0.1
        sampling.repeatPenalty = 1.1
        sampling.presencePenalty = 0.2
        sampling.frequencyPenalty = -0.3
        sampling.logitBias = [.init(token: 4, bias: -.infinity), .init(token: 9, bias: 2)]
        sampling.seed = .max
        sampling.logProbabilityCount = 0
        return sampling
    }

    static func generate(_ prompt: GenerationRequest.Prompt) -> Generate {
        var request = GenerationRequest(prompt: prompt)
        request.isRaw = true
        request.sampling = sampling
        request.maximumTokens = 99
        request.stops = ["a", "\n"]
        request.stopTokens = [2, 511]
        request.ignoresEndOfText = true
        request.priority = -7
        request.scoringStart = 3
        request.answered = [4, 0, 511]
        var generate = Generate(id: ClientRequestID(12), request: request)
        generate.build = "x"
        generate.identity = RequestIdentity((0..<16).map { UInt8($0) })
        return generate
    }

    /// A conversation with all that may stand beside its messages.
    static var conversation: Generate {
        var generate = generate(
            .messages([
                ChatMessage(role: .user, content: "hé"),
                ChatMessage(role: .assistant, content: "", reasoning: "because"),
                ChatMessage(role: .tool, content: "{}"),
            ]))
        generate.request.tools = "[]"
        generate.request.templateVariables = "{}"
        generate.request.sampling = SamplingParameters()
        return generate
    }

    static var requests: [ControlRequest] {
        var query = StatusQuery()
        query.build = "y"
        return [
            .worker(.join(join)), .worker(.holding(holding)), .worker(.holding(Holding())), .worker(.leave),
            .worker(.cached(CachedLayers(model: hash, layers: [0..<2, 3..<9]))),
            .worker(.leaving), .worker(.copied(Copied(epoch: Epoch(3), number: 7, source: WorkerID(.max)))),
            .client(.drain(drain)), .client(.drain(DrainRequest(worker: "8000000000000001", ends: true))),
            .worker(.heartbeat(heartbeat)),
            .worker(.loading(Loading(epoch: Epoch(1), bytesDone: 2, bytesTotal: 3))),
            .worker(.ready(Ready(epoch: Epoch(1), transferredBytes: 2, cachedBytes: 3, hasKept: true))),
            .worker(.failed(LoadFailure(epoch: Epoch(9), message: "no space"))),
            .worker(.link(LinkReport(epoch: Epoch(9), link: .next, outcome: .failed(.largeLost)))),
            .worker(.link(LinkReport(epoch: .none, link: .weights, outcome: .proven(bytesPerSecond: 1.5e9)))),
            .client(.generate(generate(.text("Once upon a time")))),
            .client(.generate(generate(.tokens([1, 2, 3])))),
            .client(.generate(conversation)), .client(.ping), .client(.measureQuery(measureQuery)),
            .client(.planQuery(planQuery)), .client(.planQuery(PlanQuery())),
            .worker(.measured(Measured(number: .max, clockMicroseconds: 1 << 51))),
            .worker(
                .measured(Measured(number: 3, figures: LinkFigures(roundTripMicroseconds: 0, bytesPerSecond: 1e8)))),
            .client(.cancel(ClientRequestID(77))), .client(.statusQuery(query)),
            .worker(.granted(Term(5))), .standby(.follow(follow)), .standby(.superseded(Term(.max))),
            .standby(.followed(Followed(journal: 1, electors: .max, beat: 3, present: 4))), .standby(.unfollow),
        ]
    }

    private static var follow: Follow {
        var follow = Follow(model: hash, endpoint: "tcp://192.0.2.7:7070", ownerKey: NodeKey(hash.bytes)!)
        follow.build = "y"
        return follow
    }

    private static var drain: DrainRequest {
        var drain = DrainRequest(worker: "höst")
        drain.build = "y"
        return drain
    }

    static let contents = BlockContents(
        epoch: Epoch(3), number: 9, part: 1, partCount: 4, layers: 2..<4, block: 17, positions: 31, byteCount: 1 << 20)

    static var partOfOutputs: BlockContents {
        var contents = contents
        (contents.layers, contents.isOutputs, contents.offset) = (3..<4, true, Limits.copiedLayerBytes)
        return contents
    }

    private static var measureQuery: MeasureQuery {
        var query = MeasureQuery()
        query.build = "y"
        return query
    }

    static var planQuery: PlanQuery {
        var query = PlanQuery()
        query.build = "y"
        query.without = ["höst", "8000000000000001"]
        query.workerCount = 4
        query.memoryBytes = 1 << 33
        query.isApplied = true
        return query
    }

    static var planPreview: PlanPreview {
        var preview = PlanPreview()
        var stage = PlanPreview.Stage(worker: WorkerID(5), layers: 0..<4)
        stage.name = "h/12"
        (stage.memoryBytes, stage.plannedBytes, stage.weightBytes) = (1 << 33, 1 << 32, 1 << 31)
        (stage.keyValueBytes, stage.fetchedBytes) = (7, 9)
        (stage.decodingMicroseconds, stage.promptMicroseconds) = (12.5, 900)
        preview.stages = [stage, PlanPreview.Stage(worker: nil, layers: 4..<6)]
        preview.idle = ["höst"]
        preview.blockCount = 64
        preview.figures.oneAnswer = 20
        (preview.figures.manyAnswers, preview.figures.answers) = (300.5, 32)
        (preview.figures.prompt, preview.figures.promptTokens) = (500, 256)
        (preview.figures.decodingBottleneck, preview.figures.promptBottleneck) = (1, 0)
        preview.serving = PlanPreview.Figures()
        preview.serving?.decodingBottleneck = 7
        (preview.move.weightBytes, preview.move.weightSeconds) = (1 << 30, 2.5)
        (preview.move.blocks, preview.move.keyValueBytes, preview.move.keyValueSeconds) = (3, 1 << 20, 0.25)
        preview.isServing = true
        preview.isApplied = true
        return preview
    }

    static var measurements: Measurements {
        var found = Measurements()
        found.clocks = [
            .init(worker: WorkerID(1), roundTripMicroseconds: 90, aheadMicroseconds: -3_000_000),
            .init(worker: WorkerID(2), roundTripMicroseconds: 0, aheadMicroseconds: nil),
        ]
        found.links = [
            .init(
                from: nil, to: WorkerID(1), link: .next,
                figures: LinkFigures(roundTripMicroseconds: 80, bytesPerSecond: 1.2e8)),
            .init(from: WorkerID(1), to: nil, link: .weights, figures: LinkFigures()),
        ]
        found.wasBusy = true
        return found
    }

    static func assign(isLast: Bool) -> Assign {
        var assign = Assign(
            epoch: Epoch(3), layers: isLast ? 4..<8 : 0..<4, layerCount: 8, modelDescription: [1, 2, 3, 0],
            keyValueBlockCount: 64, maximumBatchTokens: 512, activationsPerToken: 768,
            next: isLast
                ? .tokens
                : .stage(
                    endpoint: "tcp://192.0.2.1:1", WorkerID(7),
                    key: NodeKey(Array(repeating: 9, count: NodeKey.byteCount))),
            previous: isLast ? WorkerID(6) : nil, stageIndex: isLast ? 1 : 0, stageCount: 2, vocabularySize: 49_152,
            contextLength: 2048)
        assign.keptSince = [Epoch(1), .none, Epoch(2), Epoch(2)]
        assign.model = hash
        assign.outputs = [
            KeptOutputs(layer: isLast ? 6 : 3, since: Epoch(2)), KeptOutputs(layer: isLast ? 8 : 4, since: .none),
        ]
        assign.isBeside = isLast
        if isLast {
            assign.copied = [CopySource(layers: 5..<6, worker: WorkerID(4), key: NodeKey(hash.bytes))]
            assign.copied[0].outputs = [6]
        }
        return assign
    }

    static var copyBlocks: CopyBlocks {
        var order = CopyBlocks(
            epoch: Epoch(8), number: 3, target: WorkerID(2), endpoint: "tcp://192.0.2.1:1", key: NodeKey(hash.bytes),
            layers: 1..<3, blocks: [BlockExtent(block: 0, positions: 32), BlockExtent(block: 7, positions: 1)])
        order.outputs = [2, 3]
        return order
    }

    static var commands: [CoordinatorMessage] {
        var welcome = Welcome(
            build: "b", weightsEndpoint: "tcp://a:1", tokensEndpoint: "tcp://a:2", modelName: "m")
        welcome.asksHolding = true
        welcome.model = hash
        welcome.term = Term(3)
        let place = CoordinatorPlace(endpoint: "tcp://192.0.2.7:7070", key: NodeKey(hash.bytes))
        return [
            .welcome(welcome), .texts(Epoch(9), holding),
            .welcome(Welcome(build: "b", weightsEndpoint: "tcp://a:1", tokensEndpoint: "tcp://a:2", modelName: "m")),
            .refusal(Refusal(reason: "no")), .assign(assign(isLast: false)), .assign(assign(isLast: true)),
            .heartbeat, .release(Release(epoch: Epoch(2), sequences: [SequenceID(1), SequenceID(2)])), .rejoin,
            .standby(Epoch(8)), .skip(Skip(epoch: Epoch(8), steps: [StepID(4), StepID(5)])),
            .beat(.max), .candidate(Candidate(term: Term(4), key: NodeKey(hash.bytes)!)), .standbyPlace(place),
            .successor(place), .elsewhere,
            .drop(Epoch(8)), .drained, .drainRefused("the \(.split) puts layers on it"),
            .copyBlocks(copyBlocks),
            .measure(Measure(number: 1, link: nil, bytes: 0)),
            .measure(Measure(number: .max, link: .weights, bytes: Limits.measuringBytes)),
        ]
    }

    static var status: StatusReply {
        var worker = WorkerStatus(id: WorkerID(5))
        worker.hostName = "h"
        worker.layers = 2..<4
        worker.state = "loading 40%"
        worker.build = "0.2.0"
        worker.readBytesPerSecond = 1e9
        var status = StatusReply()
        status.modelName = "m"
        status.isServing = true
        status.state = "serving"
        var stage = StageStatus(worker: WorkerID(5))
        stage.steps = 12
        stage.tokens = 300
        stage.total = StageMicroseconds(wire: 1, queue: 2, compute: 3, wait: 4)
        stage.recentBusy = 0.75
        stage.queuedSteps = 2
        (stage.decodingTokens, stage.decodingMicroseconds, stage.predictedMicroseconds) = (1.5, 900, 850)
        status.stages = [stage, StageStatus(worker: WorkerID(6))]
        status.pipeline.bubble = 0.125
        status.pipeline.targetSteps = 3
        status.pipeline.refusals = 9
        status.pipeline.keyValueType = "f16"
        status.pipeline.isSimulated = true
        status.pipeline.pauseMicroseconds = 312_000
        status.workers = [worker, WorkerStatus(id: WorkerID(6))]
        status.requests = [
            RequestStatus(id: RequestID(1), state: "decode", promptTokens: 3, generatedTokens: 4)
        ]
        status.requests[0].computedTokens = 6
        status.keyValueBlocksTotal = 10
        status.keyValueBlocksFree = 4
        status.generatedTokens = 1 << 33
        status.layerCount = 9
        var change = PlanChange(epoch: Epoch(8), .copying)
        change.reason = "a worker has joined"
        (change.loadedBytes, change.bytesToLoad) = (5, 6)
        (change.copiedBlocks, change.blocksLeft, change.copiedBytes) = (7, 8, 9)
        change.stages = [.init(worker: WorkerID(5), endLayer: 4), .init(worker: WorkerID(6), endLayer: 9)]
        status.change = change
        var journal = JournalStatus()
        (journal.folder, journal.segments, journal.bytes, journal.requests) = ("/var/jé", 2, 1 << 24, 7)
        (journal.commits, journal.meanCommitMicroseconds, journal.sinceCommitMilliseconds) = (9, 1_500, 0)
        journal.problem = .init(why: "No space left", milliseconds: 12)
        status.journal = journal
        status.term = Term(9)
        var standby = StandbyStatus()
        standby.endpoint = "tcp://192.0.2.7:7070"
        (standby.isFollowing, standby.isCertain) = (true, true)
        (standby.silentMilliseconds, standby.unacknowledgedBytes, standby.electors) = (4, 5, 6)
        status.standby = standby
        status.isStandby = true
        return status
    }

    static var replies: [ClientReply] {
        let id = ClientRequestID(3)
        var timings = GenerationTimings()
        timings.promptTokens = 5
        timings.decodeSeconds = 0.25
        let token = SampledToken(
            token: 5, logProbability: -0.1, top: [TokenProbability(token: 5, logProbability: -0.1)])
        let events: [GenerationEvent] = [
            .accepted(model: "m", promptTokens: [1, 2], droppedMessages: 1),
            .tokens([token, SampledToken(token: 6)], text: ""), .tokens([], text: nil),
            .reasoning([token], text: "hm"), .scores([-1, -.infinity]), .finished(.stop, timings),
            .finished(.length, GenerationTimings()), .waiting("no workers"),
            .waiting("\(.split) puts layers 0-3 on worker 1"), .notice("\(.topP) has no effect"),
        ]
        let kinds: [TandemError.Kind] = [
            .invalid, .notFound, .overloaded(retryAfterMilliseconds: 250), .unavailable, .cancelled, .internal,
            .forbidden,
        ]
        return events.map { .event(id, $0) }
            + kinds.map { .failed(id, TandemError("\(.topP) is 2", kind: $0, hint: "see \(.topK)")) }
            + [
                .failed(id, TandemError("m")), .status(status), .pong(clockMicroseconds: 0),
                .pong(clockMicroseconds: 1 << 51),
                .drain(DrainReply(.draining, "its layers go to others")),
                .drain(DrainReply(.refused, "\(.split) needs it")),
                .measurements(Measurements()), .measurements(measurements),
                .planPreview(PlanPreview()), .planPreview(planPreview), .refusal(Refusal(reason: "no")),
                .standbyPlace(CoordinatorPlace(endpoint: "tcp://a:1", key: nil)),
                .elsewhere(CoordinatorPlace(endpoint: "tcp://a:1", key: NodeKey(hash.bytes))),
            ]
    }

    static var standbyCommands: [StandbyCommand] {
        let key = NodeKey(hash.bytes)!
        return [
            .refusal(Refusal(reason: "no")), .beat(7),
            .succession(Succession(term: Term(2), ownerKey: key, admissions: [1, 2])),
            .electors(Electors(number: 3, keys: [key, key])), .electors(Electors(number: 4, keys: [])),
            .journal(JournalPart(number: 5, begins: true, records: [9, 8, 7])),
            .journal(JournalPart(number: 6, begins: false, records: [])), .handOver,
        ]
    }

    static var forward: Forward {
        let start = SequenceStart(sampling: sampling, promptTokenCount: 40, history: Array(0..<31))
        var forward = Forward(
            epoch: Epoch(1 << 40), step: StepID(9),
            items: [
                ForwardItem(
                    sequence: SequenceID(1), position: 31, tokens: [7, 8], blocks: [3, 0], sampleCount: 0,
                    begin: start, restartLength: 40),
                ForwardItem(sequence: SequenceID(2), position: 0, tokens: [1], blocks: [5], sampleCount: 1),
                ForwardItem(
                    sequence: SequenceID(3), position: 1, tokens: [4, 5, 6], blocks: [6], sampleCount: 3, draftCount: 2,
                    restartLength: 7, targets: [6, 9]),
            ], activationCount: 6 * 16)
        forward.rebuilt = 3..<7
        return forward
    }

    static var result: StepResult {
        let top = [TokenProbability(token: 1, logProbability: -1), TokenProbability(token: 2, logProbability: -2)]
        var result = StepResult(
            epoch: Epoch(4), step: StepID(5),
            samples: [
                SequenceSample(
                    sequence: SequenceID(1), sample: SampledToken(token: 1, logProbability: -1, top: top)),
                SequenceSample(sequence: SequenceID(2), sample: SampledToken(token: 0)),
            ],
            scores: [
                SequenceScores(sequence: SequenceID(3), logProbabilities: [-0.5, -2]),
                SequenceScores(sequence: SequenceID(4), logProbabilities: []),
            ], timings: [StageMicroseconds(wire: 1, queue: 2, compute: 1234, wait: 4)], sentMicroseconds: 1 << 50)
        result.damaged = [SequenceID(6), SequenceID(.max)]
        return result
    }

    static let fetch = Fetch(content: hash, offset: 1 << 35, length: Limits.chunkBytes, epoch: Epoch(7))
    static let chunks = [
        Chunk(outdated: fetch),
        Chunk(content: hash, offset: 4, length: 6, total: 10),
        Chunk(content: hash, offset: 4, length: 0, total: 0, error: "unknown"),
    ]
}
