// Responsible for: what the coordinator makes of links that carry or do not: which plans they end, what is said of them.
// Must not know: sockets, how a link is proven.

import Sequences
import Wire

extension Coordinator {
    // MARK: Its own link to the first stage

    /// The link to the first stage of a new plan is to be proven.
    mutating func beginFirstLink(_ deployment: Deployment, _ now: Moment) {
        var probe = LinkProbe(of: nil, now: now)
        let said = probe.begin(deployment.epoch, to: deployment.stages[0].worker, isNew: true, now)
        firstLinks.removeAll { !deployment.isBeside || $0.epoch != deployments.serving?.epoch }
        firstLinks.append(probe)
        perform(said, deployment.epoch, now)
    }

    /// Something happened on the link to the first stage of an epoch.
    mutating func changeFirstLink(
        _ epoch: Epoch, _ now: Moment, _ body: (inout LinkProbe) -> [LinkProbe.Output]
    ) {
        guard let index = firstLinks.firstIndex(where: { $0.epoch == epoch }), deployments[epoch] != nil else { return }
        let outputs = body(&firstLinks[index])
        perform(outputs, epoch, now)
    }

    private mutating func perform(_ outputs: [LinkProbe.Output], _ epoch: Epoch, _ now: Moment) {
        for output in outputs {
            switch output {
            case .say(let hello): act(.sayHello(hello))
            case .measured(let number, let figures):
                note(Measured(number: number, figures: figures), of: nil, now)
            case .report(let outcome):
                noteProven(outcome, nil, deployments[epoch]?.stages[0].worker, now)
                if let deployment = deployments.note(outcome, from: nil, epoch) { serve(deployment, now) }
            }
        }
    }

    // MARK: What workers say

    /// A worker asks whether this coordinator hears it on its weights or tokens socket.
    mutating func answer(_ hello: Hello, of worker: WorkerID, on link: NodeLink, _ now: Moment) {
        guard isMember(worker), hello.worker == worker else { return }
        var reply = HelloReply(epoch: hello.epoch, worker: nil, number: hello.number)
        if link == .weights, hello.replyBytes > 0 {
            let isAsked = examination?.takesLargeAnswer(worker) ?? false
            guard isAsked || membership.takesProbe(worker, now) else { return }
            reply.probeBytes = hello.replyBytes
        }
        act(.answerHello(worker, link, reply))
    }

    /// A worker says what became of one of its links.
    mutating func note(_ report: LinkReport, of worker: WorkerID, _ now: Moment) {
        deployments.noteTold(report.epoch, worker, now)
        switch report.link {
        case .weights, .tokens: noteOwnLink(report, of: worker, now)
        case .next: noteProven(report.outcome, worker, deployments[report.epoch]?.worker(after: worker), now)
        case .previous:
            guard let deployment = deployments[report.epoch], deployment.stage(of: worker) != nil else { return }
            return noteLoss(deployment.worker(before: worker), worker, now)
        }
        guard let deployment = deployments[report.epoch], deployment.isBeginning(report.link, at: worker) else {
            return
        }
        if let deployment = deployments.note(report.outcome, from: worker, report.epoch) { serve(deployment, now) }
    }

    /// About a link of a worker to this coordinator.
    private mutating func noteOwnLink(_ report: LinkReport, of worker: WorkerID, _ now: Moment) {
        guard membership.note(report, of: worker) else { return }
        switch report.outcome {
        case .failed(let failure):
            log(.warning, sentence(failure, of: report.link, at: worker))
            deployments.noteLinksChanged()
        case .proven:
            let isBack = report.link == .weights && membership.regainsWeights(worker, now)
            // Whoever could not take part before may now.
            if isBack || deployments.all.allSatisfy({ $0.stage(of: worker) == nil }) { deployments.noteNewMembers() }
            deployments.noteLinksChanged()
        }
    }

    private mutating func noteProven(
        _ outcome: LinkReport.Outcome, _ from: WorkerID?, _ to: WorkerID?, _ now: Moment
    ) {
        if case .proven = outcome, from != nil || to != nil { reachability.noteProven(from, to, now) }
    }

    /// Steps were lost between two nodes whose link answers. Not for the first time: another order may do better.
    private mutating func noteLoss(_ from: WorkerID?, _ to: WorkerID?, _ now: Moment) {
        if reachability.noteLoss(from, to, now) { avoid(from, to, .stepsLost, now) }
    }

    // MARK: Links that do not carry

    /// Ends plans whose links do not carry, where another may do.
    mutating func checkLinks(_ now: Moment) {
        for epoch in firstLinks.map(\.epoch) { changeFirstLink(epoch, now) { $0.tick(now) } }
        if let due = pairReturn, due <= now { deployments.noteLinksChanged() }
        for deployment in deployments.all {
            let failures = deployment.links.failures(now)
            if failures.isEmpty { continue }
            let isServing = deployment.epoch == deployments.serving?.epoch
            // Behind large steps an answer may take long: steps that move are answer enough.
            if isServing, scheduler.stepsInFlight > 0, now - deployment.lastProgress < LinkProbe.patience { continue }
            for failure in failures { avoid(failure.from, failure.to, failure.why, now) }
            if isServing || deployment.isBeside { giveUpPlan(deployment.epoch, now, "a link does not carry") }
        }
        pairReturn = reachability.nextReturn(after: now)
    }

    /// No plan is to use this link for a while, if it can.
    mutating func avoid(_ from: WorkerID?, _ to: WorkerID?, _ why: LinkFailure, _ now: Moment) {
        // What a worker cannot reach of this coordinator is told and remembered as its own link.
        guard let to else { return }
        let name = from.map { membership.shortName(of: $0) } ?? "the coordinator"
        let text = why.sentence(from: name, to: membership.shortName(of: to), at: membership.dataEndpoint(of: to))
        guard reachability.noteFailure(from, to, text, now) else { return }
        log(.warning, text)
        deployments.noteLinksChanged()
    }

    /// Steps did not get from one node to the next, for the second time in a row. Whether another order avoids the two.
    mutating func avoids(_ from: WorkerID?, _ to: WorkerID, _ now: Moment) -> Bool {
        var without = reachability
        guard without.noteFailure(from, to, "", now) else { return false }
        guard case .success(let choice) = planChoice(without, now).plan(over: membership.eligible), choice.isReachable
        else {
            return false
        }
        avoid(from, to, .stepsLost, now)
        return true
    }

    /// A load that does not move at a worker that cannot fetch weights is its link's fault; nil: it can.
    func weightsTrouble(of worker: WorkerID) -> String? {
        membership[worker]?.weightsLink.failure.map { sentence($0, of: .weights, at: worker) }
    }

    private func sentence(_ failure: LinkFailure, of link: NodeLink, at worker: WorkerID) -> String {
        let endpoint = link == .weights ? configuration.weightsAddress : configuration.tokensAddress
        return failure.sentence(from: membership.shortName(of: worker), to: "the coordinator", at: endpoint)
    }

    /// All that is wrong with links now, for people.
    func troubles(_ now: Moment) -> [String] {
        var all = reachability.troubles(now) { membership[$0] != nil }
        for member in membership.members where member.reasonAside == nil {
            if let failure = member.weightsLink.failure { all.append(sentence(failure, of: .weights, at: member.id)) }
            if let failure = member.tokensLink.failure { all.append(sentence(failure, of: .tokens, at: member.id)) }
        }
        if let obstacle = deployments.changes.obstacle { all.append(obstacle) }
        if let time = deployments.postponed {
            all.append(
                "a newcomer is left out while others serve: its layers would load for about \(time.wholeSeconds) s")
        }
        return all
    }
}
