// Responsible for: the bytes of what the coordinator says to a client. Must not know: sockets, time.

extension ClientReply {
    private static let rules = [
        FieldRule(2, "ClientReply.tokens", [FieldRule(2, "TokensEvent.tokens", atMost: Limits.stepItems)]),
        FieldRule(
            6, "ClientReply.status",
            [
                FieldRule(6, "StatusReply.workers", atMost: Limits.workers),
                FieldRule(7, "StatusReply.requests", atMost: Limits.listedRequests),
            ]),
    ]

    package func encode() -> [UInt8] {
        var frame = PClientReply()
        switch self {
        case .accepted(let accepted): frame.accepted = accepted.proto
        case .tokens(let tokens): frame.tokens = tokens.proto
        case .scores(let scores):
            frame.scores.id = scores.id.value
            frame.scores.logProbabilities = scores.logProbabilities
        case .finished(let finished): frame.finished = finished.proto
        case .failed(let failure):
            frame.failed.id = failure.id.value
            frame.failed.message = clipped(failure.message)
            if let hint = failure.hint { frame.failed.hint = clipped(hint) }
            if let after = failure.retryAfterMilliseconds { frame.failed.retryAfterMilliseconds = after }
        case .waiting(let waiting):
            frame.waiting.id = waiting.id.value
            frame.waiting.explanation = clipped(waiting.explanation)
        case .status(let status): frame.status = status.proto
        case .refusal(let refusal): frame.refusal = clipped(refusal.reason)
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(PClientReply.self, "ClientReply", bytes, atMost: Limits.headerBytes, Self.rules)
        let check = Check("ClientReply")
        func sentence(_ value: String, _ field: String) throws(WireError) -> String {
            try check.string(value, field, atMost: Limits.sentenceBytes)
        }
        switch frame.kind {
        case .accepted(let accepted): self = .accepted(try Accepted(accepted))
        case .tokens(let tokens): self = .tokens(try TokensEvent(tokens))
        case .scores(let p):
            let values = try check.array(p.logProbabilities, "logProbabilities", atMost: Limits.batchTokens)
            self = .scores(ScoresEvent(id: ClientRequestID(p.id), logProbabilities: values))
        case .finished(let finished): self = .finished(try Finished(finished))
        case .failed(let p):
            let hint = p.hasHint ? try sentence(p.hint, "hint") : nil
            self = .failed(
                RequestFailure(
                    id: ClientRequestID(p.id), message: try sentence(p.message, "message"), hint: hint,
                    retryAfterMilliseconds: p.hasRetryAfterMilliseconds ? p.retryAfterMilliseconds : nil))
        case .waiting(let p):
            self = .waiting(
                Waiting(id: ClientRequestID(p.id), explanation: try sentence(p.explanation, "explanation")))
        case .status(let status): self = .status(try StatusReply(status))
        case .refusal(let reason): self = .refusal(Refusal(reason: try sentence(reason, "refusal")))
        case nil: throw check.missing()
        }
    }
}

extension Accepted {
    fileprivate var proto: PAccepted {
        var p = PAccepted()
        p.id = id.value
        p.modelName = clipped(modelName, to: Limits.nameBytes)
        p.promptTokens = promptTokens
        p.droppedMessages = UInt32(droppedMessages)
        return p
    }

    fileprivate init(_ p: PAccepted) throws(WireError) {
        let check = Check("Accepted")
        self.init(
            id: ClientRequestID(p.id), modelName: try check.string(p.modelName, "modelName", atMost: Limits.nameBytes),
            promptTokens: try check.ids(p.promptTokens, "promptTokens", atMost: Limits.sequenceTokens),
            droppedMessages: try check.count(p.droppedMessages, "droppedMessages", to: Limits.chatMessages))
    }
}

extension TokensEvent {
    fileprivate var proto: PTokensEvent {
        var p = PTokensEvent()
        p.id = id.value
        p.tokens = tokens.map { token in
            var entry = PAnswerToken()
            entry.token = token.token
            if let value = token.logProbability { entry.logProbability = value }
            entry.topTokens = token.top.map(\.token)
            entry.topLogProbabilities = token.top.map(\.logProbability)
            return entry
        }
        if let text { p.text = text }
        return p
    }

    fileprivate init(_ p: PTokensEvent) throws(WireError) {
        let check = Check("TokensEvent")
        self.init(id: ClientRequestID(p.id), tokens: [], text: nil)
        for entry in try check.array(p.tokens, "tokens", atMost: Limits.stepItems) {
            tokens.append(
                AnswerToken(
                    token: try check.id(entry.token, "token"),
                    logProbability: entry.hasLogProbability ? entry.logProbability : nil,
                    top: try topTokens(entry.topTokens, entry.topLogProbabilities, check)))
        }
        if p.hasText { text = try check.string(p.text, "text", atMost: Limits.promptBytes) }
    }
}

/// The alternatives to a token, from the two arrays that carry them.
func topTokens(_ tokens: [Int32], _ values: [Float], _ check: Check) throws(WireError) -> [TokenProbability] {
    let ids = try check.ids(tokens, "topTokens", atMost: Limits.topLogProbabilities)
    guard values.count == ids.count else {
        throw WireError("\(check.message) has \(ids.count) top tokens and \(values.count) log-probabilities")
    }
    return zip(ids, values).map { TokenProbability(token: $0, logProbability: $1) }
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

extension Finished {
    fileprivate var proto: PFinished {
        var p = PFinished()
        p.id = id.value
        p.reason = reason.number
        if let text { p.text = text }
        p.promptTokens = UInt32(timings.promptTokens)
        p.promptSeconds = timings.promptSeconds
        p.generatedTokens = UInt32(timings.generatedTokens)
        p.decodeSeconds = timings.decodeSeconds
        p.firstTokenSeconds = timings.firstTokenSeconds
        return p
    }

    fileprivate init(_ p: PFinished) throws(WireError) {
        let check = Check("Finished")
        guard let reason = FinishReason.allCases.first(where: { $0.number == p.reason }) else {
            throw WireError("Finished.reason is \(p.reason), but must be 1 to 3")
        }
        var timings = Timings()
        timings.promptTokens = try check.count(p.promptTokens, "promptTokens", to: Limits.sequenceTokens)
        timings.promptSeconds = try check.finite(p.promptSeconds, "promptSeconds")
        timings.generatedTokens = try check.count(p.generatedTokens, "generatedTokens", to: Limits.sequenceTokens)
        timings.decodeSeconds = try check.finite(p.decodeSeconds, "decodeSeconds")
        timings.firstTokenSeconds = try check.finite(p.firstTokenSeconds, "firstTokenSeconds")
        let text = p.hasText ? try check.string(p.text, "text", atMost: Limits.promptBytes) : nil
        self.init(id: ClientRequestID(p.id), reason: reason, text: text, timings: timings)
    }
}
