// The tokenizers of folders that have vocab.json and merges.txt instead of tokenizer.json. Knows only the classes that
// were saved so: GPT-2 and Qwen 2.

extension TokenizerJSON {
    /// The description; nil where the two files are not there.
    func olderDescription(in folder: any ModelFolder) throws(ModelFileError) -> TokenizerDescription? {
        guard
            let words = try HuggingFaceModel.json("vocab.json", in: folder, limit: Limits.tokenizerBytes),
            let merges = try folder.open("merges.txt")
        else { return nil }
        var vocabulary = TokenVocabulary(file: words.file)
        try vocabulary.add(words)
        let added = try olderAddedTokens(in: folder)
        try vocabulary.add(added)
        let pieces: TextPieces
        switch try settings?.string("tokenizer_class") ?? "GPT2Tokenizer" {
        case "GPT2Tokenizer", "GPT2TokenizerFast": pieces = TextPieces(preTokenizer: .gpt2)
        case "Qwen2Tokenizer", "Qwen2TokenizerFast": pieces = TextPieces(preTokenizer: .qwen2, normalizesToNFC: true)
        case let name: pieces = TextPieces(preTokenizer: .unsupported("tokenizer class \(name)"))
        }
        var description = vocabulary.description(merges: try Self.merges(in: merges), pieces: pieces)
        if try settings?.bool("add_prefix_space") == true { description.spacePrefix = .alwaysUnlessSpace }
        description.unknown = try specialToken("unk_token").flatMap(vocabulary.id)
        try finish(&description, added: added, vocabulary: vocabulary)
        return description
    }

    /// From tokenizer_config.json, or the still older added_tokens.json.
    private func olderAddedTokens(
        in folder: any ModelFolder
    ) throws(ModelFileError) -> [TokenizerDescription.AddedToken] {
        var added: [TokenizerDescription.AddedToken] = []
        if let settings, let entries = try settings.object("added_tokens_decoder") {
            for member in entries.members {
                guard let id = Int(member.name), case .object(let entry) = member.value else {
                    throw entries.wrong("added_tokens_decoder \(member.name)", member.value, "an object under an id")
                }
                added.append(try Self.addedToken(entry, id: id))
            }
        } else if let entries = try HuggingFaceModel.json("added_tokens.json", in: folder) {
            for member in entries.members {
                guard case .integer(let id) = member.value else {
                    throw entries.wrong(member.name, member.value, "a token id")
                }
                added.append(.init(id: id, content: member.name, isSpecial: true))
            }
        }
        guard added.count <= Limits.addedTokens else {
            throw ModelFileError(
                .limitExceeded, file: folder.path, field: "added tokens", value: added.count,
                "is above the limit of \(Limits.addedTokens)")
        }
        return added
    }

    /// One "left right" a line, after an optional first line "#version".
    private static func merges(in source: any ByteSource) throws(ModelFileError) -> [TokenizerDescription.Merge] {
        guard
            let text = String(validating: try source.content(limit: Limits.tokenizerBytes), as: UTF8.self)
        else { throw ModelFileError(.malformed, file: source.name, "is not UTF-8") }
        var merges: [TokenizerDescription.Merge] = []
        for (number, line) in text.utf8.split(separator: UInt8(ascii: "\n")).enumerated() {
            if number == 0, line.starts(with: "#version".utf8) { continue }
            guard merges.count < Limits.jsonValues, let merge = TokenizerDescription.Merge(String(Substring(line)))
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
