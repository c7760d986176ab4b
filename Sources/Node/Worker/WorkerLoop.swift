// Responsible for: the worker's loop thread: poll, receive, let the machine decide, perform.
// Must not know: what the decisions are for, what is in a tensor.
import Cluster
import Foundation
import Generation
import Inference
import Logging
import ModelFile
import Sequences
import Transport
import Wire

/// Everything one loop thread owns: sockets, the machine, and the ends of the compute thread's mailboxes.
final class WorkerLoop {
    /// What the loop is made of, before its thread exists.
    struct Parts: Sendable {
        let options: WorkerOptions
        /// nil: it computes.
        let simulatedSpeed: TimedStage.Speed?
        let passage: Passage
        /// Who may send steps.
        let admission = Admission()
        let threads: Int
        let local: Model?
        let cache: WeightCache
        let digestBook: DigestBook
        let waker: Waker
        let wishes: Mailbox<Wish>
        let supervisor: Supervisor?
        let log: Logger
        let progress: WorkerNode.Progress
    }

    /// What other threads want of the loop.
    enum Wish: Sendable { case leave }

    /// Activations pass through it with their steps.
    typealias Machine = Worker<StepArrival, Frame>

    let parts: Parts
    let context: Context
    let poller: Poller
    var machine: Machine
    let data: RouterSocket
    var port: DataPort
    private let id = WorkerID(UInt64.random(in: 1...UInt64.max))
    /// The way to the coordinator and the link over it, once they are found.
    var control: (way: Passage.Way, link: OutboundLink)?
    var search = CoordinatorSearch()
    /// Where the control link leads: one of the coordinator's addresses.
    var coordinator: Endpoint
    /// When it was begun, and whether an attempt to make it has ended since.
    var controlSince = Moment.start
    var hasControlEnded = false
    /// Who asked on the data link, by who that is.
    var askers: [WorkerID?: Peer] = [:]
    /// Whose steps are taken; nil: nobody's, or links are open.
    var sender: PublicKey?
    var nextGuard = Moment.start
    /// The link for the steps of an epoch.
    private(set) var next: (epoch: Epoch, link: OutboundLink)?
    private(set) var tokens: OutboundLink?
    private(set) var weights: OutboundLink?
    private let commands: Mailbox<StageCommand>
    private let stageEvents: Mailbox<StageEvent>
    private let compute: LoopThread<Void>
    /// What is reserved for this worker; others of this host see it as long as this lives.
    private let memory: MemoryReservation?

    /// The shard being fetched.
    private var fetch: (epoch: Epoch, machine: WeightFetch, localBytes: Int)?
    private var isWeightsLinkUp = false
    var ending: Result<Void, TandemError>?
    private var pulse: LoopPulse
    private let clock = LoopClock()

    init(_ parts: Parts) throws {
        self.parts = parts
        context = try Context(parts.passage.security(parts.admission))
        pulse = LoopPulse(parts.supervisor, now: .start)
        poller = try Poller(parts.waker)
        data = try RouterSocket(
            context,
            SocketOptions(
                maximumFrameBytes: Wire.Limits.activations * 4, maximumFrames: 3,
                receiveHighWaterMark: Self.messagesPerTurn, maximumUnreadBytes: 1 << 20,
                unreadLimits: .init(ofKey: .max, inAll: .max), maximumConnections: SocketOptions.connections(of: 0.25)),
            purpose: Roll.Purpose.data)
        coordinator = try Self.answering(parts.passage.address.endpoint)
        port = DataPort(data, parts.options, parts.passage)
        let endpoint = try port.endpoint(towards: coordinator)
        if parts.simulatedSpeed == nil { parts.log.info("measuring this machine") }
        memory = try parts.options.reservation { parts.log.log(level: Logger.Level($0), "\($1)") }
        var join = try parts.options.offer(dataEndpoint: endpoint, threads: parts.threads, memory: memory)
        if !join.isSimulated { join.cacheIdentity = parts.cache.identity }
        machine = Machine(id, join, now: .start)
        poller.add(data)
        poller.add(data.monitor)

        let inbox = Mailbox<StageCommand>(capacity: 1 << 16, waking: try Waker())
        let outbox = Mailbox<StageEvent>(capacity: 1024, waking: parts.waker)
        (commands, stageEvents) = (inbox, outbox)
        compute = try LoopThread(name: "compute") {
            [
                threads = parts.threads, local = parts.local, cache = parts.cache, digests = parts.digestBook,
                speed = parts.simulatedSpeed, checksLayers = parts.options.checksLayers, memory
            ] in
            StageRunner(
                inbox: inbox, outbox: outbox, threads: threads, local: local, cache: cache, digestBook: digests,
                memory: memory, simulatedSpeed: speed, checksLayers: checksLayers
            ).run()
        }
        parts.log.info("joining \(parts.passage.address.place): \(Self.offer(join, parts.simulatedSpeed))")
    }

    private static func offer(_ join: Join, _ simulated: TimedStage.Speed?) -> String {
        if let simulated {
            return "it only pretends to compute, \(Double(simulated.nanosecondsPerStep) / 1e6) ms for a step and "
                + "\(Double(simulated.nanosecondsPerToken) / 1e3) microseconds for each token beyond the first"
        }
        if join.readBytesPerSecond == 0 { return "\(join.threads) threads, \(join.instructionLevel)" }
        let speed = String(
            format: "reads %.1f GB/s, %.0f int8 GOP/s", join.readBytesPerSecond / 1e9,
            join.int8OperationsPerSecond / 1e9)
        return "\(join.threads) threads, \(join.instructionLevel), \(speed)"
    }

    var now: Moment { clock.now }

    /// Messages taken from each link in one turn, so that nobody keeps the loop from its other work; as many may wait.
    private static let messagesPerTurn = 64

    // MARK: The loop

    /// Works until the worker is stopped or refused.
    func run() throws {
        defer { close() }
        while ending == nil {
            let timeout = clock.pollMilliseconds(until: machine.nextDeadline, search.nextAttempt, nextGuard)
            if poller.wait(timeoutMilliseconds: timeout).wasRung {
                for wish in parts.wishes.drain() { perform(wish) }
                for event in stageEvents.drain() { handle(event) }
            }
            seekCoordinator()
            keepGuard()
            receiveCommands()
            receiveForwards()
            receiveChunks()
            receiveReplies()
            if now >= machine.nextDeadline {
                machine.gauges.residentBytes = UInt64(MachineDescription.residentBytes)
                decide(.tick)
                if let memory { decide(.offer(bytes: UInt64(memory.bytes))) }
            }
            pulse.beat(now) { NodeState(machine, coordinator: parts.passage.address.endpoint) }
        }
        try ending?.get()
    }

    private func close() {
        commands.close()
        stageEvents.close()
        try? compute.join()
        for link in [control?.link, next?.link, tokens, weights] { link?.close() }
        poller.remove(data)
        poller.remove(data.monitor)
        data.close()
    }

    private func perform(_ wish: Wish) {
        switch wish {
        case .leave:
            decide(.leave)
            ending = ending ?? .success(())
        }
    }

    // MARK: What arrives

    private func receiveCommands() {
        for _ in 0..<Self.messagesPerTurn {
            guard let frames = control?.link.socket.receive() else { return }
            guard frames.count == 1 else { continue }
            do { decide(.command(try CoordinatorMessage(decoding: frames[0].bytes))) } catch {
                parts.log.warning("an unreadable message of the coordinator was dropped: \(error)")
            }
        }
    }

    private func receiveForwards() {
        for _ in 0..<Self.messagesPerTurn {
            guard let arrival = data.receive() else { return }
            let frames = arrival.frames
            guard arrival.key == sender else {
                refuse(arrival)
                continue
            }
            if LinkFrames.areOfLink(frames) {
                receiveHello(frames, over: arrival)
                continue
            }
            do {
                guard let header = frames.first else { throw WireError("a step has too many frames") }
                let forward = try Forward(decoding: header.bytes)
                let rawBytes = frames.count == 2 ? frames[1].count : 0
                guard frames.count <= 2, rawBytes == forward.rawFrameBytes else {
                    throw WireError("a step's activations have \(rawBytes) bytes instead of \(forward.rawFrameBytes)")
                }
                let arrival = StepArrival(
                    activations: frames.count == 2 ? frames[1] : nil,
                    wireMicroseconds: Microseconds.since(forward.sentMicroseconds),
                    arrivalMicroseconds: Microseconds.monotonic)
                decide(.forward(forward, arrival))
            } catch {
                parts.log.warning("an unreadable step was dropped: \(error)")
                refuse(arrival)
            }
        }
    }

    private func receiveChunks() {
        guard let weights else { return }
        for event in weights.events() {
            note([event], on: .weights)
            switch event {
            case .handshakeSucceeded:
                isWeightsLinkUp = true
                advanceFetch(.connected)
            case .disconnected: isWeightsLinkUp = false
            default: break
            }
        }
        while let frames = weights.socket.receive() {
            if LinkFrames.areOfLink(frames) {
                receiveReply(frames, on: .weights)
                continue
            }
            guard let header = frames.first else { continue }
            do {
                let chunk = try Chunk(decoding: header.bytes)
                let rawBytes = frames.count == 2 ? frames[1].count : 0
                guard rawBytes == chunk.length else {
                    throw WireError("a chunk has \(rawBytes) bytes instead of \(chunk.length)")
                }
                advanceFetch(.chunk(chunk), bytes: frames.count == 2 ? frames[1] : nil)
            } catch { parts.log.warning("unreadable weights were dropped: \(error)") }
        }
    }

    private func handle(_ event: StageEvent) {
        switch event {
        case .inventory(let epoch, let needs, let localBytes):
            guard machine.assignment?.epoch == epoch else { return }
            let fetching = WeightFetch(needs, for: epoch)
            fetch = (epoch, fetching, localBytes)
            // What lies here already came at another time.
            parts.progress("receiving weights", Int(fetching.progress.doneBytes), Int(fetching.progress.totalBytes))
            if isWeightsLinkUp || needs.allSatisfy({ $0.cachedBytes == $0.byteCount }) { advanceFetch(.connected) }
        case .verified(let epoch, let content, let isRight):
            if fetch?.epoch == epoch { advanceFetch(.verified(content, isRight: isRight)) }
        case .progress(let epoch, let done, let total):
            parts.progress("loading", done, total)
            decide(.loadProgress(epoch, bytesDone: UInt64(done), bytesTotal: UInt64(total)))
        case .loaded(let epoch, let hasKept): finishLoad(epoch, hasKept: hasKept)
        case .failed(let epoch, let message):
            parts.log.error("\(message)")
            if fetch?.epoch == epoch { fetch = nil }
            decide(.loadFailed(epoch, message: message))
        case .damaged(let origin):
            parts.log.error("\(TandemError.notNumbers(origin: origin).message)")
        case .computed(let result, let activations): decide(.computed(result, activations))
        }
    }

    private func finishLoad(_ epoch: Epoch, hasKept: Bool) {
        guard let fetch, fetch.epoch == epoch else { return }
        let progress = fetch.machine.progress
        let cached =
            progress.totalBytes - min(progress.transferredBytes, progress.totalBytes) + UInt64(fetch.localBytes)
        machine.gauges.cachedBytes += cached
        self.fetch = nil
        if let layers = machine.assignment?.layers {
            parts.log.info("ready with layers \(layers.lowerBound)-\(layers.upperBound - 1)")
        }
        decide(
            .loaded(epoch, transferredBytes: progress.transferredBytes, cachedBytes: cached, hasKept: hasKept))
    }

    // MARK: Weights

    private func advanceFetch(_ event: WeightFetch.Event, bytes: Frame? = nil) {
        guard var current = fetch else { return }
        let actions = current.machine.handle(event)
        fetch = current
        for action in actions {
            switch action {
            case .send(let request): weights?.send(request.encode())
            case .write(let content, let offset):
                guard let bytes else { continue }
                machine.gauges.transferredBytes += UInt64(bytes.count)
                order(.write(content, offset: Int(offset), bytes: bytes))
            case .verify(let content): order(.verify(content))
            case .discard(let content): order(.discard(content))
            case .finished: order(.load)
            case .failed(let message):
                fetch = nil
                decide(.loadFailed(current.epoch, message: message))
            }
        }
        let progress = current.machine.progress
        if case .chunk = event {
            parts.progress("receiving weights", Int(progress.doneBytes), Int(progress.totalBytes))
            decide(.loadProgress(current.epoch, bytesDone: progress.doneBytes, bytesTotal: progress.totalBytes))
        }
    }

    private func order(_ command: StageCommand) {
        if !commands.post(command) { ending = .failure(TandemError("the compute thread does not keep up")) }
    }

    // MARK: What the machine decides

    func decide(_ event: Machine.Event) {
        for action in machine.handle(event, now: now) {
            do { try perform(action) } catch { ending = .failure(error) }
        }
    }

    private func perform(_ action: Machine.Action) throws(TandemError) {
        switch action {
        case .send(let message): send(message)
        case .welcomed(let welcome):
            parts.log.info("joined; the model is \(welcome.modelName)")
            (isWeightsLinkUp, fetch) = (false, nil)  // it has no share until it is told of one
            let server = control?.way.server
            try replace(&weights, welcome.weightsEndpoint, server, maximumFrameBytes: Wire.Limits.chunkBytes)
            try replace(&tokens, welcome.tokensEndpoint, server, maximumFrameBytes: Wire.Limits.headerBytes)
        case .refused(let reason): throw TandemError("the coordinator refused this worker: \(reason)")
        case .reconnect: leaveCoordinator()
        case .load(let assign):
            fetch = nil
            admitSender(of: assign)
            parts.log.info(
                "loading layers \(assign.layers.lowerBound)-\(assign.layers.upperBound - 1) of \(assign.layerCount)")
            order(.prepare(assign))
        case .connectNext(let epoch, let endpoint, let key, _):
            var link = next?.link
            next = nil
            let server = key.map { PublicKey($0) }
            do {
                try replace(&link, endpoint, server, maximumFrameBytes: Wire.Limits.headerBytes)
            } catch { return decide(.link(.next, .notResolved)) }
            next = link.map { (epoch, $0) }
            askers = [:]
        case .unload:
            fetch = nil
            admitSender(of: nil)
            next?.link.close()
            next = nil
            order(.unload)
        case .drop, .copyBlocks, .endCopying, .store: break
        case .drained: ending = ending ?? .success(())
        case .compute(let forward, let arrival):
            order(
                .compute(
                    forward, arrival ?? StepArrival(wireMicroseconds: 0, arrivalMicroseconds: Microseconds.monotonic)))
        case .sendForward(var forward, let activations):
            forward.sentMicroseconds = Microseconds.ofDay
            if let (epoch, link) = next, epoch == forward.epoch { link.send(forward.encode(), bulk: activations) }
        case .sendResult(var result):
            result.sentMicroseconds = Microseconds.ofDay
            tokens?.send(result.encode())
        case .sayHello(let link, let hello): say(hello, on: link)
        case .answerHello(let reply, let speaker): answer(reply, to: speaker)
        case .endSequences(let sequences): order(.endSequences(sequences))
        case .log(let level, let text): parts.log.log(level: Logger.Level(level), "\(text)")
        }
    }

    /// Closes a link there was and connects one to `endpoint`, on the coordinator's host where it names none.
    private func replace(
        _ link: inout OutboundLink?, _ endpoint: String, _ server: PublicKey?, maximumFrameBytes: Int
    ) throws(TandemError) {
        link?.close()
        link = nil
        do {
            link = try OutboundLink(
                context, to: try Endpoint(parsing: endpoint).replacingWildcard(with: coordinator),
                server: server, maximumFrameBytes: maximumFrameBytes, poller: poller)
        } catch { throw TandemError(error) }
    }
}

extension Logger.Level {
    init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
