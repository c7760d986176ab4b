// Responsible for: the bytes of a status. Must not know: sockets, time.

import Sequences

extension StatusReply {
    var proto: PStatusReply {
        var p = PStatusReply()
        p.build = named(build)
        p.modelName = named(modelName)
        p.epoch = epoch.value
        p.isServing = isServing
        p.state = clipped(state)
        p.workers = workers.map(\.proto)
        p.requests = requests.prefix(Limits.listedRequests).map(\.proto)
        p.keyValueBlocksTotal = UInt32(keyValueBlocksTotal)
        p.keyValueBlocksFree = UInt32(keyValueBlocksFree)
        p.contextLength = UInt32(contextLength)
        p.layerCount = UInt32(layerCount)
        p.uptimeMilliseconds = min(uptimeMilliseconds, Limits.milliseconds)
        p.generatedTokens = min(generatedTokens, Limits.total)
        p.stages = stages.map(\.proto)
        p.pipeline = pipeline.proto
        if let change { p.change = change.proto }
        if let journal { p.journal = journal.proto }
        p.term = UInt32(term.value)
        if let standby { p.standby = standby.proto }
        p.isStandby = isStandby
        return p
    }

    init(_ p: PStatusReply) throws(WireError) {
        let check = Check("StatusReply")
        self.init()
        build = try check.name(p.build, "build")
        modelName = try check.name(p.modelName, "modelName")
        epoch = Epoch(p.epoch)
        isServing = p.isServing
        state = try check.text(p.state, "state")
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
        uptimeMilliseconds = try check.number(p.uptimeMilliseconds, "uptimeMilliseconds", to: Limits.milliseconds)
        generatedTokens = try check.number(p.generatedTokens, "generatedTokens", to: Limits.total)
        for stage in try check.array(p.stages, "stages", atMost: Limits.workers) {
            stages.append(try StageStatus(stage))
        }
        pipeline = try PipelineStatus(p.pipeline)
        if p.hasChange { change = try PlanChange(p.change) }
        if p.hasJournal { journal = try JournalStatus(p.journal) }
        term = try check.term(p.term, "term")
        if p.hasStandby { standby = try StandbyStatus(p.standby) }
        isStandby = p.isStandby
    }
}

extension WorkerStatus {
    fileprivate var proto: PWorkerStatus {
        var p = PWorkerStatus()
        p.id = id.value
        p.hostName = named(hostName)
        p.processID = processID
        p.firstLayer = UInt32(layers?.lowerBound ?? 0)
        p.endLayer = UInt32(layers?.upperBound ?? 0)
        p.state = clipped(state)
        p.residentBytes = min(residentBytes, Limits.memoryBytes)
        p.memoryBytes = min(memoryBytes, Limits.memoryBytes)
        p.plannedBytes = min(plannedBytes, Limits.memoryBytes)
        p.weightBytes = min(weightBytes, Limits.memoryBytes)
        p.keyValueBytes = min(keyValueBytes, Limits.memoryBytes)
        p.cores = UInt32(min(cores, Limits.cores))
        p.threads = UInt32(min(threads, Limits.cores))
        p.instructionLevel = named(instructionLevel)
        p.readBytesPerSecond = clipped(speed: readBytesPerSecond, to: Limits.bytesPerSecond)
        p.int8OperationsPerSecond = clipped(speed: int8OperationsPerSecond, to: Limits.operationsPerSecond)
        p.transferredBytes = min(transferredBytes, Limits.memoryBytes)
        p.cachedBytes = min(cachedBytes, Limits.memoryBytes)
        p.stepsCompleted = min(stepsCompleted, Limits.total)
        p.build = named(build)
        return p
    }

    fileprivate init(_ p: PWorkerStatus) throws(WireError) {
        let check = Check("WorkerStatus")
        self.init(id: WorkerID(p.id))
        hostName = try check.name(p.hostName, "hostName")
        processID = try check.id(p.processID, "processID")
        let range = try check.layers(p.firstLayer, p.endLayer, least: 0)
        layers = range.isEmpty ? nil : range
        state = try check.text(p.state, "state")
        residentBytes = try check.number(p.residentBytes, "residentBytes", to: Limits.memoryBytes)
        memoryBytes = try check.number(p.memoryBytes, "memoryBytes", to: Limits.memoryBytes)
        plannedBytes = try check.number(p.plannedBytes, "plannedBytes", to: Limits.memoryBytes)
        weightBytes = try check.number(p.weightBytes, "weightBytes", to: Limits.memoryBytes)
        keyValueBytes = try check.number(p.keyValueBytes, "keyValueBytes", to: Limits.memoryBytes)
        cores = try check.count(p.cores, "cores", to: Limits.cores)
        threads = try check.count(p.threads, "threads", to: Limits.cores)
        instructionLevel = try check.name(p.instructionLevel, "instructionLevel")
        readBytesPerSecond = try check.speed(p.readBytesPerSecond, "readBytesPerSecond", in: Limits.bytesPerSecond)
        int8OperationsPerSecond = try check.speed(
            p.int8OperationsPerSecond, "int8OperationsPerSecond", in: Limits.operationsPerSecond)
        transferredBytes = try check.number(p.transferredBytes, "transferredBytes", to: Limits.memoryBytes)
        cachedBytes = try check.number(p.cachedBytes, "cachedBytes", to: Limits.memoryBytes)
        stepsCompleted = try check.number(p.stepsCompleted, "stepsCompleted", to: Limits.total)
        build = try check.name(p.build, "build")
    }
}

extension RequestStatus {
    fileprivate var proto: PRequestStatus {
        var p = PRequestStatus()
        p.id = id.value
        p.state = named(state)
        p.promptTokens = UInt32(promptTokens)
        p.generatedTokens = UInt32(generatedTokens)
        p.computedTokens = UInt32(computedTokens)
        return p
    }

    fileprivate init(_ p: PRequestStatus) throws(WireError) {
        let check = Check("RequestStatus")
        self.init(
            id: RequestID(p.id), state: try check.name(p.state, "state"),
            promptTokens: try check.count(p.promptTokens, "promptTokens", to: RequestLimits.sequenceTokens),
            generatedTokens: try check.count(p.generatedTokens, "generatedTokens", to: RequestLimits.sequenceTokens))
        computedTokens = try check.count(p.computedTokens, "computedTokens", to: RequestLimits.sequenceTokens)
    }
}

extension StageStatus {
    fileprivate var proto: PStageStatus {
        var p = PStageStatus()
        p.worker = worker.value
        p.steps = min(steps, Limits.total)
        p.tokens = min(tokens, Limits.total)
        p.total = total.proto(upTo: Limits.total)
        p.recentBusy = recentBusy
        p.queuedSteps = UInt32(queuedSteps)
        p.decodingTokens = clipped(figure: decodingTokens)
        p.decodingMicroseconds = clipped(figure: decodingMicroseconds)
        p.predictedMicroseconds = clipped(figure: predictedMicroseconds)
        return p
    }

    fileprivate init(_ p: PStageStatus) throws(WireError) {
        let check = Check("StageStatus")
        self.init(worker: WorkerID(p.worker))
        steps = try check.number(p.steps, "steps", to: Limits.total)
        tokens = try check.number(p.tokens, "tokens", to: Limits.total)
        total = try check.microseconds(p.total, upTo: Limits.total)
        recentBusy = try check.number(p.recentBusy, "recentBusy", in: 0...1)
        queuedSteps = try check.count(p.queuedSteps, "queuedSteps", to: Limits.stepsInFlight)
        decodingTokens = try check.number(p.decodingTokens, "decodingTokens", in: Limits.figures)
        decodingMicroseconds = try check.number(p.decodingMicroseconds, "decodingMicroseconds", in: Limits.figures)
        predictedMicroseconds = try check.number(p.predictedMicroseconds, "predictedMicroseconds", in: Limits.figures)
    }
}

extension PipelineStatus {
    fileprivate var proto: PPipelineStatus {
        var p = PPipelineStatus()
        p.activeMicroseconds = min(activeMicroseconds, Limits.total)
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
            named.value = min(UInt64(clamping: counts[keyPath: count.path]), Limits.total)
            return named
        }
        p.cachedBlocks = UInt32(cachedBlocks)
        p.isSimulated = isSimulated
        p.keyValueType = named(keyValueType)
        p.pauseMicroseconds = min(pauseMicroseconds, Limits.total)
        return p
    }

    fileprivate init(_ p: PPipelineStatus) throws(WireError) {
        let check = Check("PipelineStatus")
        self.init()
        activeMicroseconds = try check.number(p.activeMicroseconds, "activeMicroseconds", to: Limits.total)
        bubble = try check.number(p.bubble, "bubble", in: 0...1)
        stepsInFlight = try check.count(p.stepsInFlight, "stepsInFlight", to: Limits.stepsInFlight)
        targetSteps = try check.count(p.targetSteps, "targetSteps", to: Limits.stepsInFlight)
        prefillBudget = try check.count(p.prefillBudget, "prefillBudget", to: Limits.batchTokens)
        waiting = try check.count(p.waiting, "waiting", to: Int(Int32.max))
        running = try check.count(p.running, "running", to: Int(Int32.max))
        queueLimit = try check.count(p.queueLimit, "queueLimit", to: Int(Int32.max))
        for named in try check.array(p.counts, "counts", atMost: Limits.namedCounts) {
            guard let count = PipelineCounts.all.first(where: { $0.name == named.name }) else { continue }
            counts[keyPath: count.path] = Int(try check.number(named.value, "counts", to: Limits.total))
        }
        cachedBlocks = try check.count(p.cachedBlocks, "cachedBlocks", to: Limits.keyValueBlocks)
        isSimulated = p.isSimulated
        keyValueType = try check.name(p.keyValueType, "keyValueType")
        pauseMicroseconds = try check.number(p.pauseMicroseconds, "pauseMicroseconds", to: Limits.total)
    }
}

extension JournalStatus {
    var proto: PJournalStatus {
        var p = PJournalStatus()
        p.folder = clipped(folder)
        p.segments = UInt32(clamping: min(segments, Limits.journalSegments))
        p.bytes = min(bytes, Limits.memoryBytes)
        p.requests = UInt32(clamping: requests)
        p.commits = min(commits, Limits.total)
        p.meanCommitMicroseconds = min(meanCommitMicroseconds, Limits.total)
        if let sinceCommitMilliseconds { p.sinceCommitMilliseconds = min(sinceCommitMilliseconds, Limits.total) }
        if let problem {
            p.problem = clipped(problem.why, to: Limits.reasonBytes)
            p.problemMilliseconds = min(problem.milliseconds, Limits.total)
        }
        return p
    }

    init(_ p: PJournalStatus) throws(WireError) {
        let check = Check("JournalStatus")
        self.init()
        folder = try check.text(p.folder, "folder")
        segments = try check.count(p.segments, "segments", to: Limits.journalSegments)
        bytes = try check.number(p.bytes, "bytes", to: Limits.memoryBytes)
        requests = try check.count(p.requests, "requests", to: Int(UInt32.max))
        commits = try check.number(p.commits, "commits", to: Limits.total)
        meanCommitMicroseconds = try check.number(p.meanCommitMicroseconds, "meanCommitMicroseconds", to: Limits.total)
        if p.hasSinceCommitMilliseconds {
            sinceCommitMilliseconds = try check.number(
                p.sinceCommitMilliseconds, "sinceCommitMilliseconds", to: Limits.total)
        }
        if !p.problem.isEmpty {
            problem = Problem(
                why: try check.text(p.problem, "problem", atMost: Limits.reasonBytes),
                milliseconds: try check.number(p.problemMilliseconds, "problemMilliseconds", to: Limits.total))
        }
    }
}
