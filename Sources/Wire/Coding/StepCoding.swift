// Responsible for: the bytes of a step's header and of its result. Must not know: sockets, time.

import Sequences

extension Forward {
    private static let rules = [
        FieldRule(
            3, "Forward.items", atMost: Limits.stepItems,
            [FieldRule(6, "ForwardItem.begin", [FieldRule(1, "SequenceStart.sampling", [])])]),
        FieldRule(5, "Forward.timings", atMost: Limits.workers, []),
    ]

    package func encode() -> [UInt8] {
        var p = PForward()
        p.epoch = epoch.value
        p.step = step.value
        p.items = items.map(\.proto)
        p.activationCount = UInt32(activationCount)
        p.timings = timings.map { $0.proto(upTo: Limits.microseconds) }
        p.sentMicroseconds = sentMicroseconds
        p.rebuiltFirstLayer = UInt32(rebuilt?.lowerBound ?? 0)
        p.rebuiltEndLayer = UInt32(rebuilt?.upperBound ?? 0)
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PForward.self, "Forward", bytes, atMost: Limits.stepHeaderBytes, Self.rules)
        let check = Check("Forward")
        self.init(epoch: Epoch(p.epoch), step: StepID(p.step), items: [])
        var tokens = 0
        for item in try check.array(p.items, "items", atMost: Limits.stepItems) {
            items.append(try ForwardItem(item))
            tokens = try check.count(tokens + item.tokens.count, "items' tokens", to: Limits.batchTokens)
        }
        activationCount = try check.count(p.activationCount, "activationCount", to: Limits.activations)
        if activationCount % max(tokens, 1) != 0 || (items.isEmpty && activationCount > 0) {
            throw WireError("Forward.activationCount is \(activationCount), not a multiple of its \(tokens) tokens")
        }
        timings = try check.timings(p.timings)
        sentMicroseconds = try check.number(p.sentMicroseconds, "sentMicroseconds", to: Limits.total)
        let layers = try check.layers(p.rebuiltFirstLayer, p.rebuiltEndLayer, least: 0)
        rebuilt = layers.isEmpty ? nil : layers
    }
}

extension ForwardItem {
    fileprivate var proto: PForwardItem {
        var p = PForwardItem()
        p.sequence = sequence.value
        p.position = UInt32(position)
        p.tokens = tokens
        p.blocks = blocks
        p.sampleCount = UInt32(sampleCount)
        p.draftCount = UInt32(draftCount)
        p.restartLength = UInt32(restartLength)
        p.targets = targets
        if let begin {
            p.begin.sampling = begin.sampling.proto
            p.begin.promptTokenCount = UInt32(begin.promptTokenCount)
            p.begin.history = begin.history
        }
        return p
    }

    fileprivate init(_ p: PForwardItem) throws(WireError) {
        let check = Check("ForwardItem")
        let position = try check.count(p.position, "position", to: RequestLimits.sequenceTokens)
        let tokens = try check.ids(p.tokens, "tokens", atMost: Limits.batchTokens)
        _ = try check.count(tokens.count, "tokens' count", from: 1, to: Limits.batchTokens)
        let positions = position + tokens.count
        let needed = KeyValueBlock.count(forPositions: positions)
        let blocks = try check.ids(p.blocks, "blocks", atMost: Limits.keyValueBlocks)
        guard blocks.count == needed else {
            throw WireError("ForwardItem has \(blocks.count) blocks, but its \(positions) positions need \(needed)")
        }
        self.init(
            sequence: SequenceID(p.sequence), position: position, tokens: tokens, blocks: blocks,
            sampleCount: try check.count(p.sampleCount, "sampleCount", to: tokens.count),
            draftCount: try check.count(p.draftCount, "draftCount", to: min(tokens.count, Limits.draftTokens)))
        restartLength = try check.count(p.restartLength, "restartLength", from: 1, to: RequestLimits.sequenceTokens)
        targets = try check.ids(p.targets, "targets", atMost: tokens.count)
        if p.hasBegin { begin = try SequenceStart(p.begin, position: position) }
    }
}

extension SequenceStart {
    fileprivate init(_ p: PSequenceStart, position: Int) throws(WireError) {
        let check = Check("SequenceStart")
        self.init(
            sampling: try check.sampling(p.sampling),
            promptTokenCount: try check.count(p.promptTokenCount, "promptTokenCount", to: RequestLimits.sequenceTokens),
            history: try check.ids(p.history, "history", atMost: RequestLimits.sequenceTokens))
        if history.count != position {
            throw WireError("SequenceStart has \(history.count) tokens of history before position \(position)")
        }
    }
}

extension StepResult {
    private static let rules = [
        FieldRule(
            3, "StepResult.samples", atMost: Limits.batchTokens, [FieldRule(2, "SequenceSample.sample", [])]),
        FieldRule(4, "StepResult.timings", atMost: Limits.workers, []),
        FieldRule(5, "StepResult.scores", atMost: Limits.stepItems, []),
    ]

    package func encode() -> [UInt8] {
        var p = PStepResult()
        p.epoch = epoch.value
        p.step = step.value
        p.samples = samples.map { sample in
            var entry = PSequenceSample()
            entry.sequence = sample.sequence.value
            entry.sample = sample.sample.proto
            return entry
        }
        p.scores = scores.map { score in
            var entry = PSequenceScores()
            entry.sequence = score.sequence.value
            entry.logProbabilities = score.logProbabilities
            return entry
        }
        p.timings = timings.map { $0.proto(upTo: Limits.microseconds) }
        p.sentMicroseconds = sentMicroseconds
        p.damaged = damaged.map(\.value)
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PStepResult.self, "StepResult", bytes, atMost: Limits.stepHeaderBytes, Self.rules)
        let check = Check("StepResult")
        self.init(
            epoch: Epoch(p.epoch), step: StepID(p.step),
            timings: try check.timings(p.timings),
            sentMicroseconds: try check.number(p.sentMicroseconds, "sentMicroseconds", to: Limits.total))
        for entry in try check.array(p.samples, "samples", atMost: Limits.batchTokens) {
            samples.append(
                SequenceSample(sequence: SequenceID(entry.sequence), sample: try SampledToken(entry.sample)))
        }
        for entry in try check.array(p.scores, "scores", atMost: Limits.stepItems) {
            let values = try check.logProbabilities(
                entry.logProbabilities, "logProbabilities", atMost: Limits.batchTokens)
            scores.append(SequenceScores(sequence: SequenceID(entry.sequence), logProbabilities: values))
        }
        damaged = try check.array(p.damaged, "damaged", atMost: Limits.stepItems).map { SequenceID($0) }
    }
}

extension StageMicroseconds {
    func proto(upTo limit: UInt64) -> PStageMicroseconds {
        var p = PStageMicroseconds()
        p.wire = min(wire, limit)
        p.queue = min(queue, limit)
        p.compute = min(compute, limit)
        p.wait = min(wait, limit)
        return p
    }
}

extension Check {
    func microseconds(_ p: PStageMicroseconds, upTo limit: UInt64) throws(WireError) -> StageMicroseconds {
        StageMicroseconds(
            wire: try number(p.wire, "timings.wire", to: limit), queue: try number(p.queue, "timings.queue", to: limit),
            compute: try number(p.compute, "timings.compute", to: limit),
            wait: try number(p.wait, "timings.wait", to: limit))
    }

    fileprivate func timings(_ values: [PStageMicroseconds]) throws(WireError) -> [StageMicroseconds] {
        try array(values, "timings", atMost: Limits.workers).map { value throws(WireError) in
            try microseconds(value, upTo: Limits.microseconds)
        }
    }

    /// What a request may ask for, and nothing else.
    fileprivate func sampling(_ p: PSampling) throws(WireError) -> SamplingParameters {
        let sampling = try SamplingParameters(p)
        do { try sampling.validate() } catch { throw WireError("\(message).sampling: \(error.message)") }
        return sampling
    }
}
