// Which special tokens a tokenizer.json puts around a text. Knows nothing of vocabularies but ids.

extension TokenizerJSON {
    /// Fills `prefixTokens` and `suffixTokens`: from the post-processor where there is one with a template, else from
    /// tokenizer_config.json, else by the habit of the tokenizer's class.
    func addTemplate(
        to description: inout TokenizerDescription, vocabulary: TokenVocabulary
    ) throws(ModelFileError) {
        if let processor = try document?.object("post_processor") {
            for part in try processor.flattened("processors") {
                switch try part.string("type") {
                case "TemplateProcessing":
                    try addTemplate(part, to: &description)
                    return
                case "BertProcessing", "RobertaProcessing":
                    description.prefixTokens = [try id(part.array("cls"), field: "cls", vocabulary)]
                    description.suffixTokens = [try id(part.array("sep"), field: "sep", vocabulary)]
                    return
                case "ByteLevel": continue  // moves offsets only
                case let type:
                    description.unsupported = description.unsupported ?? "post-processor \(type ?? "without type")"
                }
            }
        }
        let isLlama = ["LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast"]
            .contains(className ?? "")
        let addsBOS = flag("add_bos_token") ?? isLlama
        let addsEOS = flag("add_eos_token") ?? false
        description.prefixTokens = addsBOS ? [description.bos].compactMap { $0 } : []
        description.suffixTokens = addsEOS ? [description.eos].compactMap { $0 } : []
    }

    /// The "single" template: special tokens around one sequence.
    private func addTemplate(
        _ processor: JSONObject, to description: inout TokenizerDescription
    ) throws(ModelFileError) {
        let special = try processor.object("special_tokens")
        var isBefore = true
        let single = try processor.required("post_processor.single", processor.array("single"))
        guard single.count <= FileLimits.templatePieces else {
            throw ModelFileError(
                .limitExceeded, file: processor.file, field: "post_processor.single", value: single.count,
                "is above the limit of \(FileLimits.templatePieces)")
        }
        for value in single {
            guard case .object(let piece) = value else { throw processor.wrong("single", value, "a list of objects") }
            if piece.present("Sequence") != nil { isBefore = false }
            guard let token = try piece.object("SpecialToken") else { continue }
            let name = try token.required("SpecialToken id", token.string("id"))
            let ids = try special?.object(name)?.array("ids") ?? .empty
            guard !ids.isEmpty, ids.count <= FileLimits.templatePieces else {
                throw ModelFileError(
                    .mismatch, file: processor.file, field: "post_processor", value: name,
                    "has no ids (or too many) among its special tokens")
            }
            for id in ids {
                guard case .integer(let id) = id, description.tokens.indices.contains(id) else {
                    throw ModelFileError(
                        .invalidValue, file: processor.file, field: "post_processor \(name)", value: id.kindName,
                        "must be a token id below \(description.tokens.count)")
                }
                if isBefore { description.prefixTokens.append(id) } else { description.suffixTokens.append(id) }
            }
        }
    }

    /// From ["<s>", 0].
    private func id(
        _ list: JSONArray?, field: String, _ vocabulary: TokenVocabulary
    ) throws(ModelFileError) -> Int {
        guard case .integer(let id)? = list?.pair?.1, vocabulary.tokens.indices.contains(id) else {
            throw ModelFileError(
                .malformed, file: vocabulary.file, field: "post_processor.\(field)", "must be a token and its id")
        }
        return id
    }
}

extension JSONObject {
    /// The object itself, or what it lists under `name` where its type is "Sequence"; nested lists in order.
    func flattened(_ name: String) throws(ModelFileError) -> [JSONObject] {
        guard try string("type") == "Sequence" else { return [self] }
        var result: [JSONObject] = []
        for value in try array(name) ?? .empty {
            guard case .object(let object) = value else { throw wrong(name, value, "a list of objects") }
            result += try object.flattened(name)
        }
        return result
    }
}
