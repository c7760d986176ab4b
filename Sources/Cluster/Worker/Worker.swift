// Responsible for: a worker's decisions: when to join, which stage to load, which step to compute next. Must not know:
// sockets, clocks, threads, tensors. `Node/WorkerNode` does what it decides.

import DequeModule
import Wire

/// A worker as a value: events in, actions out, in order. Times are milliseconds of one monotonic clock.
///
/// The shell performs the actions in order, calls `handle(.tick)` at the latest at `nextDeadline`, and sets `gauges`
/// before it does.
package struct Worker: Sendable {
    /// What happens to a worker.
    package enum Event: Sendable {
        /// The control link is up, for the first time or again.
        case connected
        case command(WorkerCommand)
        /// How far the load of an epoch is.
        case loadProgress(Epoch, bytesDone: UInt64, bytesTotal: UInt64)
        case loaded(Epoch, transferredBytes: UInt64, cachedBytes: UInt64)
        /// The stage of this epoch cannot be loaded, or cannot go on.
        case loadFailed(Epoch, message: String)
        /// From the data link. The shell has checked that the raw frame is as long as the header says, keeps it until
        /// the step is computed, and may drop it when no `compute` follows.
        case forward(Forward)
        /// The step that `compute` asked for is done; `samples` and `scores` on the last stage only, `timings` of this
        /// stage alone.
        case computed(StepResult)
        /// The process is about to end.
        case leave
        case tick
    }

    /// What the shell must do.
    package enum Action: Sendable, Equatable {
        case send(WorkerMessage)
        /// Connect the weights and tokens links (close earlier ones).
        case welcomed(Welcome)
        /// The coordinator does not want this worker: end with this sentence.
        case refused(String)
        /// The coordinator is silent: close the control connection and open another; then `.connected`.
        case reconnect
        /// Load this stage, reusing what is loaded; give up an earlier load in progress. Answered by `.loaded` or
        /// `.loadFailed`, and `.loadProgress` in between.
        case load(Assign)
        /// Close the data connection to the next stage there was; connect one to this endpoint, for `sendForward`.
        case connectNext(endpoint: String)
        /// Give up a load in progress, close the connection to the next stage, free the stage.
        case unload
        /// Compute this step on the stage of its epoch; answered by `.computed`. One at a time.
        case compute(Forward)
        /// To the next stage, with the activations computed; `activationCount` is set, and 0 where there are none.
        case sendForward(Forward)
        /// To the coordinator's tokens socket.
        case sendResult(StepResult)
        /// These sequences have ended; free their sampler state.
        case endSequences([SequenceID])
        case log(LogLevel, String)
    }

    /// How things stand between this worker and the coordinator.
    private enum Membership { case unconnected, joining, member, pausing, refused, left }

    /// How far a stage is.
    private enum Stage {
        case none
        case loading(Assign)
        case ready(Assign)
    }

    /// The coordinator is silent for so long: connect anew.
    package static let silenceLimit: UInt64 = 2_000
    package static let heartbeatInterval: UInt64 = 250
    /// After steps were lost for the second time it pauses for so long before it joins again, then twice as long, up to
    /// 2^5 times; a loss that is so long ago does not count.
    static let lossPause: UInt64 = 1_000
    static let lossMemory: UInt64 = 60_000
    /// A join is said again after so long without an answer.
    static let joinInterval: UInt64 = 1_000

    /// What goes into the next heartbeat; the shell keeps it fresh.
    package var gauges = WorkerGauges()

    private var join: Join
    private var membership = Membership.unconnected
    private var stage = Stage.none
    /// Steps to compute, in order; the first is being computed if `computingSince` is set.
    private var steps: Deque<Forward> = []
    private var computingSince: UInt64?
    /// Steps that need not be computed, oldest first.
    private var skipped: [StepID] = []
    private var stepsCompleted: UInt64 = 0
    /// The newest step taken up; they come without gaps.
    private var lastStep = StepID(0)
    /// How often in a row steps were lost on the way here, when that was last, and until when it pauses for it.
    private var losses = 0
    private var lastLoss: UInt64 = 0
    private var pauseEnd: UInt64 = 0
    private var lastHeard: UInt64
    private var lastEvent: UInt64
    private var lastJoin: UInt64
    private var nextHeartbeat: UInt64
    private var actions: [Action] = []

    /// A worker that offers what `join` says once it is connected. `now` in milliseconds.
    package init(_ join: Join, now: UInt64) {
        self.join = join
        self.join.attempt = 0
        lastHeard = now
        lastEvent = now
        lastJoin = now
        nextHeartbeat = now
    }

    /// Decides what an event means. `now` never goes back.
    package mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        // Time in which this process itself did not run is not the coordinator's silence.
        let gap = now - lastEvent
        if gap > 2 * Self.heartbeatInterval { lastHeard = min(now, lastHeard + gap) }
        lastEvent = now
        if membership != .refused && membership != .left { decide(event, now) }
        defer { actions = [] }
        return actions
    }

    private mutating func decide(_ event: Event, _ now: UInt64) {
        switch event {
        case .connected: if membership != .pausing { joinAgain(now) }
        case .command(let command): obey(command, now)
        case .loadProgress(let epoch, let done, let total):
            guard case .loading(let assign) = stage, assign.epoch == epoch else { return }
            act(.send(.loading(Loading(epoch: epoch, bytesDone: done, bytesTotal: total))))
        case .loaded(let epoch, let transferred, let cached):
            guard case .loading(let assign) = stage, assign.epoch == epoch else { return }
            stage = .ready(assign)
            act(.send(.ready(Ready(epoch: epoch, transferredBytes: transferred, cachedBytes: cached))))
        case .loadFailed(let epoch, let message):
            guard assignment?.epoch == epoch else { return }
            dropStage()
            act(.send(.failed(LoadFailure(epoch: epoch, message: message))))
        case .forward(let forward): accept(forward, now)
        case .computed(let result):
            pass(on: result)
            computeNext(now)
        case .leave:
            if membership == .member { act(.send(.leave)) }
            membership = .left
        case .tick: tick(now)
        }
    }

    /// When `handle(.tick)` is due at the latest.
    package var nextDeadline: UInt64 { nextHeartbeat }

    /// The stage it was assigned.
    package var assignment: Assign? {
        switch stage {
        case .none: nil
        case .loading(let assign), .ready(let assign): assign
        }
    }

    private mutating func act(_ action: Action) { actions.append(action) }

    // MARK: Membership

    /// What the coordinator may have told or heard is lost: begin anew. What is loaded stays for reuse.
    private mutating func joinAgain(_ now: UInt64) {
        membership = .joining
        forgetSteps()
        stage = .none
        join.attempt += 1
        lastHeard = now
        sayJoin(now)
    }

    /// A step did not come, and no later one can be right: only a new epoch can. On a link that loses steps again and
    /// again the others go on without this worker for a while.
    private mutating func rejoinAfterLoss(_ what: String, _ now: UInt64) {
        if now > max(lastLoss, pauseEnd) + Self.lossMemory { losses = 0 }
        lastLoss = now
        losses += 1
        guard losses > 1 else {
            act(.log(.warning, "\(what); joining again, as steps are lost"))
            return joinAgain(now)
        }
        let pause = Self.lossPause << UInt64(min(losses - 2, 5))
        act(.log(.warning, "\(what); leaving for \(pause) ms, as steps are lost for the \(losses)th time in a row"))
        act(.send(.leave))
        dropStage()
        membership = .pausing
        pauseEnd = now + pause
    }

    private mutating func sayJoin(_ now: UInt64) {
        lastJoin = now
        act(.send(.join(join)))
    }

    private mutating func obey(_ command: WorkerCommand, _ now: UInt64) {
        lastHeard = now
        switch (command, membership) {
        case (.welcome(let welcome), .joining):
            membership = .member
            act(.welcomed(welcome))
        case (.refusal(let refusal), _):
            membership = .refused
            act(.refused(refusal.reason))
        case (.rejoin, .member):
            act(.log(.warning, "the coordinator had lost this worker; joining again"))
            joinAgain(now)
        case (.assign(let assign), .member): take(assign)
        case (.standby(let epoch), .member):
            guard (assignment?.epoch ?? .none) < epoch else { return }
            dropStage()
            act(.unload)
        case (.release(let release), .member):
            if case .ready(let assign) = stage, assign.epoch == release.epoch {
                act(.endSequences(release.sequences))
            }
        case (.skip(let skip), .member): note(skip, now)
        case (.welcome, _), (.heartbeat, _), (.rejoin, _), (.assign, _), (.standby, _), (.release, _), (.skip, _): break
        }
    }

    private mutating func tick(_ now: UInt64) {
        guard now >= nextHeartbeat else { return }
        nextHeartbeat = now + Self.heartbeatInterval
        if membership == .unconnected { return }
        if membership == .pausing {
            if now >= pauseEnd { joinAgain(now) }
        } else if now - lastHeard >= Self.silenceLimit {
            membership = .unconnected
            forgetSteps()
            act(.log(.warning, "nothing was heard of the coordinator for \(now - lastHeard) ms; connecting anew"))
            act(.reconnect)
        } else if membership == .joining {
            if now - lastJoin >= Self.joinInterval { sayJoin(now) }
        } else {
            var heartbeat = WorkerHeartbeat()
            heartbeat.epoch = assignment?.epoch ?? .none
            heartbeat.stepsCompleted = stepsCompleted
            heartbeat.busyMilliseconds = computingSince.map { max(1, now - $0) } ?? 0
            heartbeat.gauges = gauges
            act(.send(.heartbeat(heartbeat)))
        }
    }

    // MARK: Stages and steps

    private mutating func take(_ assign: Assign) {
        forgetSteps()
        stage = .loading(assign)
        act(.load(assign))
        if case .stage(let endpoint) = assign.next { act(.connectNext(endpoint: endpoint)) }
    }

    private mutating func forgetSteps() {
        steps.removeAll()
        skipped = []
        computingSince = nil
        stepsCompleted = 0
        lastStep = StepID(0)
    }

    private mutating func dropStage() {
        forgetSteps()
        stage = .none
    }

    private mutating func accept(_ forward: Forward, _ now: UInt64) {
        guard case .ready(let assign) = stage, assign.epoch == forward.epoch else {
            return act(.log(.debug, "dropped \(forward.step) of \(forward.epoch), which this worker does not serve"))
        }
        let expected = assign.isFirst ? 0 : forward.tokenCount * assign.activationsPerToken
        let hasBadBlock = forward.items.contains { $0.blocks.contains { $0 >= assign.keyValueBlockCount } }
        guard forward.activationCount == expected, forward.tokenCount <= assign.maximumBatchTokens, !hasBadBlock,
            steps.count < Limits.stepsInFlight(stages: assign.stageCount)
        else {
            let message =
                "\(forward.step) has \(forward.tokenCount) tokens, \(forward.activationCount) activations, "
                + "\(steps.count) steps before it: not what \(assign.epoch) allows; dropped"
            return act(.log(.error, message))
        }
        guard forward.step.value == lastStep.value + 1 else {
            // Its connection was replaced, and what was on it is lost.
            return rejoinAfterLoss("\(forward.step) came after \(lastStep)", now)
        }
        lastStep = forward.step
        steps.append(forward)
        if computingSince == nil { computeNext(now) }
    }

    /// Computes the first step, after passing on those before it that need no computing.
    private mutating func computeNext(_ now: UInt64) {
        guard computingSince == nil else { return }
        while let step = steps.first {
            skipped.removeAll { $0 < step.step }
            if !step.items.isEmpty && skipped.first != step.step {
                computingSince = now
                return act(.compute(step))
            }
            passOn(StepResult(epoch: step.epoch, step: step.step, timings: [StageTiming()]), isEmpty: true)
        }
    }

    private mutating func note(_ skip: Skip, _ now: UInt64) {
        guard case .ready(let assign) = stage, assign.epoch == skip.epoch else { return }
        // Each is named once at most while it is in flight.
        skipped += skip.steps
        skipped.sort()
        if skipped.count > Limits.stepsInFlight { skipped.removeFirst(skipped.count - Limits.stepsInFlight) }
        computeNext(now)
    }

    private mutating func pass(on result: StepResult) {
        guard computingSince != nil, steps.first?.epoch == result.epoch, steps.first?.step == result.step else {
            return
        }
        computingSince = nil
        passOn(result, isEmpty: false)
    }

    /// Sends what became of the first step to where the stage's output goes.
    private mutating func passOn(_ result: StepResult, isEmpty: Bool) {
        guard case .ready(let assign) = stage, var forward = steps.popFirst() else { return }
        stepsCompleted += 1
        if assign.isLast {
            var result = result
            result.timings = forward.timings + result.timings
            act(.sendResult(result))
        } else {
            if isEmpty { forward.items = [] }
            forward.activationCount = forward.tokenCount * assign.activationsPerToken
            forward.timings += result.timings
            act(.sendForward(forward))
        }
    }
}
