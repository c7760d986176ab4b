// Responsible for: which requests have a meaning, whatever the model. Must not know: models, JSON.

extension GenerationRequest {
    /// Refuses values without a meaning, naming the field. Tools and variables are looked at by whoever reads JSON.
    package func validateValues() throws(TandemError) {
        try sampling.validate()
        try TandemError.checked(maximumTokens, .maximumTokens, in: 1...RequestLimits.sequenceTokens)
        try TandemError.checked(priority, .priority, in: -RequestLimits.priority...RequestLimits.priority)
        try validatePrompt()
        if let start = scoringStart {
            guard case .tokens(let tokens) = prompt, start >= 1, start < tokens.count else {
                throw TandemError(
                    "scores from token \(start) on are asked for",
                    hint: "give a prompt of token ids, and a token after its first")
            }
        }
        if let token = answered.first(where: { $0 < 0 }) {
            throw TandemError("the answer so far holds token id \(token), which no model has")
        }
        guard answered.count <= (scoringStart == nil ? RequestLimits.sequenceTokens : 0) else {
            throw TandemError(
                "the answer so far has \(answered.count) tokens; at most \(RequestLimits.sequenceTokens) are allowed, and none where a prompt is scored"
            )
        }
        if stops.count > RequestLimits.stops {
            throw TandemError(
                "there are \(stops.count) \(.stop) strings; at most \(RequestLimits.stops) are allowed")
        }
        for stop in stops where stop.isEmpty || stop.utf8.count > RequestLimits.stopBytes {
            throw TandemError(
                "a \(.stop) string has \(stop.utf8.count) bytes; 1 to \(RequestLimits.stopBytes) are allowed")
        }
        if stopTokens.count > RequestLimits.stops {
            throw TandemError(
                "\(.stopTokens) is given \(stopTokens.count) times; \(RequestLimits.stops) times are allowed")
        }
        if let token = stopTokens.first(where: { $0 < 0 }) {
            throw TandemError("\(.stopTokens) is \(token), which no model has", hint: "token ids begin at 0")
        }
    }

    /// Bytes of the prompt's text, with all that stands beside messages; none where it is token ids.
    package var promptBytes: Int {
        switch prompt {
        case .text(let text): text.utf8.count
        case .messages(let messages):
            messages.reduce((tools?.utf8.count ?? 0) + (templateVariables?.utf8.count ?? 0)) {
                $0 + $1.content.utf8.count + ($1.reasoning?.utf8.count ?? 0)
            }
        case .tokens: 0
        }
    }

    private func validatePrompt() throws(TandemError) {
        switch prompt {
        case .text: break
        case .messages(let messages):
            guard messages.count <= RequestLimits.chatMessages else {
                throw TandemError(
                    "the conversation has \(messages.count) messages; at most \(RequestLimits.chatMessages) are allowed",
                    hint: "begin a new one")
            }
        case .tokens(let tokens):
            if let token = tokens.first(where: { $0 < 0 }) {
                throw TandemError(
                    "the prompt holds token id \(token), which no model has", hint: "check \(.promptTokens)")
            }
            guard tokens.count <= RequestLimits.sequenceTokens else {
                throw TandemError(
                    "the prompt has \(tokens.count) tokens; at most \(RequestLimits.sequenceTokens) are allowed",
                    hint: "shorten the prompt")
            }
        }
        let bytes = promptBytes
        guard bytes <= RequestLimits.promptBytes else {
            throw TandemError(
                "the prompt has \(bytes) bytes; at most \(RequestLimits.promptBytes) are allowed",
                hint: "shorten the prompt")
        }
    }
}
