// The chat templates of a model's files alone, as its tokenizer alone can be opened.

extension Model {
    /// A model's chat templates: the one for all conversations, and one for those with tools where there are two.
    package typealias Templates = (general: String?, withTools: String?)

    /// Opens only the chat templates: also of a vocabulary-only GGUF file, of a model of an unsupported family, of a
    /// folder without weights, or beside a tokenizer file itself.
    package static func openTemplates(path: String) throws(ModelFileError) -> Templates {
        if try DiskFile.kind(of: path) == .file {
            let source = try DiskFile(path: path)
            let (folder, _) = DiskFolder.parent(of: path)
            guard try source.bytes(at: 0, count: min(4, source.size)) == GGUFFile.magic else {
                return try templates(in: folder)
            }
            let metadata = try GGUFModel(source, in: folder).metadata
            return (
                try metadata.string("tokenizer.chat_template"), try metadata.string("tokenizer.chat_template.tool_use")
            )
        }
        return try templates(in: DiskFolder(path: path))
    }

    private static func templates(in folder: any ModelFolder) throws(ModelFileError) -> Templates {
        (
            try HuggingFaceModel.chatTemplate(named: "default", in: folder),
            try HuggingFaceModel.chatTemplate(named: "tool_use", in: folder)
        )
    }
}
