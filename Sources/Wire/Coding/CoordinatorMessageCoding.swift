// Responsible for: the bytes of what the coordinator says to a worker. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension CoordinatorMessage {
    private static let rules =
        [
            FieldRule(3, "Assign", [FieldRule(81, "Assign.copied", atMost: Limits.workers, [])]),
            FieldRule(
                120, "BlockTexts", [FieldRule(2, "Holding", [])]),
            FieldRule(
                83, "CoordinatorMessage.drainRefused", [FieldRule(1, "Sentence.parts", atMost: Limits.sentenceParts)]),
        ] + FieldRule.once([1, 4, 5, 6, 8, 80, 82, 101, 102, 103, 104], in: "CoordinatorMessage")

    package func encode() -> [UInt8] {
        var frame = PCoordinatorMessage()
        switch self {
        case .welcome(let welcome): frame.welcome = welcome.proto
        case .refusal(let refusal): frame.refusal = clipped(refusal.reason)
        case .assign(let assign): frame.assign = assign.proto
        case .heartbeat: frame.heartbeat = PEmpty()
        case .release(let release):
            frame.release.epoch = release.epoch.value
            frame.release.sequences = release.sequences.map(\.value)
        case .rejoin: frame.rejoin = PEmpty()
        case .standby(let epoch): frame.standby = epoch.value
        case .skip(let skip):
            frame.skip.epoch = skip.epoch.value
            frame.skip.steps = skip.steps.map(\.value)
        case .measure(let measure): frame.measure = measure.proto
        case .copyBlocks(let order): frame.copyBlocks = order.proto
        case .drop(let epoch): frame.drop = epoch.value
        case .drained: frame.drained = PEmpty()
        case .drainRefused(let why): frame.drainRefused = why.proto
        case .beat(let number): frame.beat = number
        case .candidate(let candidate): frame.candidate = candidate.proto
        case .standbyPlace(let place): frame.standbyPlace = place.proto
        case .successor(let place): frame.successor = place.proto
        case .elsewhere: frame.elsewhere = PEmpty()
        case .texts(let epoch, let holding):
            frame.texts.epoch = epoch.value
            frame.texts.holding = holding.proto
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(
            PCoordinatorMessage.self, "CoordinatorMessage", bytes, atMost: Limits.headerBytes, Self.rules)
        let check = Check("CoordinatorMessage")
        switch frame.kind {
        case .welcome(let welcome): self = .welcome(try Welcome(welcome))
        case .refusal(let reason):
            self = .refusal(Refusal(reason: try check.text(reason, "refusal")))
        case .assign(let assign): self = .assign(try Assign(assign))
        case .heartbeat: self = .heartbeat
        case .release(let release):
            let ids = try check.array(release.sequences, "sequences", atMost: Limits.stepItems)
            self = .release(Release(epoch: Epoch(release.epoch), sequences: ids.map { SequenceID($0) }))
        case .rejoin: self = .rejoin
        case .standby(let epoch): self = .standby(Epoch(epoch))
        case .skip(let skip):
            let steps = try check.array(skip.steps, "steps", atMost: Limits.stepsInFlight)
            self = .skip(Skip(epoch: Epoch(skip.epoch), steps: steps.map { StepID($0) }))
        case .measure(let measure): self = .measure(try Measure(measure))
        case .copyBlocks(let order): self = .copyBlocks(try CopyBlocks(order))
        case .drop(let epoch): self = .drop(Epoch(epoch))
        case .drained: self = .drained
        case .drainRefused(let why): self = .drainRefused(try check.sentence(why, "drainRefused"))
        case .beat(let number): self = .beat(number)
        case .candidate(let candidate): self = .candidate(try Candidate(candidate))
        case .standbyPlace(let place): self = .standbyPlace(try CoordinatorPlace(place))
        case .successor(let place): self = .successor(try CoordinatorPlace(place))
        case .elsewhere: self = .elsewhere
        case .texts(let texts): self = .texts(Epoch(texts.epoch), try Holding(texts.holding))
        case nil: throw check.missing()
        }
    }
}

extension Welcome {
    fileprivate var proto: PWelcome {
        var p = PWelcome()
        p.version = version
        p.build = named(build)
        p.weightsEndpoint = weightsEndpoint
        p.tokensEndpoint = tokensEndpoint
        p.modelName = named(modelName)
        p.asksHolding = asksHolding
        if let model { p.model = .init(model.bytes) }
        p.term = UInt32(term.value)
        return p
    }

    fileprivate init(_ p: PWelcome) throws(WireError) {
        let check = Check("Welcome")
        self.init(
            build: try check.name(p.build, "build"),
            weightsEndpoint: try check.endpoint(p.weightsEndpoint, "weightsEndpoint"),
            tokensEndpoint: try check.endpoint(p.tokensEndpoint, "tokensEndpoint"),
            modelName: try check.name(p.modelName, "modelName"))
        version = p.version
        asksHolding = p.asksHolding
        term = try check.term(p.term, "term")
        if !p.model.isEmpty { model = try check.hash(p.model, "model") }
    }
}

extension Check {
    /// Layers whose inputs are the outputs of some layers, in ascending order.
    func outputs(_ values: [UInt32], _ field: String, of layers: Range<Int>) throws(WireError) -> [Int] {
        var outputs: [Int] = []
        for value in try array(values, field, atMost: layers.count) {
            outputs.append(
                try count(value, field, from: (outputs.last ?? layers.lowerBound) + 1, to: layers.upperBound))
        }
        return outputs
    }

    /// The same with the epochs that began them.
    func outputs(_ values: [UInt32], _ since: [UInt64], of layers: Range<Int>) throws(WireError) -> [KeptOutputs] {
        let outputs = try outputs(values, "outputsLayers", of: layers)
        guard outputs.count == since.count else {
            throw WireError("\(message).outputsSince has \(since.count) entries for \(outputs.count) layers")
        }
        return zip(outputs, since).map { KeptOutputs(layer: $0, since: Epoch($1)) }
    }
}

extension Assign {
    /// Only a stage beside another has copied layers; they are its own, ascending, and none that it keeps.
    fileprivate func checkCopied() throws(WireError) {
        var next = layers.lowerBound
        for source in copied {
            let isKept = source.layers.contains { layer in
                !keptSince.isEmpty && layers.contains(layer) && keptSince[layer - layers.lowerBound] != .none
            }
            guard isBeside, source.layers.lowerBound >= next, source.layers.upperBound <= layers.upperBound, !isKept
            else { throw WireError("Assign.copied has layers \(source.layers), which are not to be copied") }
            next = source.layers.upperBound
        }
    }

    fileprivate var proto: PAssign {
        var p = PAssign()
        p.epoch = epoch.value
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.layerCount = UInt32(layerCount)
        p.modelDescription = .init(modelDescription)
        p.keyValueBlockCount = UInt32(keyValueBlockCount)
        p.maximumBatchTokens = UInt32(maximumBatchTokens)
        p.activationsPerToken = UInt32(activationsPerToken)
        if case .stage(let endpoint, let worker, let key) = next {
            p.nextEndpoint = endpoint
            p.nextWorker = worker.value
            if let key { p.nextKey = .init(key.bytes) }
        }
        if let previous { p.previousWorker = previous.value }
        if let previousKey { p.previousKey = .init(previousKey.bytes) }
        p.stageIndex = UInt32(stageIndex)
        p.stageCount = UInt32(stageCount)
        p.vocabularySize = UInt32(vocabularySize)
        p.contextLength = UInt32(contextLength)
        p.keptSince = keptSince.map(\.value)
        p.outputsLayers = outputs.map { UInt32($0.layer) }
        p.outputsSince = outputs.map(\.since.value)
        if let model { p.model = .init(model.bytes) }
        p.isBeside = isBeside
        p.copied = copied.map(\.proto)
        return p
    }

    fileprivate init(_ p: PAssign) throws(WireError) {
        let check = Check("Assign")
        let layers = try check.layers(p.firstLayer, p.endLayer, least: 1)
        let layerCount = try check.count(p.layerCount, "layerCount", from: layers.upperBound, to: Limits.layers)
        _ = try check.count(p.modelDescription.count, "modelDescription's bytes", to: Limits.descriptionBytes)
        let endpoint = try check.endpoint(p.nextEndpoint, "nextEndpoint")
        let stageCount = try check.count(p.stageCount, "stageCount", from: 1, to: Limits.workers)
        let stageIndex = try check.count(p.stageIndex, "stageIndex", to: stageCount - 1)
        guard endpoint.isEmpty == (stageIndex == stageCount - 1), endpoint.isEmpty == (layers.upperBound == layerCount),
            (stageIndex == 0) == (layers.lowerBound == 0), (stageIndex == 0) == !p.hasPreviousWorker,
            endpoint.isEmpty == !p.hasNextWorker
        else {
            throw WireError(
                "Assign: stage \(stageIndex) of \(stageCount), layers \(layers) of \(layerCount) and next "
                    + "hop \"\(endpoint)\" contradict each other")
        }
        self.init(
            epoch: Epoch(p.epoch), layers: layers, layerCount: layerCount,
            modelDescription: Array(p.modelDescription),
            keyValueBlockCount: try check.count(
                p.keyValueBlockCount, "keyValueBlockCount", from: 1, to: Limits.keyValueBlocks),
            maximumBatchTokens: try check.count(
                p.maximumBatchTokens, "maximumBatchTokens", from: 1, to: Limits.batchTokens),
            activationsPerToken: try check.count(
                p.activationsPerToken, "activationsPerToken", from: 1, to: Limits.activationsPerToken),
            next: endpoint.isEmpty
                ? .tokens
                : .stage(endpoint: endpoint, WorkerID(p.nextWorker), key: try check.key(p.nextKey, "nextKey")),
            previous: p.hasPreviousWorker ? WorkerID(p.previousWorker) : nil, stageIndex: stageIndex,
            stageCount: stageCount,
            vocabularySize: try check.count(p.vocabularySize, "vocabularySize", from: 1, to: Int(Int32.max)),
            contextLength: try check.count(p.contextLength, "contextLength", from: 1, to: RequestLimits.sequenceTokens))
        previousKey = try check.key(p.previousKey, "previousKey")
        if !p.model.isEmpty { model = try check.hash(p.model, "model") }
        keptSince = try check.array(p.keptSince, "keptSince", atMost: layers.count).map { Epoch($0) }
        outputs = try check.outputs(p.outputsLayers, p.outputsSince, of: layers)
        guard keptSince.isEmpty || keptSince.count == layers.count else {
            throw WireError("Assign keeps \(keptSince.count) layers of \(layers.count)")
        }
        isBeside = p.isBeside
        for source in try check.array(p.copied, "copied", atMost: Limits.workers) {
            copied.append(try CopySource(source))
        }
        try checkCopied()
    }
}
