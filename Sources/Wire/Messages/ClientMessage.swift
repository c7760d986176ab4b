// Responsible for: what a client says to the coordinator on the control link. Must not know: sockets, time, tokenizers.

/// Client -> coordinator, control link.
package enum ClientMessage: Equatable, Sendable {
    case generate(Generate)
    case cancel(ClientRequestID)
    case statusQuery(StatusQuery)
}

/// Client -> coordinator: continue this, or score it. Answered by `ClientReply.accepted` (or `.refusal`, `.failed`),
/// then tokens or scores, then `.finished` or `.failed`.
package struct Generate: Equatable, Sendable {
    /// The forms a prompt comes in.
    package enum Prompt: Equatable, Sendable {
        case text(String)
        case messages([ChatEntry])
        case tokens([Int32])
    }

    /// One message of a conversation, of the role "system", "user", "assistant" or "tool"; or what stands beside the
    /// messages: "tools", "variables" and "reasoning" (of the message that follows).
    package struct ChatEntry: Equatable, Sendable {
        package var role: String
        package var content: String
        package init(role: String, content: String) {
            self.role = role
            self.content = content
        }
    }

    /// When it is not ours, the other fields are not read and keep their defaults.
    package var version: UInt32 = protocolVersion
    package var build = ""
    package var id: ClientRequestID
    package var prompt: Prompt
    /// Text is sent without any chat format.
    package var isRaw = false
    package var sampling = SamplingParameters()
    package var maximumTokens = 256
    package var stops: [String] = []
    package var ignoresEndOfText = false
    /// Higher is served before; 0 is usual.
    package var priority = 0
    /// Generate nothing: answer with the log-probability of each token of the prompt from this one on, at least 1.
    /// Only with `Prompt.tokens`.
    package var scoringStart: Int?
    package init(id: ClientRequestID, prompt: Prompt) {
        self.id = id
        self.prompt = prompt
    }
}

/// How the last stage chooses a token; meanings and units are those of `Inference.SamplingParameters`.
package struct SamplingParameters: Equatable, Sendable {
    /// A token and what is added to its logit.
    package struct Bias: Equatable, Sendable {
        package var token: Int32
        package var value: Float
        package init(token: Int32, value: Float) {
            self.token = token
            self.value = value
        }
    }

    /// 0 is greedy.
    package var temperature: Float = 0
    /// 0 is off.
    package var topK = 0
    package var topP: Float = 1
    package var minP: Float = 0
    package var repeatPenalty: Float = 1
    package var presencePenalty: Float = 0
    package var frequencyPenalty: Float = 0
    /// Sorted by token.
    package var logitBias: [Bias] = []
    package var seed: UInt64 = 0
    /// How many of the likeliest tokens are reported beside the chosen one; nil: no log-probabilities.
    package var logProbabilityCount: Int?
    /// Tokens never chosen, sorted.
    package var bannedTokens: [Int32] = []
    package init() {}
}

/// Client -> coordinator: how is the cluster? Answered by `ClientReply.status`.
package struct StatusQuery: Equatable, Sendable {
    package var version: UInt32 = protocolVersion
    package var build = ""
    package init() {}
}

/// Whatever arrives at the coordinator's control socket; the routing id says from whom.
package enum ControlRequest: Equatable, Sendable, WireMessage {
    case worker(WorkerMessage)
    case client(ClientMessage)
}
