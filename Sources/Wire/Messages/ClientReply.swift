// Responsible for: what the coordinator says to a client on the control link. Must not know: sockets, time, tokenizers.

/// Coordinator -> client, control link.
package enum ClientReply: Equatable, Sendable, WireMessage {
    case accepted(Accepted)
    case tokens(TokensEvent)
    case scores(ScoresEvent)
    case finished(Finished)
    case failed(RequestFailure)
    case waiting(Waiting)
    case status(StatusReply)
    /// Nothing this client says can be understood; the sentence names both versions.
    case refusal(Refusal)
}

/// Why an answer ended.
package enum FinishReason: String, Equatable, Sendable, CaseIterable { case stop, length, cancelled }

/// Coordinator -> client: the request is in the queue; these are its tokens.
package struct Accepted: Equatable, Sendable {
    package var id: ClientRequestID
    package var modelName: String
    package var promptTokens: [Int32]
    /// How many of the oldest messages did not fit in the context.
    package var droppedMessages: Int
    package init(id: ClientRequestID, modelName: String, promptTokens: [Int32], droppedMessages: Int) {
        self.id = id
        self.modelName = modelName
        self.promptTokens = promptTokens
        self.droppedMessages = droppedMessages
    }
}

/// A token that was chosen, or was likely in its place.
package struct TokenProbability: Equatable, Sendable {
    package var token: Int32
    /// The log-softmax of the raw logits.
    package var logProbability: Float
    package init(token: Int32, logProbability: Float) {
        self.token = token
        self.logProbability = logProbability
    }
}

/// A token of an answer as a client gets it.
package struct AnswerToken: Equatable, Sendable {
    package var token: Int32
    /// nil: not asked for.
    package var logProbability: Float?
    package var top: [TokenProbability]
    package init(token: Int32, logProbability: Float? = nil, top: [TokenProbability] = []) {
        self.token = token
        self.logProbability = logProbability
        self.top = top
    }
}

/// Coordinator -> client: more of the answer.
package struct TokensEvent: Equatable, Sendable {
    package var id: ClientRequestID
    package var tokens: [AnswerToken]
    /// Complete characters, may be empty; nil: the model has no tokenizer.
    package var text: String?
    package init(id: ClientRequestID, tokens: [AnswerToken], text: String?) {
        self.id = id
        self.tokens = tokens
        self.text = text
    }
}

/// Coordinator -> client: how likely the next tokens of a prompt to be scored are.
package struct ScoresEvent: Equatable, Sendable {
    package var id: ClientRequestID
    /// The log-softmax of the raw logits at each token, in the order of the prompt.
    package var logProbabilities: [Float]
    package init(id: ClientRequestID, logProbabilities: [Float]) {
        self.id = id
        self.logProbabilities = logProbabilities
    }
}

/// Where the time of one answer went, in seconds.
package struct Timings: Equatable, Sendable {
    package var promptTokens = 0
    /// From the start of the work to the first token.
    package var promptSeconds = 0.0
    package var generatedTokens = 0
    /// From the first token to the last.
    package var decodeSeconds = 0.0
    /// From the request to the first token, waiting included.
    package var firstTokenSeconds = 0.0
    package init() {}
}

/// Coordinator -> client: the answer is complete.
package struct Finished: Equatable, Sendable {
    package var id: ClientRequestID
    package var reason: FinishReason
    /// Text held back until now; nil: the model has no tokenizer.
    package var text: String?
    package var timings: Timings
    package init(id: ClientRequestID, reason: FinishReason, text: String?, timings: Timings) {
        self.id = id
        self.reason = reason
        self.text = text
        self.timings = timings
    }
}

/// Coordinator -> client: there will be no answer.
package struct RequestFailure: Equatable, Sendable {
    package var id: ClientRequestID
    package var message: String
    /// What to do about it.
    package var hint: String?
    /// Asked again after so long it may be answered; nil: it would fail again.
    package var retryAfterMilliseconds: UInt64?
    package init(id: ClientRequestID, message: String, hint: String?, retryAfterMilliseconds: UInt64? = nil) {
        self.id = id
        self.message = message
        self.hint = hint
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}

/// Coordinator -> client: nothing can be computed at the moment, and why.
package struct Waiting: Equatable, Sendable {
    package var id: ClientRequestID
    package var explanation: String
    package init(id: ClientRequestID, explanation: String) {
        self.id = id
        self.explanation = explanation
    }
}
