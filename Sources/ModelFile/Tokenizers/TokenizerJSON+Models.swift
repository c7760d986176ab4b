// Reads the model of a tokenizer.json: BPE, Unigram, WordPiece or WordLevel. Knows nothing of the steps around it.
// Format: the serialization of the `tokenizers` library (`models/`).

extension TokenizerJSON {
    /// The model, and its vocabulary put into `vocabulary`.
    func model(
        _ fields: JSONObject, vocabulary: inout TokenVocabulary
    ) throws(ModelFileError) -> TokenizerDescription.Algorithm {
        switch try modelType(fields) {
        case "Unigram":
            let scores = try addUnigramPieces(fields, to: &vocabulary)
            return .unigram(scores: scores)
        case "WordPiece":
            try vocabulary.add(fields.required("model.vocab", fields.object("vocab")))
            let limit = try fields.integer("max_input_chars_per_word") ?? 100
            return .wordPiece(
                continuation: try fields.string("continuing_subword_prefix") ?? "##", beginning: "",
                maximumCharacters: max(0, limit))
        case "WordLevel":
            try vocabulary.add(fields.required("model.vocab", fields.object("vocab")))
            return .wordLevel
        default:
            try vocabulary.add(fields.required("model.vocab", fields.object("vocab")))
            let merges = try fields.required("model.merges", fields.array("merges"))
            return .bytePairs(merges: try self.merges(merges, file: vocabulary.file))
        }
    }

    /// Files of the first versions do not say; then the fields do.
    private func modelType(_ fields: JSONObject) throws(ModelFileError) -> String {
        if let type = try fields.string("type") { return type }
        if fields.present("merges") != nil { return "BPE" }
        if case .array = fields.present("vocab") { return "Unigram" }
        return fields.present("continuing_subword_prefix") != nil ? "WordPiece" : "WordLevel"
    }

    /// What a model says beside its vocabulary.
    func readOptions(
        of fields: JSONObject, into description: inout TokenizerDescription, vocabulary: TokenVocabulary
    ) throws(ModelFileError) {
        let type = try modelType(fields)
        let known: Set = ["BPE", "Unigram", "WordPiece", "WordLevel"]
        if !known.contains(type) {
            description.unsupported = "tokenizer model \(ModelFileError.printable(type, limit: 80))"
        }
        description.usesByteFallback = try fields.bool("byte_fallback") ?? false
        if type == "Unigram" {
            description.fusesUnknown = true
            description.unknown = try fields.integer("unk_id")
            if let unknown = description.unknown, !vocabulary.isInModel(unknown) {
                throw fields.wrong("unk_id", .integer(unknown), "the id of a token of the model")
            }
            return
        }
        if let unknown = try fields.string("unk_token") {
            description.unknown = vocabulary.id(unknown)
            let isNeeded = type == "BPE" && !description.usesByteFallback
            if isNeeded { _ = try vocabulary.required(unknown, field: "model.unk_token") }
        }
        guard type == "BPE" else { return }
        description.ignoresMerges = try fields.bool("ignore_merges") ?? false
        description.fusesUnknown = try fields.bool("fuse_unk") ?? false
        description.continuationPrefix = try fields.string("continuing_subword_prefix") ?? ""
        description.wordSuffix = try fields.string("end_of_word_suffix") ?? ""
        if let dropout = try fields.number("dropout"), dropout != 0 {
            description.unsupported = description.unsupported ?? "tokenizer with dropout"
        }
    }

    /// Pieces as [text, score], whose ids are their places.
    private func addUnigramPieces(
        _ fields: JSONObject, to vocabulary: inout TokenVocabulary
    ) throws(ModelFileError) -> [Double] {
        let values = try fields.required("model.vocab", fields.array("vocab"))
        let count = values.count
        guard count <= FileLimits.vocabulary else {
            throw ModelFileError(
                .limitExceeded, file: vocabulary.file, field: "model.vocab", value: count,
                "is above the limit of \(FileLimits.vocabulary)")
        }
        var scores: [Double] = []
        scores.reserveCapacity(count)
        try vocabulary.makeRoom(for: count)
        for value in values {
            guard case .array(let list) = value, let pair = list.pair, case .string(let text) = pair.0 else {
                throw fields.wrong("model.vocab", value, "a list of texts with their scores")
            }
            switch pair.1 {
            case .integer(let score): scores.append(Double(score))
            case .number(let score): scores.append(score)
            default: throw fields.wrong("model.vocab \(text)", pair.1, "a score")
            }
            try vocabulary.append(text)
        }
        vocabulary.endModel()
        return scores
    }

    /// Merges as "a b" or as ["a", "b"].
    private func merges(
        _ values: JSONArray, file: String
    ) throws(ModelFileError) -> TokenizerDescription.MergeList {
        var merges = TokenizerDescription.MergeList()
        merges.reserveCapacity(values.count)
        for value in values {
            // Files of the first versions hold the first line of merges.txt too.
            if case .string(let text) = value, merges.isEmpty, text.hasPrefix("#version") { continue }
            guard let merge = TokenizerDescription.Merge(json: value) else {
                throw ModelFileError(
                    .malformed, file: file, field: "model.merges", value: value.kindName,
                    "must be two texts, as a list or with one space between")
            }
            merges.append(merge)
        }
        return merges
    }
}

extension TokenizerDescription.Algorithm {
    /// With a score for each of `count` tokens: those that the model does not have are never chosen by it.
    func padded(to count: Int) -> Self {
        guard case .unigram(var scores) = self, scores.count < count else { return self }
        scores += [Double](repeating: 0, count: count - scores.count)
        return .unigram(scores: scores)
    }
}

extension TokenizerDescription.Merge {
    /// From "a b" or ["a", "b"].
    fileprivate init?(json value: JSONValue) {
        switch value {
        case .string(let text):
            self.init(text)
        case .array(let list):
            guard case (.string(let left), .string(let right))? = list.pair else { return nil }
            self.init(left: left, right: right)
        default:
            return nil
        }
    }
}
