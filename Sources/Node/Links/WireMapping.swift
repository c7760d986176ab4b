// Responsible for: one thing in three vocabularies: what people ask for, what crosses the wire, what a stage takes.
// Must not know: where any of it goes.
import Inference
import Wire

extension Wire.SamplingParameters {
    /// The wire's form of what a person asked for.
    init(_ options: SamplingOptions) {
        self.init()
        temperature = options.temperature
        topK = options.topK
        topP = options.topP
        minP = options.minP
        repeatPenalty = options.repeatPenalty
        presencePenalty = options.presencePenalty
        frequencyPenalty = options.frequencyPenalty
        logitBias = options.logitBias.sorted { $0.key < $1.key }.map { Bias(token: $0.key, value: $0.value) }
        seed = options.seed
        logProbabilityCount = options.logProbabilities
    }
}

extension SamplingOptions {
    /// What a person asked for, as it came over the wire.
    init(_ wire: Wire.SamplingParameters) {
        self.init()
        temperature = wire.temperature
        topK = wire.topK
        topP = wire.topP
        minP = wire.minP
        repeatPenalty = wire.repeatPenalty
        presencePenalty = wire.presencePenalty
        frequencyPenalty = wire.frequencyPenalty
        logitBias = Dictionary(wire.logitBias.map { ($0.token, $0.value) }, uniquingKeysWith: { _, last in last })
        seed = wire.seed
        logProbabilities = wire.logProbabilityCount
    }
}

extension Inference.SamplingParameters {
    /// What the last stage is told of a sequence.
    init(_ wire: Wire.SamplingParameters, promptTokenCount: Int) {
        self.init()
        temperature = wire.temperature
        topK = wire.topK
        topP = wire.topP
        minP = wire.minP
        repeatPenalty = wire.repeatPenalty
        presencePenalty = wire.presencePenalty
        frequencyPenalty = wire.frequencyPenalty
        logitBias = wire.logitBias.map { LogitBias(token: $0.token, bias: $0.value) }
        bannedTokens = wire.bannedTokens
        seed = wire.seed
        logProbabilityCount = wire.logProbabilityCount ?? -1
        self.promptTokenCount = promptTokenCount
    }
}

extension GenerationRequest {
    /// What a client asks for. Throws where a role has no meaning here.
    init(_ wire: Generate) throws(NodeError) {
        switch wire.prompt {
        case .text(let text): self.init(prompt: .text(text))
        case .tokens(let tokens): self.init(prompt: .tokens(tokens))
        case .messages(let entries):
            self.init(prompt: .messages([]))
            try take(entries)
        }
        sampling = SamplingOptions(wire.sampling)
        maximumTokens = wire.maximumTokens
        stops = wire.stops
        ignoresEndOfText = wire.ignoresEndOfText
        isRaw = wire.isRaw
        priority = wire.priority
        scoringStart = wire.scoringStart
    }

    /// Messages, and what stands beside them under names that are no roles.
    private mutating func take(_ entries: [Generate.ChatEntry]) throws(NodeError) {
        var messages: [ChatMessage] = []
        var reasoning: String?
        for entry in entries {
            switch entry.role {
            case Self.toolsEntry: tools = entry.content
            case Self.variablesEntry: templateVariables = entry.content
            case Self.reasoningEntry: reasoning = entry.content
            default:
                guard let role = ChatMessage.Role(rawValue: entry.role) else {
                    let known = ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", ")
                    throw NodeError("a message has the role \"\(entry.role)\"; known are \(known)")
                }
                messages.append(ChatMessage(role: role, content: entry.content, reasoning: reasoning))
                reasoning = nil
            }
        }
        prompt = .messages(messages)
    }

    /// What the entries of a conversation on the wire are called that are no messages: the tools, the variables, and
    /// the reasoning of the message that follows. A coordinator that does not know them refuses them by name.
    private static let toolsEntry = "tools"
    private static let variablesEntry = "variables"
    private static let reasoningEntry = "reasoning"

    private func entries(_ messages: [ChatMessage]) -> [Generate.ChatEntry] {
        var entries: [Generate.ChatEntry] = []
        if let tools { entries.append(.init(role: Self.toolsEntry, content: tools)) }
        if let templateVariables { entries.append(.init(role: Self.variablesEntry, content: templateVariables)) }
        for message in messages {
            if let reasoning = message.reasoning {
                entries.append(.init(role: Self.reasoningEntry, content: reasoning))
            }
            entries.append(.init(role: message.role.rawValue, content: message.content))
        }
        return entries
    }

    /// The message that asks a coordinator for this.
    func message(id: ClientRequestID) -> Generate {
        let wirePrompt: Generate.Prompt
        switch prompt {
        case .text(let text): wirePrompt = .text(text)
        case .tokens(let tokens): wirePrompt = .tokens(tokens)
        case .messages(let messages):
            wirePrompt = .messages(entries(messages))
        }
        var wire = Generate(id: id, prompt: wirePrompt)
        wire.build = buildVersion
        wire.isRaw = isRaw
        wire.sampling = Wire.SamplingParameters(sampling)
        wire.maximumTokens = maximumTokens
        wire.stops = stops
        wire.ignoresEndOfText = ignoresEndOfText
        wire.priority = priority
        wire.scoringStart = scoringStart
        return wire
    }
}

extension GeneratedToken {
    /// A sampled token, with log-probabilities where they are wanted.
    init(_ sample: Inference.SampledToken, wanted: Int?) {
        token = sample.token
        logProbability = wanted == nil ? nil : sample.logProbability
        top = wanted == nil ? [] : sample.top.map { .init(token: $0.token, logProbability: $0.logProbability) }
    }

    /// A token as it came to the coordinator.
    init(_ sample: Wire.SampledToken, wanted: Int?) {
        token = sample.token
        logProbability = wanted == nil ? nil : sample.logProbability
        top = wanted == nil ? [] : sample.top.map { .init(token: $0.token, logProbability: $0.logProbability) }
    }

    /// A token as it came to a client.
    init(_ answer: AnswerToken) {
        token = answer.token
        logProbability = answer.logProbability
        top = answer.top.map { .init(token: $0.token, logProbability: $0.logProbability) }
    }

    /// The token for a client.
    var message: AnswerToken {
        AnswerToken(
            token: token, logProbability: logProbability,
            top: top.map { TokenProbability(token: $0.token, logProbability: $0.logProbability) })
    }
}
