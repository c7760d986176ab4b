// Responsible for: the flags shared by `run`, `generate` and `chat`, and the request they make.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

/// Flags that shape an answer.
struct SamplingFlags: ParsableArguments {
    @Option(help: "End the answer after this many tokens.") var maxTokens: Int?
    @Option(help: "0 always takes the likeliest token; higher is more varied (default: the model's own, else 0.8).")
    var temperature: Float?
    @Option(help: "Choose among the K likeliest tokens, 0: all (default: the model's own, else 40).") var topK: Int?
    @Option(
        help: """
            Choose among the likeliest tokens that add up to this probability, 1: all (default: the model's own, else 0.95).
            """)
    var topP: Float?
    @Option(
        help: """
            Leave out tokens less likely than this fraction of the likeliest, 0: none (default: the model's own, else 0.05).
            """)
    var minP: Float?
    @Option(help: "Make tokens seen before less likely, 1: off (default: the model's own, else 1).")
    var repeatPenalty: Float?
    @Option(help: "Lower the logit of every token already in the answer (0: off).") var presencePenalty: Float = 0
    @Option(help: "Lower a token's logit for each time it is in the answer (0: off).")
    var frequencyPenalty: Float = 0
    @Option(
        help: "The same request with the same seed gives the same answer (default: chosen anew).",
        transform: Self.parseSeed)
    var seed: UInt64?
    @Option(
        name: .customLong("logit-bias"), help: "Add BIAS to the logit of token ID, as ID=BIAS (repeatable).",
        transform: ValueReader.value(Self.parseBias))
    var logitBias: [LogitBias] = []
    @Option(help: "End the answer before this text, which may be a special token's (repeatable).")
    var stop: [String] = []
    @Option(
        name: .customLong("stop-token"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("End the answer before this token (repeatable).", valueName: "id"))
    var stopTokens: [Int32] = []
    @Flag(name: .customLong("ignore-eos"), help: "Go on after an end-of-text token.") var ignoreEOS = false

    /// A seed. Throws with the range that it is in.
    static func parseSeed(_ text: String) throws -> UInt64 {
        guard let seed = UInt64(text) else {
            throw ValidationError("a seed is a whole number between 0 and \(UInt64.max)")
        }
        return seed
    }

    /// "42=-1.5".
    @Sendable private static func parseBias(_ text: String) throws(TandemError) -> LogitBias {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let token = Int32(parts[0]), let bias = Float(parts[1]), !bias.isNaN else {
            throw TandemError("\(.logitBias) is \(text)", hint: "write it as ID=BIAS, for example 42=-1.5")
        }
        return LogitBias(token: token, bias: bias)
    }

    /// Throws what no request can say.
    func check(_ conversation: ConversationFlags, priority: Int = 0) throws(TandemError) {
        var request = GenerationRequest(prompt: .text("a"))
        apply(to: &request, defaultMaximumTokens: 1)
        request.priority = priority
        request.templateVariables = conversation.templateVariables
        try request.validate()
    }

    /// Copies the flags into `request`.
    func apply(to request: inout GenerationRequest, defaultMaximumTokens: Int) {
        request.maximumTokens = maxTokens ?? defaultMaximumTokens
        request.sampling.temperature = temperature
        request.sampling.topK = topK
        request.sampling.topP = topP
        request.sampling.minP = minP
        request.sampling.repeatPenalty = repeatPenalty
        request.sampling.presencePenalty = presencePenalty
        request.sampling.frequencyPenalty = frequencyPenalty
        request.sampling.seed = seed ?? UInt64.random(in: 0..<(1 << 53))
        request.stops = stop
        request.stopTokens = stopTokens
        request.ignoresEndOfText = ignoreEOS
        let biases = Dictionary(logitBias.map { ($0.token, $0) }) { $1 }
        request.sampling.logitBias = biases.values.sorted { $0.token < $1.token }
    }
}

/// The flag of every command that reads a model's weights.
struct QuantizationFlag: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Quantize the weights of an F32, F16 or BF16 model while it is read: \(weightTypeNames).",
            valueName: "type"),
        transform: ValueReader.weightType(.quantization))
    var quantize: String?
}

/// The flag of every command that chooses how keys and values are kept.
struct KeyValueTypeFlag: ParsableArguments {
    @Option(
        name: .customLong("kv-type"),
        help: ArgumentHelp("Keep keys and values as \(keyValueTypeNames) (default: f16).", valueName: "type"),
        transform: ValueReader.keyValueType)
    var keyValueType: String?
}

/// The flag of every command that computes an answer's layers.
struct CheckFlag: ParsableArguments {
    @Flag(help: "Name the first layer whose output is not finite, as damaged files have it (costs a little time).")
    var check = false

    /// The same flag for `tandem worker`.
    var arguments: [String] { check ? ["--check"] : [] }
}

/// Flags that shape a conversation.
struct ConversationFlags: ParsableArguments {
    @Option(help: "What the model is told before the conversation.") var system: String?
    @Option(
        help: ArgumentHelp(
            "Further variables of the model's chat template, as '{\"enable_thinking\": false}'.", valueName: "json"))
    var templateVariables: String?
    @Flag(help: "Do without the model's chat template: a prompt is continued as it is.") var raw = false

    /// The messages before the first one of the user.
    var beginning: [ChatMessage] { system.map { [ChatMessage(role: .system, content: $0)] } ?? [] }
}

/// Flags that name a prompt and the form of the answer.
struct PromptFlags: ParsableArguments {
    @Option(name: .shortAndLong, help: "The prompt; - reads it from stdin, as a pipe without --prompt does.")
    var prompt: String?
    @Option(help: "Read the prompt from a file.") var promptFile: String?
    @Option(
        help: "Send exactly these token ids, as 1,2,3.",
        transform: ValueReader.text { (text) throws(TandemError) in try Self.parseTokens(text) })
    var promptTokens: String?
    @Option(
        help: ArgumentHelp(
            "Read a conversation from a JSON list of messages with role and content, as OpenAI's.", valueName: "file"))
    var messages: String?
    @Option(help: "Report the log-probabilities of each token and of the K likeliest.") var logprobs: Int?
    @Flag(help: "Print one JSON object instead of streaming text.") var json = false
    @OptionGroup var conversation: ConversationFlags
    @Option(help: ArgumentHelp("A JSON list of the tools that the model may call.", valueName: "file"))
    var tools: String?

    /// The prompt the flags name. Throws `TandemError` if they name none or more than one.
    func readPrompt() throws -> GenerationRequest.Prompt {
        let named = [prompt, promptFile, promptTokens, messages].compactMap { $0 }
        if named.count > 1 {
            throw TandemError(
                "more than one prompt is given with \(.prompt), \(.promptFile), \(.promptTokens) and \(.messages)",
                hint: "use one of them")
        }
        if let path = messages { return .messages(try MessageList.read(path, .messages)) }
        if let list = promptTokens { return .tokens(try Self.parseTokens(list)) }
        if let path = promptFile {
            let bytes = try InputText.file(
                path, called: "prompt file", .promptFile, limit: RequestLimits.promptBytes)
            return .text(String(decoding: bytes, as: UTF8.self))
        }
        if let text = prompt, text != "-" { return .text(text) }
        if prompt == nil && Terminal.isInputInteractive {
            throw TandemError(
                "there is no \(.prompt)",
                hint: "give one with \(.prompt) TEXT, \(.promptFile) FILE, or through a pipe")
        }
        return .text(String(decoding: try InputText.standardInput(limit: RequestLimits.promptBytes), as: UTF8.self))
    }

    /// Token ids separated by commas.
    static func parseTokens(_ list: String) throws(TandemError) -> [Int32] {
        try list.split(separator: ",", omittingEmptySubsequences: false).map { (part) throws(TandemError) in
            guard let id = Int32(part.trimmingCharacters(in: .whitespaces)), id >= 0 else {
                throw TandemError(
                    "\(.promptTokens) has \"\(part)\", which is not a token id", hint: "write ids as 1,2,3")
            }
            return id
        }
    }

    /// The whole request that these and the sampling flags make.
    func request(_ sampling: SamplingFlags) throws -> GenerationRequest {
        var request = GenerationRequest(prompt: try readPrompt())
        sampling.apply(to: &request, defaultMaximumTokens: 256)
        request.sampling.logProbabilityCount = logprobs
        request.isRaw = conversation.raw
        request.templateVariables = conversation.templateVariables
        if let path = tools {
            let bytes = try InputText.file(path, called: "tools file", .tools, limit: RequestLimits.promptBytes)
            request.tools = String(decoding: bytes, as: UTF8.self)
        }
        try makeConversation(of: &request)
        try request.validate()
        if logprobs != nil, !json {
            Terminal.say("(--logprobs are reported with --json only: text has no place for them)")
        }
        return request
    }

    /// With a system message, tools or variables a prompt is a message of the user, whatever the model.
    private func makeConversation(of request: inout GenerationRequest) throws {
        guard conversation.system != nil || tools != nil || conversation.templateVariables != nil else { return }
        if case .messages(let messages) = request.prompt, !conversation.raw || tools == nil {
            request.prompt = .messages(conversation.beginning + messages)
            return
        }
        guard !conversation.raw, case .text(let text) = request.prompt else {
            throw TandemError(
                "\(.system), \(.tools) and \(.templateVariables) need a prompt in words for the model's chat template",
                hint: "leave out \(.raw) and \(.promptTokens)")
        }
        request.prompt = .messages(conversation.beginning + [ChatMessage(role: .user, content: text)])
    }
}
