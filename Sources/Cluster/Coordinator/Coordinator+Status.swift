// Responsible for: the coordinator's state as people see it. Must not know: how it is shown.

import Sequences
import Wire

extension Coordinator {
    /// The state of everything, for people.
    package func status(now: UInt64) -> StatusReply {
        var status = StatusReply()
        status.build = configuration.build
        status.modelName = configuration.model.name
        status.epoch = service.deployment?.epoch ?? .none
        status.isServing = service.isActive
        status.state = explanation?.description ?? "serving"
        status.workers = members.map { self.status(of: $0) }
        status.requests = scheduler.sequences.map { Self.status(of: $0) }
        status.keyValueBlocksTotal = scheduler.pool.count
        status.keyValueBlocksFree = scheduler.pool.availableCount
        status.contextLength = configuration.contextLength
        status.layerCount = configuration.model.layerBytes.count
        status.uptimeMilliseconds = uptime(now)
        status.generatedTokens = scheduler.generatedTokens
        status.stages = stages(now)
        status.pipeline = pipeline(now)
        return status
    }

    private func stages(_ now: UInt64) -> [StageStatus] {
        guard case .active(let deployment) = service else { return [] }
        var before = scheduler.stepsDispatched
        return zip(deployment.plan.stages, scheduler.monitor.stages).enumerated().map { index, pair in
            let (stage, measured) = pair
            var status = StageStatus(worker: stage.worker)
            status.steps = measured.steps
            status.tokens = measured.tokens
            status.total = measured.total
            status.recentBusy = scheduler.monitor.recentBusy(index, now)
            let completed = self.index(of: stage.worker).map { members[$0].heartbeat.stepsCompleted } ?? 0
            status.queuedSteps = min(scheduler.stepsInFlight, Int(clamping: before - min(before, completed)))
            before = min(before, completed)
            return status
        }
    }

    private func pipeline(_ now: UInt64) -> PipelineStatus {
        var status = scheduler.counts
        status.activeMicroseconds = scheduler.monitor.active(now)
        status.bubble = scheduler.monitor.bubble(now)
        status.stepsInFlight = scheduler.stepsInFlight
        status.waiting = scheduler.waitingCount
        status.running = scheduler.runningCount
        status.queueLimit = configuration.maximumWaiting
        status.cachedBlocks = scheduler.pool.keptCount
        status.isSimulated = configuration.isSimulated
        status.keyValueType = configuration.keyValueType
        return status
    }

    private func status(of member: Member) -> WorkerStatus {
        var status = WorkerStatus(id: member.id)
        status.hostName = member.join.hostName
        status.processID = member.join.processID
        status.layers = service.deployment?.plan.layers(of: member.id)
        status.state = stateText(member, hasLayers: status.layers != nil)
        status.residentBytes = member.heartbeat.gauges.residentBytes
        status.memoryBytes = member.join.memoryBytes
        if let layers = status.layers, let plan = service.deployment?.plan {
            let model = configuration.model
            status.plannedBytes = model.stageBytes(of: layers, blockCount: plan.blockCount)
            status.weightBytes = model.weightBytes(of: layers)
            status.keyValueBytes = model.keyValueBytes(of: layers, blockCount: plan.blockCount)
        }
        status.cores = member.join.cores
        status.threads = member.join.threads
        status.instructionLevel = member.join.instructionLevel
        status.readBandwidth = member.join.readBandwidth
        status.int8Speed = member.join.int8Speed
        status.transferredBytes = member.heartbeat.gauges.transferredBytes
        status.cachedBytes = member.heartbeat.gauges.cachedBytes
        status.stepsCompleted = member.heartbeat.stepsCompleted
        return status
    }

    private func stateText(_ member: Member, hasLayers: Bool) -> String {
        if member.setAsideUntil > 0 { return "set aside: \(member.setAsideReason)" }
        if !hasLayers { return "idle" }
        if member.isReady { return member.heartbeat.busyMilliseconds > 0 ? "busy" : "ready" }
        guard let loading = member.loading, loading.bytesTotal > 0 else { return "loading" }
        return "loading \(UInt64(Double(loading.bytesDone) / Double(loading.bytesTotal) * 100))%"
    }

    private static func status(of sequence: SequenceState) -> RequestStatus {
        let state =
            switch sequence.phase {
            case .waiting: "waiting"
            case .running: sequence.isDecoding && sequence.generated > 0 ? "decode" : "prefill"
            }
        return RequestStatus(
            id: sequence.request, state: state, promptTokens: sequence.task.prompt.count,
            generatedTokens: sequence.generated)
    }
}
