// Responsible for: the bytes of a request and of sampling parameters. Must not know: sockets, time.

extension Generate {
    var proto: PGenerate {
        var p = PGenerate()
        p.version = version
        p.build = clipped(build, to: Limits.nameBytes)
        p.id = id.value
        switch prompt {
        case .text(let text): p.text = text
        case .messages(let messages):
            p.conversation = PConversation()
            p.conversation.messages = messages.map { message in
                var entry = PChatEntry()
                entry.role = message.role
                entry.content = message.content
                return entry
            }
        case .tokens(let tokens):
            p.tokens = PTokenList()
            p.tokens.tokens = tokens
        }
        p.isRaw = isRaw
        p.sampling = sampling.proto
        p.maximumTokens = UInt32(maximumTokens)
        p.stops = stops
        p.ignoresEndOfText = ignoresEndOfText
        p.priority = Int32(priority)
        if let scoringStart { p.scoringStart = UInt32(scoringStart) }
        return p
    }

    init(_ p: PGenerate) throws(WireError) {
        let check = Check("Generate")
        self.init(id: ClientRequestID(p.id), prompt: .text(""))
        version = p.version
        build = try check.string(p.build, "build", atMost: Limits.nameBytes)
        if version != protocolVersion { return }
        switch p.prompt {
        case .text(let text): prompt = .text(try check.string(text, "text", atMost: Limits.promptBytes))
        case .conversation(let conversation): prompt = .messages(try Self.entries(conversation))
        case .tokens(let list):
            prompt = .tokens(try check.ids(list.tokens, "tokens", atMost: Limits.sequenceTokens))
        case nil: throw WireError("Generate.prompt is missing")
        }
        isRaw = p.isRaw
        sampling = try SamplingParameters(p.sampling)
        maximumTokens = try check.count(p.maximumTokens, "maximumTokens", from: 1, to: Limits.sequenceTokens)
        stops = try check.array(p.stops, "stops", atMost: Limits.stops)
        for stop in stops { _ = try check.string(stop, "stops", atMost: Limits.stopBytes) }
        ignoresEndOfText = p.ignoresEndOfText
        priority = try check.count(p.priority, "priority", from: -Limits.priority, to: Limits.priority)
        if p.hasScoringStart {
            scoringStart = try check.count(p.scoringStart, "scoringStart", from: 1, to: Limits.sequenceTokens)
        }
    }

    private static func entries(_ p: PConversation) throws(WireError) -> [ChatEntry] {
        let check = Check("Generate")
        var entries: [ChatEntry] = []
        var bytes = 0
        for message in try check.array(p.messages, "messages", atMost: Limits.chatMessages) {
            let role = try check.string(message.role, "messages.role", atMost: Limits.nameBytes)
            bytes += message.content.utf8.count
            _ = try check.count(bytes, "messages' bytes", to: Limits.promptBytes)
            entries.append(ChatEntry(role: role, content: message.content))
        }
        return entries
    }
}

extension SamplingParameters {
    var proto: PSampling {
        var p = PSampling()
        p.temperature = temperature
        p.topK = UInt32(topK)
        p.topP = topP
        p.minP = minP
        p.repeatPenalty = repeatPenalty
        p.presencePenalty = presencePenalty
        p.frequencyPenalty = frequencyPenalty
        p.biasedTokens = logitBias.map(\.token)
        p.biases = logitBias.map(\.value)
        p.seed = seed
        if let logProbabilityCount { p.logProbabilityCount = UInt32(logProbabilityCount) }
        p.bannedTokens = bannedTokens
        return p
    }

    init(_ p: PSampling) throws(WireError) {
        let check = Check("Sampling")
        self.init()
        temperature = try check.finite(p.temperature, "temperature")
        topK = try check.count(p.topK, "topK", to: Int(Int32.max))
        topP = try check.finite(p.topP, "topP")
        minP = try check.finite(p.minP, "minP")
        repeatPenalty = try check.finite(p.repeatPenalty, "repeatPenalty")
        presencePenalty = try check.finite(p.presencePenalty, "presencePenalty")
        frequencyPenalty = try check.finite(p.frequencyPenalty, "frequencyPenalty")
        let tokens = try check.ids(p.biasedTokens, "biasedTokens", atMost: Limits.biasedTokens)
        guard p.biases.count == tokens.count else {
            throw WireError("Sampling has \(tokens.count) biased tokens and \(p.biases.count) biases")
        }
        for (token, value) in zip(tokens, p.biases) {
            // An infinite bias bans or forces a token; only NaN has no meaning.
            if value.isNaN { throw WireError("Sampling.biases has a value that is not a number") }
            logitBias.append(Bias(token: token, value: value))
        }
        seed = p.seed
        if p.hasLogProbabilityCount {
            logProbabilityCount = try check.count(
                p.logProbabilityCount, "logProbabilityCount", to: Limits.topLogProbabilities)
        }
        bannedTokens = try check.ids(p.bannedTokens, "bannedTokens", atMost: Limits.biasedTokens)
    }
}
