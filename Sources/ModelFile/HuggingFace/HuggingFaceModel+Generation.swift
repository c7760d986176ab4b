// What a Hugging Face folder suggests for generating, and its template for conversations. Knows nothing of sampling.

import Sequences

extension HuggingFaceModel {
    /// generation_config.json, and what config.json says where that says nothing. Tokens outside of the vocabulary
    /// (small test models inherit them from large ones) are left out.
    func generationDefaults(
        vocabularySize: Int, tokenizer: TokenizerDescription?
    ) throws(ModelFileError) -> GenerationDefaults {
        let fields = try Self.json("generation_config.json", in: folder)
        var defaults = GenerationDefaults()
        let tokens = 0..<vocabularySize
        let bos = try (fields?.integer("bos_token_id")).or(settings.integer("bos_token_id")) ?? tokenizer?.bos
        defaults.bosToken = bos.flatMap { tokens.contains($0) ? $0 : nil }
        let eos = try Self.endTokens(fields).or(Self.endTokens(settings)) ?? [tokenizer?.eos].compactMap { $0 }
        for id in eos where tokens.contains(id) && !defaults.eosTokens.contains(id) { defaults.eosTokens.append(id) }
        if let fields { defaults.sampling = Self.sampling(fields) }
        return defaults
    }

    /// "eos_token_id": a number or a list of numbers; nil where absent.
    private static func endTokens(_ fields: JSONObject?) throws(ModelFileError) -> [Int]? {
        guard let fields else { return nil }
        guard case .array(let values) = fields.present("eos_token_id") else {
            return try fields.integer("eos_token_id").map { [$0] }
        }
        var ids: [Int] = []
        for value in values.prefix(FileLimits.endTokens + 1) {
            guard case .integer(let id) = value, ids.count < FileLimits.endTokens else {
                throw fields.wrong("eos_token_id", value, "at most \(FileLimits.endTokens) token ids")
            }
            ids.append(id)
        }
        return ids
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
    /// tokenizer_config.json: a text, or a list of named ones. A text alone is the one named "default".
    func chatTemplate(named name: String) throws(ModelFileError) -> String? {
        try Self.chatTemplate(named: name, in: folder)
    }

    /// The same of a folder that may have nothing else.
    static func chatTemplate(named name: String, in folder: any ModelFolder) throws(ModelFileError) -> String? {
        let isDefault = name == "default"
        if let source = try folder.open(
            isDefault ? "chat_template.jinja" : "additional_chat_templates/\(name).jinja")
        {
            return String(decoding: try source.content(limit: FileLimits.configurationBytes), as: UTF8.self)
        }
        guard let fields = try json("tokenizer_config.json", in: folder) else { return nil }
        guard case .array(let named) = fields.present("chat_template") else {
            return isDefault ? try fields.string("chat_template") : nil
        }
        for case .object(let entry) in named where try entry.string("name") == name {
            return try entry.string("template")
        }
        return nil
    }
}
