// Responsible for: workers that are to be left out of plans: who may be, what they and others are told. Must not know: how
// others take over their layers.

import Sequences
import Wire

extension Coordinator {
    /// A client asks that a worker be left out, or counted in again.
    mutating func drain(_ request: DrainRequest, of client: ClientID, _ now: Moment) {
        act(.answerDrain(client, answer(request, now)))
    }

    private mutating func answer(_ request: DrainRequest, _ now: Moment) -> DrainReply {
        let found = membership.workers(named: request.worker)
        guard let worker = found.first, found.count == 1 else {
            if found.isEmpty { return DrainReply(.refused, "no worker is called \(request.worker)") }
            return DrainReply(
                .refused, "\(found.count) workers run on \(request.worker): name one by its id, such as \(found[0])")
        }
        guard request.ends else { return beginDrain(of: worker, now) }
        guard membership.setDraining(worker, false) else {
            return DrainReply(.counted, "\(membership.name(of: worker)) was not left out")
        }
        log(.info, "\(membership.name(of: worker)) is counted in again")
        deployments.noteNewMembers()
        return DrainReply(.counted, "\(membership.name(of: worker)) is counted in again")
    }

    /// A worker wants to leave. Where nothing is computed nobody needs it.
    mutating func drainLeaving(_ worker: WorkerID, _ now: Moment) {
        let reply = beginDrain(of: worker, now)
        let why = reply.state == .refused && !scheduler.isIdle ? reply.sentence : nil
        if let why, why != membership[worker]?.stayingBecause { act(.send(worker, .drainRefused(why))) }
        if reply.state == .refused, why == nil { act(.send(worker, .drained)) }
        membership.noteStaying(worker, because: why)
    }

    /// Workers that want to leave and could not: others may have come.
    mutating func checkRefusedDrains(_ now: Moment) {
        for member in membership.members where member.stayingBecause != nil { drainLeaving(member.id, now) }
    }

    /// Leaves a worker out of plans, if others can do without it.
    private mutating func beginDrain(of worker: WorkerID, _ now: Moment) -> DrainReply {
        let name = membership.name(of: worker)
        guard deployments.all.contains(where: { $0.stage(of: worker) != nil }) else {
            if membership.setDraining(worker, true) { log(.info, "\(name) is left out of plans; it has no layers") }
            return DrainReply(.drained, "\(name) has no layers")
        }
        let others = membership.eligible.filter { $0.id != worker }
        if case .failure(let reason) = planChoice(reachability, now).plan(over: others) {
            return DrainReply(.refused, "nobody can take over the layers of \(name): \(reason.sentence)")
        }
        if membership.setDraining(worker, true) {
            log(.info, "\(name) is left out of plans from now on: others take over its layers")
            // What is prepared may need it.
            if let next = deployments.preparing, next.isBeside, next.stage(of: worker) != nil {
                abandonChange("\(name) is to be left out", isFault: false, now)
            }
            deployments.noteNewMembers("\(name) is to be left out")
        }
        return DrainReply(.draining, "others take over the layers of \(name)")
    }

    /// What can be chosen of now, whatever serves.
    func planChoice(_ reachability: Reachability, _ now: Moment) -> PlanChoice {
        PlanChoice(
            configuration: configuration, hasServed: true, serving: nil, preparing: nil, reachability: reachability,
            speeds: membership.speeds, now: now)
    }

    /// Tells those that were to be left out, and have no layers any more.
    mutating func tellDrained() {
        for worker in membership.undrained where deployments.all.allSatisfy({ $0.stage(of: worker) == nil }) {
            membership.noteDrained(worker)
            log(.info, "\(membership.name(of: worker)) has no layers any more")
            act(.send(worker, .drained))
        }
    }
}
