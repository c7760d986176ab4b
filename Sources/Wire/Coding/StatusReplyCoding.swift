// Responsible for: the bytes of a status. Must not know: sockets, time.

import Sequences

extension StatusReply {
    var proto: PStatusReply {
        var p = PStatusReply()
        p.build = clipped(build, to: Limits.nameBytes)
        p.modelName = clipped(modelName, to: Limits.nameBytes)
        p.epoch = epoch.value
        p.isServing = isServing
        p.state = clipped(state)
        p.workers = workers.map(\.proto)
        p.requests = requests.prefix(Limits.listedRequests).map(\.proto)
        p.keyValueBlocksTotal = UInt32(keyValueBlocksTotal)
        p.keyValueBlocksFree = UInt32(keyValueBlocksFree)
        p.contextLength = UInt32(contextLength)
        p.layerCount = UInt32(layerCount)
        p.uptimeMilliseconds = uptimeMilliseconds
        p.generatedTokens = generatedTokens
        p.stages = stages.map(\.proto)
        p.pipeline = pipeline.proto
        return p
    }

    init(_ p: PStatusReply) throws(WireError) {
        let check = Check("StatusReply")
        self.init()
        build = try check.string(p.build, "build", atMost: Limits.nameBytes)
        modelName = try check.string(p.modelName, "modelName", atMost: Limits.nameBytes)
        epoch = Epoch(p.epoch)
        isServing = p.isServing
        state = try check.string(p.state, "state", atMost: Limits.sentenceBytes)
        for worker in try check.array(p.workers, "workers", atMost: Limits.workers) {
            workers.append(try WorkerStatus(worker))
        }
        for request in try check.array(p.requests, "requests", atMost: Limits.listedRequests) {
            requests.append(try RequestStatus(request))
        }
        keyValueBlocksTotal = try check.count(
            p.keyValueBlocksTotal, "keyValueBlocksTotal", to: Limits.keyValueBlocks)
        keyValueBlocksFree = try check.count(p.keyValueBlocksFree, "keyValueBlocksFree", to: keyValueBlocksTotal)
        contextLength = try check.count(p.contextLength, "contextLength", to: RequestLimits.sequenceTokens)
        layerCount = try check.count(p.layerCount, "layerCount", to: Limits.layers)
        uptimeMilliseconds = p.uptimeMilliseconds
        generatedTokens = p.generatedTokens
        for stage in try check.array(p.stages, "stages", atMost: Limits.workers) {
            stages.append(try StageStatus(stage))
        }
        pipeline = try PipelineStatus(p.pipeline)
    }
}

extension WorkerStatus {
    fileprivate var proto: PWorkerStatus {
        var p = PWorkerStatus()
        p.id = id.value
        p.hostName = clipped(hostName, to: Limits.nameBytes)
        p.processID = processID
        p.firstLayer = UInt32(layers?.lowerBound ?? 0)
        p.endLayer = UInt32(layers?.upperBound ?? 0)
        p.state = clipped(state)
        p.residentBytes = residentBytes
        p.memoryBytes = memoryBytes
        p.plannedBytes = plannedBytes
        p.weightBytes = weightBytes
        p.keyValueBytes = keyValueBytes
        p.cores = UInt32(cores)
        p.threads = UInt32(threads)
        p.instructionLevel = clipped(instructionLevel, to: Limits.nameBytes)
        p.readBytesPerSecond = readBytesPerSecond
        p.int8OperationsPerSecond = int8OperationsPerSecond
        p.transferredBytes = transferredBytes
        p.cachedBytes = cachedBytes
        p.stepsCompleted = stepsCompleted
        return p
    }

    fileprivate init(_ p: PWorkerStatus) throws(WireError) {
        let check = Check("WorkerStatus")
        self.init(id: WorkerID(p.id))
        hostName = try check.string(p.hostName, "hostName", atMost: Limits.nameBytes)
        processID = p.processID
        let range = try check.layers(p.firstLayer, p.endLayer, least: 0)
        layers = range.isEmpty ? nil : range
        state = try check.string(p.state, "state", atMost: Limits.sentenceBytes)
        residentBytes = p.residentBytes
        memoryBytes = p.memoryBytes
        plannedBytes = p.plannedBytes
        weightBytes = p.weightBytes
        keyValueBytes = p.keyValueBytes
        cores = try check.count(p.cores, "cores", to: 1 << 16)
        threads = try check.count(p.threads, "threads", to: 1 << 16)
        instructionLevel = try check.string(p.instructionLevel, "instructionLevel", atMost: Limits.nameBytes)
        readBytesPerSecond = try check.finite(p.readBytesPerSecond, "readBytesPerSecond")
        int8OperationsPerSecond = try check.finite(p.int8OperationsPerSecond, "int8OperationsPerSecond")
        transferredBytes = p.transferredBytes
        cachedBytes = p.cachedBytes
        stepsCompleted = p.stepsCompleted
    }
}

extension RequestStatus {
    fileprivate var proto: PRequestStatus {
        var p = PRequestStatus()
        p.id = id.value
        p.state = clipped(state, to: Limits.nameBytes)
        p.promptTokens = UInt32(promptTokens)
        p.generatedTokens = UInt32(generatedTokens)
        return p
    }

    fileprivate init(_ p: PRequestStatus) throws(WireError) {
        let check = Check("RequestStatus")
        self.init(
            id: RequestID(p.id), state: try check.string(p.state, "state", atMost: Limits.nameBytes),
            promptTokens: try check.count(p.promptTokens, "promptTokens", to: RequestLimits.sequenceTokens),
            generatedTokens: try check.count(p.generatedTokens, "generatedTokens", to: RequestLimits.sequenceTokens))
    }
}

extension StageStatus {
    fileprivate var proto: PStageStatus {
        var p = PStageStatus()
        p.worker = worker.value
        p.steps = steps
        p.tokens = tokens
        p.total = total.proto
        p.recentBusy = recentBusy
        p.queuedSteps = UInt32(queuedSteps)
        return p
    }

    fileprivate init(_ p: PStageStatus) throws(WireError) {
        let check = Check("StageStatus")
        self.init(worker: WorkerID(p.worker))
        steps = p.steps
        tokens = p.tokens
        total = StageMicroseconds(p.total)
        recentBusy = try check.finite(p.recentBusy, "recentBusy")
        queuedSteps = try check.count(p.queuedSteps, "queuedSteps", to: Limits.stepsInFlight)
    }
}

extension PipelineStatus {
    fileprivate var proto: PPipelineStatus {
        var p = PPipelineStatus()
        p.activeMicroseconds = activeMicroseconds
        p.bubble = bubble
        p.stepsInFlight = UInt32(stepsInFlight)
        p.targetSteps = UInt32(targetSteps)
        p.prefillBudget = UInt32(prefillBudget)
        p.waiting = UInt32(waiting)
        p.running = UInt32(running)
        p.queueLimit = UInt32(queueLimit)
        p.counts = PipelineCounts.all.map { count in
            var named = PNamedCount()
            named.name = count.name
            named.value = UInt64(clamping: counts[keyPath: count.path])
            return named
        }
        p.cachedBlocks = UInt32(cachedBlocks)
        p.isSimulated = isSimulated
        p.keyValueType = clipped(keyValueType, to: Limits.nameBytes)
        return p
    }

    fileprivate init(_ p: PPipelineStatus) throws(WireError) {
        let check = Check("PipelineStatus")
        self.init()
        activeMicroseconds = p.activeMicroseconds
        bubble = try check.finite(p.bubble, "bubble")
        stepsInFlight = try check.count(p.stepsInFlight, "stepsInFlight", to: Limits.stepsInFlight)
        targetSteps = try check.count(p.targetSteps, "targetSteps", to: Limits.stepsInFlight)
        prefillBudget = try check.count(p.prefillBudget, "prefillBudget", to: Limits.batchTokens)
        waiting = try check.count(p.waiting, "waiting", to: Int(Int32.max))
        running = try check.count(p.running, "running", to: Int(Int32.max))
        queueLimit = try check.count(p.queueLimit, "queueLimit", to: Int(Int32.max))
        for named in try check.array(p.counts, "counts", atMost: Limits.namedCounts) {
            guard let count = PipelineCounts.all.first(where: { $0.name == named.name }) else { continue }
            counts[keyPath: count.path] = Int(clamping: named.value)
        }
        cachedBlocks = try check.count(p.cachedBlocks, "cachedBlocks", to: Limits.keyValueBlocks)
        isSimulated = p.isSimulated
        keyValueType = try check.string(p.keyValueType, "keyValueType", atMost: Limits.nameBytes)
    }
}
