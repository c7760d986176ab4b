// Responsible for: the coordinator's part in measuring what links carry: who is asked what, and when not. Must not know:
// how a link is measured, who wants to know.

import Wire

extension Coordinator {
    /// Somebody wants to know what the links carry; an examination under way answers him too.
    mutating func examine(_ now: Moment) {
        guard examination == nil else { return }
        let serving = deployments.serving
        examination = Examination(
            members: workers, stages: serving?.stages.map(\.worker) ?? [], serving?.epoch ?? .none,
            number: questionNumber, now)
        goOnExamining(now)
    }

    /// Asks what is to be asked next, or tells what was found.
    private mutating func goOnExamining(_ now: Moment) {
        while let question = examination?.question {
            guard canBeAsked(question) else {
                examination?.skip()
                continue
            }
            let bytes = question.link != nil && scheduler.isIdle ? Limits.measuringBytes : 0
            examination?.ask(bytes: bytes, now)
            let number = examination?.number ?? 0
            questionNumber = number
            guard let worker = question.of else {
                // Its outcome may be known at once, and then this goes on there.
                return changeFirstLink(examination?.epoch ?? .none, now) { $0.measure(number, bytes: bytes, now) }
            }
            return act(.send(worker, .measure(Measure(number: number, link: question.link, bytes: bytes))))
        }
        guard let found = examination?.found else { return }
        examination = nil
        lastFound = found
        act(.measured(found))
    }

    /// Whoever it is about is there, and links of the plan are those of the one that serves.
    private func canBeAsked(_ question: Examination.Question) -> Bool {
        if let worker = question.of, !isMember(worker) { return false }
        switch question.link {
        case .next, .tokens, .previous: return deployments.serving.map { $0.epoch == examination?.epoch } ?? false
        case .weights, nil: return true
        }
    }

    /// A node's answer; nil: the coordinator's own link was measured.
    mutating func note(_ measured: Measured, of node: WorkerID?, _ now: Moment) {
        guard examination?.note(measured, of: node, isBusy: !scheduler.isIdle, now) == true else { return }
        goOnExamining(now)
    }

    /// Nobody waits for ever.
    mutating func checkExamination(_ now: Moment) {
        if examination?.giveUp(now) == true { goOnExamining(now) }
    }
}
