// What a Hugging Face folder suggests for generating, and its template for conversations. Knows nothing of sampling.

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
        guard let fields else { return defaults }
        defaults.temperature = try Self.number(fields, "temperature", in: 0...1000)
        defaults.topP = try Self.number(fields, "top_p", in: 0...1)
        defaults.minP = try Self.number(fields, "min_p", in: 0...1)
        defaults.repeatPenalty = try Self.number(fields, "repetition_penalty", in: 0.01...100)
        defaults.topK = try fields.integer("top_k")
        if let topK = defaults.topK, topK < 0 { throw fields.wrong("top_k", .integer(topK), "0 or more") }
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

    private static func number(
        _ fields: JSONObject, _ name: String, in range: ClosedRange<Double>
    ) throws(ModelFileError) -> Float? {
        guard let value = try fields.number(name) else { return nil }
        guard range.contains(value) else {
            throw fields.wrong(name, .number(value), "between \(range.lowerBound) and \(range.upperBound)")
        }
        return Float(value)
    }

    /// chat_template.jinja (of other names: additional_chat_templates/NAME.jinja), or "chat_template" of
    /// tokenizer_config.json: a text, or a list of named ones. A text alone is the one named "default".
    func chatTemplate(named name: String) throws(ModelFileError) -> String? {
        let isDefault = name == "default"
        if let source = try folder.open(
            isDefault ? "chat_template.jinja" : "additional_chat_templates/\(name).jinja")
        {
            return String(decoding: try source.content(limit: FileLimits.configurationBytes), as: UTF8.self)
        }
        guard let fields = try Self.json("tokenizer_config.json", in: folder) else { return nil }
        guard case .array(let named) = fields.present("chat_template") else {
            return isDefault ? try fields.string("chat_template") : nil
        }
        for case .object(let entry) in named where try entry.string("name") == name {
            return try entry.string("template")
        }
        return nil
    }
}
