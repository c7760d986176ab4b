// Responsible for: the coordinator's decisions: hands what happens to the values that know about it, and turns what they
// make of it into actions. Must not know: sockets, clocks, threads, text. `Node/CoordinatorLoop` does what it decides.

import Sequences
import Wire

/// The coordinator as a value: events in, actions out, in order.
///
/// The shell performs the actions in order, calls `handle(.tick)` at the latest at `nextDeadline`, and passes on every
/// message of workers, each named by the id that is bound to the key which sent it.
package struct Coordinator: Sendable {
    package let configuration: CoordinatorConfiguration
    var membership: Membership
    var deployments: Deployments
    var scheduler: Scheduler
    var holders = KeyValueHolders()
    var adoption: Adoption
    var recall: PlanRecall
    var waitingRoom: WaitingRoom
    var reachability = Reachability()
    /// To the first stages of the plans under way, oldest epoch first.
    var firstLinks: [LinkProbe] = []
    /// Keys and values on their way for the plan that is prepared beside the one that serves; nil: nothing is copied.
    var copying: BlockCopying?
    /// What links carry is being found out; nil: nobody asked.
    var examination: Examination?
    /// What was found out last.
    var lastFound = Measurements()
    /// Of the last question that was asked for it.
    var questionNumber: UInt64 = 0
    /// When a pair of nodes is next as good as any again.
    var pairReturn: Moment?
    var interruption = Interruption()
    /// Whether it may serve at all.
    var succession: SuccessionState
    private let startedAt: Moment
    private(set) var lastEvent: Moment
    private var nextHeartbeat: Moment
    private var actions: [Action] = []
    /// Why it does not serve, as it was last logged; nil: it serves.
    var toldReason: Sentence?

    /// A coordinator without workers.
    package init(_ configuration: CoordinatorConfiguration, now: Moment) {
        self.configuration = configuration
        membership = Membership(configuration)
        deployments = Deployments(configuration, now: now)
        adoption = Adoption(configuration)
        recall = PlanRecall(configuration)
        scheduler = Scheduler(configuration.schedulerRules)
        waitingRoom = WaitingRoom(now: now)
        succession = SuccessionState(configuration.authority, at: configuration.standbyPlace)
        startedAt = now
        lastEvent = now
        nextHeartbeat = now
        toldReason = explanation
    }

    /// Decides what an event means. `now` never goes back.
    package mutating func handle(_ event: Event, now: Moment) -> [Action] {
        ageAuthority(now)
        excuseAbsence(now)
        switch event {
        case .worker(let worker, let message): receive(message, from: worker, now)
        case .disconnected(let worker):
            // What takes its place is not kept waiting because there were many plans before.
            if isMember(worker) { deployments.noteEnd() }
            lose(worker, "its connection is closed", now)
        case .stepResult(let result): complete(result, now)
        case .hello(let worker, let link, let hello): answer(hello, of: worker, on: link, now)
        case .helloReply(let reply): changeFirstLink(reply.epoch, now) { $0.hear(reply, now) }
        case .firstStage(let epoch, let connection): changeFirstLink(epoch, now) { $0.note(connection, now) }
        case .drain(let request, let client): drain(request, of: client, now)
        case .examine: examine(now)
        case .apply(let query): apply(query, now)
        case .submit(let task): submit(task, now)
        case .cancel(let request): end(request, .cancelled, now)
        case .stop(let request): end(request, .stop, now)
        case .standby(let event): note(event, now)
        case .tick: tick(now)
        }
        reconsiderPlan(now)
        sendSteps(now)
        if advanceChange(now) { sendSteps(now) }
        tellDrained()
        explainWaiting()
        tellReason()
        defer { actions = [] }
        return actions
    }

    /// When `handle(.tick)` is due at the latest; nil: not before another event.
    package var nextDeadline: Moment? {
        if membership.members.isEmpty && scheduler.isIdle { return nil }
        // Nothing is copied while links of the new plan have to be proven again.
        let nextCopy = deployments.preparing?.isReady == true ? copying?.nextTurn : nil
        return min(nextHeartbeat, nextCopy ?? nextHeartbeat)
    }

    /// The state of everything, for people.
    package func status(now: Moment) -> StatusReply {
        var status = StatusReply(
            configuration, membership, deployments, scheduler, waitingRoom, pause: interruption.length,
            troubles: troubles(now),
            uptime: now - startedAt, now: now)
        status.change = change
        tellSuccession(in: &status)
        return status
    }

    mutating func act(_ action: Action) { actions.append(action) }

    mutating func log(_ level: LogLevel, _ text: String) { actions.append(.log(level, text)) }

    /// Time in which this process itself did not run is nobody's silence.
    private mutating func excuseAbsence(_ now: Moment) {
        let gap = now - lastEvent
        lastEvent = now
        guard gap > configuration.heartbeatInterval * 2 else { return }
        membership.excuse(gap, now)
        deployments.excuse(gap, now)
        scheduler.excuse(gap, now)
        for index in firstLinks.indices { firstLinks[index].excuse(gap, now) }
        copying?.excuse(gap, now)
        examination?.excuse(gap, now)
    }

    private mutating func tick(_ now: Moment) {
        guard now >= nextHeartbeat else { return }
        nextHeartbeat = now + configuration.heartbeatInterval
        for worker in workers { act(.send(worker, beat(now))) }
        for change in membership.check(now) {
            switch change {
            case .lost(let worker, let why): lose(worker, why, now)
            case .returned: deployments.noteNewMembers()
            }
        }
        learnSpeeds()
        deployments.lookAtBalance(over: membership.eligible, reachability, membership.speeds, now)
        checkLinks(now)
        checkChange(now)
        checkRefusedDrains(now)
        checkExamination(now)
        checkProgress(now)
        propose()
        checkWaiting(now)
        recordSettled(now)
    }

    // MARK: Workers

    private mutating func receive(_ message: WorkerMessage, from worker: WorkerID, _ now: Moment) {
        if case .join(let join) = message { return admit(worker, join, now) }
        guard membership.hear(worker, now) else { return answerStranger(worker, message) }
        switch message {
        case .join: break
        case .loading(let loading):
            deployments.noteTold(loading.epoch, worker, now)
            deployments.note(loading, of: worker, now)
        case .ready(let ready):
            guard let plan = deployments[ready.epoch]?.plan else { return }
            membership.note(ready, of: worker, with: plan.layers(of: worker))
            deployments.noteTold(ready.epoch, worker, now)
            if let deployment = deployments.note(ready, of: worker, now) { serve(deployment, now) }
            checkKept(ready, worker, now)
        case .failed(let failure):
            guard let deployment = deployments[failure.epoch], deployment.stage(of: worker) != nil else { return }
            if failChange(deployment, at: worker, failure.message, now) { return }
            setAside(worker, failure.message, now)
        case .heartbeat(let heartbeat):
            membership.note(heartbeat, of: worker)
            noteBeat(heartbeat.beat, of: worker, now)
            if let serving = deployments.serving, serving.stage(of: worker) == nil {
                membership.noteSpare(worker, processorShare: heartbeat.gauges.processorShare, now)
            }
            deployments.noteTold(heartbeat.epoch, worker, now)
            deployments.note(heartbeat, of: worker, now)
        case .link(let report): note(report, of: worker, now)
        case .measured(let measured): note(measured, of: worker, now)
        case .holding(let holding): note(holding, of: worker, now)
        case .cached(let cached): note(cached, of: worker)
        case .copied(let copied): note(copied, of: worker, now)
        case .leaving: drainLeaving(worker, now)
        case .leave: lose(worker, "it has left", now)
        case .granted: break
        }
    }

    /// Only heartbeats are answered: one answer every 250 ms is enough. One that hangs need not come back.
    private mutating func answerStranger(_ worker: WorkerID, _ message: WorkerMessage) {
        guard case .heartbeat(let heartbeat) = message,
            .milliseconds(heartbeat.busyMilliseconds) < configuration.hungAfter
        else { return }
        act(.send(worker, .rejoin))
    }

    private mutating func admit(_ worker: WorkerID, _ join: Join, _ now: Moment) {
        if followsAnother(worker, join) { return }
        var welcome = Welcome(
            build: configuration.build, weightsEndpoint: configuration.weightsEndpoint,
            tokensEndpoint: configuration.tokensEndpoint, modelName: configuration.model.name)
        (welcome.asksHolding, welcome.model) = (!adoption.isOver, configuration.modelHash)
        welcome.term = succession.authority.term
        switch membership.admit(worker, join, now) {
        case .refused(let refusal):
            log(.warning, "refused \(worker): \(refusal.reason)")
            act(.send(worker, .refusal(refusal)))
        case .known:
            act(.send(worker, .welcome(welcome)))
            if let deployment = deployments.preparing { sendAssign(worker, deployment) }
        case .joined(let member, let earlier, let isNew):
            if let earlier { noteLoss(earlier, "it joins again", now) }
            if isNew { deployments.noteNewcomer() }
            deployments.noteNewMembers("\(member.name) has joined")
            deployments.changes.noteJoined(now)
            if !adoption.isOver { adoption.ask(worker) }
            recallLayers(of: member, now)
            act(.send(worker, .welcome(welcome)))
            introduce(worker, now)
            log(.info, "\(member.name) joined with \(bytesText(join.memoryBytes))")
        }
    }

    /// The worker is no member any more, if it was one.
    private mutating func lose(_ worker: WorkerID, _ why: String, _ now: Moment) {
        if let member = membership.remove(worker) { noteLoss(member, why, now) }
    }

    /// Plans that need it are given up.
    private mutating func noteLoss(_ member: Member, _ why: String, _ now: Moment) {
        log(.warning, "lost \(member.name): \(why)")
        act(.forget(member.id))
        if membership[member.id] == nil { adoption.remove(member.id) }
        giveUpPlans(with: member.id, now)
    }

    /// The worker stays a member, but is left out of plans for a while.
    mutating func setAside(
        _ worker: WorkerID, _ why: String, extent: ExclusionExtent = .process, _ now: Moment
    ) {
        let time = membership.setAside(worker, why, extent: extent, now)
        log(.error, "set \(membership.name(of: worker)) aside for \(time.wholeSeconds) s: \(why)")
        giveUpPlans(with: worker, now)
    }

    /// Steps of an epoch were lost, and this stage or the link to it is the likeliest cause. Twice in a row sets it
    /// aside.
    mutating func suspect(
        _ worker: WorkerID, _ epoch: Epoch, _ why: String, onTheWay: Bool, _ now: Moment
    ) {
        guard membership.suspect(worker) else {
            // Steps that were lost on their way to it may find another way.
            if onTheWay, avoids(deployments[epoch]?.worker(before: worker), worker, now) {
                return giveUpPlan(epoch, now)
            }
            return setAside(worker, "steps were lost at it twice in a row: \(why)", now)
        }
        log(.warning, "\(epoch) is given up, as steps were lost at \(membership.name(of: worker)): \(why)")
        if onTheWay { reachability.noteDoubt(deployments[epoch]?.worker(before: worker), worker, now) }
        giveUpPlan(epoch, now)
    }

    // MARK: Requests

    private mutating func submit(_ task: GenerationTask, _ now: Moment) {
        precondition(!task.prompt.isEmpty && task.maximumTokens > task.answered.count)
        if let start = task.scoringStart { precondition(start >= 1 && start < task.prompt.count) }
        let context = configuration.contextLength
        if task.prompt.count + task.answered.count + (task.scoringStart == nil ? 1 : 0) > context {
            let error = TandemError(
                "the prompt has \(task.prompt.count) tokens, but the context holds \(context) with the answer",
                hint: "shorten the prompt, or serve with a larger \(.context) if the model allows it")
            return act(.fail(task.request, error))
        }
        let waiting = scheduler.waitingCount
        if waiting >= configuration.maximumWaiting, !task.isAccepted {
            guard let other = scheduler.displaceable(by: task.client) else {
                return refuse(task.request, waiting: waiting)
            }
            _ = scheduler.end(other)
            refuse(other, waiting: waiting)
        }
        scheduler.submit(task, now: now)
        let ahead = scheduler.waitingCount(before: task.request)
        if let explanation {
            waitingRoom.noteTold(explanation)
            act(.waiting(task.request, explanation))
        } else if ahead > 0 {
            act(.waiting(task.request, "\(ahead) request\(ahead == 1 ? " is" : "s are") ahead in the queue"))
        }
    }

    /// The queue is full: at once, and with the time after which a place may be free.
    private mutating func refuse(_ request: RequestID, waiting: Int) {
        let time = waitingRoom.refuse(waiting: waiting)
        let seconds = max(1, Int((time / .seconds(1)).rounded(.up)))
        let error = TandemError(
            "the queue is full: \(waiting) requests wait",
            kind: .overloaded(retryAfterMilliseconds: time.wholeMilliseconds),
            hint: "try again in \(seconds) s, or add workers")
        act(.fail(request, error))
    }

    private mutating func end(_ request: RequestID, _ reason: FinishReason, _ now: Moment) {
        guard let outcomes = scheduler.end(request) else { return }
        perform([.finish(request, reason)] + outcomes, now)
    }

    private mutating func complete(_ result: StepResult, _ now: Moment) {
        guard let serving = deployments.serving, result.epoch == serving.epoch else {
            return log(.debug, "dropped \(result.step) of \(result.epoch), which is over")
        }
        switch scheduler.complete(result, now) {
        case .done(let outcomes):
            deployments.noteProgress(serving.epoch, now)
            membership.clearSuspicions()
            perform(outcomes, now)
        case .duplicate:
            log(.warning, "dropped a second result of \(result.step)")
        case .lost(let why):
            suspect(serving.last, serving.epoch, why, onTheWay: false, now)
        case .damaged(let why):
            setAside(serving.last, "what it makes of steps cannot be: \(why)", extent: .identity, now)
        }
    }

    /// Sends steps as long as there are any to compute and few enough in flight.
    private mutating func sendSteps(_ now: Moment) {
        guard let epoch = deployments.serving?.epoch else { return }
        while true {
            let (forward, outcomes) = scheduler.nextStep(now)
            perform(outcomes, now)
            guard let forward else { return }
            if scheduler.stepsInFlight == 1 {
                deployments.noteProgress(epoch, now)
                changeFirstLink(epoch, now) { $0.endMeasuring() }
            }
            copying?.noteWritten(forward.writtenBlocks)
            act(.forward(forward))
        }
    }

    private mutating func perform(_ outcomes: [Scheduler.Outcome], _ now: Moment) {
        var released: [SequenceID] = []
        for outcome in outcomes {
            switch outcome {
            case .started(let request, let reused): act(.started(request, reusedTokens: reused))
            case .emit(let request, let token):
                interruption.end(now)
                act(.emit(request, token))
            case .score(let request, let values): act(.score(request, values))
            case .finish(let request, let reason):
                waitingRoom.noteFinish(now)
                act(.finish(request, reason))
            case .notNumbers(let request):
                waitingRoom.noteFinish(now)
                let error = TandemError.notNumbers()
                log(.error, "\(request) fails: \(error.message)")
                act(.fail(request, error))
            case .release(let sequence): released.append(sequence)
            case .skip(let steps): skip(steps)
            }
        }
        guard !released.isEmpty, let serving = deployments.serving else { return }
        act(.send(serving.last, .release(Release(epoch: serving.epoch, sequences: released))))
    }

    private mutating func skip(_ steps: [StepID]) {
        guard let serving = deployments.serving else { return }
        for stage in serving.stages {
            act(.send(stage.worker, .skip(Skip(epoch: serving.epoch, steps: steps))))
        }
    }
}
