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

    /// The conversation as the template writes it; nil where the model has none. Throws where the template is broken
    /// or refuses the conversation.
    func text(of messages: [ChatMessage], _ request: GenerationRequest) throws(TandemError) -> String? {
        guard let template = request.tools == nil ? general ?? withTools : withTools ?? general else { return nil }
        let entries = messages.map {
            ChatTemplate.Message(role: $0.role.rawValue, content: $0.content, reasoning: $0.reasoning)
        }
        do {
            return try template.get().text(
                of: entries, tools: request.tools, variables: request.templateVariables, unixSeconds: time(nil))
        } catch {
            throw TandemError("\(error)", hint: "go without the model's chat template with \(.raw)")
        }
    }
}
