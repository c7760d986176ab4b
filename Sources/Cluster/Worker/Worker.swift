// Responsible for: a worker's decisions: when to join, which stage to load, which step to compute next. Must not know:
// sockets, clocks, threads, tensors. `Node/WorkerLoop` does what it decides.

import Wire

/// A worker as a value: events in, actions out, in order.
///
/// The shell performs the actions in order, calls `handle(.tick)` at the latest at `nextDeadline`, and sets `gauges`
/// before it does. `Input` is what comes beside a step's header, `Output` what a stage makes of it: both pass through
/// unread, so that what is dropped is gone, and what is sent is what was computed.
package struct Worker<Input: Sendable, Output: Sendable>: Sendable {
    /// How things stand between this worker and the coordinator.
    enum Attachment {
        case unconnected
        /// It has said so last at this time.
        case joining(said: Moment)
        case member
        case pausing(until: Moment)
        /// By a refusal, or its own will.
        case ended
    }

    /// The coordinator is silent for so long: connect anew.
    package static var silenceLimit: Duration { .seconds(2) }
    package static var heartbeatInterval: Duration { .milliseconds(250) }
    /// A join is said again after so long without an answer.
    static var joinInterval: Duration { .seconds(1) }

    /// What goes into the next heartbeat; the shell keeps it fresh.
    package var gauges = WorkerGauges()

    let id: WorkerID
    private var join: Join
    var attachment = Attachment.unconnected
    /// Oldest epoch first. A newer assignment takes the place of those before it.
    var stages: [AssignedStage] = []
    var links: WorkerLinks
    /// Came before the plan that it is about.
    var earlyHello: Hello?
    /// Why there is no control link, where that is known, and the address tried.
    var controlTrouble: (LinkFailure, address: String)?
    var complainedAt = Moment.start
    private var losses = LossRecord()
    /// What is in memory, whoever's plan it belongs to, and for how long a coordinator that is gone may come back for it.
    private var held = HeldStage()
    private let lease: Duration
    /// The coordinator said something last.
    private var lastCommand: Moment
    /// Whom it may follow.
    var grants = TermGrants()
    /// The coordinator's last beat; 0: none.
    var beat: UInt64 = 0
    /// It ends once others have its layers.
    var isLeaving = false
    private var lastHeard: Moment
    private var lastEvent: Moment
    private var nextHeartbeat: Moment
    private var actions: [Action] = []

    /// For so long a stage is held without a coordinator.
    package static var defaultLease: Duration { .seconds(600) }

    /// A worker that offers what `join` says once it is connected; `id`: how others know it. `lease`: it frees its stage when
    /// nothing was heard of a coordinator for so long.
    package init(_ id: WorkerID, _ join: Join, lease: Duration = Self.defaultLease, now: Moment) {
        self.id = id
        self.lease = lease
        lastCommand = now
        links = WorkerLinks(of: id)
        self.join = join
        self.join.attempt = 0
        self.join.worker = id
        lastHeard = now
        lastEvent = now
        nextHeartbeat = now
    }

    /// Decides what an event means. `now` never goes back.
    package mutating func handle(_ event: Event, now: Moment) -> [Action] {
        // Time in which this process itself did not run is not the coordinator's silence.
        let gap = now - lastEvent
        if gap > Self.heartbeatInterval * 2 {
            lastHeard = min(now, lastHeard + gap)
            links.excuse(gap, now)
        } else {
            grants.pass(gap)
        }
        lastEvent = now
        if case .ended = attachment { return [] }
        decide(event, now)
        noteHeld(after: event)
        defer { actions = [] }
        return actions
    }

    /// What is in memory after what has happened, and is about to be done.
    private mutating func noteHeld(after event: Event) {
        switch event {
        case .computed(let result, _): held.finish(result.step, result.epoch)
        case .loaded(let epoch, _, _, let hasKept): held.finishLoad(epoch, hasKept: hasKept)
        case .loadFailed(let epoch, _): held.lose(epoch)
        default: break
        }
        for action in actions {
            switch action {
            case .load(let assign): held.begin(assign)
            case .unload: held.free()
            case .drop(let epoch): held.drop(epoch)
            case .compute(let forward, _): held.begin(forward)
            default: break
            }
        }
    }

    private mutating func decide(_ event: Event, _ now: Moment) {
        switch event {
        case .connected:
            controlTrouble = nil
            if case .pausing = attachment { return }
            joinAgain(now)
        case .command(let command): obey(command, now)
        case .loadProgress(let epoch, let done, let total):
            links.hearWeights(now)
            guard let index = index(of: epoch), !stages[index].isLoaded else { return }
            act(.send(.loading(Loading(epoch: epoch, bytesDone: done, bytesTotal: total))))
        case .loaded(let epoch, let transferred, let cached, let hasKept):
            guard let index = index(of: epoch), !stages[index].isLoaded else { return }
            stages[index].noteLoaded()
            let ready = Ready(
                epoch: epoch, transferredBytes: transferred, cachedBytes: cached, hasKept: hasKept)
            act(.send(.ready(ready)))
        case .loadFailed(let epoch, let message):
            guard let index = index(of: epoch) else { return }
            stages.remove(at: index)
            act(.send(.failed(LoadFailure(epoch: epoch, message: message))))
        case .forward(let forward, let input): accept(forward, input, now)
        case .computed(let result, let output):
            guard let index = index(of: result.epoch) else { return }
            actions += stages[index].finish(result, output)
            actions += stages[index].computeNext(now)
        case .cached(let cached): if case .member = attachment { act(.send(.cached(cached))) }
        case .offer(let bytes): change(offer: bytes, now)
        case .listening(let endpoint): join.dataEndpoint = endpoint
        case .link(let link, let connection, let epoch): perform(links.note(link, connection, epoch, now))
        case .unreachable(let failure, let address): note(failure, towards: address)
        case .hello(let hello, let speaker): answer(hello, from: speaker)
        case .helloReply(let reply, let link): perform(links.hear(reply, on: link, now))
        case .blocks(let contents, let input, let source): take(contents, input, from: source)
        case .stored(let contents, let source): noteStored(contents, from: source)
        case .wantsToLeave: wantToLeave()
        case .leave:
            if case .member = attachment { act(.send(.leave)) }
            attachment = .ended
        case .tick: tick(now)
        }
    }

    /// When `handle(.tick)` is due at the latest.
    package var nextDeadline: Moment { nextHeartbeat }

    /// The coordinator has welcomed it.
    package var isMember: Bool { if case .member = attachment { true } else { false } }

    /// It has a stage that can compute.
    package var isLoaded: Bool { stages.first?.isLoaded == true }

    /// The newest stage it was assigned.
    package var assignment: Assign? { stages.last?.assign }

    private func index(of epoch: Epoch) -> Int? { stages.firstIndex { $0.epoch == epoch } }

    private func loadedIndex(of epoch: Epoch) -> Int? { index(of: epoch).flatMap { stages[$0].isLoaded ? $0 : nil } }

    mutating func act(_ action: Action) { actions.append(action) }

    // MARK: Membership

    /// What the coordinator may have told or heard is lost: begin anew. What is loaded stays for reuse.
    mutating func joinAgain(_ now: Moment) {
        dropPrepared()
        stages = []
        links.end()
        beat = 0
        join.attempt += 1
        join.term = grants.term
        lastHeard = now
        sayJoin(now)
    }

    /// Plans of the coordinator count on what was offered before: it is told at once.
    private mutating func change(offer bytes: UInt64, _ now: Moment) {
        guard bytes != join.memoryBytes else { return }
        let sizes = "\(bytesText(bytes)), not \(bytesText(join.memoryBytes))"
        join.memoryBytes = bytes
        switch attachment {
        case .joining, .member:
            act(.log(.info, "joining again with \(sizes): other workers of this host need memory too"))
            joinAgain(now)
        case .unconnected, .pausing, .ended: break
        }
    }

    private mutating func sayJoin(_ now: Moment) {
        attachment = .joining(said: now)
        act(.send(.join(join)))
    }

    /// A step did not come, and no later one can be right: only a new epoch can. On a link that loses steps again and
    /// again the others go on without this worker for a while.
    private mutating func rejoinAfterLoss(_ what: String, _ epoch: Epoch, _ now: Moment) {
        act(.send(.link(LinkReport(epoch: epoch, link: .previous, outcome: .failed(.stepsLost)))))
        guard let pause = losses.note(now) else {
            act(.log(.warning, "\(what); joining again, as steps are lost"))
            return joinAgain(now)
        }
        let time = "\(pause.wholeMilliseconds) ms"
        act(.log(.warning, "\(what); leaving for \(time), as steps are lost for the \(losses.count)th time in a row"))
        act(.send(.leave))
        dropPrepared()
        stages = []
        links.end()
        if isLeaving { return leaveDrained() }
        attachment = .pausing(until: now + pause)
    }

    private mutating func obey(_ command: CoordinatorMessage, _ now: Moment) {
        (lastHeard, lastCommand) = (now, now)
        if case .member = attachment { grants.hear() }
        switch (command, attachment) {
        case (.welcome(let welcome), .joining):
            guard follow(welcome.term) else { return leaveCoordinator() }
            attachment = .member
            act(.welcomed(welcome))
            if welcome.asksHolding { act(.send(.holding(held.holding))) }
            perform(links.begin(now))
            if isLeaving { act(.send(.leaving)) }
        case (.refusal(let refusal), _):
            attachment = .ended
            act(.refused(refusal.reason))
        case (.rejoin, .member):
            act(.log(.warning, "the coordinator had lost this worker; joining again"))
            joinAgain(now)
        case (.assign(let assign), .member): take(assign, now)
        case (.standby(let epoch), .member):
            guard (assignment?.epoch ?? .none) < epoch else { return }
            stages = []
            links.endNext()
            act(.unload)
        case (.release(let release), .member):
            guard let index = loadedIndex(of: release.epoch) else { return }
            stages[index].noteEnd(of: release.sequences)
            act(.endSequences(release.sequences, of: release.epoch))
        case (.skip(let skip), .member):
            guard let index = loadedIndex(of: skip.epoch) else { return }
            stages[index].note(skipped: skip.steps)
            actions += stages[index].computeNext(now)
        case (.measure(let measure), .member): self.measure(measure, now)
        case (.copyBlocks(let order), .member): copy(order)
        case (.drop(let epoch), .member): drop(epoch, now)
        case (.texts(let epoch, let holding), .member): held.note(holding, of: epoch)
        case (.drained, .member): if isLeaving { leaveDrained() } else { act(.log(.info, "others have its layers")) }
        case (.drainRefused(let why), .member):
            act(.log(.warning, "its layers cannot go to others: \(why)"))
        case (.beat(let number), .member):
            beat = number
        case (.candidate(let candidate), .joining): consider(candidate)
        case (.standbyPlace(let place), .member): act(.noteStandby(place))
        case (.successor(let place), .member): followSuccessor(place)
        case (.elsewhere, .joining), (.elsewhere, .member): leaveCoordinator()
        case (.welcome, _), (.heartbeat, _), (.rejoin, _), (.assign, _), (.standby, _), (.release, _), (.skip, _),
            (.measure, _), (.copyBlocks, _), (.drop, _), (.drained, _), (.drainRefused, _), (.texts, _), (.beat, _),
            (.candidate, _), (.standbyPlace, _), (.successor, _), (.elsewhere, _):
            break
        }
    }

    private mutating func tick(_ now: Moment) {
        guard now >= nextHeartbeat else { return }
        nextHeartbeat = now + Self.heartbeatInterval
        endLease(now)
        switch attachment {
        case .unconnected: complain(now)
        case .ended: break
        case .pausing(let end): if now >= end { joinAgain(now) }
        case .joining, .member:
            if now - lastHeard >= Self.silenceLimit { return reconnect(now) }
            perform(links.tick(now))
            if case .joining(let said) = attachment {
                if now - said >= Self.joinInterval { sayJoin(now) }
            } else {
                act(.send(.heartbeat(heartbeat(now))))
            }
        }
    }

    /// No coordinator has come back for what is held. One that is there may say nothing for a moment, however short the lease.
    private mutating func endLease(_ now: Moment) {
        if case .member = attachment { return }
        guard !held.isEmpty, now - lastCommand >= lease else { return }
        act(
            .log(
                .warning, "nothing was heard of a coordinator for \((now - lastCommand).wholeSeconds) s; freeing layers"
            ))
        stages = []
        links.endNext()
        act(.unload)
    }

    private mutating func reconnect(_ now: Moment) {
        detach()
        if isLeaving { return leaveDrained() }
        let time = "\((now - lastHeard).wholeMilliseconds) ms"
        act(.log(.warning, "nothing was heard of the coordinator for \(time); connecting anew"))
        act(.reconnect)
    }

    private func heartbeat(_ now: Moment) -> WorkerHeartbeat {
        // Of the stage that computes, until a step comes for another.
        var heartbeat = WorkerHeartbeat()
        heartbeat.epoch = stages.first?.epoch ?? .none
        heartbeat.stepsCompleted = stages.first?.stepsCompleted ?? 0
        let busySince = stages.compactMap(\.computingSince).min()
        heartbeat.busyMilliseconds = busySince.map { max(1, (now - $0).wholeMilliseconds) } ?? 0
        heartbeat.gauges = gauges
        heartbeat.beat = beat
        return heartbeat
    }

    // MARK: Stages and steps

    private mutating func take(_ assign: Assign, _ now: Moment) {
        let others = makeRoom(for: assign)
        stages = others + [AssignedStage(assign)]
        act(.load(assign))
        if case .stage(let endpoint, _, let key) = assign.next {
            act(.connectNext(assign.epoch, endpoint: endpoint, key: key, isBeside: !others.isEmpty))
        }
        perform(links.begin(assign, now))
        answerEarlyHello()
    }

    private mutating func accept(_ forward: Forward, _ input: Input?, _ now: Moment) {
        guard let index = loadedIndex(of: forward.epoch) else {
            return act(.log(.debug, "dropped \(forward.step) of \(forward.epoch), which this worker does not serve"))
        }
        switch stages[index].accept(forward, input) {
        case .taken:
            perform(links.endMeasuring())
            endStages(before: forward.epoch)
            if let index = self.index(of: forward.epoch) { actions += stages[index].computeNext(now) }
        case .stray: act(.log(.debug, "dropped \(forward.step) of \(forward.epoch), which is not due"))
        // The first of them, and then ever fewer: whoever sends many fills no log.
        case .misfit(let why): if stages[index].misfits.nonzeroBitCount == 1 { act(.log(.error, why)) }
        case .gap(let what): rejoinAfterLoss(what, forward.epoch, now)
        }
    }
}
