// Responsible for: what the clients of requests are told, and the steps that compute them. Must not know: members.

import Sequences
import Wire

extension Coordinator {
    mutating func submit(_ task: GenerationTask, _ now: UInt64) {
        precondition(!task.prompt.isEmpty && task.maximumTokens > 0)
        if let start = task.scoringStart { precondition(start >= 1 && start < task.prompt.count) }
        let context = configuration.contextLength
        if task.prompt.count + (task.scoringStart == nil ? 1 : 0) > context {
            let error = TandemError(
                "the prompt has \(task.prompt.count) tokens, but the context holds \(context) with the answer",
                hint: "shorten the prompt, or raise \(.context)")
            return act(.fail(task.request, error))
        }
        if scheduler.waitingCount >= configuration.maximumWaiting {
            return refuse(task.request)
        }
        let ahead = scheduler.waitingCount
        scheduler.submit(task, now: now)
        if let explanation {
            lastExplanation = explanation
            act(.waiting(task.request, explanation))
        } else if ahead > 0 {
            act(.waiting(task.request, "\(ahead) request\(ahead == 1 ? " is" : "s are") ahead in the queue"))
        }
    }

    /// The queue is full: at once, and with the time after which a place may be free.
    private mutating func refuse(_ request: RequestID) {
        scheduler.counts.refusals += 1
        let waiting = scheduler.waitingCount
        // Who is refused comes back with many others, so not for the very next place.
        let time = max(250, min(60_000, finishInterval * Double(max(1, waiting / 4))))
        let seconds = max(1, Int((time / 1000).rounded(.up)))
        let error = TandemError(
            "the queue is full: \(waiting) requests wait", kind: .overloaded(retryAfterMilliseconds: UInt64(time)),
            hint: "try again in \(seconds) s, or add workers")
        act(.fail(request, error))
    }

    mutating func end(_ request: RequestID, _ reason: FinishReason, _ now: UInt64) {
        guard let outcomes = scheduler.end(request) else { return }
        noteFinish(now)
        act(.finish(request, reason))
        perform(outcomes, now)
    }

    private mutating func noteFinish(_ now: UInt64) {
        finishInterval += (Double(now - lastFinish) - finishInterval) * 0.1
        lastFinish = now
    }

    mutating func complete(_ result: StepResult, _ now: UInt64) {
        guard case .active(let deployment) = service, result.epoch == deployment.epoch else {
            return log(.debug, "dropped \(result.step) of \(result.epoch), which is over")
        }
        switch scheduler.complete(result, now) {
        case .done(let outcomes):
            lastProgress = now
            for index in members.indices { members[index].suspicions = 0 }
            perform(outcomes, now)
        case .duplicate:
            log(.warning, "dropped a second result of \(result.step)")
        case .wrong(let why):
            suspect(deployment.last, why, now)
        }
    }

    /// Sends steps as long as there are any to compute and few enough in flight.
    mutating func sendSteps(_ now: UInt64) {
        guard service.isActive else { return }
        while true {
            let (forward, outcomes) = scheduler.nextStep(now)
            perform(outcomes, now)
            guard let forward else { return }
            if scheduler.stepsInFlight == 1 { lastProgress = now }
            act(.forward(forward))
        }
    }

    private mutating func perform(_ outcomes: [Scheduler.Outcome], _ now: UInt64) {
        var released: [SequenceID] = []
        for outcome in outcomes {
            switch outcome {
            case .started(let request, let reused): act(.started(request, reusedTokens: reused))
            case .emit(let request, let token): act(.emit(request, token))
            case .score(let request, let values): act(.score(request, values))
            case .finish(let request, let reason):
                noteFinish(now)
                act(.finish(request, reason))
            case .release(let sequence): released.append(sequence)
            case .skip(let steps): skip(steps)
            }
        }
        guard !released.isEmpty, case .active(let deployment) = service else { return }
        act(.send(deployment.last, .release(Release(epoch: deployment.epoch, sequences: released))))
    }

    private mutating func skip(_ steps: [StepID]) {
        guard case .active(let deployment) = service else { return }
        for stage in deployment.plan.stages {
            act(.send(stage.worker, .skip(Skip(epoch: deployment.epoch, steps: steps))))
        }
    }

    // MARK: Waiting

    /// Why nothing is computed, as a sentence; nil: a plan serves.
    var explanation: Sentence? {
        switch service {
        case .active: return nil
        case .preparing(let deployment):
            let count = deployment.plan.stages.count
            return "\(count) worker\(count == 1 ? " loads" : "s load") the model"
        case .none(let refusal):
            return members.filter { $0.setAsideUntil > 0 }.reduce(refusal.sentence) {
                "\($0); \($1.name) is set aside: \($1.setAsideReason)"
            }
        }
    }

    /// Tells every waiting request why it waits, when that has changed.
    mutating func explainWaiting() {
        if scheduler.isIdle { return }
        let explanation = explanation
        defer { lastExplanation = explanation }
        guard let explanation, explanation != lastExplanation else { return }
        for sequence in scheduler.sequences { act(.waiting(sequence.request, explanation)) }
    }

    /// Requests that waited too long without any service fail. Loading is no reason to fail while it moves, unless it
    /// has failed again and again.
    mutating func checkWaiting(_ now: UInt64) {
        guard let since = withoutServiceSince, let explanation else { return }
        if case .preparing = service, failedPreparations < 3 { return }
        for sequence in scheduler.sequences
        where now - max(since, sequence.submittedAt) >= configuration.waitingLimit {
            _ = scheduler.end(sequence.request)
            let seconds = configuration.waitingLimit / 1000
            let error = TandemError(
                "there was nobody to compute this request for \(seconds) s: \(explanation)", kind: .unavailable,
                hint: "start workers with the line that the coordinator printed; `tandem status` shows who is there")
            act(.fail(sequence.request, error))
        }
    }
}
