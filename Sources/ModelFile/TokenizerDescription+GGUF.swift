// A tokenizer as the fields of a GGUF file. Key names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and
// llama.cpp's gguf-py. Knows nothing of how text is tokenized.

extension TokenizerDescription {
    /// The fields under "tokenizer.ggml". `preTokenizer` is the name of the way text is cut, nil where there is none.
    /// `generation` knows BOS and EOS where the tokenizer does not. Throws where GGUF has no such tokenizer.
    func ggufFields(
        file: String, preTokenizer name: String?, vocabularySize: Int, generation: GenerationDefaults
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
        switch model {
        case .bytePairs(let merges) where decoders?.contains(.byteLevel) == true:
            guard let name else {
                throw ModelFileError(
                    .unsupported, file: file, field: "pre_tokenizer",
                    "cuts text in a way that has no name in GGUF files")
            }
            fields = [.string("tokenizer.ggml.model", "gpt2"), .string("tokenizer.ggml.pre", name)]
            fields.append(.strings("tokenizer.ggml.tokens", texts))
            fields.append(.strings("tokenizer.ggml.merges", merges.map { $0.left + " " + $0.right }))
        case .bytePairs, .sentencePiece:
            fields = [.string("tokenizer.ggml.model", "llama"), .string("tokenizer.ggml.pre", "default")]
            fields.append(.strings("tokenizer.ggml.tokens", texts))
            fields.append(.float32s("tokenizer.ggml.scores", ggufScores + padding.map { _ in -10_000 }))
            fields.append(.bool("tokenizer.ggml.add_space_prefix", addsSpace))
        case .unigram, .wordPiece, .wordLevel:
            throw ModelFileError(
                .unsupported, file: file, field: "tokenizer", "is of a kind that GGUF files do not have")
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
    /// that an earlier merge makes has a higher score).
    private var ggufScores: [Float] {
        switch model {
        case .sentencePiece(let scores): return scores
        case .bytePairs(let merges):
            var rank = [ExactString: Int](minimumCapacity: merges.count)
            for (index, merge) in merges.enumerated() {
                let made = ExactString(text: merge.left + merge.right)
                if rank[made] == nil { rank[made] = index }
            }
            return tokens.map { -Float(rank[ExactString(text: $0)] ?? merges.count) }
        case .unigram, .wordPiece, .wordLevel: preconditionFailure("GGUF files have no such tokenizer")
        }
    }

    /// A space is put before text.
    private var addsSpace: Bool {
        if normalizers.contains(where: { $0 == .prepend("\u{2581}") || $0 == .prepend(" ") }) { return true }
        return preTokenizers.contains {
            if case .metaspace(_, let prefix, _) = $0 { prefix != .never } else { false }
        }
    }
}
