// Responsible for: what members, and those who are none yet, make a coordinator's machine do. Must not know: sockets.
import Sequences
import Wire

@testable import Cluster

/// A coordinator of a small model, and up to four workers that say whatever the input has, some of it at the right time.
enum CoordinatorTarget {
    /// What a link's connection may do.
    static let connections: [LinkConnection] = [.up, .down, .handshakeRefused, .notResolved]

    static func run(_ bytes: [UInt8]) {
        var coordinator = PlayedCoordinator()
        for (kind, content) in Input.records(bytes, atMost: 200) {
            let worker = WorkerID(UInt64(kind >> 3 & 3) + 1)
            switch kind & 7 {
            case 0:
                guard case .worker(let message)? = try? ControlRequest(decoding: content) else { continue }
                coordinator.tell(.worker(worker, message))
            case 1:
                guard let result = try? StepResult(decoding: content), coordinator.machine.samplingWorker != nil else {
                    continue
                }
                coordinator.tell(.stepResult(result))
            case 2: coordinator.wait(milliseconds: content.byte(0) << 8 | content.byte(1))
            case 3: coordinator.submit(content)
            case 4 where content.isEmpty: coordinator.tell(.disconnected(worker))
            case 4: coordinator.hearLink(kind >> 5, of: worker, content)
            case 5: coordinator.answer(token: Int32(content.byte(0)))
            case 6: coordinator.end(RequestID(UInt64(content.byte(0))), isCancelled: content.byte(1) % 2 == 0)
            default: coordinator.beReady()
            }
            coordinator.showStatus()
        }
    }
}

/// A coordinator whose actions nobody performs.
private struct PlayedCoordinator {
    private(set) var machine: Coordinator
    private var now = Moment.start
    private var requests: UInt64 = 0
    /// What the first stage was asked, and has not answered.
    private var hellos: [Hello] = []
    /// Steps that nobody has answered, the oldest first.
    private var forwards: [Forward] = []

    init() {
        let model = ModelShape(
            name: "m", layerBytes: Array(repeating: 100, count: 6), embeddingBytes: 30, headBytes: 50, tiedBytes: 0,
            keyValueBytesPerBlock: Array(repeating: 1, count: 6), workspaceBytes: 10, activationsPerToken: 4,
            vocabularySize: 300)
        var configuration = CoordinatorConfiguration(
            model: model, modelDescription: [1, 2], build: "0.1", weightsEndpoint: "tcp://c:1",
            tokensEndpoint: "tcp://c:2", contextLength: 256, firstEpoch: Epoch(10))
        configuration.prefillChunk = 16
        configuration.maximumBatchTokens = 20
        configuration.maximumRunning = 4
        configuration.maximumWaiting = 4
        machine = Coordinator(configuration, now: .start)
    }

    /// What it says can be read.
    mutating func tell(_ event: Coordinator.Event) {
        for action in machine.handle(event, now: now) {
            switch action {
            case .forward(let forward):
                WireTarget.sayAgain(forward)
                forwards.append(forward)
            case .send(_, let message): WireTarget.sayAgain(message)
            case .sayHello(let hello):
                WireTarget.sayAgain(hello)
                hellos.append(hello)
            case .answerHello(_, _, let reply): WireTarget.sayAgain(reply)
            case .connectFirstStage: forwards = []
            default: break
            }
        }
    }

    /// A hello of a worker, an answer of the first stage, or what the link to that one does.
    mutating func hearLink(_ kind: UInt8, of worker: WorkerID, _ content: [UInt8]) {
        let connection = CoordinatorTarget.connections[content.byte(0) % CoordinatorTarget.connections.count]
        switch kind {
        case 0...1:
            let link = kind == 0 ? NodeLink.weights : .tokens
            if let hello = try? Hello(decoding: content) { tell(.hello(worker, link, hello)) }
        case 2: if let reply = try? HelloReply(decoding: content) { tell(.helloReply(reply)) }
        default: if let epoch = machine.deployments.foremost?.epoch { tell(.firstStage(epoch, connection)) }
        }
    }

    mutating func wait(milliseconds: Int) {
        now = now + .milliseconds(milliseconds)
        tell(.tick)
    }

    mutating func submit(_ content: [UInt8]) {
        requests += 1
        let prompt = (0...content.byte(0)).map { Int32($0 % (content.byte(1) + 1)) }
        let scoringStart = content.byte(2) % 4 == 3 && prompt.count > 1 ? 1 : nil
        tell(
            .submit(
                GenerationTask(
                    request: RequestID(requests), prompt: prompt, sampling: SamplingParameters(),
                    maximumTokens: content.byte(3) + 1, endTokens: [7], scoringStart: scoringStart,
                    priority: content.byte(4) - 128)))
    }

    /// As the last stage answers the oldest step.
    mutating func answer(token: Int32) {
        guard !forwards.isEmpty else { return }
        let forward = forwards.removeFirst()
        let samples = forward.items.flatMap { item in
            (0..<item.sampleCount).map { _ in
                SequenceSample(sequence: item.sequence, sample: SampledToken(token: token))
            }
        }
        let scores = forward.items.filter { !$0.targets.isEmpty }.map {
            SequenceScores(sequence: $0.sequence, logProbabilities: $0.targets.map { Float(-$0) })
        }
        tell(.stepResult(StepResult(epoch: forward.epoch, step: forward.step, samples: samples, scores: scores)))
    }

    mutating func end(_ request: RequestID, isCancelled: Bool) { tell(isCancelled ? .cancel(request) : .stop(request)) }

    /// Everybody reaches the coordinator; those who have layers say that they are ready, and all their links carry.
    mutating func beReady() {
        for worker in machine.workers {
            for link in [NodeLink.tokens, .weights] { tell(.worker(worker, .link(proof(.none, link)))) }
        }
        guard let deployment = machine.deployments.foremost else { return }
        let epoch = deployment.epoch
        for stage in deployment.plan.stages {
            let ready = Ready(epoch: epoch, transferredBytes: 0, cachedBytes: 0)
            tell(.worker(stage.worker, .ready(ready)))
            tell(.worker(stage.worker, .link(proof(epoch, stage.worker == deployment.last ? .tokens : .next))))
        }
        tell(.firstStage(epoch, .up))
        // A small one and a large one.
        for _ in 0..<2 {
            for hello in hellos.suffix(1) {
                let first = deployment.plan.stages[0].worker
                tell(.helloReply(HelloReply(epoch: hello.epoch, worker: first, number: hello.number)))
            }
        }
        hellos = []
    }

    private func proof(_ epoch: Epoch, _ link: NodeLink) -> LinkReport {
        LinkReport(epoch: epoch, link: link, outcome: .proven(bytesPerSecond: 1e9))
    }

    func showStatus() { WireTarget.sayAgain(ClientReply.status(machine.status(now: now))) }
}
