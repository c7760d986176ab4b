// Reads the tokenizer of a Hugging Face folder: vocabulary, merges and kinds of tokens. Knows nothing of how text is
// tokenized. Format: the serialization of the `tokenizers` library (tokenizer.json), or the older vocab.json and
// merges.txt.

/// The tokenizer files of a folder.
struct TokenizerJSON {
    /// tokenizer.json; nil where the folder has vocab.json and merges.txt instead.
    let document: JSONObject?
    /// tokenizer_config.json
    let settings: JSONObject?
    /// special_tokens_map.json
    let specialTokens: JSONObject?

    /// The description; nil where the folder has no tokenizer that this program reads.
    static func description(in folder: any ModelFolder) throws(ModelFileError) -> TokenizerDescription? {
        let document = try HuggingFaceModel.json("tokenizer.json", in: folder, limit: Limits.tokenizerBytes)
        let files = TokenizerJSON(
            document: document, settings: try HuggingFaceModel.json("tokenizer_config.json", in: folder),
            specialTokens: try HuggingFaceModel.json("special_tokens_map.json", in: folder))
        if let document { return try files.description(of: document) }
        return try files.olderDescription(in: folder)
    }

    private func description(of document: JSONObject) throws(ModelFileError) -> TokenizerDescription {
        let model = try document.required("model", document.object("model"))
        let type = try model.string("type") ?? "BPE"  // files of the first versions do not say
        var vocabulary = TokenVocabulary(file: document.file)
        guard type == "BPE" else {
            return TokenizerDescription(
                model: .bytePairs(merges: []), tokens: [], kinds: [], textForm: .byteLevel,
                preTokenizer: .unsupported("tokenizer model \(type)"))
        }
        try vocabulary.add(model.required("model.vocab", model.object("vocab")))
        let added = try addedTokens(document.array("added_tokens") ?? [], file: document.file)
        try vocabulary.add(added)
        let merges = try merges(model.required("model.merges", model.array("merges")), file: document.file)
        let pieces = try TextPieces(document: document, model: model)
        var description = vocabulary.description(merges: merges, pieces: pieces)
        description.ignoresMerges = try model.bool("ignore_merges") ?? false
        description.usesByteFallback = try model.bool("byte_fallback") ?? false
        description.fusesUnknown = try model.bool("fuse_unk") ?? false
        if let unknown = try model.string("unk_token") {
            description.unknown = try vocabulary.required(unknown, field: "model.unk_token")
        }
        try finish(&description, added: added, vocabulary: vocabulary)
        return description
    }

    /// What both kinds of files have in common: added tokens, kinds, BOS and EOS.
    func finish(
        _ description: inout TokenizerDescription, added: [TokenizerDescription.AddedToken],
        vocabulary: TokenVocabulary
    ) throws(ModelFileError) {
        description.addedTokens = added
        if description.usesByteFallback {
            for (id, token) in description.tokens.enumerated() where TokenizerDescription.isByteToken(token) {
                description.kinds[id] = .byte
            }
        }
        for token in added { description.kinds[token.id] = token.isSpecial ? .control : .userDefined }
        if let unknown = description.unknown { description.kinds[unknown] = .unknown }
        description.bos = try specialToken("bos_token").flatMap(vocabulary.id)
        description.eos = try specialToken("eos_token").flatMap(vocabulary.id)
        try addTemplate(to: &description, vocabulary: vocabulary)
    }

    func addedTokens(
        _ values: [JSONValue], file: String
    ) throws(ModelFileError) -> [TokenizerDescription.AddedToken] {
        guard values.count <= Limits.addedTokens else {
            throw ModelFileError(
                .limitExceeded, file: file, field: "added_tokens", value: values.count,
                "is above the limit of \(Limits.addedTokens)")
        }
        var tokens: [TokenizerDescription.AddedToken] = []
        for value in values {
            guard case .object(let entry) = value else {
                throw ModelFileError(
                    .malformed, file: file, field: "added_tokens", value: value.kindName, "must be objects")
            }
            let id = try entry.required("added_tokens id", entry.integer("id"))
            tokens.append(try Self.addedToken(entry, id: id))
        }
        return tokens
    }

    static func addedToken(
        _ entry: JSONObject, id: Int
    ) throws(ModelFileError) -> TokenizerDescription.AddedToken {
        TokenizerDescription.AddedToken(
            id: id,
            content: try entry.required("added_tokens content", entry.string("content")),
            isSpecial: try entry.bool("special") ?? false,
            stripsLeft: try entry.bool("lstrip") ?? false,
            stripsRight: try entry.bool("rstrip") ?? false,
            isSingleWord: try entry.bool("single_word") ?? false,
            isNormalized: try entry.bool("normalized") ?? false)
    }

    /// Merges as "a b" or as ["a", "b"].
    private func merges(
        _ values: [JSONValue], file: String
    ) throws(ModelFileError) -> [TokenizerDescription.Merge] {
        var merges: [TokenizerDescription.Merge] = []
        merges.reserveCapacity(values.count)
        for value in values {
            guard let merge = TokenizerDescription.Merge(json: value) else {
                throw ModelFileError(
                    .malformed, file: file, field: "model.merges", value: value.kindName,
                    "must be two texts, as a list or with one space between")
            }
            merges.append(merge)
        }
        return merges
    }

    /// The text of "bos_token" and the like: a text, or an object with its content.
    func specialToken(_ name: String) throws(ModelFileError) -> String? {
        for file in [settings, specialTokens].compactMap({ $0 }) {
            switch file.present(name) {
            case .string(let content): return content
            case .object(let entry): return try entry.string("content")
            default: continue
            }
        }
        return nil
    }
}

extension TokenizerDescription.Merge {
    /// From "a b" or ["a", "b"].
    fileprivate init?(json value: JSONValue) {
        switch value {
        case .string(let text):
            self.init(text)
        case .array(let pair):
            guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
                return nil
            }
            self.init(left: left, right: right)
        default:
            return nil
        }
    }
}

/// Token texts by id, filled from untrusted ids without allocating more than there are tokens for.
struct TokenVocabulary {
    let file: String
    private(set) var tokens: [String] = []
    private var isAssigned: [Bool] = []

    init(file: String) { self.file = file }

    /// Adds a vocabulary object: token text to id.
    mutating func add(_ object: JSONObject) throws(ModelFileError) {
        try grow(for: object.members.count, field: "model.vocab")
        for member in object.members {
            guard case .integer(let id) = member.value else {
                throw object.wrong("model.vocab \(member.name)", member.value, "a token id")
            }
            try add(member.name, id: id, field: "model.vocab")
        }
    }

    mutating func add(_ added: [TokenizerDescription.AddedToken]) throws(ModelFileError) {
        try grow(for: added.count, field: "added_tokens")
        for token in added { try add(token.content, id: token.id, field: "added_tokens") }
    }

    /// Makes room for ids up to the number of tokens, those to come included, and a few more.
    private mutating func grow(for count: Int, field: String) throws(ModelFileError) {
        guard count <= Limits.vocabulary - min(highestRoom, Limits.vocabulary) else {
            throw ModelFileError(
                .limitExceeded, file: file, field: field, value: count, "is above the limit of \(Limits.vocabulary)")
        }
        highestRoom += count
        tokens.reserveCapacity(highestRoom)
        isAssigned.reserveCapacity(highestRoom)
    }

    /// How many tokens there are or will be.
    private var highestRoom = 0

    private mutating func add(_ text: String, id: Int, field: String) throws(ModelFileError) {
        guard id >= 0, id < highestRoom + Limits.unassignedTokens else {
            throw ModelFileError(
                .invalidValue, file: file, field: "\(field) \(text)", value: id,
                "is no id for one of \(highestRoom) tokens")
        }
        guard text.utf8.count <= Limits.tokenBytes else {
            throw ModelFileError(
                .limitExceeded, file: file, field: field, value: text, "is longer than \(Limits.tokenBytes) bytes")
        }
        while tokens.count <= id {
            tokens.append("")
            isAssigned.append(false)
        }
        guard !isAssigned[id] || ExactString.equal(tokens[id], text) else {
            throw ModelFileError(
                .duplicate, file: file, field: "\(field) \(text)", value: id,
                "is already the id of \(ModelFileError.printable(tokens[id], limit: 80))")
        }
        tokens[id] = text
        isAssigned[id] = true
    }

    /// The id of a token; nil where there is none. Linear.
    func id(_ text: String) -> Int? {
        tokens.indices.first { isAssigned[$0] && ExactString.equal(tokens[$0], text) }
    }

    func required(_ text: String, field: String) throws(ModelFileError) -> Int {
        guard let id = id(text) else {
            throw ModelFileError(.mismatch, file: file, field: field, value: text, "is not in the vocabulary")
        }
        return id
    }

    /// A description with what is known so far.
    func description(merges: [TokenizerDescription.Merge], pieces: TextPieces) -> TokenizerDescription {
        var description = TokenizerDescription(
            model: .bytePairs(merges: merges), tokens: tokens, kinds: isAssigned.map { $0 ? .normal : .unused },
            textForm: pieces.textForm, preTokenizer: pieces.preTokenizer)
        description.spacePrefix = pieces.spacePrefix
        description.normalizesToNFC = pieces.normalizesToNFC
        return description
    }
}
