// Responsible for: the coordinator's loop thread: poll, receive, let the machine decide, perform.
// Must not know: text, tensors, what the decisions are for.
import Cluster
import Logging
import Transport
import Wire

/// Everything one loop thread owns: sockets, the machine, and the streams of the requests.
final class CoordinatorLoop {
    /// What the loop is made of, before its thread exists.
    struct Parts: Sendable {
        let configuration: CoordinatorConfiguration
        let waker: Waker
        let wishes: Mailbox<Wish>
        let orders: Mailbox<GenerationService.Order>
        let generations: GenerationService
        let server: WeightServer
        let log: Logger
    }

    /// What other threads and tasks want of the loop, beside orders.
    enum Wish: Sendable {
        case stop
        case reply(ClientID, ClientReply)
        /// A client's request has ended.
        case forget(ClientID, ClientRequestID)
    }

    /// The sockets that listen, bound before the loop's thread exists and owned by it from then on.
    struct Sockets: @unchecked Sendable {
        let context: Context
        let control: RouterSocket
        let controlMonitor: Monitor
        let tokens: RouterSocket
        let weights: RouterSocket
        let endpoint: Endpoint
        let tokensEndpoint: Endpoint
        let weightsEndpoint: Endpoint

        /// Binds `listen`, and two free ports on the same host.
        init(listen: Endpoint) throws(TransportError) {
            context = try Context()
            control = try RouterSocket(context, SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes))
            controlMonitor = try control.monitor()
            tokens = try RouterSocket(context, SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes))
            weights = try RouterSocket(context, SocketOptions(maximumFrameBytes: Wire.Limits.weightHeaderBytes))
            endpoint = try control.bind(listen)
            tokensEndpoint = try tokens.bind(listen.onFreePort)
            weightsEndpoint = try weights.bind(listen.onFreePort)
        }

        /// HOST:PORT as workers reach it.
        var joinAddress: String {
            endpoint.replacingWildcard(with: .tcp(host: MachineDescription.hostName, port: 1)).description
                .replacingOccurrences(of: "tcp://", with: "")
        }
    }

    let parts: Parts
    let sockets: Sockets
    let poller: Poller
    var machine: Coordinator
    private var firstStage: OutboundLink?
    private let fetches: Mailbox<WeightServer.Request>
    private let chunks: Mailbox<WeightServer.Reply>
    private let server: LoopThread<Void>
    private var sinks: [RequestID: AsyncStream<GenerationService.Outcome>.Continuation] = [:]
    var clients = ClientSessions()
    /// Workers that have joined and were not forgotten.
    private var workers: Set<WorkerID> = []
    /// Found unreachable while performing; told to the machine afterwards.
    private var unreachable: [WorkerID] = []
    private var isStopping = false
    private let clock = LoopClock()

    init(_ parts: Parts, _ sockets: Sockets) throws {
        (self.parts, self.sockets) = (parts, sockets)
        poller = try Poller(parts.waker)
        machine = Coordinator(parts.configuration, now: 0)
        let fetches = Mailbox<WeightServer.Request>(capacity: 1 << 14, waking: try Waker())
        let chunks = Mailbox<WeightServer.Reply>(capacity: 64, waking: parts.waker)
        (self.fetches, self.chunks) = (fetches, chunks)
        server = try LoopThread(name: "weights") { [server = parts.server] in server.run(inbox: fetches, outbox: chunks)
        }
        for source in [sockets.control, sockets.controlMonitor, sockets.tokens, sockets.weights] as [any Pollable] {
            poller.add(source)
        }
    }

    private var now: UInt64 { clock.milliseconds }

    // MARK: The loop

    /// Serves until it is told to stop.
    func run() throws {
        defer { close() }
        while !isStopping {
            let wasRung = poller.wait(timeoutMilliseconds: untilDeadline).wasRung
            if wasRung {
                for wish in parts.wishes.drain() { perform(wish) }
                for order in parts.orders.drain() { perform(order) }
                sendChunks()
            }
            receiveControl()
            receiveResults()
            receiveFetches()
            _ = firstStage?.events()
            noticeDisconnections()
            if let deadline = machine.nextDeadline, deadline <= now { decide(.tick) }
        }
    }

    private var untilDeadline: Int {
        guard let deadline = machine.nextDeadline else { return -1 }
        let time = now
        return deadline > time ? Int(deadline - time) : 0
    }

    private func close() {
        for sink in sinks.values { sink.finish() }
        parts.orders.close()
        parts.wishes.close()
        fetches.close()
        chunks.close()
        try? server.join()
        firstStage?.close()
        sockets.control.close()
        sockets.controlMonitor.close()
        sockets.tokens.close()
        sockets.weights.close()
    }

    // MARK: What arrives

    private func receiveControl() {
        while let (peer, frames) = sockets.control.receive() {
            guard frames.count == 1 else { continue }
            do {
                switch try ControlRequest(decoding: frames[0].bytes) {
                case .worker(let message):
                    guard let id = WorkerID(routingID: peer.bytes) else { continue }
                    workers.insert(id)
                    decide(.worker(id, message))
                case .client(let message):
                    guard let id = ClientID(routingID: peer.bytes) else { continue }
                    serve(message, of: id)
                }
            } catch {
                parts.log.warning("an unreadable message of \(peer) was dropped: \(error)")
                guard let client = ClientID(routingID: peer.bytes) else { continue }
                reply(.refusal(Refusal(reason: "the coordinator cannot read this request: \(error)")), to: client)
            }
        }
    }

    private func receiveResults() {
        while let (_, frames) = sockets.tokens.receive() {
            guard frames.count == 1 else { continue }
            do {
                var result = try StepResult(decoding: frames[0].bytes)
                result.timings.append(StageTiming(wire: Microseconds.since(result.sentMicroseconds)))
                decide(.stepResult(result))
            } catch {
                parts.log.warning("an unreadable result was dropped: \(error)")
            }
        }
    }

    private func receiveFetches() {
        while let (peer, frames) = sockets.weights.receive() {
            guard frames.count == 1, let fetch = try? Fetch(decoding: frames[0].bytes) else { continue }
            _ = fetches.post(.init(peer: peer, fetch: fetch))
        }
    }

    private func sendChunks() {
        for reply in chunks.drain() {
            _ = reply.bytes.withUnsafeBytes {
                sockets.weights.send(to: reply.peer, [reply.chunk.encode()], bulk: $0.isEmpty ? nil : $0)
            }
        }
    }

    /// A closed connection does not say whose it was; whoever cannot be sent to is gone.
    private func noticeDisconnections() {
        var isAnyGone = false
        while let event = sockets.controlMonitor.next() { isAnyGone = isAnyGone || event == .disconnected }
        guard isAnyGone else { return }
        for worker in workers { send(.heartbeat, to: worker) }
        for client in clients.active { reply(.status(StatusReply()), to: client) }
        tellUnreachable()
    }

    private func perform(_ wish: Wish) {
        switch wish {
        case .stop: isStopping = true
        case .reply(let client, let message): reply(message, to: client)
        case .forget(let client, let request): clients.remove(request, of: client)
        }
    }

    private func perform(_ order: GenerationService.Order) {
        switch order {
        case .submit(let task, let sink):
            sinks[task.request] = sink
            decide(.submit(task))
        case .cancel(let request): decide(.cancel(request))
        case .stop(let request): decide(.stop(request))
        }
    }

    // MARK: Clients

    private func serve(_ message: ClientMessage, of client: ClientID) {
        switch message {
        case .statusQuery(let query):
            guard query.version == Wire.protocolVersion else { return refuse(client, query.version, query.build) }
            reply(.status(machine.status(now: now)), to: client)
        case .cancel(let request): clients.cancel(request, of: client)
        case .generate(let generate):
            guard generate.version == Wire.protocolVersion else {
                return refuse(client, generate.version, generate.build)
            }
            clients.start(generate, of: client, with: parts.generations, replies: parts.wishes)
        }
    }

    private func refuse(_ client: ClientID, _ version: UInt32, _ build: String) {
        reply(.refusal(.version(version, build: build, ourBuild: buildVersion)), to: client)
    }

    /// A client that is gone, or reads so slowly that its queue is full, gets its requests cancelled.
    private func reply(_ message: ClientReply, to client: ClientID) {
        guard let peer = RoutingID(client.routingID) else { return }
        if sockets.control.send(to: peer, [message.encode()]) != .sent { clients.cancelAll(of: client) }
    }

    // MARK: What the machine decides

    private func decide(_ event: Coordinator.Event) {
        let actions = machine.handle(event, now: now)
        // No stage waits while those who read tokens are woken.
        for action in actions where !action.isForClient { perform(action) }
        for action in actions where action.isForClient { perform(action) }
        tellUnreachable()
    }

    private func tellUnreachable() {
        while let worker = unreachable.popLast() {
            for action in machine.handle(.disconnected(worker), now: now) { perform(action) }
        }
    }

    private func perform(_ action: Coordinator.Action) {
        switch action {
        case .send(let worker, let command): send(command, to: worker)
        case .connectFirstStage(let endpoint): connectFirstStage(endpoint)
        case .forward(var forward):
            forward.sentMicroseconds = Microseconds.ofDay
            firstStage?.send(forward.encode())
        case .started(let request, _): sinks[request]?.yield(.started)
        case .emit(let request, let sample): sinks[request]?.yield(.token(sample))
        case .score(let request, let values): sinks[request]?.yield(.scores(values))
        case .finish(let request, let reason): end(request, .finished(reason))
        case .fail(let request, let message, let hint, let retryAfter):
            end(request, .failed(NodeError(message, hint: hint, retryAfterMilliseconds: retryAfter)))
        case .waiting(let request, let why): sinks[request]?.yield(.waiting(why))
        case .forget(let worker): workers.remove(worker)
        case .log(let level, let text): parts.log.log(level: Logger.Level(level), "\(text)")
        }
    }

    private func end(_ request: RequestID, _ outcome: GenerationService.Outcome) {
        let sink = sinks.removeValue(forKey: request)
        sink?.yield(outcome)
        sink?.finish()
    }

    private func send(_ command: WorkerCommand, to worker: WorkerID) {
        guard let peer = RoutingID(worker.routingID) else { return }
        if sockets.control.send(to: peer, [command.encode()]) == .unreachable { unreachable.append(worker) }
    }

    private func connectFirstStage(_ text: String) {
        firstStage?.close()
        firstStage = nil
        do {
            firstStage = try OutboundLink(
                sockets.context, to: Endpoint(parsing: text), as: .random(),
                maximumFrameBytes: Wire.Limits.headerBytes, poller: poller)
        } catch { parts.log.error("the first worker cannot be reached: \(error)") }
    }
}

extension Coordinator.Action {
    /// It goes to the one who asked for an answer, not to a worker.
    fileprivate var isForClient: Bool {
        switch self {
        case .started, .emit, .score, .finish, .fail, .waiting: true
        case .send, .connectFirstStage, .forward, .forget, .log: false
        }
    }
}

extension Endpoint {
    /// The same host, and whichever port is free.
    var onFreePort: Endpoint {
        guard case .tcp(let host, _) = self else { return self }
        return .tcp(host: host, port: 0)
    }
}
