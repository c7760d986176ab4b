// Responsible for: the bytes of what workers and clients say to the coordinator. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension ControlRequest {
    private static let rules = [
        FieldRule(
            16, "Generate",
            [
                FieldRule(
                    5, "Generate.conversation", [FieldRule(1, "Generate.messages", atMost: RequestLimits.chatMessages)]),
                FieldRule(10, "Generate.stops", atMost: RequestLimits.stops),
            ])
    ]

    package func encode() -> [UInt8] {
        var frame = PControlRequest()
        switch self {
        case .worker(.join(let join)): frame.join = join.proto
        case .worker(.loading(let loading)): frame.loading = loading.proto
        case .worker(.ready(let ready)): frame.ready = ready.proto
        case .worker(.failed(let failure)): frame.failed = failure.proto
        case .worker(.heartbeat(let heartbeat)): frame.heartbeat = heartbeat.proto
        case .worker(.link(let report)): frame.link = report.proto
        case .worker(.leave): frame.leave = PEmpty()
        case .client(.generate(let generate)): frame.generate = generate.proto
        case .client(.cancel(let id)): frame.cancel = id.value
        case .client(.ping): frame.ping = PEmpty()
        case .client(.statusQuery(let query)):
            frame.statusQuery.version = query.version
            frame.statusQuery.build = query.build
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(
            PControlRequest.self, "ControlRequest", bytes, atMost: Limits.headerBytes, Self.rules)
        switch frame.kind {
        case .join(let join): self = .worker(.join(try Join(join)))
        case .loading(let loading): self = .worker(.loading(Loading(loading)))
        case .ready(let ready): self = .worker(.ready(Ready(ready)))
        case .failed(let failure): self = .worker(.failed(try LoadFailure(failure)))
        case .heartbeat(let heartbeat): self = .worker(.heartbeat(WorkerHeartbeat(heartbeat)))
        case .link(let report): self = .worker(.link(try LinkReport(report)))
        case .leave: self = .worker(.leave)
        case .generate(let generate): self = .client(.generate(try Generate(generate)))
        case .cancel(let id): self = .client(.cancel(ClientRequestID(id)))
        case .statusQuery(let query):
            var value = StatusQuery()
            value.version = query.version
            value.build = try Check("StatusQuery").string(query.build, "build", atMost: Limits.nameBytes)
            self = .client(.statusQuery(value))
        case .ping: self = .client(.ping)
        case nil: throw Check("ControlRequest").missing()
        }
    }
}

extension Join {
    fileprivate var proto: PJoin {
        var p = PJoin()
        p.version = version
        p.build = clipped(build, to: Limits.nameBytes)
        p.attempt = attempt
        p.hostName = clipped(hostName, to: Limits.nameBytes)
        p.processID = processID
        p.memoryBytes = memoryBytes
        p.cores = UInt32(cores)
        p.threads = UInt32(threads)
        p.instructionLevel = clipped(instructionLevel, to: Limits.nameBytes)
        p.readBytesPerSecond = readBytesPerSecond
        p.int8OperationsPerSecond = int8OperationsPerSecond
        p.dataEndpoint = dataEndpoint
        if let cacheIdentity { p.cacheIdentity = .init(cacheIdentity.bytes) }
        p.isSimulated = isSimulated
        return p
    }

    fileprivate init(_ p: PJoin) throws(WireError) {
        let check = Check("Join")
        self.init()
        version = p.version
        build = try check.string(p.build, "build", atMost: Limits.nameBytes)
        if version != protocolVersion { return }
        attempt = p.attempt
        hostName = try check.string(p.hostName, "hostName", atMost: Limits.nameBytes)
        processID = p.processID
        memoryBytes = p.memoryBytes
        cores = try check.count(p.cores, "cores", to: 1 << 16)
        threads = try check.count(p.threads, "threads", to: 1 << 16)
        instructionLevel = try check.string(p.instructionLevel, "instructionLevel", atMost: Limits.nameBytes)
        readBytesPerSecond = try check.finite(p.readBytesPerSecond, "readBytesPerSecond")
        int8OperationsPerSecond = try check.finite(p.int8OperationsPerSecond, "int8OperationsPerSecond")
        dataEndpoint = try check.string(p.dataEndpoint, "dataEndpoint", atMost: Limits.nameBytes)
        if dataEndpoint.isEmpty { throw WireError("Join.dataEndpoint is empty") }
        isSimulated = p.isSimulated
        if !p.cacheIdentity.isEmpty { cacheIdentity = try check.hash(p.cacheIdentity, "cacheIdentity") }
    }
}

extension Loading {
    fileprivate var proto: PLoading {
        var p = PLoading()
        p.epoch = epoch.value
        p.bytesDone = bytesDone
        p.bytesTotal = bytesTotal
        return p
    }

    fileprivate init(_ p: PLoading) {
        self.init(epoch: Epoch(p.epoch), bytesDone: p.bytesDone, bytesTotal: p.bytesTotal)
    }
}

extension Ready {
    fileprivate var proto: PReady {
        var p = PReady()
        p.epoch = epoch.value
        p.transferredBytes = transferredBytes
        p.cachedBytes = cachedBytes
        return p
    }

    fileprivate init(_ p: PReady) {
        self.init(epoch: Epoch(p.epoch), transferredBytes: p.transferredBytes, cachedBytes: p.cachedBytes)
    }
}

extension LoadFailure {
    fileprivate var proto: PLoadFailure {
        var p = PLoadFailure()
        p.epoch = epoch.value
        p.message = clipped(message)
        return p
    }

    fileprivate init(_ p: PLoadFailure) throws(WireError) {
        self.init(
            epoch: Epoch(p.epoch),
            message: try Check("LoadFailure").string(p.message, "message", atMost: Limits.sentenceBytes))
    }
}

extension WorkerHeartbeat {
    fileprivate var proto: PWorkerHeartbeat {
        var p = PWorkerHeartbeat()
        p.epoch = epoch.value
        p.stepsCompleted = stepsCompleted
        p.busyMilliseconds = busyMilliseconds
        p.residentBytes = gauges.residentBytes
        p.transferredBytes = gauges.transferredBytes
        p.cachedBytes = gauges.cachedBytes
        return p
    }

    fileprivate init(_ p: PWorkerHeartbeat) {
        self.init()
        epoch = Epoch(p.epoch)
        stepsCompleted = p.stepsCompleted
        busyMilliseconds = p.busyMilliseconds
        gauges.residentBytes = p.residentBytes
        gauges.transferredBytes = p.transferredBytes
        gauges.cachedBytes = p.cachedBytes
    }
}
