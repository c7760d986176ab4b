// Responsible for: what a coordinator, and the worker before, make a worker's machine do. Must not know: sockets.
import Cluster
import Wire

/// A worker that does what it is told, by a coordinator that says whatever the input has.
enum WorkerTarget {
    static func run(_ bytes: [UInt8]) {
        var worker = PlayedWorker()
        for (kind, content) in Input.records(bytes, atMost: 200) {
            switch kind & 7 {
            case 0:
                guard let command = try? CoordinatorMessage(decoding: content) else { continue }
                worker.tell(.command(command))
            case 1:
                guard let forward = try? Forward(decoding: content) else { continue }
                worker.tell(.forward(forward, forward.rawFrameBytes))
            case 2: worker.wait(milliseconds: content.byte(0) << 8 | content.byte(1))
            case 3: worker.load(isBroken: content.byte(0) > 200)
            case 4: worker.compute()
            case 5 where content.isEmpty: worker.tell(.connected)
            case 5: worker.hearLink(kind >> 3, content)
            case 6:
                guard let chunk = try? Chunk(decoding: content) else { continue }
                worker.take(chunk)
            default: worker.fetch(content)
            }
        }
    }
}

/// A worker whose stage computes nothing.
private struct PlayedWorker {
    private var machine: Worker<Int, Int>
    private var fetch = WeightFetch([], for: Epoch(1))
    private var now = Moment.start
    private var loading: Assign?
    private var computing: [Forward] = []

    init() {
        var join = Join()
        join.memoryBytes = 1 << 30
        join.dataEndpoint = "tcp://w:1"
        machine = Worker(WorkerID(5), join, now: .start)
        tell(.connected)
    }

    /// What it says can be read.
    mutating func tell(_ event: Worker<Int, Int>.Event) {
        for action in machine.handle(event, now: now) {
            switch action {
            case .send(let message): WireTarget.sayAgain(ControlRequest.worker(message))
            case .sendForward(let forward, _): WireTarget.sayAgain(forward)
            case .sendResult(let result): WireTarget.sayAgain(result)
            case .sayHello(_, let hello): WireTarget.sayAgain(hello)
            case .answerHello(let reply, _): WireTarget.sayAgain(reply)
            case .load(let assign): (loading, computing) = (assign, [])
            case .compute(let forward, _): computing.append(forward)
            case .unload: (loading, computing) = (nil, [])
            default: break
            }
        }
    }

    mutating func wait(milliseconds: Int) {
        now = now + .milliseconds(milliseconds)
        tell(.tick)
    }

    /// A hello, an answer to one, or what a link's connection does.
    mutating func hearLink(_ kind: UInt8, _ content: [UInt8]) {
        let link = NodeLink.allCases[Int(kind >> 2) % NodeLink.allCases.count]
        switch kind & 3 {
        case 0: if let hello = try? Hello(decoding: content) { tell(.hello(hello, from: hello.worker)) }
        case 1: if let reply = try? HelloReply(decoding: content) { tell(.helloReply(reply, on: link)) }
        case 2: tell(.link(link, CoordinatorTarget.connections[content.byte(0) % CoordinatorTarget.connections.count]))
        default: tell(.offer(bytes: UInt64(content.byte(0)) << UInt64(content.byte(1) % 64)))
        }
    }

    mutating func load(isBroken: Bool) {
        guard let assign = loading else { return }
        loading = nil
        tell(.loadProgress(assign.epoch, bytesDone: 1, bytesTotal: 2))
        tell(
            isBroken
                ? .loadFailed(assign.epoch, message: "no") : .loaded(assign.epoch, transferredBytes: 2, cachedBytes: 0))
    }

    mutating func compute() {
        guard !computing.isEmpty else { return }
        let forward = computing.removeFirst()
        tell(.computed(StepResult(epoch: forward.epoch, step: forward.step, samples: [], scores: []), 1))
    }

    /// Begins a fetch of contents as long as the input says.
    mutating func fetch(_ content: [UInt8]) {
        let needs = stride(from: 0, to: min(content.count, 64), by: 4).compactMap { index -> WeightFetch.Need? in
            let hash = ContentHash(Array(repeating: UInt8(content.byte(index)), count: ContentHash.byteCount))
            let length = UInt64(content.byte(index + 1)) << UInt64(content.byte(index + 2) % 40)
            return hash.map { .init(content: $0, byteCount: length, cachedBytes: UInt64(content.byte(index + 3))) }
        }
        fetch = WeightFetch(needs, for: Epoch(1))
        perform(fetch.handle(.connected))
    }

    mutating func take(_ chunk: Chunk) { perform(fetch.handle(.chunk(chunk))) }

    private mutating func perform(_ actions: [WeightFetch.Action]) {
        for action in actions {
            switch action {
            case .send(let message): WireTarget.sayAgain(message)
            case .verify(let content): perform(fetch.handle(.verified(content, isRight: true)))
            default: break
            }
        }
    }
}
