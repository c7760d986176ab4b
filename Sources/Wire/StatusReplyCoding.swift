// Responsible for: the bytes of a status. Must not know: sockets, time.

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
        contextLength = try check.count(p.contextLength, "contextLength", to: Limits.sequenceTokens)
        layerCount = try check.count(p.layerCount, "layerCount", to: Limits.layers)
        uptimeMilliseconds = p.uptimeMilliseconds
        generatedTokens = p.generatedTokens
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
        p.readBandwidth = readBandwidth
        p.int8Speed = int8Speed
        p.transferredBytes = transferredBytes
        p.cachedBytes = cachedBytes
        p.stepsCompleted = stepsCompleted
        p.loadBytesDone = loadBytesDone
        p.loadBytesTotal = loadBytesTotal
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
        readBandwidth = try check.finite(p.readBandwidth, "readBandwidth")
        int8Speed = try check.finite(p.int8Speed, "int8Speed")
        transferredBytes = p.transferredBytes
        cachedBytes = p.cachedBytes
        stepsCompleted = p.stepsCompleted
        loadBytesDone = p.loadBytesDone
        loadBytesTotal = p.loadBytesTotal
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
            promptTokens: try check.count(p.promptTokens, "promptTokens", to: Limits.sequenceTokens),
            generatedTokens: try check.count(p.generatedTokens, "generatedTokens", to: Limits.sequenceTokens))
    }
}
