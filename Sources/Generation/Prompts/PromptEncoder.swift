// Responsible for: a request's prompt as token ids that fit in the context.
// Must not know: stages, workers, sockets.
import ModelFile
import Sequences
import Tokenization

/// Turns prompts into token ids by the model's tokenizer and its chat template.
package struct PromptEncoder: Sendable {
    /// Prompt and answer together, in tokens.
    let contextLength: Int
    /// The longest context that the model allows.
    let longestContext: Int
    let vocabularySize: Int
    package let tokenizer: Tokenizer?
    /// Why there is no tokenizer, where the model has one that cannot be used.
    package let tokenizerProblem: String?
    let templates: ChatTemplates

    /// What becomes of a prompt.
    package struct Encoded: Equatable, Sendable {
        package var tokens: [Int32]
        /// How many of the oldest messages did not fit.
        package var droppedMessages = 0
        /// Stop strings that the chat format adds.
        package var stops: [String] = []
        /// The model's own template wrote the prompt.
        package var isTemplated = false
        /// The prompt has opened the reasoning that the answer begins with.
        package var isReasoningOpen = false
        /// What of the request has no effect.
        package var notices: [Sentence] = []
    }

    /// The tokens of `request`'s prompt. Throws where they do not fit, are no tokens of this model, or are none; soon after
    /// it `isCancelled`, too. Takes as long as the prompt is: not for threads that others wait for.
    package func encode(
        _ request: GenerationRequest, isCancelled: Cancellation = Cancellation()
    ) throws(TandemError) -> Encoded {
        guard !templates.isEmpty || (request.tools == nil && request.templateVariables == nil) else {
            throw TandemError(
                "this model has no chat template that could take tools or variables",
                hint: "leave out \(.tools) and \(.templateVariables)")
        }
        var encoded: Encoded
        switch request.prompt {
        case .tokens(let tokens): encoded = Encoded(tokens: tokens)
        case .text(let text) where request.isRaw || templates.isEmpty:
            let tokenizer = try usableTokenizer()
            try checkLength(of: text, tokenizer)
            encoded = Encoded(
                tokens: tokenizer.encode(text, addSpecial: true, parseSpecial: true) { isCancelled.isSet })
        case .text(let text):
            encoded = try encode([ChatMessage(role: .user, content: text)], request, isCancelled)
        case .messages(let messages):
            encoded = try encode(messages, request, isCancelled)
            if encoded.isTemplated, templates.ignoreTools(of: messages, request) {
                encoded.notices.append(
                    "the model's chat template says nothing of \(.tools): the model does not know of them")
            }
        }
        if isCancelled.isSet { throw .promptCancelled }
        guard !encoded.tokens.isEmpty else {
            if encoded.isTemplated {
                throw TandemError(
                    "the chat template writes an empty prompt",
                    hint: "go without the model's chat template with \(.raw)")
            }
            throw TandemError(
                "the prompt is empty, and this model's prompts have no first token of their own", hint: "give some text"
            )
        }
        for token in encoded.tokens where token < 0 || Int(token) >= vocabularySize {
            throw TandemError(
                "the prompt holds token id \(token), but this model's ids are 0 to \(vocabularySize - 1)",
                hint: "check \(.promptTokens), or that the tokenizer belongs to this model")
        }
        if let token = request.answered.first(where: { $0 < 0 || Int($0) >= vocabularySize }) {
            throw TandemError(
                "the answer so far holds token id \(token), but this model's ids are 0 to \(vocabularySize - 1)",
                hint: "ask again")
        }
        for token in request.stopTokens where Int(token) >= vocabularySize {
            throw TandemError(
                "\(.stopTokens) is \(token), but this model's ids are 0 to \(vocabularySize - 1)",
                hint: "`tandem tokenize` shows the ids of a text")
        }
        guard encoded.tokens.count < contextLength + (request.scoringStart == nil ? 0 : 1) else {
            throw TandemError(
                "the prompt has \(encoded.tokens.count) tokens, but the context holds \(contextLength) and must leave room for an answer",
                hint: contextLength < longestContext
                    ? "shorten the prompt, or start with a larger \(.context): the model allows \(longestContext)"
                    : "shorten the prompt: the model allows no larger context")
        }
        return encoded
    }

    /// The newest messages that fit beside an answer; the oldest turns are dropped first, a system message stays.
    private func encode(
        _ messages: [ChatMessage], _ request: GenerationRequest, _ isCancelled: Cancellation
    ) throws(TandemError) -> Encoded {
        let tokenizer = try usableTokenizer()
        guard messages.last?.role == .user || messages.last?.role == .tool else {
            throw TandemError("a conversation must end with a message of the user or of a tool")
        }
        let room = contextLength - min(request.maximumTokens, contextLength / 4)
        let firstTurn = messages.firstIndex { $0.role != .system } ?? 0
        // Where what is kept may begin: each begins with a message of the user.
        let starts = [firstTurn] + messages.indices.filter { $0 > firstTurn && messages[$0].role == .user }
        func encoded(from start: Int) throws(TandemError) -> Encoded {
            if isCancelled.isSet { throw .promptCancelled }
            var encoded = try encodeAll(
                Array(messages[..<firstTurn] + messages[start...]), request, tokenizer, isCancelled)
            encoded.droppedMessages = start - firstTurn
            return encoded
        }
        try checkLength(of: messages[messages.count - 1].content, tokenizer)
        // Of what is so long that it cannot fit nothing is written.
        var low = firstThatMayFit(messages, starts, room, tokenizer)
        if low == 0 {
            let whole = try encoded(from: firstTurn)
            guard whole.tokens.count > room, starts.count > 1 else { return whole }
            low = 1
        }
        // The earliest start that fits, else the last one; by bisection, as a conversation may have thousands of turns.
        var high = starts.count - 1
        while low < high {
            let middle = (low + high) / 2
            if try encoded(from: starts[middle]).tokens.count > room { low = middle + 1 } else { high = middle }
        }
        return try encoded(from: starts[low])
    }

    /// All messages, by the model's template; by the plain format where it has none or none is wanted.
    private func encodeAll(
        _ messages: [ChatMessage], _ request: GenerationRequest, _ tokenizer: Tokenizer, _ isCancelled: Cancellation
    ) throws(TandemError) -> Encoded {
        guard !request.isRaw, let text = try templates.text(of: messages, request) else {
            let text = ChatFormat.plain.text(of: messages)
            return Encoded(
                tokens: tokenizer.encode(text, addSpecial: true, parseSpecial: false) { isCancelled.isSet },
                stops: ChatFormat.plain.stops)
        }
        var encoded = Encoded(
            tokens: tokenizer.encode(rendered: text) { isCancelled.isSet }, isTemplated: true)
        encoded.isReasoningOpen = ReasoningMarks.isOpen(atEndOf: text)
        return encoded
    }

    private func usableTokenizer() throws(TandemError) -> Tokenizer {
        if let tokenizer { return tokenizer }
        throw TandemError(
            tokenizerProblem.map { Sentence($0) } ?? "this model has no tokenizer",
            hint: "send token ids with \(.promptTokens) 1,2,3")
    }
}

/// How a conversation is written for models without a chat template.
struct ChatFormat: Sendable {
    let names: [ChatMessage.Role: String]
    /// Where the model would begin to speak for the user.
    let stops: [String]

    static let plain = ChatFormat(
        names: [.system: "System", .user: "User", .assistant: "Assistant", .tool: "Tool"],
        stops: ["\nUser:", "\nSystem:"])

    /// One line a message, and the beginning of the answer's line.
    func text(of messages: [ChatMessage]) -> String {
        messages.map { "\(names[$0.role]!): \($0.content)\n" }.joined() + "\(names[.assistant]!):"
    }
}
