// Responsible for: the bytes of what the coordinator says to a client. Must not know: sockets, time.

import Sequences

extension ClientReply {
    private static let rules = [
        FieldRule(1, "ClientReply.accepted", []), FieldRule(8, "ClientReply.scores", []),
        FieldRule(2, "ClientReply.tokens", [FieldRule(2, "TokensEvent.tokens", atMost: Limits.stepItems, [])]),
        FieldRule(
            4, "ClientReply.failed",
            [
                FieldRule(2, "RequestFailure.message", [FieldRule(1, "Sentence.parts", atMost: Limits.sentenceParts)]),
                FieldRule(3, "RequestFailure.hint", [FieldRule(1, "Sentence.parts", atMost: Limits.sentenceParts)]),
            ]),
        FieldRule(
            5, "ClientReply.waiting",
            [FieldRule(2, "Waiting.explanation", [FieldRule(1, "Sentence.parts", atMost: Limits.sentenceParts)])]),
        FieldRule(
            6, "ClientReply.status",
            [
                FieldRule(6, "StatusReply.workers", atMost: Limits.workers),
                FieldRule(7, "StatusReply.requests", atMost: Limits.listedRequests),
                FieldRule(14, "StatusReply.stages", atMost: Limits.workers),
                FieldRule(
                    15, "StatusReply.pipeline", [FieldRule(8, "PipelineStatus.counts", atMost: Limits.namedCounts)]),
                FieldRule(80, "StatusReply.change", []), FieldRule(101, "StatusReply.standby", []),
                FieldRule(120, "StatusReply.journal", []),
            ]),
        FieldRule(
            10, "ClientReply.notice",
            [FieldRule(2, "Waiting.explanation", [FieldRule(1, "Sentence.parts", atMost: Limits.sentenceParts)])]),
        FieldRule(
            11, "ClientReply.measurements",
            [
                FieldRule(1, "Measurements.clocks", atMost: Limits.workers),
                FieldRule(2, "Measurements.links", atMost: Limits.measuredLinks),
            ]),
        FieldRule(
            80, "ClientReply.drain",
            [FieldRule(2, "DrainReply.sentence", [FieldRule(1, "Sentence.parts", atMost: Limits.sentenceParts)])]),
        FieldRule(90, "ClientReply.planPreview", PlanPreview.rules),
        FieldRule(100, "ClientReply.standbyPlace", []), FieldRule(101, "ClientReply.elsewhere", []),
    ]

    package func encode() -> [UInt8] {
        var frame = PClientReply()
        switch self {
        case .event(let id, let event): event.encode(id, into: &frame)
        case .failed(let id, let error): frame.failed = error.proto(id)
        case .status(let status): frame.status = status.proto
        case .measurements(let measurements): frame.measurements = measurements.proto
        case .drain(let reply): frame.drain = reply.proto
        case .planPreview(let preview): frame.planPreview = preview.proto
        case .pong(let clock): frame.pong.clockMicroseconds = min(clock, Limits.clockMicroseconds)
        case .refusal(let refusal): frame.refusal = clipped(refusal.reason)
        case .standbyPlace(let place): frame.standbyPlace = place.proto
        case .elsewhere(let place): frame.elsewhere = place.proto
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(PClientReply.self, "ClientReply", bytes, atMost: Limits.headerBytes, Self.rules)
        let check = Check("ClientReply")
        switch frame.kind {
        case .accepted(let p): self = .event(ClientRequestID(p.id), try GenerationEvent(p))
        case .tokens(let p): self = .event(ClientRequestID(p.id), try GenerationEvent(p))
        case .scores(let p):
            let values = try check.logProbabilities(
                p.logProbabilities, "logProbabilities", atMost: Limits.batchTokens)
            self = .event(ClientRequestID(p.id), .scores(values))
        case .finished(let p): self = .event(ClientRequestID(p.id), try GenerationEvent(p))
        case .failed(let p): self = .failed(ClientRequestID(p.id), try TandemError(p))
        case .waiting(let p):
            self = .event(ClientRequestID(p.id), .waiting(try check.sentence(p.explanation, "explanation")))
        case .notice(let p):
            self = .event(ClientRequestID(p.id), .notice(try check.sentence(p.explanation, "notice")))
        case .status(let status): self = .status(try StatusReply(status))
        case .measurements(let measurements): self = .measurements(try Measurements(measurements))
        case .drain(let reply): self = .drain(try DrainReply(reply))
        case .planPreview(let preview): self = .planPreview(try PlanPreview(preview))
        case .pong(let pong):
            let clock = try check.number(pong.clockMicroseconds, "clockMicroseconds", to: Limits.clockMicroseconds)
            self = .pong(clockMicroseconds: clock)
        case .refusal(let reason):
            self = .refusal(Refusal(reason: try check.text(reason, "refusal")))
        case .standbyPlace(let place): self = .standbyPlace(try CoordinatorPlace(place))
        case .elsewhere(let place): self = .elsewhere(try CoordinatorPlace(place))
        case nil: throw check.missing()
        }
    }
}

extension GenerationEvent {
    fileprivate func encode(_ id: ClientRequestID, into frame: inout PClientReply) {
        switch self {
        case .accepted(let model, let promptTokens, let droppedMessages):
            frame.accepted.id = id.value
            frame.accepted.modelName = named(model)
            frame.accepted.promptTokens = promptTokens
            frame.accepted.droppedMessages = UInt32(droppedMessages)
        case .waiting(let explanation):
            frame.waiting.id = id.value
            frame.waiting.explanation = explanation.proto
        case .notice(let notice):
            frame.notice.id = id.value
            frame.notice.explanation = notice.proto
        case .reasoning(let tokens, let text):
            frame.tokens.id = id.value
            frame.tokens.tokens = tokens.map(\.proto)
            frame.tokens.text = text
            frame.tokens.isReasoning = true
        case .tokens(let tokens, let text):
            frame.tokens.id = id.value
            frame.tokens.tokens = tokens.map(\.proto)
            if let text { frame.tokens.text = text }
        case .scores(let values):
            frame.scores.id = id.value
            frame.scores.logProbabilities = values
        case .finished(let reason, let timings):
            frame.finished = timings.proto
            frame.finished.id = id.value
            frame.finished.reason = reason.number
        }
    }

    fileprivate init(_ p: PAccepted) throws(WireError) {
        let check = Check("Accepted")
        self = .accepted(
            model: try check.name(p.modelName, "modelName"),
            promptTokens: try check.ids(p.promptTokens, "promptTokens", atMost: RequestLimits.sequenceTokens),
            droppedMessages: try check.count(p.droppedMessages, "droppedMessages", to: RequestLimits.chatMessages))
    }

    fileprivate init(_ p: PTokensEvent) throws(WireError) {
        let check = Check("TokensEvent")
        var tokens: [SampledToken] = []
        for entry in try check.array(p.tokens, "tokens", atMost: Limits.stepItems) {
            tokens.append(try SampledToken(entry))
        }
        let text = p.hasText ? try check.string(p.text, "text", atMost: RequestLimits.promptBytes) : nil
        self = p.isReasoning ? .reasoning(tokens, text: text ?? "") : .tokens(tokens, text: text)
    }

    fileprivate init(_ p: PFinished) throws(WireError) {
        guard let reason = FinishReason.allCases.first(where: { $0.number == p.reason }) else {
            throw WireError("Finished.reason is \(p.reason), but must be 1 to 3")
        }
        self = .finished(reason, try GenerationTimings(p))
    }
}

extension FinishReason {
    fileprivate var number: UInt32 {
        switch self {
        case .stop: 1
        case .length: 2
        case .cancelled: 3
        }
    }
}

extension GenerationTimings {
    fileprivate var proto: PFinished {
        var p = PFinished()
        p.promptTokens = UInt32(promptTokens)
        p.promptSeconds = min(promptSeconds, Limits.seconds)
        p.generatedTokens = UInt32(generatedTokens)
        p.decodeSeconds = min(decodeSeconds, Limits.seconds)
        p.firstTokenSeconds = min(firstTokenSeconds, Limits.seconds)
        return p
    }

    fileprivate init(_ p: PFinished) throws(WireError) {
        let check = Check("Finished")
        self.init()
        promptTokens = try check.count(p.promptTokens, "promptTokens", to: RequestLimits.sequenceTokens)
        promptSeconds = try check.number(p.promptSeconds, "promptSeconds", in: 0...Limits.seconds)
        generatedTokens = try check.count(p.generatedTokens, "generatedTokens", to: RequestLimits.sequenceTokens)
        decodeSeconds = try check.number(p.decodeSeconds, "decodeSeconds", in: 0...Limits.seconds)
        firstTokenSeconds = try check.number(
            p.firstTokenSeconds, "firstTokenSeconds", in: 0...Limits.seconds)
    }
}

extension TandemError {
    fileprivate func proto(_ id: ClientRequestID) -> PRequestFailure {
        var p = PRequestFailure()
        p.id = id.value
        p.message = message.proto
        if let hint { p.hint = hint.proto }
        p.retryAfterMilliseconds = min(retryAfterMilliseconds ?? 0, Limits.milliseconds)
        switch kind {
        case .invalid: p.kind = 1
        case .notFound: p.kind = 2
        case .overloaded: p.kind = 3
        case .unavailable: p.kind = 4
        case .cancelled: p.kind = 5
        case .internal: p.kind = 6
        case .forbidden: p.kind = 7
        }
        return p
    }

    fileprivate init(_ p: PRequestFailure) throws(WireError) {
        let check = Check("RequestFailure")
        let kind: Kind
        switch p.kind {
        case 1: kind = .invalid
        case 2: kind = .notFound
        case 3:
            kind = .overloaded(
                retryAfterMilliseconds: try check.number(
                    p.retryAfterMilliseconds, "retryAfterMilliseconds", to: Limits.milliseconds))
        case 4: kind = .unavailable
        case 5: kind = .cancelled
        case 6: kind = .internal
        case 7: kind = .forbidden
        default: throw WireError("RequestFailure.kind is \(p.kind), but must be 1 to 7")
        }
        self.init(
            try check.sentence(p.message, "message"), kind: kind,
            hint: p.hasHint ? try check.sentence(p.hint, "hint") : nil)
    }
}
