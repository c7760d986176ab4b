// Responsible for: what a person asks for, as plain data, the same for one process and for a cluster.
// Must not know: tokens, stages, sockets.
import Tokenization
import Wire

/// One message of a conversation.
package struct ChatMessage: Sendable, Equatable {
    /// Who speaks.
    package enum Role: String, Sendable, CaseIterable { case system, user, assistant, tool }

    package var role: Role
    package var content: String
    /// What the model thought before it answered.
    package var reasoning: String?

    /// A message of `role`.
    package init(role: Role, content: String, reasoning: String? = nil) {
        self.role = role
        self.content = content
        self.reasoning = reasoning
    }
}

/// How the next token is chosen; the units and meanings are those of `Inference.SamplingParameters`.
package struct SamplingOptions: Sendable, Equatable {
    /// 0 is greedy: always the likeliest token.
    package var temperature: Float = 0.8
    /// Only the K likeliest tokens may be chosen; 0 is off.
    package var topK = 40
    /// Only the likeliest tokens whose probabilities add up to this may be chosen; 1 is off.
    package var topP: Float = 0.95
    /// Only tokens at least this fraction as likely as the likeliest may be chosen; 0 is off.
    package var minP: Float = 0.05
    /// Divides (or multiplies, when negative) the logits of tokens seen in prompt or answer; 1 is off.
    package var repeatPenalty: Float = 1
    /// Subtracted from the logit of each token already in the answer; 0 is off.
    package var presencePenalty: Float = 0
    /// Subtracted from a token's logit once for each time it is in the answer; 0 is off.
    package var frequencyPenalty: Float = 0
    /// Added to the logits of single tokens.
    package var logitBias: [Int32: Float] = [:]
    /// The same request with the same seed gives the same tokens on every cluster.
    package var seed: UInt64 = 0
    /// How many of the likeliest tokens are reported beside the chosen one; nil: no log-probabilities at all.
    package var logProbabilities: Int?

    /// The defaults of the command line.
    package init() {}

    /// The largest number of alternatives reported for a token.
    package static let maximumLogProbabilities = Wire.Limits.topLogProbabilities

    /// Refuses values without a meaning, naming the flag.
    package func validate() throws(NodeError) {
        func check(_ condition: Bool, _ flag: String, _ value: some CustomStringConvertible, _ range: String)
            throws(NodeError)
        {
            if !condition { throw NodeError("\(flag) is \(value), but must be \(range)") }
        }
        try check(temperature.isFinite && temperature >= 0, "--temperature", temperature, "0 or more")
        try check((0...Int(Int32.max)).contains(topK), "--top-k", topK, "between 0 (off) and \(Int32.max)")
        try check(topP.isFinite && topP > 0 && topP <= 1, "--top-p", topP, "over 0 and at most 1")
        try check(minP.isFinite && minP >= 0 && minP <= 1, "--min-p", minP, "between 0 and 1")
        try check(repeatPenalty.isFinite && repeatPenalty > 0, "--repeat-penalty", repeatPenalty, "over 0")
        try check(presencePenalty.isFinite, "--presence-penalty", presencePenalty, "a number")
        try check(frequencyPenalty.isFinite, "--frequency-penalty", frequencyPenalty, "a number")
        let biases = Wire.Limits.biasedTokens
        try check(
            logitBias.count <= biases, "--logit-bias", "given \(logitBias.count) times", "given \(biases) times at most"
        )
        for (token, bias) in logitBias where token < 0 || bias.isNaN {
            throw NodeError("--logit-bias is \(token)=\(bias), but must be a token id and a number, as 42=-1.5")
        }
        if let count = logProbabilities {
            let limit = Self.maximumLogProbabilities
            try check((0...limit).contains(count), "--logprobs", count, "between 0 and \(limit)")
        }
    }
}

/// A prompt and all that decides its answer.
package struct GenerationRequest: Sendable, Equatable {
    /// The forms a prompt comes in.
    package enum Prompt: Sendable, Equatable {
        /// Text to continue.
        case text(String)
        /// A conversation whose next message is wanted.
        case messages([ChatMessage])
        /// Exactly these token ids.
        case tokens([Int32])
    }

    package var prompt: Prompt
    package var sampling = SamplingOptions()
    /// The answer ends after this many tokens.
    package var maximumTokens = 256
    /// The answer ends before the first of these strings.
    package var stops: [String] = []
    /// Go on after an end-of-text token.
    package var ignoresEndOfText = false
    /// Text is continued as it is, and messages are written without the model's own chat template.
    package var isRaw = false
    /// The tools that the model may call, a JSON list in OpenAI's form. Only of prompts of messages.
    package var tools: String?
    /// Further variables of the model's chat template, a JSON object. Only of prompts of messages.
    package var templateVariables: String?
    /// Requests of higher priority are served before others, those of equal priority in the order they came.
    package var priority = 0
    /// Generate nothing: give the log-probability of each token of the prompt from this one on (the first has none).
    /// Only of prompts of token ids.
    package var scoringStart: Int?

    /// A request with the defaults of the command line.
    package init(prompt: Prompt) { self.prompt = prompt }

    /// The most stop strings, and the most bytes in one.
    package static let maximumStops = Wire.Limits.stops
    package static let maximumStopBytes = Wire.Limits.stopBytes

    /// Refuses values without a meaning, naming the flag.
    package func validate() throws(NodeError) {
        try sampling.validate()
        guard (1...Wire.Limits.sequenceTokens).contains(maximumTokens) else {
            throw NodeError(
                "--max-tokens is \(maximumTokens), but must be between 1 and \(Wire.Limits.sequenceTokens)")
        }
        try NodeError.checked(priority, flag: "--priority", in: -Wire.Limits.priority...Wire.Limits.priority)
        try validatePrompt()
        do throws(ChatTemplateError) { try ChatTemplate.check(tools: tools, variables: templateVariables) } catch {
            throw NodeError("\(error)", hint: "check --tools and --template-variables")
        }
        if let start = scoringStart {
            guard case .tokens(let tokens) = prompt, start >= 1, start < tokens.count else {
                throw NodeError(
                    "scores from token \(start) on are asked for",
                    hint: "give a prompt of token ids, and a token after its first")
            }
        }
        if stops.count > Self.maximumStops {
            throw NodeError("there are \(stops.count) stop strings; at most \(Self.maximumStops) are allowed")
        }
        for stop in stops where stop.isEmpty || stop.utf8.count > Self.maximumStopBytes {
            throw NodeError("a --stop string has \(stop.utf8.count) bytes; 1 to \(Self.maximumStopBytes) are allowed")
        }
    }

    private func validatePrompt() throws(NodeError) {
        let bytes: Int
        switch prompt {
        case .text(let text): bytes = text.utf8.count
        case .messages(let messages):
            // Reasoning, tools and variables are entries of their own on the wire.
            let entries = messages.count + messages.count { $0.reasoning != nil } + 2
            guard entries <= Wire.Limits.chatMessages else {
                throw NodeError(
                    "the conversation has \(messages.count) messages; at most \(Wire.Limits.chatMessages) are allowed",
                    hint: "begin a new one")
            }
            bytes = messages.reduce((tools?.utf8.count ?? 0) + (templateVariables?.utf8.count ?? 0)) {
                $0 + $1.content.utf8.count + ($1.reasoning?.utf8.count ?? 0)
            }
        case .tokens(let tokens):
            if let token = tokens.first(where: { $0 < 0 }) {
                throw NodeError("the prompt holds token id \(token), which no model has", hint: "check --prompt-tokens")
            }
            guard tokens.count <= Wire.Limits.sequenceTokens else {
                throw NodeError(
                    "the prompt has \(tokens.count) tokens; at most \(Wire.Limits.sequenceTokens) are allowed",
                    hint: "shorten the prompt")
            }
            bytes = 0
        }
        guard bytes <= Wire.Limits.promptBytes else {
            throw NodeError(
                "the prompt has \(bytes) bytes; at most \(Wire.Limits.promptBytes) are allowed",
                hint: "shorten the prompt")
        }
    }
}
