// Responsible for: what members, and those who are none yet, make a coordinator's machine do. Must not know: sockets.
import Sequences
import Wire

@testable import Cluster

/// A coordinator of a small model, and up to four workers that say whatever the input has, some of it at the right time.
enum CoordinatorTarget {
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
            case 4: coordinator.tell(.disconnected(worker))
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
            case .connectFirstStage: forwards = []
            default: break
            }
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

    /// Everybody who has layers says that it is ready.
    mutating func beReady() {
        guard let deployment = machine.deployments.foremost else { return }
        for stage in deployment.plan.stages {
            let ready = Ready(epoch: deployment.epoch, transferredBytes: 0, cachedBytes: 0)
            tell(.worker(stage.worker, .ready(ready)))
        }
    }

    func showStatus() { WireTarget.sayAgain(ClientReply.status(machine.status(now: now))) }
}
