// Reads the tokenizer of a Hugging Face folder: vocabulary, merges and kinds of tokens. Knows nothing of how text is
// tokenized. Format: the serialization of the `tokenizers` library (tokenizer.json), or the older vocab.json and
// merges.txt.
import Sequences

/// The tokenizer files of a folder.
struct TokenizerJSON {
    /// tokenizer.json; nil where the folder has vocab.json and merges.txt instead.
    let document: JSONObject?
    /// tokenizer_config.json
    let settings: JSONObject?
    /// special_tokens_map.json
    let specialTokens: JSONObject?
    /// What of these files was left out.
    private let notices: [Sentence]

    /// `document` with the settings beside it.
    private init(_ document: JSONObject?, in folder: any ModelFolder) {
        var notices: [Sentence] = []
        self.document = document
        settings = HuggingFaceModel.optionalJSON("tokenizer_config.json", in: folder, notices: &notices)
        specialTokens = HuggingFaceModel.optionalJSON("special_tokens_map.json", in: folder, notices: &notices)
        if let settings {
            func note(_ read: () throws(ModelFileError) -> Void) {
                do throws(ModelFileError) { try read() } catch {
                    notices.append("\(error.description); it is not used")
                }
            }
            for name in ["add_bos_token", "add_eos_token", "add_prefix_space"] {
                note { () throws(ModelFileError) in _ = try settings.bool(name) }
            }
            note { () throws(ModelFileError) in _ = try settings.string("tokenizer_class") }
        }
        self.notices = notices
    }

    /// A field of tokenizer_config.json, where it is of its kind.
    func flag(_ name: String) -> Bool? { try? settings?.bool(name) }

    /// The name of the class that Hugging Face's library would use, where the files say it.
    var className: String? { try? settings?.string("tokenizer_class") }

    /// The tokenizer in one file of any name: a tokenizer.json or a SentencePiece model. nil: something else.
    static func description(ofFile name: String, _ source: any ByteSource, in folder: any ModelFolder)
        throws(ModelFileError) -> TokenizerDescription?
    {
        let isJSON = name.hasSuffix(".json")
        guard isJSON || name.contains(".model") else { return nil }
        let document = isJSON ? try JSONReader.object(in: source, limit: FileLimits.tokenizerBytes) : nil
        let files = TokenizerJSON(document, in: folder)
        var description = try document.map { document throws(ModelFileError) in try files.description(of: document) }
            .or(files.sentencePieceDescription(of: source))
        description?.notices.insert(contentsOf: files.notices, at: 0)
        return description
    }

    /// The description; nil where the folder has no tokenizer that this program reads.
    static func description(in folder: any ModelFolder) throws(ModelFileError) -> TokenizerDescription? {
        let document = try HuggingFaceModel.json(
            "tokenizer.json", in: folder, limit: FileLimits.tokenizerBytes, asPython: false)
        let files = TokenizerJSON(document, in: folder)
        var description = try files.anyDescription(in: folder)
        description?.notices.insert(contentsOf: files.notices, at: 0)
        return description
    }

    /// From the first of the kinds of files that is there.
    private func anyDescription(in folder: any ModelFolder) throws(ModelFileError) -> TokenizerDescription? {
        if let document { return try description(of: document) }
        if let older = try olderDescription(in: folder) { return older }
        for name in ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model"] {
            if let source = try folder.open(name) { return try sentencePieceDescription(of: source) }
        }
        return nil
    }

    private func description(of document: JSONObject) throws(ModelFileError) -> TokenizerDescription {
        let fields = try document.required("model", document.object("model"))
        var vocabulary = TokenVocabulary(file: document.file)
        let model = try self.model(fields, vocabulary: &vocabulary)
        let listed = try addedTokens(document.array("added_tokens") ?? .empty, file: document.file)
        let added = vocabulary.firstOfEach(listed)
        try vocabulary.add(added)
        var description = vocabulary.description(model.padded(to: vocabulary.tokens.count))
        let steps = try TokenizerSteps(document: document)
        description.normalizers = steps.normalizers
        description.preTokenizers = steps.preTokenizers
        description.decoders = steps.decoders
        description.unsupported = steps.unsupported
        try readOptions(of: fields, into: &description, vocabulary: vocabulary)
        try finish(&description, added: added, vocabulary: vocabulary)
        return description
    }

    /// What both kinds of files have in common: added tokens, kinds, BOS and EOS.
    func finish(
        _ description: inout TokenizerDescription, added: [TokenizerDescription.AddedToken],
        vocabulary: TokenVocabulary
    ) throws(ModelFileError) {
        description.addedTokens = added
        for index in added.indices { description.addedTokens[index].isInModel = vocabulary.isInModel(added[index].id) }
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
        _ values: JSONArray, file: String
    ) throws(ModelFileError) -> [TokenizerDescription.AddedToken] {
        let count = values.count
        guard count <= FileLimits.addedTokens else {
            throw ModelFileError(
                .limitExceeded, file: file, field: "added_tokens", value: count,
                "is above the limit of \(FileLimits.addedTokens)")
        }
        var tokens: [TokenizerDescription.AddedToken] = []
        tokens.reserveCapacity(count)
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

/// Token texts by id, filled from untrusted ids without allocating more than there are tokens for.
struct TokenVocabulary {
    let file: String
    private(set) var tokens: [String] = []
    private var isAssigned: [Bool] = []
    /// Which ids the model's own vocabulary gave.
    private var isModel: [Bool] = []

    init(file: String) { self.file = file }

    /// Adds a vocabulary object: token text to id.
    mutating func add(_ object: JSONObject) throws(ModelFileError) {
        try makeRoom(for: object.members.count)
        for member in object.members {
            guard case .integer(let id) = member.value else {
                throw object.wrong("model.vocab \(member.name)", member.value, "a token id")
            }
            try add(member.name, id: id, field: "model.vocab")
        }
        endModel()
    }

    /// Adds texts whose ids are their places.
    mutating func add(_ texts: [String]) throws(ModelFileError) {
        try makeRoom(for: texts.count)
        for text in texts { try append(text) }
        endModel()
    }

    /// Before as many texts of the model are appended.
    mutating func makeRoom(for count: Int) throws(ModelFileError) { try grow(for: count, field: "model.vocab") }

    /// Adds a text whose id is its place.
    mutating func append(_ text: String) throws(ModelFileError) {
        try add(text, id: tokens.count, field: "model.vocab")
    }

    /// After the last text of the model.
    mutating func endModel() { isModel = isAssigned }

    /// Whether the model itself has this token, and not only the list of added ones.
    func isInModel(_ id: Int) -> Bool { isModel.indices.contains(id) && isModel[id] }

    /// The same list where each text occurs once: the first entry counts, and a text that the model has itself keeps the
    /// model's id, whatever the list says (as the `tokenizers` library does).
    func firstOfEach(_ added: [TokenizerDescription.AddedToken]) -> [TokenizerDescription.AddedToken] {
        var ids: [ExactString: Int?] = [:]
        for token in added { ids[ExactString(text: token.content)] = .some(nil) }
        for id in tokens.indices where isAssigned[id] {
            let text = ExactString(text: tokens[id])
            if case .some(nil) = ids[text] { ids[text] = id }
        }
        var seen: Set<ExactString> = []
        return added.compactMap { token in
            let text = ExactString(text: token.content)
            guard seen.insert(text).inserted else { return nil }
            var token = token
            if let id = ids[text] ?? nil { token.id = id }
            return token
        }
    }

    mutating func add(_ added: [TokenizerDescription.AddedToken]) throws(ModelFileError) {
        try grow(for: added.count, field: "added_tokens")
        for token in added { try add(token.content, id: token.id, field: "added_tokens") }
    }

    /// Makes room for ids up to the number of tokens, those to come included, and a few more.
    private mutating func grow(for count: Int, field: String) throws(ModelFileError) {
        guard count <= FileLimits.vocabulary - min(highestRoom, FileLimits.vocabulary) else {
            throw ModelFileError(
                .limitExceeded, file: file, field: field, value: count, "is above the limit of \(FileLimits.vocabulary)"
            )
        }
        highestRoom += count
        tokens.reserveCapacity(highestRoom)
        isAssigned.reserveCapacity(highestRoom)
    }

    /// How many tokens there are or will be.
    private var highestRoom = 0

    private mutating func add(_ text: String, id: Int, field: String) throws(ModelFileError) {
        guard id >= 0, id < highestRoom + FileLimits.unassignedTokens else {
            throw ModelFileError(
                .invalidValue, file: file, field: "\(field) \(text)", value: id,
                "is no id for one of \(highestRoom) tokens")
        }
        guard text.utf8.count <= FileLimits.tokenBytes else {
            throw ModelFileError(
                .limitExceeded, file: file, field: field, value: text, "is longer than \(FileLimits.tokenBytes) bytes")
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
    func description(_ algorithm: TokenizerDescription.Algorithm) -> TokenizerDescription {
        TokenizerDescription(algorithm, tokens: tokens, kinds: isAssigned.map { $0 ? .normal : .unused })
    }
}
