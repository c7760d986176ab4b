// Responsible for: the chat templates that a model comes with, and which of them writes a request.
// Must not know: how templates work, token ids.
import Glibc
import ModelFile
import Sequences
import Tokenization

/// A model's templates, read once. A broken one is told of when it is wanted: the model can do without.
struct ChatTemplates: Sendable {
    private let general: Result<ChatTemplate, ChatTemplateError>?
    /// For requests with tools, where the model has one of its own for them.
    private let withTools: Result<ChatTemplate, ChatTemplateError>?

    init(_ model: Model) {
        self.init(general: model.chatTemplate, withTools: model.toolTemplate, tokenizer: model.tokenizer)
    }

    /// Of the templates' sources. The texts of the tokenizer's special tokens are variables of theirs.
    init(general: String?, withTools: String?, tokenizer: TokenizerDescription?) {
        func read(_ source: String?) -> Result<ChatTemplate, ChatTemplateError>? {
            source.map { source in
                Result { () throws(ChatTemplateError) in try ChatTemplate(source, tokenizer: tokenizer) }
            }
        }
        (self.general, self.withTools) = (read(general), read(withTools))
    }

    /// The model has no template.
    var isEmpty: Bool { general == nil && withTools == nil }

    private func template(for request: GenerationRequest) -> Result<ChatTemplate, ChatTemplateError>? {
        request.tools == nil ? general ?? withTools : withTools ?? general
    }

    /// Whether the template writes the same without the tools of the request, which has some. One that fails without
    /// tools looks at them.
    func ignoreTools(of messages: [ChatMessage], _ request: GenerationRequest) -> Bool {
        // A list without any object in it has no tools.
        guard let tools = request.tools, tools.contains("{"), let template = template(for: request) else {
            return false
        }
        guard let told = try? text(of: messages, request, by: template, tools: tools),
            let untold = try? text(of: messages, request, by: template, tools: nil)
        else { return false }
        return told == untold
    }

    /// The conversation as the template writes it; nil where the model has none. Throws where the template is broken
    /// or refuses the conversation.
    func text(of messages: [ChatMessage], _ request: GenerationRequest) throws(TandemError) -> String? {
        guard let template = template(for: request) else { return nil }
        return try text(of: messages, request, by: template, tools: request.tools)
    }

    private func text(
        of messages: [ChatMessage], _ request: GenerationRequest, by template: Result<ChatTemplate, ChatTemplateError>,
        tools: String?
    ) throws(TandemError) -> String {
        let entries = messages.map {
            ChatTemplate.Message(role: $0.role.rawValue, content: $0.content, reasoning: $0.reasoning)
        }
        do {
            return try template.get().text(
                of: entries, tools: tools, variables: request.templateVariables, unixSeconds: time(nil))
        } catch {
            throw TandemError("\(error)", hint: "go without the model's chat template with \(.raw)")
        }
    }
}
