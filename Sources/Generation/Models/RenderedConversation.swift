// Responsible for: a conversation as a model's chat template writes it, and its tokens, without weights.
// Must not know: stages, workers, sockets.
import ModelFile
import Sequences
import Tokenization

/// What a model would be given of a conversation.
package struct RenderedConversation: Sendable {
    /// What the template wrote.
    package let text: String
    /// Its tokens, special ones included.
    package let tokens: [ModelTokenizer.Token]
    /// The model has a template; otherwise the text is in the plain form that is used then.
    package let isTemplated: Bool
    /// What of the files was guessed or left out: a sentence each.
    package let notices: [Sentence]

    /// Renders the messages of `request` with its tools and variables by the template of the model at `path`, of which
    /// no weights are needed. Throws where there is no tokenizer, or where the template refuses the conversation.
    package init(_ request: GenerationRequest, modelPath path: String) throws(TandemError) {
        guard case .messages(let messages) = request.prompt else {
            preconditionFailure("only conversations are rendered")
        }
        try request.validate()
        let tokenizer = try ModelTokenizer(path: path)
        let templates: ChatTemplates
        do {
            let sources = try Model.openTemplates(path: path)
            notices = tokenizer.notices + sources.notices.filter { !tokenizer.notices.contains($0) }
            templates = ChatTemplates(
                general: sources.general, withTools: sources.withTools, tokenizer: tokenizer.description)
        } catch { throw TandemError(error) }
        guard !templates.isEmpty || (request.tools == nil && request.templateVariables == nil) else {
            throw TandemError(
                "this model has no chat template that could take tools or variables",
                hint: "leave out \(.tools) and \(.templateVariables)")
        }
        let written = request.isRaw ? nil : try templates.text(of: messages, request)
        isTemplated = written != nil
        text = written ?? ChatFormat.plain.text(of: messages)
        tokens = tokenizer.tokens(ofConversation: text, isTemplated: isTemplated)
    }
}
