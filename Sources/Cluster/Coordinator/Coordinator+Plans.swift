// Responsible for: plans from their choice to their end, as workers are told of them. Must not know: how a plan is chosen,
// requests but that they wait or go on.

import Sequences
import Wire

extension Coordinator {
    /// What steps took counts for the next plan; none is made for it.
    mutating func learnSpeeds() {
        guard let serving = deployments.serving else { return }
        let (stages, times) = (serving.plan.stages, scheduler.monitor.times)
        if let decoding = times.decoding {
            membership.learn(
                \.readBytesPerSecond,
                stages.map { ($0.worker, Double(configuration.model.bytesRead(by: $0.layers))) },
                computing: decoding.compute, unexplained: decoding.unexplained)
        }
        if let prompts = times.prompts {
            let costs = StageCosts(configuration.model)
            membership.learn(
                \.operationsPerSecond,
                stages.map { ($0.worker, costs.operations(of: $0.layers) * prompts.tokens) },
                computing: prompts.compute, unexplained: prompts.unexplained)
        }
    }

    mutating func reconsiderPlan(_ now: Moment) {
        guard succession.authority.isValid else { return giveUpAll(now) }
        let due = deployments.duePlan(
            over: membership.eligible, reluctant: membership.reluctant, reachability, speeds: membership.speeds,
            holders: scheduler.holdsBlocks ? holders : nil, adoption: adoption, recall: recall,
            isIdle: scheduler.isIdle, isWhole: scheduler.isWhole, now)
        guard let due else { return }
        if let reason = due.beside { return beginChange(due.plan, reason, now) }
        let plan = due.plan
        if let retired = deployments.retireServing(now) { suspend(retired, now) }
        let room = configuration.model.outputsRoom(in: plan, membership.members)
        let keeping = adoption.keeping(for: plan) ?? holders.keeping(for: plan, room: room)
        prepare(
            deployments.prepare(plan, over: membership.members, keeping: keeping, doubts: doubts(now), now), now)
    }

    /// Links on which steps seem to have been lost.
    func doubts(_ now: Moment) -> DeploymentLinks.Doubts {
        { [reachability] in reachability.isInDoubt($0, $1, now) }
    }

    /// Tells every worker its share of a new plan.
    mutating func prepare(_ deployment: Deployment, _ now: Moment) {
        let (epoch, plan) = (deployment.epoch, deployment.plan)
        let beside = deployment.beside.map { " beside the plan that serves, as \($0)" } ?? ""
        log(.info, "\(epoch): \(planText(plan))\(beside)")
        if !deployment.isBeside { standBy(deployment) }
        for share in plan.stages { sendAssign(share.worker, deployment) }
        let first = plan.stages[0].worker
        act(
            .connectFirstStage(
                epoch, endpoint: membership.dataEndpoint(of: first), key: membership.key(of: first),
                isBeside: deployment.isBeside))
        beginFirstLink(deployment, now)
    }

    /// Tells those who have no share of a plan that they may free what they have.
    mutating func standBy(_ deployment: Deployment) {
        for worker in workers where deployment.plan.layers(of: worker) == nil {
            holders.release(worker)
            adoption.remove(worker)
            act(.send(worker, .standby(deployment.epoch)))
        }
    }

    /// For people: who has which layers.
    func planText(_ plan: Plan) -> String {
        let shares = plan.stages.map { share in
            "layers \(share.layers.lowerBound)-\(share.layers.upperBound - 1) on \(membership.name(of: share.worker))"
        }
        return "\(shares.joined(separator: ", ")); \(plan.blockCount) KV blocks"
    }

    /// Tells a worker its share of a plan, if it has one.
    mutating func sendAssign(_ worker: WorkerID, _ deployment: Deployment) {
        let plan = deployment.plan
        guard let stage = deployment.stageIndex(of: worker) else { return }
        let following = plan.stages.dropFirst(stage + 1).first?.worker
        var assign = Assign(
            epoch: deployment.epoch, layers: plan.stages[stage].layers,
            layerCount: configuration.model.layerBytes.count, modelDescription: configuration.modelDescription,
            keyValueBlockCount: plan.blockCount, maximumBatchTokens: configuration.maximumBatchTokens,
            activationsPerToken: configuration.model.activationsPerToken,
            next: following.map {
                .stage(endpoint: membership.dataEndpoint(of: $0), $0, key: membership.key(of: $0))
            } ?? .tokens,
            previous: deployment.worker(before: worker), stageIndex: stage, stageCount: plan.stages.count,
            vocabularySize: configuration.model.vocabularySize, contextLength: configuration.contextLength)
        let keeping = deployment.stages[stage].keeping
        (assign.keptSince, assign.outputs) = (keeping.layers, keeping.outputs)
        (assign.isBeside, assign.copied) = (deployment.isBeside, deployment.stages[stage].copied)
        assign.model = configuration.modelHash
        assign.previousKey = stage == 0 ? configuration.key : membership.key(of: plan.stages[stage - 1].worker)
        act(.send(worker, .assign(assign)))
    }

    mutating func serve(_ deployment: Deployment, _ now: Moment) {
        let caches = deployment.stages.map { membership[$0.worker]?.join.cacheIdentity }
        let missing = holders.serve(deployment, caches: caches)
        if missing?.isEmpty == true { adopt(deployment.plan) }
        adoption.end()
        act(.record(recall.serve(deployment, membership.members, now)))
        scheduler.resume(
            epoch: deployment.epoch, stageCount: deployment.stages.count, blockCount: deployment.plan.blockCount,
            missing: missing)
        let ranges = (missing?.ranges ?? []).map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ", ")
        let what = ranges.isEmpty || scheduler.isWhole ? "" : "; layers \(ranges) of what runs are computed again"
        log(.info, "\(deployment.epoch) serves\(what)")
    }

    /// A plan that served is over. What its stages have of requests is known from here on.
    mutating func suspend(_ epoch: Epoch, _ now: Moment) {
        holders.end(epoch, isWhole: scheduler.isWhole)
        recall.end()
        if scheduler.holdsBlocks { interruption.begin(now) }
        scheduler.suspend(epoch)
    }

    mutating func giveUpPlans(with worker: WorkerID, _ now: Moment) {
        for deployment in deployments.all where deployment.stage(of: worker) != nil {
            giveUpPlan(deployment.epoch, now, "\(membership.name(of: worker)) is gone")
        }
    }

    /// All steps of this epoch are lost; requests go on under the next one.
    mutating func giveUpPlan(_ epoch: Epoch, _ now: Moment, _ why: String = "") {
        guard let deployment = deployments[epoch] else { return }
        // What is prepared beside it takes from it.
        if deployment.epoch == deployments.serving?.epoch {
            abandonChange("the plan that serves is given up", isFault: false, now)
        }
        if deployment.isBeside, deployment.epoch == deployments.preparing?.epoch {
            return abandonChange(why, isFault: true, now)
        }
        if deployments.serving?.epoch == epoch { suspend(epoch, now) }
        deployments.giveUp(epoch, now)
    }

    /// Loads and steps that do not move.
    mutating func checkProgress(_ now: Moment) {
        let stalls = deployments.stalls(
            dispatched: scheduler.stepsDispatched, oldest: scheduler.oldestStep, tokens: scheduler.tokensInFlight, now
        ) { weightsTrouble(of: $0) == nil }
        for stall in stalls {
            if let next = deployments.preparing, let (worker, why) = stall.lateLoad {
                if failChange(next, at: worker, why, now) { continue }
            }
            switch stall {
            case .load(let worker, let time):
                setAside(worker, "its load did not move for \(time.wholeSeconds) s", now)
            case .slowLoad(let worker, let time):
                setAside(worker, "its load was not done after \(time.wholeSeconds) s", now)
            case .weights(let worker):
                setAside(worker, weightsTrouble(of: worker) ?? "it cannot fetch weights", extent: .untilWeights, now)
            case .steps(let epoch, let worker, let time):
                let why = "steps did not move for \(time.wholeMilliseconds) ms while every worker idled"
                suspect(worker, epoch, why, onTheWay: true, now)
            case .result(let epoch, let worker, let time):
                suspect(worker, epoch, "no step came through for \(time.wholeSeconds) s", onTheWay: false, now)
            }
        }
    }
}
