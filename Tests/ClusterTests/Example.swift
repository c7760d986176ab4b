// Responsible for: small models, workers and requests that the tests of this folder share. Must not know: expectations.

import Sequences
import Wire

@testable import Cluster

enum Example {
    /// `layers` layers of 100 bytes, embedding 30, head 50, workspace 10, one byte of keys and values per block.
    static func model(layers: Int = 6, tied: UInt64 = 0) -> ModelShape {
        ModelShape(
            name: "m", layerBytes: Array(repeating: 100, count: layers), embeddingBytes: 30, headBytes: 50,
            tiedBytes: tied, keyValueBytesPerBlock: Array(repeating: 1, count: layers), workspaceBytes: 10,
            activationsPerToken: 4, vocabularySize: 100)
    }

    static func configuration(contextLength: Int = 64) -> CoordinatorConfiguration {
        var configuration = CoordinatorConfiguration(
            model: model(), modelDescription: [1, 2], build: "0.1", weightsEndpoint: "tcp://c:1",
            tokensEndpoint: "tcp://c:2", contextLength: contextLength, firstEpoch: Epoch(10))
        configuration.prefillChunk = 16
        configuration.maximumBatchTokens = 20
        configuration.changesWhileServing = false
        (configuration.joinersFollowWithin, configuration.joinersAwaitedFor) = (.zero, .zero)
        // So that links that fail and steps that are lost are told apart by when they are noticed.
        configuration.smallStepStalledAfter = configuration.stalledAfter
        return configuration
    }

    static func join(_ number: UInt64, memory: UInt64 = 10_000) -> Join {
        var join = Join()
        join.worker = WorkerID(number)
        join.memoryBytes = memory
        join.readBytesPerSecond = 1e9
        join.dataEndpoint = "tcp://192.0.2.\(number):1"
        return join
    }

    static func task(
        _ request: UInt64, prompt: Int = 4, maximumTokens: Int = 3, endTokens: [Int32] = [], scoringStart: Int? = nil,
        priority: Int = 0
    ) -> GenerationTask {
        GenerationTask(
            request: RequestID(request), prompt: (0..<Int32(prompt)).map { $0 }, sampling: SamplingParameters(),
            maximumTokens: maximumTokens, endTokens: endTokens, scoringStart: scoringStart, priority: priority)
    }

    /// Over `stages` stages with `blocks` KV blocks, without any guesses.
    static func scheduler(
        blocks: Int = 8, stages: Int = 2, running: Int = 8, context: Int = 128, chunk: Int = 16,
        rule: LengthRule = LengthRule(), guesses: Bool = false
    ) -> Scheduler {
        var rules = Scheduler.Rules(
            contextLength: context, vocabularySize: 100_000, prefillChunk: chunk, maximumBatchTokens: chunk + 4,
            maximumRunning: running)
        rules.lengthRule = rule
        rules.guesses = guesses
        var scheduler = Scheduler(rules)
        scheduler.resume(epoch: Epoch(1), stageCount: stages, blockCount: blocks)
        return scheduler
    }

    static func result(of forward: Forward, token: Int32 = 50) -> StepResult {
        let samples = forward.items.filter { $0.sampleCount > 0 }.map {
            SequenceSample(sequence: $0.sequence, sample: SampledToken(token: token))
        }
        let scores = forward.items.filter { !$0.targets.isEmpty }.map {
            SequenceScores(sequence: $0.sequence, logProbabilities: $0.targets.map { Float(-$0) })
        }
        return StepResult(
            epoch: forward.epoch, step: forward.step, samples: samples, scores: scores)
    }
}

/// A coordinator with its workers' side played by hand.
struct Played {
    var coordinator: Coordinator
    var now = Moment.start
    var actions: [Coordinator.Action] = []
    /// The plan whose first stage is connected; it answers from then on.
    private var connected = Epoch.none

    init(_ configuration: CoordinatorConfiguration = Example.configuration()) {
        coordinator = Coordinator(configuration, now: .start)
    }

    /// What the coordinator decides on this event.
    @discardableResult
    mutating func tell(_ event: Coordinator.Event) -> [Coordinator.Action] {
        actions = coordinator.handle(event, now: now)
        return actions
    }

    mutating func join(_ numbers: UInt64..., memory: UInt64 = 10_000) {
        var all: [Coordinator.Action] = []
        for number in numbers {
            all = tell(.worker(WorkerID(number), .join(Example.join(number, memory: memory))))
            // Those who are there already go on without newcomers until these have proven themselves.
            if coordinator.isMember(WorkerID(number)) { all += reach(number) }
        }
        actions = all
    }

    /// A worker has proven its links to the coordinator. All actions of it.
    @discardableResult
    mutating func reach(_ number: UInt64, bytesPerSecond: Double = 1e9) -> [Coordinator.Action] {
        [NodeLink.tokens, .weights].flatMap { link in
            tell(
                .worker(
                    WorkerID(number),
                    .link(LinkReport(epoch: .none, link: link, outcome: .proven(bytesPerSecond: bytesPerSecond)))))
        }
    }

    /// What a worker says of the link by which steps leave it.
    @discardableResult
    mutating func link(_ number: UInt64, _ outcome: LinkReport.Outcome, last: Bool = false) -> [Coordinator.Action] {
        tell(.worker(WorkerID(number), .link(LinkReport(epoch: epoch, link: last ? .tokens : .next, outcome: outcome))))
    }

    /// The link to the first stage is proven. All actions of it.
    @discardableResult
    mutating func proveFirst() -> [Coordinator.Action] {
        if connected == epoch { return [] }
        connected = epoch
        var actions = tell(.firstStage(epoch, .up))
        var all = actions
        while let hello = actions.hellos.first, let first = coordinator.deployments.all.last?.stages[0].worker {
            actions = tell(.helloReply(HelloReply(epoch: hello.epoch, worker: first, number: hello.number)))
            all += actions
        }
        return all
    }

    /// Everybody who has layers says that it is ready, and whether it has what it was to keep.
    mutating func ready(hasKept: Bool = false) {
        let epoch = epoch
        var all: [Coordinator.Action] = []
        for stage in coordinator.deployments.all.last?.plan.stages ?? [] {
            let ready = Ready(epoch: epoch, transferredBytes: 0, cachedBytes: 0, hasKept: hasKept)
            all += tell(.worker(stage.worker, .ready(ready)))
            let isLast = stage.worker == coordinator.deployments.all.last?.last
            all += link(stage.worker.value, .proven(bytesPerSecond: 0), last: isLast)
        }
        actions = all + proveFirst()
    }

    /// Time passes, with a heartbeat of these workers every 250 ms. All actions of it.
    mutating func pass(
        _ milliseconds: UInt64, alive: [UInt64], busy: UInt64 = 0, completed: [UInt64: UInt64] = [:]
    ) -> [Coordinator.Action] {
        var all: [Coordinator.Action] = []
        let end = now + .milliseconds(milliseconds)
        while now < end {
            now = min(end, now + .milliseconds(250))
            for number in alive {
                var heartbeat = WorkerHeartbeat()
                heartbeat.epoch = epoch
                heartbeat.busyMilliseconds = busy
                heartbeat.stepsCompleted = completed[number] ?? 0
                all += tell(.worker(WorkerID(number), .heartbeat(heartbeat)))
            }
            all += proveFirst()
            let ticked = tell(.tick)
            all += ticked
            for hello in ticked.hellos {
                guard let first = coordinator.deployments.all.last?.stages[0].worker else { continue }
                let reply = HelloReply(epoch: hello.epoch, worker: first, number: hello.number)
                all += tell(.helloReply(reply))
            }
        }
        return all
    }

    /// Of the newest plan.
    var epoch: Epoch { coordinator.deployments.all.last?.epoch ?? .none }

    /// The layers of the newest plan, by worker, in order.
    var plan: [(worker: UInt64, layers: Range<Int>)] {
        (coordinator.deployments.all.last?.plan.stages ?? []).map { ($0.worker.value, $0.layers) }
    }
}

extension [Coordinator.Action] {
    var forwards: [Forward] { compactMap { if case .forward(let forward) = $0 { forward } else { nil } } }
    var assigns: [Assign] { compactMap { if case .send(_, .assign(let assign)) = $0 { assign } else { nil } } }
    var copies: [CopyBlocks] {
        compactMap { if case .send(_, .copyBlocks(let order)) = $0 { order } else { nil } }
    }
    var hellos: [Hello] { compactMap { if case .sayHello(let hello) = $0 { hello } else { nil } } }
    var failures: [String] { compactMap { if case .fail(_, let error) = $0 { "\(error.message)" } else { nil } } }
    var explanations: [String] { compactMap { if case .waiting(_, let why) = $0 { "\(why)" } else { nil } } }
}
