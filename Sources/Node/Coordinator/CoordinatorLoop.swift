// Responsible for: the coordinator's loop thread: poll, receive, let the machine decide, perform.
// Must not know: text, tensors, what the decisions are for.
import Cluster
import Foundation
import Logging
import Sequences
import Transport
import Wire

/// Everything one loop thread owns: sockets, the machine, and the streams of the requests.
final class CoordinatorLoop {
    /// What the loop is made of, before its thread exists.
    struct Parts: Sendable {
        var configuration: CoordinatorConfiguration
        /// nil: links are open.
        var roll: Roll?
        let waker: Waker
        let wishes: Mailbox<Wish>
        let orders: Mailbox<GenerationService.Order>
        let generations: GenerationService
        /// nil: nothing is written down.
        var journal: Journal?
        let server: WeightServer
        let contents: LayerContents
        /// So long may answers that run go on after it was told to stop.
        let drainLimit: Duration
        var succession: Succession
        let supervisor: Supervisor?
        let log: Logger

        /// What has to do with other coordinators of the same cluster.
        struct Succession: Sendable {
            /// nil: links are open.
            var file: SuccessionFile?
            var record = SuccessionRecord()
            /// Of whoever may ask as the owner.
            var ownerKey: PublicKey?
            /// Clients hear that a request was accepted only when the standby has it.
            var awaitsStandby = false
        }
    }

    /// What other threads and tasks want of the loop, beside orders.
    enum Wish: Sendable {
        case stop
        case reply(ClientID, ClientRequestID, ClientReply)
        /// A client's request has ended.
        case forget(ClientID, ClientRequestID)
    }

    let parts: Parts
    let sockets: Sockets
    let poller: Poller
    var machine: Coordinator
    /// The links for the steps of each epoch: of the plan that serves, and of one that is prepared beside it.
    var firstStages: [Epoch: OutboundLink] = [:]
    /// Plans whose first stages have no address; told to the machine afterwards.
    var firstStageProblems: [Epoch] = []
    var trips = RoundTrips()
    /// What workers fetch.
    var waitingFetches = FetchQueue()
    /// The state as it was asked for last, as long as nothing has changed.
    var statusFrame: [UInt8]?
    let fetches: Mailbox<WeightServer.Request>
    let chunks: Mailbox<WeightServer.Reply>
    private let server: LoopThread<Void>
    private var sinks: [RequestID: GenerationService.Outcomes.Continuation] = [:]
    var clients: ClientSessions
    /// What an earlier process had accepted, and until when its clients may come.
    var resumed: ResumedAnswers
    private var resumptionEnd: Moment?
    var permissions: Permissions
    var speakers = Speakers()
    /// How often who may say what costs something.
    var pace = Pace()
    /// Over which connections workers said hello.
    var askers: [NodeLink: [WorkerID: Peer]] = [:]
    /// When to look whether somebody floods us, and whether others are admitted.
    var nextGuard = Moment.start
    var nextRoll = Moment.start
    /// Found unreachable while performing; told to the machine afterwards.
    private var unreachable: [WorkerID] = []
    /// Whose outcomes are not taken; cancelled afterwards.
    private var overrun: [RequestID] = []
    /// When to find out who is gone, and to tell those who did not read; nil: there is no need.
    private var workerCheck: Moment?
    private var clientCheck: Moment?
    /// Who waits for what links carry.
    var measurers: [ClientID] = []
    var retelling: Moment?
    private var isStopping = false
    var drain: Drain
    var desk: SuccessionDesk
    private var pulse: LoopPulse
    private let clock = LoopClock()

    /// `joins`: of workers that have come already; `before`: the way to the coordinator whose place this one has taken.
    init(
        _ parts: Parts, _ sockets: Sockets, before: Passage.Way? = nil, joins: [(join: Join, arrival: Arrival)] = []
    ) throws {
        (self.parts, self.sockets) = (parts, sockets)
        poller = try Poller(parts.waker)
        machine = Coordinator(parts.configuration, now: .start)
        permissions = Permissions(roll: parts.roll)
        drain = Drain(limit: parts.drainLimit)
        desk = SuccessionDesk(parts.succession)
        resumed = ResumedAnswers(parts.journal, with: parts.generations)
        if resumed.count > 0 {
            parts.log.info("\(resumed.count) requests that were accepted before go on")
            resumptionEnd = .start + ResumedAnswers.patience
        }
        pulse = LoopPulse(parts.supervisor, now: .start)
        clients = ClientSessions(
            maximumCount: parts.configuration.maximumRunning + parts.configuration.maximumWaiting
                + ClientSessions.spareCount)
        let fetches = Mailbox<WeightServer.Request>(capacity: FetchQueue.readsAtOnce, waking: try Waker())
        let chunks = Mailbox<WeightServer.Reply>(capacity: 64, waking: parts.waker)
        (self.fetches, self.chunks) = (fetches, chunks)
        server = try LoopThread(name: "weights") { [server = parts.server] in server.run(inbox: fetches, outbox: chunks)
        }
        for socket in sockets.listening {
            poller.add(socket)
            poller.add(socket.monitor)
        }
        desk.kept = try desk.file?.read()
        if let before { beginHerald(before) }
        for (join, arrival) in joins { hear(.join(join), over: arrival) }
    }

    var now: Moment { clock.now }

    /// After a closed connection libzmq needs a moment until it knows whose it was. Of clients it is asked at longer
    /// intervals: there may be thousands, and those that get tokens are found out by them.
    private static let workerCheckDelay = Duration.milliseconds(10)
    private static let clientCheckDelay = Duration.milliseconds(250)

    // MARK: The loop

    /// Serves until it is told to stop.
    func run() throws {
        defer { close() }
        while !isStopping {
            let wasRung = poller.wait(
                timeoutMilliseconds: clock.pollMilliseconds(
                    until: machine.nextDeadline, workerCheck, clientCheck, retelling, nextGuard, drain.deadline,
                    resumptionEnd, pulse.deadline, desk.deadline)
            ).wasRung
            statusFrame = nil
            if wasRung {
                for wish in parts.wishes.drain() { perform(wish) }
                for order in parts.orders.drain() { perform(order) }
                sendChunks()
            }
            // Steps before all that others say.
            receiveResults()
            receiveFirstStages()
            receiveControl()
            receiveFetches()
            noticeDisconnections()
            keepGuard()
            keepFollowing()
            tellUntold()
            if let deadline = machine.nextDeadline, deadline <= now { decide(.tick) }
            if isDue(&resumptionEnd) { resumed.endAll() }
            advanceDrain()
            if isDue(&desk.end) { isStopping = true }
            pulse.beat(now) { state }
        }
        if let failure = desk.failure { throw failure }
    }

    private func close() {
        desk.following?.end()
        desk.herald?.close()
        for sink in sinks.values { sink.finish() }
        parts.orders.close()
        for case .submit(_, let sink) in parts.orders.drain() { sink.finish() }
        parts.wishes.close()
        parts.journal?.close()
        fetches.close()
        chunks.close()
        try? server.join()
        for link in firstStages.values { link.close() }
        for socket in sockets.listening { socket.close() }
    }

    // MARK: Who is gone

    /// A closed connection does not say whose it was; whoever cannot be sent to is gone. One look finds all that went
    /// since the last.
    private func noticeDisconnections() {
        for event in sockets.control.takeEvents() {
            guard event == .disconnected else { continue }
            if workerCheck == nil { workerCheck = now + Self.workerCheckDelay }
            if clientCheck == nil { clientCheck = now + Self.clientCheckDelay }
        }
        if isDue(&workerCheck) {
            for worker in machine.workers { send(.heartbeat, to: worker) }
            settle()
        }
        if isDue(&clientCheck) {
            let pong = ClientReply.pong(clockMicroseconds: 0).encode()
            for client in clients.active { _ = send(pong, to: client) }
        }
    }

    /// Whether the time has come; it is forgotten then.
    func isDue(_ time: inout Moment?) -> Bool {
        guard let due = time, due <= now else { return false }
        time = nil
        return true
    }

    private func perform(_ wish: Wish) {
        switch wish {
        case .stop: if !beginHandOver() { beginDrain() }
        case .reply(let client, let request, let message):
            if !clients.isGivenUp(request, of: client) { reply(message, to: client) }
        case .forget(let client, let request): clients.remove(request, of: client)
        }
    }

    private func perform(_ order: GenerationService.Order) {
        switch order {
        case .submit(_, let sink) where drain.hasBegun: sink.finish(throwing: TandemError.stopping)
        case .submit(let task, let sink):
            sinks[task.request] = sink
            decide(.submit(task))
        case .cancel(let request): decide(.cancel(request))
        case .stop(let request): decide(.stop(request))
        }
    }

    // MARK: The end

    func beginDrain() {
        drain.begin(now, isIdle: isIdle)
        if !isIdle { parts.log.info("stopping: requests that were begun may go on for \(parts.drainLimit)") }
    }

    private func advanceDrain() {
        if desk.handOverEnd != nil || desk.end != nil { return }
        switch drain.step(now, isIdle: isIdle) {
        case .nothing: break
        case .giveUp:
            for (client, request) in clients.all { reply(.failed(request, .stopped), to: client) }
        case .end: isStopping = true
        }
    }

    /// No request is left.
    private var isIdle: Bool { sinks.isEmpty && clients.isEmpty }

    private var state: NodeState {
        NodeState(machine.summary, model: parts.configuration.model.name, isStopping: drain.hasBegun)
    }

    // MARK: What the machine decides

    func decide(_ event: Coordinator.Event) {
        statusFrame = nil
        let actions = machine.handle(event, now: now)
        // No stage waits while those who read tokens are woken.
        for action in actions where !action.isForClient { perform(action) }
        for action in actions where action.isForClient { perform(action) }
        settle()
    }

    /// Tells the machine what was found out while its actions were performed.
    private func settle() {
        while true {
            let event: Coordinator.Event
            if let worker = unreachable.popLast() {
                event = .disconnected(worker)
            } else if let request = overrun.popLast() {
                event = .cancel(request)
            } else {
                return
            }
            for action in machine.handle(event, now: now) { perform(action) }
        }
    }

    private func perform(_ action: Coordinator.Action) {
        switch action {
        case .send(let worker, let command): send(command, to: worker)
        case .connectFirstStage(let epoch, let endpoint, let key, let isBeside):
            if !isBeside { for other in firstStages.keys where other != epoch { disconnectFirstStage(other) } }
            connectFirstStage(epoch, endpoint, key)
        case .disconnectFirstStage(let epoch): disconnectFirstStage(epoch)
        case .answerDrain(let client, let answer): reply(.drain(answer), to: client)
        case .tellElectors(let electors): tell(electors)
        case .stepDown(let why): stepDown(why)
        case .cede: _ = beginHandOver()
        case .sayHello(let hello): firstStages[hello.epoch]?.say(hello)
        case .answerHello(let worker, let link, let reply): answer(worker, on: link, reply)
        case .forward(var forward):
            trips.begin(of: forward.step, forward.epoch)
            forward.sentMicroseconds = Microseconds.ofDay
            firstStages[forward.epoch]?.send(forward.encode())
        case .started(let request, _): tell(request, .started)
        case .emit(let request, let sample): tell(request, .token(sample))
        case .score(let request, let values): tell(request, .scores(values))
        case .finish(let request, let reason):
            tell(request, .finished(reason))
            sinks.removeValue(forKey: request)?.finish()
        case .fail(let request, let error):
            sinks.removeValue(forKey: request)?.finish(throwing: error)
        case .waiting(let request, let why): tell(request, .waiting(why))
        case .measured(let found): tellMeasurers(found)
        case .record(let plan): if let journal = parts.journal { Task { await journal.note(.plan(plan)) } }
        case .forget(let worker):
            unreachable.removeAll { $0 == worker }
            for link in NodeLink.allCases { askers[link]?[worker] = nil }
        case .log(let level, let text): parts.log.log(level: Logger.Level(level), "\(text)")
        }
    }

    /// Where the text side is so far behind that there is no room for more, the request ends.
    private func tell(_ request: RequestID, _ outcome: GenerationService.Outcome) {
        guard case .dropped? = sinks[request]?.yield(outcome) else { return }
        sinks.removeValue(forKey: request)?.finish(throwing: TandemError.overloaded)
        overrun.append(request)
    }

    private func send(_ command: CoordinatorMessage, to worker: WorkerID) {
        guard let peer = speakers.peer(of: worker), sockets.control.send(to: peer, [command.encode()]) != .unreachable
        else {
            speakers.forget(worker)
            return unreachable.append(worker)
        }
    }
}

extension Coordinator.Action {
    /// It goes to the one who asked for an answer, not to a worker.
    fileprivate var isForClient: Bool {
        switch self {
        case .started, .emit, .score, .finish, .fail, .waiting, .measured, .answerDrain: true
        case .send, .connectFirstStage, .disconnectFirstStage, .sayHello, .answerHello, .forward, .forget, .record,
            .log, .tellElectors, .stepDown, .cede:
            false
        }
    }
}
