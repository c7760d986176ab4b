// Responsible for: the bytes of what workers and clients say to the coordinator. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension ControlRequest {
    private static let rules =
        [FieldRule(16, "Generate", Generate.rules), FieldRule(90, "PlanQuery", PlanQuery.rules)]
        + FieldRule.once([1, 2, 3, 4, 5, 6, 18, 19, 30, 40, 80, 81, 82, 85, 100, 101, 103, 120], in: "ControlRequest")

    package func encode() -> [UInt8] {
        var frame = PControlRequest()
        switch self {
        case .worker(.join(let join)): frame.join = join.proto
        case .worker(.loading(let loading)): frame.loading = loading.proto
        case .worker(.ready(let ready)): frame.ready = ready.proto
        case .worker(.failed(let failure)): frame.failed = failure.proto
        case .worker(.heartbeat(let heartbeat)): frame.heartbeat = heartbeat.proto
        case .worker(.link(let report)): frame.link = report.proto
        case .worker(.measured(let measured)): frame.measured = measured.proto
        case .worker(.holding(let holding)): frame.holding = holding.proto
        case .worker(.cached(let cached)): frame.cached = cached.proto
        case .worker(.copied(let copied)): frame.copied = copied.proto
        case .worker(.leaving): frame.leaving = PEmpty()
        case .worker(.leave): frame.leave = PEmpty()
        case .worker(.granted(let term)): frame.granted = UInt32(term.value)
        case .client(.generate(let generate)): frame.generate = generate.proto
        case .client(.cancel(let id)): frame.cancel = id.value
        case .client(.ping): frame.ping = PEmpty()
        case .client(.drain(let request)): frame.drain = request.proto
        case .client(.statusQuery(let query)):
            frame.statusQuery.version = query.version
            frame.statusQuery.build = query.build
        case .client(.measureQuery(let query)):
            frame.measureQuery.version = query.version
            frame.measureQuery.build = named(query.build)
        case .client(.planQuery(let query)): frame.planQuery = query.proto
        case .newcomer(let enrol): frame.enrol = enrol.proto
        case .standby(.follow(let follow)): frame.follow = follow.proto
        case .standby(.followed(let followed)): frame.followed = followed.proto
        case .standby(.superseded(let term)): frame.superseded = UInt32(term.value)
        case .standby(.unfollow): frame.unfollow = PEmpty()
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(
            PControlRequest.self, "ControlRequest", bytes, atMost: Limits.headerBytes, Self.rules)
        switch frame.kind {
        case .join(let join): self = .worker(.join(try Join(join)))
        case .loading(let loading): self = .worker(.loading(try Loading(loading)))
        case .ready(let ready): self = .worker(.ready(try Ready(ready)))
        case .failed(let failure): self = .worker(.failed(try LoadFailure(failure)))
        case .heartbeat(let heartbeat): self = .worker(.heartbeat(try WorkerHeartbeat(heartbeat)))
        case .link(let report): self = .worker(.link(try LinkReport(report)))
        case .measured(let measured): self = .worker(.measured(try Measured(measured)))
        case .holding(let holding): self = .worker(.holding(try Holding(holding)))
        case .cached(let cached): self = .worker(.cached(try CachedLayers(cached)))
        case .copied(let copied): self = .worker(.copied(try Copied(copied)))
        case .leaving: self = .worker(.leaving)
        case .leave: self = .worker(.leave)
        case .granted(let term): self = .worker(.granted(try Check("ControlRequest").term(term, "granted")))
        case .generate(let generate): self = .client(.generate(try Generate(generate)))
        case .cancel(let id): self = .client(.cancel(ClientRequestID(id)))
        case .statusQuery(let query):
            var value = StatusQuery()
            value.version = query.version
            value.build = try Check("StatusQuery").name(query.build, "build")
            self = .client(.statusQuery(value))
        case .measureQuery(let query):
            var value = MeasureQuery()
            value.version = query.version
            value.build = try Check("MeasureQuery").name(query.build, "build")
            self = .client(.measureQuery(value))
        case .planQuery(let query): self = .client(.planQuery(try PlanQuery(query)))
        case .ping: self = .client(.ping)
        case .drain(let request): self = .client(.drain(try DrainRequest(request)))
        case .enrol(let enrol): self = .newcomer(try Enrol(enrol))
        case .follow(let follow): self = .standby(.follow(try Follow(follow)))
        case .followed(let followed): self = .standby(.followed(try Followed(followed)))
        case .superseded(let term):
            self = .standby(.superseded(try Check("ControlRequest").term(term, "superseded")))
        case .unfollow: self = .standby(.unfollow)
        case nil: throw Check("ControlRequest").missing()
        }
    }
}

extension Join {
    fileprivate var proto: PJoin {
        var p = PJoin()
        p.version = version
        p.build = named(build)
        p.attempt = attempt
        p.hostName = named(hostName)
        p.processID = processID
        p.memoryBytes = min(memoryBytes, Limits.memoryBytes)
        p.cores = UInt32(min(cores, Limits.cores))
        p.threads = UInt32(min(threads, Limits.cores))
        p.instructionLevel = named(instructionLevel)
        p.readBytesPerSecond = clipped(speed: readBytesPerSecond, to: Limits.bytesPerSecond)
        p.int8OperationsPerSecond = clipped(speed: int8OperationsPerSecond, to: Limits.operationsPerSecond)
        p.dataEndpoint = dataEndpoint
        if let cacheIdentity { p.cacheIdentity = .init(cacheIdentity.bytes) }
        p.isSimulated = isSimulated
        p.workerID = worker.value
        p.term = UInt32(term.value)
        return p
    }

    fileprivate init(_ p: PJoin) throws(WireError) {
        let check = Check("Join")
        self.init()
        version = p.version
        build = try check.name(p.build, "build")
        if version != protocolVersion { return }
        attempt = p.attempt
        hostName = try check.name(p.hostName, "hostName")
        processID = try check.id(p.processID, "processID")
        memoryBytes = try check.number(p.memoryBytes, "memoryBytes", to: Limits.memoryBytes)
        cores = try check.count(p.cores, "cores", to: Limits.cores)
        threads = try check.count(p.threads, "threads", to: Limits.cores)
        instructionLevel = try check.name(p.instructionLevel, "instructionLevel")
        readBytesPerSecond = try check.speed(p.readBytesPerSecond, "readBytesPerSecond", in: Limits.bytesPerSecond)
        int8OperationsPerSecond = try check.speed(
            p.int8OperationsPerSecond, "int8OperationsPerSecond", in: Limits.operationsPerSecond)
        dataEndpoint = try check.endpoint(p.dataEndpoint, "dataEndpoint")
        if dataEndpoint.isEmpty { throw WireError("Join.dataEndpoint is empty") }
        isSimulated = p.isSimulated
        worker = WorkerID(p.workerID)
        term = try check.term(p.term, "term")
        if !p.cacheIdentity.isEmpty { cacheIdentity = try check.hash(p.cacheIdentity, "cacheIdentity") }
    }
}

extension Loading {
    fileprivate var proto: PLoading {
        var p = PLoading()
        p.epoch = epoch.value
        p.bytesTotal = min(bytesTotal, Limits.memoryBytes)
        p.bytesDone = min(bytesDone, p.bytesTotal)
        return p
    }

    fileprivate init(_ p: PLoading) throws(WireError) {
        let check = Check("Loading")
        let total = try check.number(p.bytesTotal, "bytesTotal", to: Limits.memoryBytes)
        self.init(
            epoch: Epoch(p.epoch), bytesDone: try check.number(p.bytesDone, "bytesDone", to: total), bytesTotal: total)
    }
}

extension Ready {
    fileprivate var proto: PReady {
        var p = PReady()
        p.epoch = epoch.value
        p.transferredBytes = min(transferredBytes, Limits.memoryBytes)
        p.cachedBytes = min(cachedBytes, Limits.memoryBytes)
        p.kept = hasKept
        return p
    }

    fileprivate init(_ p: PReady) throws(WireError) {
        let check = Check("Ready")
        self.init(
            epoch: Epoch(p.epoch),
            transferredBytes: try check.number(p.transferredBytes, "transferredBytes", to: Limits.memoryBytes),
            cachedBytes: try check.number(p.cachedBytes, "cachedBytes", to: Limits.memoryBytes),
            hasKept: p.kept)
    }
}

extension LoadFailure {
    fileprivate var proto: PLoadFailure {
        var p = PLoadFailure()
        p.epoch = epoch.value
        p.message = clipped(message, to: Limits.reasonBytes)
        return p
    }

    fileprivate init(_ p: PLoadFailure) throws(WireError) {
        self.init(
            epoch: Epoch(p.epoch),
            message: try Check("LoadFailure").text(p.message, "message", atMost: Limits.reasonBytes))
    }
}

extension WorkerHeartbeat {
    fileprivate var proto: PWorkerHeartbeat {
        var p = PWorkerHeartbeat()
        p.epoch = epoch.value
        p.stepsCompleted = min(stepsCompleted, Limits.total)
        p.busyMilliseconds = min(busyMilliseconds, Limits.milliseconds)
        p.residentBytes = min(gauges.residentBytes, Limits.memoryBytes)
        p.transferredBytes = min(gauges.transferredBytes, Limits.memoryBytes)
        p.cachedBytes = min(gauges.cachedBytes, Limits.memoryBytes)
        p.beat = beat
        p.processorShare = clipped(speed: gauges.processorShare, to: Limits.share)
        return p
    }

    fileprivate init(_ p: PWorkerHeartbeat) throws(WireError) {
        let check = Check("WorkerHeartbeat")
        self.init()
        epoch = Epoch(p.epoch)
        stepsCompleted = try check.number(p.stepsCompleted, "stepsCompleted", to: Limits.total)
        busyMilliseconds = try check.number(p.busyMilliseconds, "busyMilliseconds", to: Limits.milliseconds)
        gauges.residentBytes = try check.number(p.residentBytes, "residentBytes", to: Limits.memoryBytes)
        gauges.transferredBytes = try check.number(p.transferredBytes, "transferredBytes", to: Limits.memoryBytes)
        gauges.cachedBytes = try check.number(p.cachedBytes, "cachedBytes", to: Limits.memoryBytes)
        beat = p.beat
        gauges.processorShare = try check.speed(p.processorShare, "processorShare", in: Limits.share)
    }
}

// MARK: What a worker holds

extension CachedLayers {
    fileprivate var proto: PCachedLayers {
        var p = PCachedLayers()
        p.model = .init(model.bytes)
        p.firstLayers = layers.map { UInt32($0.lowerBound) }
        p.endLayers = layers.map { UInt32($0.upperBound) }
        return p
    }

    fileprivate init(_ p: PCachedLayers) throws(WireError) {
        let check = Check("CachedLayers")
        let firsts = try check.array(p.firstLayers, "firstLayers", atMost: Limits.layers)
        let ends = try check.array(p.endLayers, "endLayers", atMost: Limits.layers)
        guard firsts.count == ends.count else {
            throw WireError("CachedLayers has \(firsts.count) beginnings and \(ends.count) ends of layers")
        }
        self.init(model: try check.hash(p.model, "model"), layers: [])
        for (first, end) in zip(firsts, ends) {
            let range = try check.layers(first, end, least: 1)
            if let last = layers.last, last.upperBound >= range.lowerBound {
                throw WireError("CachedLayers.firstLayers do not ascend")
            }
            layers.append(range)
        }
    }
}

extension Holding {
    var proto: PHolding {
        var p = PHolding()
        guard let model else { return p }
        p.model = .init(model.bytes)
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.since = since.map(\.value)
        p.keyValueBlockCount = UInt32(keyValueBlockCount)
        p.outputsLayers = outputs.map { UInt32($0.layer) }
        p.outputsSince = outputs.map(\.since.value)
        let told = blocks.prefix(Limits.heldBlocks)
        p.blocks = told.map { UInt32($0.block) }
        p.parents = told.map { $0.parent.map { UInt32($0) + 1 } ?? 0 }
        p.restartLengths = told.map { UInt32($0.restartLength) }
        p.tokenCounts = told.map { UInt32($0.tokens.count) }
        p.tokens = told.flatMap(\.tokens)
        return p
    }

    init(_ p: PHolding) throws(WireError) {
        self.init()
        if p.model.isEmpty { return }
        let check = Check("Holding")
        model = try check.hash(p.model, "model")
        layers = try check.layers(p.firstLayer, p.endLayer, least: 1)
        since = try check.array(p.since, "since", atMost: layers.count).map { Epoch($0) }
        guard since.count == layers.count else {
            throw WireError("Holding.since has \(since.count) entries for \(layers.count) layers")
        }
        keyValueBlockCount = try check.count(
            p.keyValueBlockCount, "keyValueBlockCount", from: 1, to: Limits.keyValueBlocks)
        outputs = try check.outputs(p.outputsLayers, p.outputsSince, of: layers)
        blocks = try Self.blocks(p, check, count: keyValueBlockCount)
    }

    /// Ids that ascend are each of another block. Parents may say anything: who reads them begins at blocks that have none.
    private static func blocks(_ p: PHolding, _ check: Check, count: Int) throws(WireError) -> [Block] {
        let ids = try check.array(p.blocks, "blocks", atMost: Limits.heldBlocks)
        for (name, values) in [
            ("parents", p.parents), ("restartLengths", p.restartLengths), ("tokenCounts", p.tokenCounts),
        ] where values.count != ids.count {
            throw WireError("Holding.\(name) has \(values.count) entries for \(ids.count) blocks")
        }
        var rest = try check.ids(p.tokens, "tokens", atMost: ids.count * KeyValueBlock.positions)[...]
        var blocks: [Block] = []
        blocks.reserveCapacity(ids.count)
        for place in ids.indices {
            let block = Int32(try check.count(ids[place], "blocks", to: count - 1))
            if let last = blocks.last?.block, last >= block { throw WireError("Holding.blocks do not ascend") }
            let parent = try check.count(p.parents[place], "parents", to: count)
            let length = try check.count(
                p.restartLengths[place], "restartLengths", from: 1, to: RequestLimits.sequenceTokens)
            let tokens = try check.count(
                p.tokenCounts[place], "tokenCounts", from: 1, to: KeyValueBlock.positions)
            guard tokens <= rest.count else { throw WireError("Holding.tokens has too few for its blocks") }
            blocks.append(
                Block(
                    block: block, parent: parent == 0 ? nil : Int32(parent - 1), restartLength: length,
                    tokens: Array(rest.prefix(tokens))))
            rest = rest.dropFirst(tokens)
        }
        guard rest.isEmpty else { throw WireError("Holding.tokens has \(rest.count) more than its blocks") }
        return blocks
    }
}
