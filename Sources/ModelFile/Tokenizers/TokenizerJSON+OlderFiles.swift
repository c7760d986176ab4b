// The tokenizers of folders that have vocab.json and merges.txt instead of tokenizer.json. Knows only the classes that
// were saved so: GPT-2 and Qwen 2.

extension TokenizerJSON {
    /// The description; nil where the two files are not there.
    func olderDescription(in folder: any ModelFolder) throws(ModelFileError) -> TokenizerDescription? {
        guard
            let words = try HuggingFaceModel.json("vocab.json", in: folder, limit: FileLimits.tokenizerBytes),
            let merges = try folder.open("merges.txt")
        else { return nil }
        var vocabulary = TokenVocabulary(file: words.file)
        try vocabulary.add(words)
        var added = try olderAddedTokens(settings)
        if added.isEmpty { added = try oldestAddedTokens(in: folder) }
        try Self.check(added, in: folder.path)
        try vocabulary.add(added)
        var description = vocabulary.description(.bytePairs(merges: try Self.merges(in: merges)))
        let addsSpace = try settings?.bool("add_prefix_space") ?? false
        switch try settings?.string("tokenizer_class") ?? "GPT2Tokenizer" {
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
        return description
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
