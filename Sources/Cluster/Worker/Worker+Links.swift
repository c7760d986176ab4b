// Responsible for: what a worker says and answers to prove its links, and what it says of a coordinator that it cannot
// reach. Must not know: sockets, what the coordinator makes of a report.

import Wire

extension Worker {
    /// A coordinator that cannot be reached is told of so often.
    static var complaintInterval: Duration { .seconds(5) }

    /// What became of the links, in actions.
    mutating func perform(_ outputs: [WorkerLinks.Output]) {
        for output in outputs {
            switch output.what {
            case .say(let hello): act(.sayHello(output.link, hello))
            case .report(let outcome):
                let report = LinkReport(epoch: output.epoch, link: output.link, outcome: outcome)
                act(.send(.link(report)))
            case .measured(let number, let figures):
                act(.send(.measured(Measured(number: number, figures: figures))))
            }
        }
    }

    /// Somebody asks whether this worker hears it: it is answered if the plan has it before this stage. `speaker`: who it
    /// is, whatever it says; nil: the coordinator.
    mutating func answer(_ hello: Hello, from speaker: WorkerID?) {
        guard hello.worker == speaker else { return }
        guard let assign = stages.first(where: { $0.epoch == hello.epoch })?.assign else {
            // The plan may be on its way.
            if hello.epoch > (assignment?.epoch ?? .none) { earlyHello = hello }
            return
        }
        guard assign.previous == speaker else { return }
        act(.answerHello(HelloReply(epoch: hello.epoch, worker: id, number: hello.number), to: speaker))
    }

    /// A hello that came before its plan is answered now.
    mutating func answerEarlyHello() {
        guard let hello = earlyHello else { return }
        earlyHello = nil
        answer(hello, from: hello.worker)
    }

    /// The control link is not up.
    mutating func note(_ failure: LinkFailure, towards address: String) {
        controlTrouble = (failure, address)
    }

    /// The coordinator asks what a link carries, or only what time it is here.
    mutating func measure(_ measure: Measure, _ now: Moment) {
        guard let link = measure.link else { return act(.send(.measured(Measured(number: measure.number)))) }
        perform(links.measure(measure, link, now))
    }

    /// Says every few seconds what is in the way.
    mutating func complain(_ now: Moment) {
        guard let (failure, address) = controlTrouble, now - complainedAt >= Self.complaintInterval else { return }
        complainedAt = now
        act(.log(.warning, failure.sentence(from: "this worker", to: "the coordinator", at: address)))
    }
}
