// Responsible for: the bytes of what is asked and answered about plans. Must not know: sockets, time.

import Sequences

extension PlanQuery {
    static let rules = [FieldRule(3, "PlanQuery.without", atMost: Limits.workers)]

    var proto: PPlanQuery {
        var p = PPlanQuery()
        p.version = version
        p.build = named(build)
        p.without = without.prefix(Limits.workers).map(named)
        p.workerCount = UInt32(clamping: min(workerCount ?? 0, Limits.workers))
        p.memoryBytes = min(memoryBytes, Limits.memoryBytes)
        p.isApplied = isApplied
        return p
    }

    init(_ p: PPlanQuery) throws(WireError) {
        let check = Check("PlanQuery")
        self.init()
        version = p.version
        build = try check.name(p.build, "build")
        if version != protocolVersion { return }
        for name in try check.array(p.without, "without", atMost: Limits.workers) {
            without.append(try check.name(name, "without"))
        }
        let count = try check.count(p.workerCount, "workerCount", to: Limits.workers)
        workerCount = count == 0 ? nil : count
        memoryBytes = try check.number(p.memoryBytes, "memoryBytes", to: Limits.memoryBytes)
        isApplied = p.isApplied
    }
}

extension PlanPreview {
    static let rules = [
        FieldRule(1, "PlanPreview.stages", atMost: Limits.workers, []),
        FieldRule(2, "PlanPreview.idle", atMost: Limits.workers),
        FieldRule(4, "PlanPreview.figures", []), FieldRule(5, "PlanPreview.serving", []),
        FieldRule(6, "PlanPreview.move", []),
    ]

    var proto: PPlanPreview {
        var p = PPlanPreview()
        p.stages = stages.prefix(Limits.workers).map(\.proto)
        p.idle = idle.prefix(Limits.workers).map(named)
        p.keyValueBlockCount = UInt32(clamping: min(blockCount, Limits.keyValueBlocks))
        p.figures = figures.proto
        if let serving { p.serving = serving.proto }
        p.move.weightBytes = min(move.weightBytes, Limits.memoryBytes)
        p.move.weightSeconds = clipped(figure: move.weightSeconds)
        p.move.blocks = UInt32(clamping: min(move.blocks, Limits.keyValueBlocks))
        p.move.keyValueBytes = min(move.keyValueBytes, Limits.memoryBytes)
        p.move.keyValueSeconds = clipped(figure: move.keyValueSeconds)
        (p.isServing, p.isApplied) = (isServing, isApplied)
        return p
    }

    init(_ p: PPlanPreview) throws(WireError) {
        let check = Check("PlanPreview")
        self.init()
        for stage in try check.array(p.stages, "stages", atMost: Limits.workers) { stages.append(try Stage(stage)) }
        for name in try check.array(p.idle, "idle", atMost: Limits.workers) {
            idle.append(try check.name(name, "idle"))
        }
        blockCount = try check.count(p.keyValueBlockCount, "keyValueBlockCount", to: Limits.keyValueBlocks)
        figures = try Figures(p.figures, stages: stages.count)
        if p.hasServing { serving = try Figures(p.serving, stages: Limits.workers) }
        move.weightBytes = try check.number(p.move.weightBytes, "weightBytes", to: Limits.memoryBytes)
        move.weightSeconds = try check.number(p.move.weightSeconds, "weightSeconds", in: Limits.figures)
        move.blocks = try check.count(p.move.blocks, "blocks", to: Limits.keyValueBlocks)
        move.keyValueBytes = try check.number(p.move.keyValueBytes, "keyValueBytes", to: Limits.memoryBytes)
        move.keyValueSeconds = try check.number(p.move.keyValueSeconds, "keyValueSeconds", in: Limits.figures)
        (isServing, isApplied) = (p.isServing, p.isApplied)
    }
}

extension PlanPreview.Stage {
    fileprivate var proto: PPlannedStage {
        var p = PPlannedStage()
        if let worker { p.worker = worker.value }
        p.name = named(name)
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.memoryBytes = min(memoryBytes, Limits.memoryBytes)
        p.plannedBytes = min(plannedBytes, Limits.memoryBytes)
        p.weightBytes = min(weightBytes, Limits.memoryBytes)
        p.keyValueBytes = min(keyValueBytes, Limits.memoryBytes)
        p.fetchedBytes = min(fetchedBytes, Limits.memoryBytes)
        p.decodingMicroseconds = clipped(figure: decodingMicroseconds)
        p.promptMicroseconds = clipped(figure: promptMicroseconds)
        return p
    }

    fileprivate init(_ p: PPlannedStage) throws(WireError) {
        let check = Check("PlannedStage")
        self.init(
            worker: p.hasWorker ? WorkerID(p.worker) : nil, layers: try check.layers(p.firstLayer, p.endLayer, least: 1)
        )
        name = try check.name(p.name, "name")
        memoryBytes = try check.number(p.memoryBytes, "memoryBytes", to: Limits.memoryBytes)
        plannedBytes = try check.number(p.plannedBytes, "plannedBytes", to: Limits.memoryBytes)
        weightBytes = try check.number(p.weightBytes, "weightBytes", to: Limits.memoryBytes)
        keyValueBytes = try check.number(p.keyValueBytes, "keyValueBytes", to: Limits.memoryBytes)
        fetchedBytes = try check.number(p.fetchedBytes, "fetchedBytes", to: Limits.memoryBytes)
        decodingMicroseconds = try check.number(p.decodingMicroseconds, "decodingMicroseconds", in: Limits.figures)
        promptMicroseconds = try check.number(p.promptMicroseconds, "promptMicroseconds", in: Limits.figures)
    }
}

extension PlanPreview.Figures {
    fileprivate var proto: PPlanFigures {
        var p = PPlanFigures()
        p.oneAnswer = clipped(figure: oneAnswer)
        p.manyAnswers = clipped(figure: manyAnswers)
        p.answers = UInt32(clamping: min(answers, Limits.stepItems))
        p.prompt = clipped(figure: prompt)
        p.promptTokens = UInt32(clamping: min(promptTokens, Limits.batchTokens))
        p.decodingBottleneck = UInt32(clamping: decodingBottleneck)
        p.promptBottleneck = UInt32(clamping: promptBottleneck)
        return p
    }

    fileprivate init(_ p: PPlanFigures, stages: Int) throws(WireError) {
        let check = Check("PlanFigures")
        self.init()
        oneAnswer = try check.number(p.oneAnswer, "oneAnswer", in: Limits.figures)
        manyAnswers = try check.number(p.manyAnswers, "manyAnswers", in: Limits.figures)
        answers = try check.count(p.answers, "answers", to: Limits.stepItems)
        prompt = try check.number(p.prompt, "prompt", in: Limits.figures)
        promptTokens = try check.count(p.promptTokens, "promptTokens", to: Limits.batchTokens)
        decodingBottleneck = try check.count(p.decodingBottleneck, "decodingBottleneck", to: max(0, stages - 1))
        promptBottleneck = try check.count(p.promptBottleneck, "promptBottleneck", to: max(0, stages - 1))
    }
}
