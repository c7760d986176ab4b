// A tokenizer as the fields of a GGUF file. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and
// llama.cpp's gguf-py. Knows nothing of how text is tokenized.

extension TokenizerDescription {
    /// The fields under "tokenizer.ggml". `generation` knows BOS and EOS where the tokenizer does not. Throws where GGUF has no such tokenizer.
    func ggufFields(
        file: String, vocabularySize: Int, generation: GenerationDefaults
    ) throws(ModelFileError) -> [GGUFField] {
        guard tokens.count <= vocabularySize else {
            throw ModelFileError(
                .mismatch, file: file, field: "tokens", value: tokens.count,
                "the tokenizer has more tokens than the embedding has rows, \(vocabularySize)")
        }
        let padding = tokens.count..<vocabularySize
        // llama.cpp wants a token for every row, and texts that differ.
        let texts = tokens.enumerated().map { $1.isEmpty ? "[PAD\($0)]" : $1 } + padding.map { "[PAD\($0)]" }
        let kinds = zip(tokens, kinds).map { $0.isEmpty ? .unused : $1 } + padding.map { _ in TokenKind.unused }
        var fields: [GGUFField] = []
        if case .bytePairs(let merges) = algorithm, isByteLevel {
            guard let name = ggufPreTokenizerName else {
                throw ModelFileError(
                    .unsupported, file: file, field: "pre_tokenizer",
                    "cuts text in a way that has no name in GGUF files")
            }
            fields = [.string("tokenizer.ggml.model", "gpt2"), .string("tokenizer.ggml.pre", name)]
            fields.append(.strings("tokenizer.ggml.tokens", texts))
            fields.append(.strings("tokenizer.ggml.merges", merges.map { $0.left + " " + $0.right }))
        } else if marksSpaces, let scores = ggufScores {
            fields = [.string("tokenizer.ggml.model", "llama"), .string("tokenizer.ggml.pre", "default")]
            fields.append(.strings("tokenizer.ggml.tokens", texts))
            fields.append(.float32s("tokenizer.ggml.scores", scores + padding.map { _ in -10_000 }))
            fields.append(.bool("tokenizer.ggml.add_space_prefix", addsSpacePrefix))
        } else {
            throw ModelFileError(
                .unsupported, file: file, field: "tokenizer", "is of a kind that this program writes into no GGUF file")
        }
        fields.append(.int32s("tokenizer.ggml.token_type", kinds.map { Int32($0.rawValue) }))
        return fields + specialFields(generation)
    }

    private func specialFields(_ generation: GenerationDefaults) -> [GGUFField] {
        let begin = bos ?? prefixTokens.first ?? generation.bosToken
        let end = eos ?? suffixTokens.last ?? generation.eosTokens.first
        let turnEnd = generation.eosTokens.first { $0 != end }
        let ids = [("bos", begin), ("eos", end), ("eot", turnEnd), ("unknown", unknown)]
        let fields = ids.compactMap { name, id in id.map { GGUFField.uint32("tokenizer.ggml.\(name)_token_id", $0) } }
        return fields + [
            .bool("tokenizer.ggml.add_bos_token", begin.map(prefixTokens.contains) ?? false),
            .bool("tokenizer.ggml.add_eos_token", end.map(suffixTokens.contains) ?? false),
        ]
    }

    /// A score for each token: its own, or, from merges, one by which SentencePiece merges in the same order (a token
    /// that an earlier merge makes has a higher score). nil: the model knows neither.
    private var ggufScores: [Float]? {
        switch algorithm {
        case .sentencePiece(let scores): return scores
        case .bytePairs(let merges):
            var rank = [ExactString: Int](minimumCapacity: merges.count)
            for (index, merge) in merges.enumerated() {
                let made = ExactString(text: merge.left + merge.right)
                if rank[made] == nil { rank[made] = index }
            }
            return tokens.map { -Float(rank[ExactString(text: $0)] ?? merges.count) }
        case .unigram, .wordPiece, .wordLevel: return nil
        }
    }

    // MARK: How text becomes the characters of tokens

    private static let spaceMark: Unicode.Scalar = "\u{2581}"

    private var isByteLevel: Bool {
        if case .byteLevel = preTokenizers.last { true } else { false }
    }

    /// Spaces are written "▁", as SentencePiece does.
    private var marksSpaces: Bool {
        normalizers.contains(.replace(.literal(" "), with: String(Self.spaceMark))) || metaspacePrefix != nil
    }

    private var addsSpacePrefix: Bool {
        normalizers.contains(.prepend(String(Self.spaceMark))) || (metaspacePrefix ?? .never) != .never
    }

    private var metaspacePrefix: SpacePrefix? {
        for case .metaspace(Self.spaceMark, let prefix, _) in preTokenizers { return prefix }
        return nil
    }

    /// The name of the way in which text is cut; nil where there is none.
    var ggufPreTokenizerName: String? {
        guard case .byteLevel(_, let splits) = preTokenizers.last else { return nil }
        let steps = Array(preTokenizers.dropLast())
        return GGUFPreTokenizer.name(
            of: splits ? steps + [GGUFPreTokenizer.gpt2Step] : steps, ignoresMerges: ignoresMerges)
    }
}
