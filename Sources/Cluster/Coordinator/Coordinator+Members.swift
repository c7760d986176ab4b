// Responsible for: who is a member: joining, leaving, silence, hanging, being set aside. Must not know: requests.

import Wire

extension Coordinator {
    func index(of worker: WorkerID) -> Int? { members.firstIndex { $0.id == worker } }

    mutating func receive(_ message: WorkerMessage, from worker: WorkerID, _ now: UInt64) {
        if case .join(let join) = message { return admit(worker, join, now) }
        guard let index = index(of: worker) else {
            // Only heartbeats are answered: one answer every 250 ms is enough. One that hangs need not come back.
            if case .heartbeat(let heartbeat) = message, heartbeat.busyMilliseconds < configuration.hungAfter {
                act(.send(worker, .rejoin))
            }
            return
        }
        members[index].lastHeard = now
        switch message {
        case .join: break
        case .loading(let loading): noteLoading(loading, index, now)
        case .ready(let ready): noteReady(ready, index, now)
        case .failed(let failure): noteFailure(failure, index, now)
        case .heartbeat(let heartbeat): noteHeartbeat(heartbeat, index, now)
        case .leave: lose(index, "it has left", now)
        }
    }

    private mutating func admit(_ worker: WorkerID, _ join: Join, _ now: UInt64) {
        if join.version != protocolVersion {
            return refuse(worker, .version(join.version, build: join.build, ourBuild: configuration.build))
        }
        if join.isSimulated != configuration.isSimulated {
            let reason =
                join.isSimulated
                ? "this worker only pretends to compute, and the coordinator serves a real model; start one that computes"
                : "the coordinator serves a pretended model; start a worker that pretends to compute"
            return refuse(worker, Refusal(reason: reason))
        }
        let welcome = Welcome(
            build: configuration.build, weightsEndpoint: configuration.weightsEndpoint,
            tokensEndpoint: configuration.tokensEndpoint, modelName: configuration.model.name)
        var oldPlace: Int?
        if let index = index(of: worker) {
            if members[index].join.attempt == join.attempt {
                // Said again because our answer takes long; nothing is lost on a connection that lives.
                members[index].lastHeard = now
                act(.send(worker, .welcome(welcome)))
                if case .preparing(let deployment) = service { sendAssign(worker, deployment) }
                return
            }
            // It keeps its place, and so the layers it has loaded.
            lose(index, "it joins again", now)
            oldPlace = index
        }
        if members.count >= Limits.workers {
            let refusal = Refusal(reason: "the cluster has \(members.count) workers already, which is the limit")
            return act(.send(worker, .refusal(refusal)))
        }
        let member = Member(id: worker, join: join, now: now)
        members.insert(member, at: oldPlace ?? place(of: member))
        needsPlan = true
        act(.send(worker, .welcome(welcome)))
        log(.info, "\(member.name) joined with \(bytesText(join.memoryBytes))")
    }

    private mutating func refuse(_ worker: WorkerID, _ refusal: Refusal) {
        log(.warning, "refused \(worker): \(refusal.reason)")
        act(.send(worker, .refusal(refusal)))
    }

    /// Where a newcomer stands among the members: behind those who first came before it. Workers that share a cache
    /// stand in join order.
    private mutating func place(of newcomer: Member) -> Int {
        guard let identity = newcomer.join.cacheIdentity else { return members.count }
        if !places.contains(identity) {
            // Places of those long gone are forgotten before the list grows without bound.
            if places.count >= 4 * Limits.workers {
                places.removeAll { place in !members.contains { $0.join.cacheIdentity == place } }
            }
            places.append(identity)
        }
        let rank = places.firstIndex(of: identity) ?? places.count
        return members.firstIndex { member in
            guard let other = member.join.cacheIdentity else { return false }
            return places.firstIndex(of: other) ?? 0 > rank
        } ?? members.count
    }

    /// The worker is no member any more; a plan that needs it is given up.
    mutating func lose(_ index: Int, _ why: String, _ now: UInt64) {
        let member = members.remove(at: index)
        log(.warning, "lost \(member.name): \(why)")
        act(.forget(member.id))
        if service.deployment?.stageIndex(of: member.id) != nil { giveUpPlan(now) }
    }

    /// The worker stays a member, but is left out of plans for a while, each time for longer.
    mutating func setAside(_ index: Int, _ why: String, _ now: UInt64) {
        let time = configuration.setAsideFor << UInt64(min(members[index].failures, 5))
        members[index].failures += 1
        members[index].suspicions = 0
        members[index].setAsideUntil = now + time
        members[index].setAsideReason = why
        log(.error, "set \(members[index].name) aside for \(time / 1000) s: \(why)")
        if service.deployment?.stageIndex(of: members[index].id) != nil { giveUpPlan(now) }
    }

    private mutating func noteHeartbeat(_ heartbeat: WorkerHeartbeat, _ index: Int, _ now: UInt64) {
        let old = members[index].heartbeat
        let isCurrent = heartbeat.epoch == epoch
        if isCurrent && (heartbeat.stepsCompleted != old.stepsCompleted || heartbeat.busyMilliseconds > 0) {
            lastProgress = now
        }
        members[index].heartbeat = heartbeat
    }

    /// Who is silent, hangs, or may be tried again.
    mutating func checkMembers(_ now: UInt64) {
        for index in members.indices.reversed() {
            let member = members[index]
            if now - member.lastHeard >= configuration.lostAfter {
                lose(index, "nothing was heard of it for \(now - member.lastHeard) ms", now)
            } else if member.heartbeat.busyMilliseconds >= configuration.hungAfter {
                lose(index, "it computes one step for \(member.heartbeat.busyMilliseconds / 1000) s", now)
            } else if member.setAsideUntil > 0 && member.setAsideUntil <= now {
                members[index].setAsideUntil = 0
                needsPlan = true
            }
        }
    }
}
