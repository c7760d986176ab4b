// Responsible for: the bytes of a request. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension Generate {
    static let rules = [
        FieldRule(
            5, "Generate.conversation", [FieldRule(1, "Generate.messages", atMost: RequestLimits.chatMessages, [])]),
        FieldRule(6, "Generate.tokens", []), FieldRule(8, "Generate.sampling", []),
        FieldRule(10, "Generate.stops", atMost: RequestLimits.stops),
    ]

    var proto: PGenerate {
        var p = PGenerate()
        p.version = version
        p.build = named(build)
        p.id = id.value
        switch request.prompt {
        case .text(let text): p.text = Data(text.utf8)
        case .messages(let messages):
            p.conversation.messages = messages.map(\.proto)
            if let tools = request.tools { p.conversation.tools = Data(tools.utf8) }
            if let variables = request.templateVariables { p.conversation.templateVariables = Data(variables.utf8) }
        case .tokens(let tokens): p.tokens.tokens = tokens
        }
        p.isRaw = request.isRaw
        p.sampling = request.sampling.proto
        p.maximumTokens = UInt32(request.maximumTokens)
        p.stops = request.stops
        p.stopTokens = request.stopTokens
        p.ignoresEndOfText = request.ignoresEndOfText
        p.priority = Int32(request.priority)
        p.answered = request.answered
        if let start = request.scoringStart { p.scoringStart = UInt32(start) }
        if let identity { p.identity = Data(identity.bytes) }
        return p
    }

    init(_ p: PGenerate) throws(WireError) {
        self.init(id: ClientRequestID(p.id), request: GenerationRequest(prompt: .text("")))
        version = p.version
        build = try Check("Generate").name(p.build, "build")
        if version != protocolVersion { return }
        request = try GenerationRequest(p)
        if p.identity.isEmpty { return }
        guard let bytes = RequestIdentity(p.identity) else {
            throw WireError("Generate.identity has \(p.identity.count) bytes, not \(RequestIdentity.byteCount)")
        }
        identity = bytes
    }
}

extension GenerationRequest {
    fileprivate init(_ p: PGenerate) throws(WireError) {
        let check = Check("Generate")
        switch p.prompt {
        case .text(let text):
            self.init(prompt: .text(try check.longText(text, "text", atMost: RequestLimits.promptBytes)))
        case .conversation(let conversation):
            self.init(prompt: .messages([]))
            try take(conversation)
        case .tokens(let list):
            let tokens = try check.ids(list.tokens, "tokens", atMost: RequestLimits.sequenceTokens)
            self.init(prompt: .tokens(tokens))
        case nil: throw WireError("Generate.prompt is missing")
        }
        isRaw = p.isRaw
        sampling = try SamplingParameters(p.sampling)
        maximumTokens = try check.count(p.maximumTokens, "maximumTokens", from: 1, to: RequestLimits.sequenceTokens)
        stops = try check.array(p.stops, "stops", atMost: RequestLimits.stops)
        for stop in stops { _ = try check.string(stop, "stops", atMost: RequestLimits.stopBytes) }
        stopTokens = try check.ids(p.stopTokens, "stopTokens", atMost: RequestLimits.stops)
        ignoresEndOfText = p.ignoresEndOfText
        priority = try check.count(
            p.priority, "priority", from: -RequestLimits.priority, to: RequestLimits.priority)
        answered = try check.ids(p.answered, "answered", atMost: RequestLimits.sequenceTokens)
        if p.hasScoringStart {
            scoringStart = try check.count(p.scoringStart, "scoringStart", from: 1, to: RequestLimits.sequenceTokens)
        }
    }

    private mutating func take(_ p: PConversation) throws(WireError) {
        let check = Check("Generate")
        var messages: [ChatMessage] = []
        var bytes = p.tools.count + p.templateVariables.count
        for entry in try check.array(p.messages, "messages", atMost: RequestLimits.chatMessages) {
            bytes += entry.content.count + entry.reasoning.count
        }
        let limit = RequestLimits.promptBytes
        _ = try check.count(bytes, "messages' bytes", to: limit)
        for entry in p.messages { messages.append(try ChatMessage(entry)) }
        prompt = .messages(messages)
        if p.hasTools { tools = try check.longText(p.tools, "tools", atMost: limit) }
        if p.hasTemplateVariables {
            templateVariables = try check.longText(p.templateVariables, "templateVariables", atMost: limit)
        }
    }
}

extension ChatMessage {
    fileprivate var proto: PChatMessage {
        var p = PChatMessage()
        p.role = role.rawValue
        p.content = Data(content.utf8)
        if let reasoning { p.reasoning = Data(reasoning.utf8) }
        return p
    }

    fileprivate init(_ p: PChatMessage) throws(WireError) {
        guard let role = Role(rawValue: try Check("Generate").name(p.role, "messages.role"))
        else {
            let known = Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw WireError("Generate has a message of the role \"\(p.role)\"; known are \(known)")
        }
        let (check, limit) = (Check("Generate"), RequestLimits.promptBytes)
        self.init(
            role: role, content: try check.longText(p.content, "messages.content", atMost: limit),
            reasoning: p.hasReasoning ? try check.longText(p.reasoning, "messages.reasoning", atMost: limit) : nil)
    }
}
