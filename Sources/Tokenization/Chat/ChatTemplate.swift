// Responsible for: a conversation as the text that a model was trained on, by the model's own template.
// Must not know: weights, network, how requests arrive.
import Jinja
import ModelFile

/// A model's chat template.
package struct ChatTemplate: Sendable {
    /// A message as templates see it.
    package struct Message: Sendable, Equatable {
        package var role: String
        package var content: String
        /// What the model thought before it answered; templates decide whether it is shown again.
        package var reasoning: String?
        /// A JSON list of the tools that an answer called, in OpenAI's form.
        package var toolCalls: String?

        /// A message without reasoning and calls.
        package init(role: String, content: String, reasoning: String? = nil, toolCalls: String? = nil) {
            (self.role, self.content, self.reasoning, self.toolCalls) = (role, content, reasoning, toolCalls)
        }
    }

    private let template: Template
    /// "bos_token" and the like with their texts.
    private let specialTokens: [(name: String, text: String)]

    /// Reads a template. The texts of the tokenizer's special tokens become variables. Throws what is wrong with it.
    package init(_ source: String, tokenizer: TokenizerDescription?) throws(ChatTemplateError) {
        do { template = try Template(source) } catch { throw ChatTemplateError(error) }
        guard let tokenizer else {
            specialTokens = []
            return
        }
        let ids = [("bos_token", tokenizer.bos), ("eos_token", tokenizer.eos), ("unk_token", tokenizer.unknown)]
        specialTokens = ids.compactMap { name, id in
            guard let id, tokenizer.tokens.indices.contains(id) else { return nil }
            return (name, tokenizer.addedTokens.first { $0.id == id }?.content ?? tokenizer.tokens[id])
        }
    }

    /// The text of a conversation, ready for the model's answer. `tools`: a JSON list; `variables`: a JSON object of
    /// further variables of the template. `unixSeconds`: the time that the template may tell. Throws where the template
    /// fails or refuses the conversation.
    package func text(
        of messages: [Message], tools: String? = nil, variables: String? = nil, addsGenerationPrompt: Bool = true,
        unixSeconds: Int
    ) throws(ChatTemplateError) -> String {
        var all: [(String, Value)] = [
            ("messages", .items(try messages.map { message throws(ChatTemplateError) in try value(of: message) })),
            ("tools", try tools.map { json throws(ChatTemplateError) in try Self.list(json, "tools") } ?? .none),
            ("documents", .none), ("add_generation_prompt", .bool(addsGenerationPrompt)),
        ]
        all += specialTokens.map { ($0.name, .text($0.text)) }
        if let variables {
            for (name, value) in try Self.object(variables) {
                all.removeAll { $0.0 == name }
                all.append((name, value))
            }
        }
        do { return try template.render(all, unixSeconds: unixSeconds) } catch { throw ChatTemplateError(error) }
    }

    /// The fields under which templates look for them, as Hugging Face gives them.
    private func value(of message: Message) throws(ChatTemplateError) -> Value {
        var fields: [(String, Value)] = []
        if let reasoning = message.reasoning { fields.append(("thinking", .text(reasoning))) }
        fields += [("role", .text(message.role)), ("content", .text(message.content))]
        if let calls = message.toolCalls { fields.append(("tool_calls", try Self.list(calls, "tool calls"))) }
        if let reasoning = message.reasoning { fields.append(("reasoning_content", .text(reasoning))) }
        return .object(fields)
    }

    private static func list(_ json: String, _ what: String) throws(ChatTemplateError) -> Value {
        guard let value = Value(json: json), value.isList else {
            throw ChatTemplateError("the \(what) are not a JSON list")
        }
        return value
    }

    private static func object(_ json: String) throws(ChatTemplateError) -> [(String, Value)] {
        guard let entries = Value(json: json)?.entries else {
            throw ChatTemplateError("the template's variables are not a JSON object")
        }
        return entries
    }

    /// Throws unless `tools` is a JSON list and `variables` a JSON object, where they are given.
    package static func check(tools: String?, variables: String?) throws(ChatTemplateError) {
        if let tools { _ = try list(tools, "tools") }
        if let variables { _ = try object(variables) }
    }
}

/// Why a chat template cannot be used, or not with this conversation.
package struct ChatTemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
    init(_ error: JinjaError) { description = error.description }
}

extension Tokenizer {
    /// The ids of a text that a chat template wrote: special tokens are parsed, and what the model wants before each
    /// text (BOS) is put there unless the template wrote it itself.
    package func encode(rendered text: String, isCancelled: @escaping () -> Bool = { false }) -> [Int32] {
        let tokens = encode(text, addSpecial: false, parseSpecial: true, isCancelled: isCancelled)
        let prefix = description.prefixTokens.map { Int32($0) }
        return tokens.starts(with: prefix) ? tokens : prefix + tokens
    }
}
