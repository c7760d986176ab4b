// The tokenizers of folders that have vocab.json and merges.txt instead of tokenizer.json. Knows only the classes that
// were saved so: GPT-2 and Qwen 2.
import Sequences

extension TokenizerJSON {
    /// The description; nil where the two files are not there.
    func olderDescription(in folder: any ModelFolder) throws(ModelFileError) -> TokenizerDescription? {
        guard
            let merges = try folder.open("merges.txt"),
            let words = try HuggingFaceModel.json("vocab.json", in: folder, limit: FileLimits.tokenizerBytes)
        else { return nil }
        if merges.size > 0 { try merges.refuseStandIn() }
        var vocabulary = TokenVocabulary(file: words.file)
        try vocabulary.add(words)
        var added = try olderAddedTokens(settings)
        if added.isEmpty { added = try oldestAddedTokens(in: folder) }
        let (className, isGuessed) = olderClass(in: folder)
        added += olderSpecialTokens(of: className, vocabulary, beside: added)
        try Self.check(added, in: folder.path)
        try vocabulary.add(added)
        var description = vocabulary.description(.bytePairs(merges: try Self.merges(in: merges)))
        let addsSpace = flag("add_prefix_space") ?? false
        if isGuessed {
            let notice: Sentence = "\(folder.path) does not say whose tokenizer vocab.json and merges.txt are"
            description.notices.append(
                notice + ": text is cut into words as GPT-2's is, a guess that may give tokens of other words")
        }
        switch className {
        case "GPT2Tokenizer", "GPT2TokenizerFast":
            description.preTokenizers = [.byteLevel(addsPrefixSpace: addsSpace, splits: true)]
        case "Qwen2Tokenizer", "Qwen2TokenizerFast":
            description.normalizers = [.nfc]
            description.preTokenizers =
                (GGUFPreTokenizer("qwen2")?.steps ?? []) + [.byteLevel(addsPrefixSpace: addsSpace, splits: false)]
        case let name: description.unsupported = "tokenizer class \(ModelFileError.printable(name, limit: 80))"
        }
        description.decoders = [.byteLevel]
        description.unknown = try specialToken("unk_token").flatMap(vocabulary.id)
        try finish(&description, added: added, vocabulary: vocabulary)
        if className.hasPrefix("GPT2"), let end = vocabulary.id(Self.gpt2End) {
            description.bos = description.bos ?? end
            description.eos = description.eos ?? end
        } else if className.hasPrefix("Qwen2"), let end = vocabulary.id(Self.gpt2End) {
            description.eos = description.eos ?? end
        }
        return description
    }

    /// The one special token of GPT-2's tokenizer, and of Qwen 2's where its files name no others.
    private static let gpt2End = "<|endoftext|>"

    /// The class whose files these are: as tokenizer_config.json says, or else by the family of config.json.
    private func olderClass(in folder: any ModelFolder) -> (name: String, isGuessed: Bool) {
        if let className { return (className, false) }
        let model = try? HuggingFaceModel.json("config.json", in: folder)?.string("model_type")
        switch model {
        case "gpt2"?: return ("GPT2Tokenizer", false)
        case let name? where name.hasPrefix("qwen2") || name.hasPrefix("qwen3"): return ("Qwen2Tokenizer", false)
        // A folder with nothing but the two files is how GPT-2 was published.
        case nil: return ("GPT2Tokenizer", settings != nil)
        default: return ("GPT2Tokenizer", true)
        }
    }

    /// Tokens of the vocabulary that the settings, or the class itself, make special, where no list names them.
    private func olderSpecialTokens(
        of className: String, _ vocabulary: TokenVocabulary, beside added: [TokenizerDescription.AddedToken]
    ) -> [TokenizerDescription.AddedToken] {
        let names = ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"]
        var texts = names.compactMap { try? specialToken($0) }
        if className.hasPrefix("GPT2") || className.hasPrefix("Qwen2") { texts.append(Self.gpt2End) }
        var known = Set(added.map { ExactString(text: $0.content) })
        return texts.compactMap { text in
            guard let id = vocabulary.id(text), known.insert(ExactString(text: text)).inserted else { return nil }
            return .init(id: id, content: text, isSpecial: true)
        }
    }

    /// From tokenizer_config.json.
    func olderAddedTokens(_ settings: JSONObject?) throws(ModelFileError) -> [TokenizerDescription.AddedToken] {
        guard let settings, let entries = try settings.object("added_tokens_decoder") else { return [] }
        var added: [TokenizerDescription.AddedToken] = []
        for member in entries.members {
            guard let id = Int(member.name), case .object(let entry) = member.value else {
                throw entries.wrong("added_tokens_decoder \(member.name)", member.value, "an object under an id")
            }
            added.append(try Self.addedToken(entry, id: id))
        }
        try Self.check(added, in: settings.file)
        return added
    }

    /// From added_tokens.json, which says nothing but ids.
    private func oldestAddedTokens(
        in folder: any ModelFolder
    ) throws(ModelFileError) -> [TokenizerDescription.AddedToken] {
        guard let entries = try HuggingFaceModel.json("added_tokens.json", in: folder) else { return [] }
        var added: [TokenizerDescription.AddedToken] = []
        for member in entries.members {
            guard case .integer(let id) = member.value else {
                throw entries.wrong(member.name, member.value, "a token id")
            }
            added.append(.init(id: id, content: member.name, isSpecial: true))
        }
        return added
    }

    private static func check(
        _ added: [TokenizerDescription.AddedToken], in file: String
    ) throws(ModelFileError) {
        guard added.count <= FileLimits.addedTokens else {
            throw ModelFileError(
                .limitExceeded, file: file, field: "added tokens", value: added.count,
                "is above the limit of \(FileLimits.addedTokens)")
        }
    }

    /// One "left right" a line, after an optional first line "#version"; lines may end in CR LF.
    private static func merges(in source: any ByteSource) throws(ModelFileError) -> TokenizerDescription.MergeList {
        guard
            let text = String(validating: try source.content(limit: FileLimits.tokenizerBytes), as: UTF8.self)
        else { throw ModelFileError(.malformed, file: source.name, "is not UTF-8") }
        var merges = TokenizerDescription.MergeList()
        for (number, rawLine) in text.utf8.split(separator: UInt8(ascii: "\n")).enumerated() {
            let line = rawLine.last == UInt8(ascii: "\r") ? rawLine.dropLast() : rawLine
            if line.isEmpty || number == 0 && line.starts(with: "#version".utf8) { continue }
            guard merges.count < FileLimits.jsonValues, let merge = TokenizerDescription.Merge(String(Substring(line)))
            else {
                throw ModelFileError(
                    .malformed, file: source.name, field: "line \(number + 1)", value: String(Substring(line)),
                    "must be two texts with one space between")
            }
            merges.append(merge)
        }
        return merges
    }
}
