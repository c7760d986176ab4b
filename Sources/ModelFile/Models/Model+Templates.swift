// The chat templates of a model's files alone, as its tokenizer alone can be opened.

import Sequences

extension Model {
    /// A model's chat templates: the one for all conversations, and one for those with tools where there are two.
    package struct Templates: Sendable {
        package let general: String?
        package let withTools: String?
        /// What of their files was left out: a sentence each.
        package let notices: [Sentence]
    }

    /// Opens only the chat templates: also of a vocabulary-only GGUF file, of a model of an unsupported family, of a
    /// folder without weights, or beside a tokenizer file itself.
    package static func openTemplates(path: String) throws(ModelFileError) -> Templates {
        if try DiskFile.kind(of: path) == .file {
            let source = try DiskFile(path: path)
            let (folder, _) = DiskFolder.parent(of: path)
            guard try source.bytes(at: 0, count: min(4, source.size)) == GGUFFile.magic else {
                return templates(in: folder)
            }
            return templates(of: try GGUFModel(source, in: folder))
        }
        return templates(in: DiskFolder(path: path))
    }

    private static func templates(of gguf: GGUFModel) -> Templates {
        var notices: [Sentence] = []
        let general = gguf.template("tokenizer.chat_template", notices: &notices)
        let withTools = gguf.template("tokenizer.chat_template.tool_use", notices: &notices)
        return Templates(general: general, withTools: withTools, notices: unique(notices))
    }

    private static func templates(in folder: any ModelFolder) -> Templates {
        var notices: [Sentence] = []
        let general = HuggingFaceModel.chatTemplate(named: "default", in: folder, notices: &notices)
        let withTools = HuggingFaceModel.chatTemplate(named: "tool_use", in: folder, notices: &notices)
        return Templates(general: general, withTools: withTools, notices: unique(notices))
    }
}
