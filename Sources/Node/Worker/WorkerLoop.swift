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
        let coordinators: CoordinatorList
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
    enum Wish: Sendable {
        /// Once others have its layers.
        case drain
        case leave
    }

    /// Activations pass through it with their steps.
    typealias Machine = Worker<StepArrival, Frame>

    let parts: Parts
    let context: Context
    let poller: Poller
    var machine: Machine
    let data: RouterSocket
    var port: DataPort
    private let id = WorkerID(UInt64.random(in: 1...UInt64.max))
    /// The coordinators of the cluster, and the keys of those that were met.
    var coordinators: CoordinatorList
    var metCoordinators: Set<PublicKey> = []
    /// The way to the coordinator and the link over it, once they are found.
    var control: (way: Passage.Way, link: OutboundLink)?
    var search = CoordinatorSearch()
    /// Where the control link leads: one of the coordinator's addresses.
    var coordinator: Endpoint
    /// When it was begun, and whether an attempt to make it has ended since.
    var controlSince = Moment.start
    var hasControlEnded = false
    var isControlUp = false
    /// Who asked on the data link, by who that is.
    var askers: [WorkerID?: Peer] = [:]
    /// Whose steps and blocks are taken.
    var senders: [DataSender] = []
    var nextGuard = Moment.start
    /// The links for the steps of each epoch: of the stage that computes, and of one that is prepared beside it.
    private(set) var nexts: [Epoch: OutboundLink] = [:]
    /// Blocks on their way to other workers.
    var copies = OutgoingCopies()
    private(set) var tokens: OutboundLink?
    private(set) var weights: OutboundLink?
    let commands: Mailbox<StageCommand>
    let stageEvents: Mailbox<StageEvent>
    private let compute: LoopThread<Void>
    /// Others of this host see what is reserved for this worker as long as this lives.
    let settings: StageSettings

    /// Loads a stage beside those that compute.
    var loader: StageLoader?
    /// The shard being fetched.
    var fetch: ShardFetch?
    var isWeightsLinkUp = false
    var spareTime = SpareTime()
    /// When it leaves whatever it computes; nil: it was not told to stop.
    private var leaveAt: Moment?
    var ending: Result<Void, TandemError>?
    private var pulse: LoopPulse
    private let clock = LoopClock()

    init(_ parts: Parts) throws {
        self.parts = parts
        coordinators = parts.coordinators
        let passage = parts.coordinators.passage
        context = try Context(passage.security(parts.admission))
        pulse = LoopPulse(parts.supervisor, now: .start)
        poller = try Poller(parts.waker)
        data = try RouterSocket(
            context,
            SocketOptions(
                maximumFrameBytes: Wire.Limits.activations * 4, maximumFrames: 3,
                receiveHighWaterMark: Self.messagesPerTurn, maximumUnreadBytes: 1 << 20,
                unreadLimits: .init(ofKey: .max, inAll: .max), maximumConnections: SocketOptions.connections(of: 0.25),
                maximumMessages: Self.mostTold),
            purpose: Roll.Purpose.data)
        coordinator = try Passage.answering(passage.address.endpoint)
        port = DataPort(data, parts.options, passage)
        let endpoint = try port.endpoint(towards: coordinator)
        if parts.simulatedSpeed == nil { parts.log.info("measuring this machine") }
        let memory = try parts.options.reservation { parts.log.log(level: Logger.Level($0), "\($1)") }
        var join = try parts.options.offer(dataEndpoint: endpoint, threads: parts.threads, memory: memory)
        if !join.isSimulated { join.cacheIdentity = parts.cache.identity }
        machine = Machine(id, join, lease: .seconds(parts.options.leaseSeconds), now: .start)
        poller.add(data)
        poller.add(data.monitor)
        let inbox = Mailbox<StageCommand>(capacity: 1 << 16, waking: try Waker())
        let outbox = Mailbox<StageEvent>(capacity: 1024, waking: parts.waker)
        (commands, stageEvents) = (inbox, outbox)
        let settings = StageSettings(
            threads: parts.threads, local: parts.local, cache: parts.cache, digestBook: parts.digestBook,
            memory: memory, simulatedSpeed: parts.simulatedSpeed, checksLayers: parts.options.checksLayers)
        self.settings = settings
        compute = try LoopThread(name: "compute") {
            StageRunner(inbox: inbox, outbox: outbox, settings: settings).run()
        }
        parts.log.info("joining \(passage.address.place): \(Self.offer(join, parts.simulatedSpeed))")
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
    static let messagesPerTurn = 64
    /// Messages of the stage before in ten seconds: far more than there are steps.
    private static let mostTold = 100_000

    // MARK: The loop

    /// Works until the worker is stopped or refused.
    func run() throws {
        defer { close() }
        while ending == nil {
            let timeout = clock.pollMilliseconds(
                until: machine.nextDeadline, search.nextAttempt, nextGuard, fetch?.nextAt, copies.nextAttempt, leaveAt,
                spareTime.nextMeasurement)
            if poller.wait(timeoutMilliseconds: timeout).wasRung {
                for wish in parts.wishes.drain() { perform(wish) }
                for event in stageEvents.drain() { handle(event) }
            }
            seekCoordinator()
            keepGuard()
            receiveCommands()
            receiveData()
            receiveChunks()
            askForMore()
            receiveReplies()
            sendBlocks()
            leaveLate()
            measureSpareTime()
            if now >= machine.nextDeadline {
                machine.gauges.residentBytes = UInt64(MachineDescription.residentBytes)
                decide(.tick)
                if let memory = settings.memory { decide(.offer(bytes: UInt64(memory.bytes))) }
            }
            pulse.beat(now) { NodeState(machine, coordinator: coordinators.passage.address.endpoint) }
        }
        try ending?.get()
    }

    private func close() {
        endLoad()
        commands.close()
        stageEvents.close()
        try? compute.join()
        for link in [control?.link, tokens, weights] + Array(nexts.values) { link?.close() }
        copies.end()
        poller.remove(data)
        poller.remove(data.monitor)
        data.close()
    }

    private func perform(_ wish: Wish) {
        switch wish {
        case .drain where leaveAt == nil && parts.options.drainSeconds > 0:
            leaveAt = now + .seconds(parts.options.drainSeconds)
            decide(.wantsToLeave)
            if ending == nil { parts.log.info("stopping once others have its layers") }
        case .drain, .leave: leave()
        }
    }

    private func leave() {
        decide(.leave)
        ending = ending ?? .success(())
    }

    /// Others have not taken its layers in time.
    private func leaveLate() {
        guard let due = leaveAt, due <= now else { return }
        parts.log.warning("leaving, though others may need it: \(parts.options.drainSeconds) s are over")
        leave()
    }

    // MARK: What arrives

    private func receiveCommands() {
        for _ in 0..<Self.messagesPerTurn {
            guard let frames = control?.link.socket.receive() else { return }
            guard frames.count == 1 else { continue }
            do { decide(.command(known(try CoordinatorMessage(decoding: frames[0].bytes)))) } catch {
                parts.log.warning("an unreadable message of the coordinator was dropped: \(error)")
            }
        }
    }

    private func handle(_ event: StageEvent) {
        switch event {
        case .inventory(let epoch, let needs, let localBytes): beginFetch(epoch, needs, localBytes: localBytes)
        case .verified(let epoch, let content, let isRight):
            if fetch?.epoch == epoch { advanceFetch(.verified(content, isRight: isRight)) }
        case .progress(let epoch, let done, let total):
            parts.progress("loading", done, total)
            decide(.loadProgress(epoch, bytesDone: UInt64(done), bytesTotal: UInt64(total)))
        case .loaded(let epoch, let hasKept): finishLoad(epoch, hasKept: hasKept)
        case .failed(let epoch, let message):
            parts.log.error("\(message)")
            if fetch?.epoch == epoch || loader?.epoch == epoch { endLoad() }
            decide(.loadFailed(epoch, message: message))
        case .damaged(let origin):
            parts.log.error("\(TandemError.notNumbers(origin: origin).message)")
        case .computed(let result, let activations): decide(.computed(result, activations))
        case .copied(let contents, let bytes, let target): copies.add(contents, bytes, for: target)
        case .stored(let contents, let source): decide(.stored(contents, from: source))
        case .spare(let share): note(processorShare: share)
        }
    }

    func order(_ command: StageCommand) {
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
        // What could not be written down is not granted.
        case .send(.granted) where ending != nil: break
        case .send(let message): send(message)
        case .welcomed(let welcome):
            parts.log.info("joined; the model is \(welcome.modelName)")
            isWeightsLinkUp = false
            endLoad()  // it has no share until it is told of one
            let server = control?.way.server
            try replace(&weights, welcome.weightsEndpoint, server, maximumFrameBytes: Wire.Limits.chunkBytes)
            try replace(&tokens, welcome.tokensEndpoint, server, maximumFrameBytes: Wire.Limits.headerBytes)
            if let model = welcome.model {
                decide(.cached(CachedLayers(model: model, layers: parts.cache.layers(of: model))))
            }
        case .refused(let reason): throw TandemError("the coordinator refused this worker: \(reason)")
        case .reconnect:
            if coordinators.count > 1 { coordinators.advance() }
            leaveCoordinator()
        case .follow(let place): follow(place)
        case .noteStandby(let place): coordinators.note(standby: place)
        case .keepGrants(let grants): try keep(grants)
        case .load(let assign):
            admitSenders()
            beginLoad(assign)
        case .connectNext(let epoch, let endpoint, let key, let isBeside):
            if !isBeside { endNext { $0 != epoch } }
            connectNext(epoch, endpoint, key)
        case .unload:
            endLoad()
            admitSenders()
            endNext { _ in true }
            copies.end()
            order(.unload)
        case .drop(let epoch):
            if loader?.epoch == epoch || fetch?.epoch == epoch { endLoad() }
            admitSenders()
            endNext { $0 == epoch }
            order(.drop(epoch))
        case .copyBlocks(let copy, let epoch): beginCopying(copy, of: epoch)
        case .endCopying:
            admitSenders()
            copies.end()
        case .store(let contents, let arrival, let source):
            guard let frame = arrival.activations else { return }
            order(.store(contents, frame, from: source))
        case .drained: ending = ending ?? .success(())
        case .compute(let forward, let arrival):
            order(
                .compute(
                    forward, arrival ?? StepArrival(wireMicroseconds: 0, arrivalMicroseconds: Microseconds.monotonic)))
        case .sendForward(var forward, let activations):
            forward.sentMicroseconds = Microseconds.ofDay
            nexts[forward.epoch]?.send(forward.encode(), bulk: activations)
        case .sendResult(var result):
            result.sentMicroseconds = Microseconds.ofDay
            tokens?.send(result.encode())
        case .sayHello(let link, let hello): say(hello, on: link)
        case .answerHello(let reply, let speaker): answer(reply, to: speaker)
        case .endSequences(let sequences, let epoch): order(.endSequences(sequences, of: epoch))
        case .log(let level, let text): parts.log.log(level: Logger.Level(level), "\(text)")
        }
    }

    /// What was on its way to or from the coordinator is lost.
    func closeCoordinatorLinks() {
        endLoad()
        for link in [tokens, weights] { link?.close() }
        (tokens, weights) = (nil, nil)
    }

    /// Connects to a next stage; where its address is none, the machine is told.
    private func connectNext(_ epoch: Epoch, _ endpoint: String, _ key: NodeKey?) {
        var link = nexts[epoch]
        nexts[epoch] = nil
        do {
            try replace(
                &link, endpoint, key.map { PublicKey($0) }, maximumFrameBytes: Wire.Limits.headerBytes)
        } catch { return decide(.link(.next, .notResolved, of: epoch)) }
        nexts[epoch] = link
    }

    private func endNext(_ isOver: (Epoch) -> Bool) {
        for (epoch, link) in nexts where isOver(epoch) {
            link.close()
            nexts[epoch] = nil
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
