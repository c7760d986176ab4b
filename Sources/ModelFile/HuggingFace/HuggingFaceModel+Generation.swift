// What a Hugging Face folder suggests for generating, and its template for conversations. Knows nothing of sampling.

import Sequences

extension HuggingFaceModel {
    /// generation_config.json, and what config.json says where that says nothing. What has no meaning, and tokens outside
    /// of the vocabulary (small test models inherit them from large ones), are left out with a sentence.
    func generationDefaults(
        vocabularySize: Int, tokenizer: TokenizerDescription?, notices: inout [Sentence]
    ) -> GenerationDefaults {
        let fields = Self.optionalJSON("generation_config.json", in: folder, notices: &notices)
        let text = try? settings.object("text_config")
        let sources = [fields, settings, text].compactMap { $0 }
        var defaults = GenerationDefaults()
        func ids(_ name: String) -> [Int]? {
            for source in sources {
                let ids = Self.ids(name, source, below: vocabularySize, notices: &notices)
                if let ids { return ids }
            }
            return nil
        }
        defaults.bosToken = (ids("bos_token_id") ?? tokenizer?.bos.map { [$0] })?.first { $0 < vocabularySize }
        let ends = ids("eos_token_id") ?? tokenizer?.eos.map { [$0] } ?? []
        for id in ends where id < vocabularySize && !defaults.eosTokens.contains(id) { defaults.eosTokens.append(id) }
        if let fields { defaults.sampling = Self.sampling(fields) }
        return defaults
    }

    /// A number or a list of numbers; nil where there is none that is meant. Ids that are no tokens are left out.
    private static func ids(
        _ name: String, _ fields: JSONObject, below count: Int, notices: inout [Sentence]
    ) -> [Int]? {
        let values: [JSONValue]
        switch fields.present(name) {
        case nil: return nil
        case .array(let list)?: values = Array(list.prefix(FileLimits.endTokens))
        case let single?: values = [single]
        }
        var ids: [Int] = []
        var isMeant = false
        for value in values {
            guard let id = value.whole else {
                notices.append("\(fields.file): \(name) is \(value.kindName), which is no token id; it is not used")
                continue
            }
            isMeant = true
            if (0..<count).contains(id) { ids.append(id); continue }
            if id == -1 { continue }
            notices.append("\(fields.file): \(name) is \(id), which is no token of this vocabulary; it is not used")
        }
        return isMeant ? ids : nil
    }

    /// transformers samples only where "do_sample" says so; here only its absence leaves the choice open.
    private static func sampling(_ fields: JSONObject) -> SamplingParameters {
        func number(_ name: String) -> Double? { try? fields.number(name) }
        let isGreedy = (try? fields.bool("do_sample")) == false
        return SamplingParameters(
            temperature: isGreedy ? 0 : number("temperature"), topK: number("top_k"), topP: number("top_p"),
            minP: number("min_p"), repeatPenalty: number("repetition_penalty"))
    }

    /// chat_template.jinja (of other names: additional_chat_templates/NAME.jinja), or "chat_template" of
    /// tokenizer_config.json: a text, or a list of named ones. A text alone is the one named "default". The folder may
    /// have nothing else. What cannot be read is left out with a sentence.
    static func chatTemplate(named name: String, in folder: any ModelFolder, notices: inout [Sentence]) -> String? {
        do throws(ModelFileError) {
            return try chatTemplateFile(named: name, in: folder, notices: &notices)
                .or(
                    chatTemplate(
                        named: name, of: optionalJSON("tokenizer_config.json", in: folder, notices: &notices))
                )
                .flatMap { ChatTemplateText.usable($0, from: folder.path, notices: &notices) }
        } catch {
            notices.append("\(error.description); there is no chat template without it")
            return nil
        }
    }

    private static func chatTemplateFile(
        named name: String, in folder: any ModelFolder, notices: inout [Sentence]
    ) throws(ModelFileError) -> String? {
        let file = name == "default" ? "chat_template.jinja" : "additional_chat_templates/\(name).jinja"
        guard let source = try folder.open(file) else { return nil }
        if source.size > 0 { try source.refuseStandIn() }
        let content = try source.content(limit: FileLimits.configurationBytes)
        guard let text = String(validating: content, as: UTF8.self) else {
            throw ModelFileError(.malformed, file: source.name, "is not UTF-8")
        }
        return ChatTemplateText.usable(text, from: source.name, notices: &notices)
    }

    private static func chatTemplate(named name: String, of fields: JSONObject?) throws(ModelFileError) -> String? {
        guard let fields else { return nil }
        guard case .array(let named) = fields.present("chat_template") else {
            return name == "default" ? try fields.string("chat_template") : nil
        }
        for case .object(let entry) in named where try entry.string("name") == name {
            return try entry.string("template")
        }
        return nil
    }
}
