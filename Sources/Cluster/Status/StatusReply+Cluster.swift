// Responsible for: the cluster's state as people see it. Must not know: how it is shown, how it comes about.

import Sequences
import Wire

extension StatusReply {
    /// The state of everything, read from the values that know it.
    init(
        _ configuration: CoordinatorConfiguration, _ membership: Membership, _ deployments: Deployments,
        _ scheduler: Scheduler, _ waitingRoom: WaitingRoom, pause: Duration?, troubles: [String],
        uptime: Duration, now: Moment
    ) {
        self.init()
        let deployment = deployments.foremost
        build = configuration.build
        modelName = configuration.model.name
        epoch = deployment?.epoch ?? .none
        isServing = deployments.serving != nil
        let explanation = deployments.explanation(membership.members)?.description ?? "serving"
        state = ([explanation] + troubles).joined(separator: "; ")
        let idle = IdleReason(configuration: configuration, membership: membership, deployments: deployments)
        workers = membership.members.map {
            WorkerStatus($0, deployment, configuration.model, whereIdle: idle.state(of: $0, now: now))
        }
        requests = scheduler.sequences.map { RequestStatus($0) }
        keyValueBlocksTotal = scheduler.pool.count
        keyValueBlocksFree = scheduler.pool.availableCount
        contextLength = configuration.contextLength
        layerCount = configuration.model.layerBytes.count
        uptimeMilliseconds = uptime.wholeMilliseconds
        generatedTokens = scheduler.generatedTokens
        stages = deployments.serving.map { StageStatus.stages(of: $0, scheduler, now) } ?? []
        if let serving = deployments.serving {
            StageStatus.predict(&stages, serving, membership, configuration, scheduler)
        }
        pipeline = PipelineStatus(scheduler, now)
        pipeline.queueLimit = configuration.maximumWaiting
        pipeline.refusals = waitingRoom.refusals
        pipeline.planChanges = deployments.changes.completed
        pipeline.abandonedPlanChanges = deployments.changes.abandoned
        pipeline.copiedBlocks = Int(clamping: deployments.changes.copiedBlocks)
        pipeline.pauseMicroseconds = pause?.wholeMicroseconds ?? 0
        pipeline.isSimulated = configuration.isSimulated
        pipeline.keyValueType = configuration.keyValueType
    }
}

extension StageStatus {
    /// The stages of the plan that serves, in order.
    fileprivate static func stages(of serving: Deployment, _ scheduler: Scheduler, _ now: Moment) -> [StageStatus] {
        let monitor = scheduler.monitor
        var before = scheduler.stepsDispatched
        return zip(serving.stages, monitor.stages).enumerated().map { index, pair in
            let (stage, measured) = pair
            var status = StageStatus(worker: stage.worker)
            status.steps = measured.steps
            status.tokens = measured.tokens
            status.total = measured.total
            status.recentBusy = monitor.recentBusy(index, now)
            let completed = min(before, stage.stepsCompleted)
            status.queuedSteps = min(scheduler.stepsInFlight, Int(clamping: before - completed))
            before = completed
            return status
        }
    }

    /// What steps that decode took, beside what they should by what workers claim and all of them show of their claims.
    fileprivate static func predict(
        _ stages: inout [StageStatus], _ serving: Deployment, _ membership: Membership,
        _ configuration: CoordinatorConfiguration, _ scheduler: Scheduler
    ) {
        let members = serving.stages.compactMap { membership[$0.worker] }
        guard members.count == stages.count, let measured = scheduler.monitor.times.decoding else { return }
        let claims = SpeedRecord.claims(of: members)
        let forecast = PlanForecast(
            configuration.model,
            zip(serving.plan.stages, claims).map { ($0.layers, ($1 * membership.speeds.efficiency)) }, hops: HopCosts())
        let predicted = forecast.seconds(.decoding(measured.tokens))
        for index in stages.indices where index < measured.compute.count {
            stages[index].decodingTokens = measured.tokens
            stages[index].decodingMicroseconds = measured.compute[index]
            stages[index].predictedMicroseconds = predicted[index] * 1e6
        }
    }
}

extension PipelineStatus {
    /// How full the pipeline is, and what the scheduler has counted.
    fileprivate init(_ scheduler: Scheduler, _ now: Moment) {
        self.init()
        activeMicroseconds = scheduler.monitor.active(now).wholeMicroseconds
        bubble = scheduler.monitor.bubble(now)
        stepsInFlight = scheduler.stepsInFlight
        waiting = scheduler.waitingCount
        running = scheduler.runningCount
        cachedBlocks = scheduler.pool.keptCount
        targetSteps = scheduler.targetSteps
        prefillBudget = scheduler.prefillBudget
        counts = scheduler.counts
    }
}

extension WorkerStatus {
    fileprivate init(_ member: Member, _ deployment: Deployment?, _ model: ModelShape, whereIdle: String) {
        self.init(id: member.id)
        let (join, gauges) = (member.join, member.heartbeat.gauges)
        hostName = join.hostName
        processID = join.processID
        build = join.build
        let stage = deployment?.stage(of: member.id)
        if member.draining != nil {
            state = stage == nil ? Self.drained : Self.draining
        } else {
            state = stage.map { Self.state(of: member, $0) } ?? whereIdle
        }
        residentBytes = gauges.residentBytes
        memoryBytes = join.memoryBytes
        layers = deployment?.plan.layers(of: member.id)
        if let layers, let plan = deployment?.plan {
            plannedBytes = model.stageBytes(
                of: layers, blockCount: plan.blockCount, threads: join.threads,
                outputs: stage?.keeping.outputs.count ?? 0)
            weightBytes = model.weightBytes(of: layers)
            keyValueBytes = model.keyValueBytes(of: layers, blockCount: plan.blockCount)
        }
        cores = join.cores
        threads = join.threads
        instructionLevel = join.instructionLevel
        readBytesPerSecond = join.readBytesPerSecond
        int8OperationsPerSecond = join.int8OperationsPerSecond
        transferredBytes = gauges.transferredBytes
        cachedBytes = gauges.cachedBytes
        stepsCompleted = deployment?.stage(of: member.id)?.stepsCompleted ?? 0
    }

    private static func state(of member: Member, _ stage: Deployment.StageProgress) -> String {
        switch stage.readiness {
        case .ready: return member.busy > .zero ? "busy" : "ready"
        case .assigned: return "loading"
        case .loading(let loading):
            guard loading.bytesTotal > 0 else { return "loading" }
            let fraction = min(1, Double(loading.bytesDone) / Double(loading.bytesTotal))
            return "loading \(Int(fraction * 100))%"
        }
    }
}

extension RequestStatus {
    fileprivate init(_ sequence: SequenceState) {
        let state =
            switch sequence.phase {
            case .waiting: "waiting"
            case .running: sequence.isDecoding && sequence.generated > 0 ? "decode" : "prefill"
            }
        self.init(
            id: sequence.request, state: state, promptTokens: sequence.task.prompt.count,
            generatedTokens: sequence.generated)
        computedTokens = sequence.certain
    }
}
