// Responsible for: which plan serves: making one, preparing its stages, noticing that it has stopped. Must not know:
// what requests are.

import Wire

extension Coordinator {
    /// Makes a plan where members have changed: at once if none serves, else when nothing is being computed.
    mutating func reconsiderPlan(_ now: UInt64) {
        guard needsPlan else { return }
        if service.isActive && !scheduler.isIdle { return }
        if let refusal = reasonToAwaitOthers(now) {
            service = .none(refusal)
            return
        }
        needsPlan = false
        switch newPlan() {
        case .success(let plan):
            if plan != service.deployment?.plan { adopt(plan, now) }
        case .failure(let refusal):
            if service.deployment == nil { service = .none(refusal) }
        }
    }

    /// With nothing to compute, a plan over fewer workers than were asked for can wait a moment: workers that restart
    /// come back to the layers they have cached. nil: make a plan now.
    private func reasonToAwaitOthers(_ now: UInt64) -> PlanRefusal? {
        let present = members.filter { $0.setAsideUntil == 0 }.count
        guard hasServed, scheduler.isIdle, service.deployment == nil, present < configuration.minimumWorkers,
            let since = withoutServiceSince, now - since < configuration.smallerPlanAfter
        else { return nil }
        return .tooFewWorkers(needed: configuration.minimumWorkers, present: present)
    }

    private func newPlan() -> Result<Plan, PlanRefusal> {
        let eligible = members.filter { $0.setAsideUntil == 0 }
        let candidates = eligible.map {
            Planner.Candidate(
                worker: $0.id, memoryBytes: $0.join.memoryBytes, readBandwidth: bandwidth(like: $0.join, eligible))
        }
        let planner = Planner(
            model: configuration.model, minimumBlocks: configuration.minimumBlocks,
            wantedBlocks: configuration.wantedBlocks)
        if !hasServed && candidates.count < configuration.minimumWorkers {
            return .failure(.tooFewWorkers(needed: configuration.minimumWorkers, present: candidates.count))
        }
        guard let split = configuration.split else { return planner.plan(candidates) }
        let asked = planner.plan(split: split, candidates)
        if case .failure = asked, hasServed { return planner.plan(candidates) }
        return asked
    }

    /// Workers of one host with as many threads are equally fast: what they measured at different moments differs by
    /// how busy the host was then.
    private func bandwidth(like join: Join, _ others: [Member]) -> Double {
        let alike = others.filter { $0.join.hostName == join.hostName && $0.join.threads == join.threads }
        return join.hostName.isEmpty
            ? join.readBandwidth : alike.map(\.join.readBandwidth).max() ?? join.readBandwidth
    }

    /// Begins a new epoch with this plan.
    private mutating func adopt(_ plan: Plan, _ now: UInt64) {
        epoch = epoch.next
        let deployment = Deployment(epoch: epoch, plan: plan, lastProgress: now)
        service = .preparing(deployment)
        if withoutServiceSince == nil { withoutServiceSince = now }
        scheduler.suspend()
        let shares = plan.stages.map { stage in
            let name = index(of: stage.worker).map { members[$0].name } ?? stage.worker.description
            return "layers \(stage.layers.lowerBound)-\(stage.layers.upperBound - 1) on \(name)"
        }
        log(.info, "\(epoch): \(shares.joined(separator: ", ")); \(plan.blockCount) KV blocks")
        for index in members.indices {
            members[index].isReady = false
            members[index].loading = nil
            members[index].heartbeat.stepsCompleted = 0
            let worker = members[index].id
            if plan.layers(of: worker) == nil { act(.send(worker, .standby(epoch))) }
        }
        for stage in plan.stages { sendAssign(stage.worker, deployment) }
        act(.connectFirstStage(endpoint: endpoint(ofStage: 0, plan)))
    }

    private func endpoint(ofStage stage: Int, _ plan: Plan) -> String {
        index(of: plan.stages[stage].worker).map { members[$0].join.dataEndpoint } ?? ""
    }

    /// Tells a worker its share of a plan, if it has one.
    mutating func sendAssign(_ worker: WorkerID, _ deployment: Deployment) {
        let plan = deployment.plan
        guard let stage = deployment.stageIndex(of: worker) else { return }
        let isLast = stage == plan.stages.count - 1
        let assign = Assign(
            epoch: deployment.epoch, layers: plan.stages[stage].layers,
            layerCount: configuration.model.layerBytes.count, modelDescription: configuration.modelDescription,
            keyValueBlockCount: plan.blockCount, maximumBatchTokens: configuration.maximumBatchTokens,
            activationsPerToken: configuration.model.activationsPerToken,
            next: isLast ? .tokens : .stage(endpoint: endpoint(ofStage: stage + 1, plan)), stageIndex: stage,
            stageCount: plan.stages.count)
        act(.send(worker, .assign(assign)))
    }

    /// The plan cannot go on. All its steps are lost; requests begin anew under the next one.
    mutating func giveUpPlan(_ now: UInt64) {
        if case .preparing = service { failedPreparations += 1 }
        service = .none(.tooFewWorkers(needed: 1, present: 0))
        if withoutServiceSince == nil { withoutServiceSince = now }
        scheduler.suspend()
        needsPlan = true
    }

    // MARK: Preparing

    mutating func noteLoading(_ loading: Loading, _ index: Int, _ now: UInt64) {
        guard case .preparing(var deployment) = service, loading.epoch == deployment.epoch else { return }
        if loading.bytesDone != members[index].loading?.bytesDone { deployment.lastProgress = now }
        members[index].loading = loading
        service = .preparing(deployment)
    }

    mutating func noteReady(_ ready: Ready, _ index: Int, _ now: UInt64) {
        guard case .preparing(var deployment) = service, ready.epoch == deployment.epoch else { return }
        // The next heartbeat says what all loads of the process moved; until then this one counts.
        let gauges = members[index].heartbeat.gauges
        members[index].heartbeat.gauges.transferredBytes = max(gauges.transferredBytes, ready.transferredBytes)
        members[index].heartbeat.gauges.cachedBytes = max(gauges.cachedBytes, ready.cachedBytes)
        members[index].isReady = true
        deployment.lastProgress = now
        service = .preparing(deployment)
        let stages = deployment.plan.stages
        guard stages.allSatisfy({ stage in members.contains { $0.id == stage.worker && $0.isReady } }) else { return }
        service = .active(deployment)
        hasServed = true
        failedPreparations = 0
        withoutServiceSince = nil
        lastProgress = now
        scheduler.resume(epoch: epoch, stageCount: stages.count, blockCount: deployment.plan.blockCount)
        log(.info, "\(epoch) serves")
    }

    mutating func noteFailure(_ failure: LoadFailure, _ index: Int, _ now: UInt64) {
        guard let deployment = service.deployment, failure.epoch == deployment.epoch,
            deployment.stageIndex(of: members[index].id) != nil
        else { return }
        setAside(index, failure.message, now)
    }

    // MARK: Watching

    /// A load or steps that do not move.
    mutating func checkService(_ now: UInt64) {
        switch service {
        case .none: break
        case .preparing(let deployment):
            guard now - deployment.lastProgress >= configuration.loadStalledAfter else { return }
            let late = members.firstIndex { !$0.isReady && deployment.stageIndex(of: $0.id) != nil }
            if let late { setAside(late, "its load did not move for \(configuration.loadStalledAfter / 1000) s", now) }
        case .active(let deployment):
            guard scheduler.stepsInFlight > 0, now - lastProgress >= configuration.stalledAfter else { return }
            let why = "steps did not move for \(now - lastProgress) ms while every worker idled"
            suspect(slowest(of: deployment), why, now)
        }
    }

    /// The first stage that has computed fewer steps than were sent to it; the last one if none has.
    private func slowest(of deployment: Deployment) -> WorkerID {
        var before = scheduler.stepsDispatched
        for stage in deployment.plan.stages {
            guard let index = index(of: stage.worker), members[index].heartbeat.epoch == deployment.epoch,
                members[index].heartbeat.stepsCompleted >= before
            else { return stage.worker }
            before = members[index].heartbeat.stepsCompleted
        }
        return deployment.last
    }

    /// Steps were lost, and this stage or the link to it is the likeliest cause. Twice in a row sets it aside.
    mutating func suspect(_ worker: WorkerID, _ why: String, _ now: UInt64) {
        guard let index = index(of: worker) else { preconditionFailure("a plan's workers are members") }
        members[index].suspicions += 1
        if members[index].suspicions > 1 { return setAside(index, "steps were lost at it twice in a row: \(why)", now) }
        log(.warning, "\(epoch) is given up, as steps were lost at \(members[index].name): \(why)")
        giveUpPlan(now)
    }
}
