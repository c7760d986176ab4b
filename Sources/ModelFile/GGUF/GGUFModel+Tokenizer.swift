// A GGUF model's vocabulary as a tokenizer description. Key names:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

import Sequences

extension GGUFModel {
    /// The tokenizer; nil where the file has none.
    func tokenizer() throws(ModelFileError) -> TokenizerDescription? {
        guard let model = try metadata.string("tokenizer.ggml.model"), model != "none", model != "no_vocab" else {
            return nil
        }
        let tokens = try metadata.required("tokenizer.ggml.tokens", metadata.strings("tokenizer.ggml.tokens"))
        try check(tokens)
        var description: TokenizerDescription
        switch model {
        case "gpt2", "gemma4": description = try bytePairs(tokens)
        case "llama": description = try sentencePiece(tokens)
        case "t5": description = try unigram(tokens)
        case "bert": description = try wordPiece(tokens)
        default:
            description = TokenizerDescription(
                .bytePairs(merges: []), tokens: tokens, kinds: try kinds(tokens) ?? normal(tokens))
            description.unsupported = "tokenizer model \(model)"
        }
        description.keepsAddedTokensInText = true
        description.addedTokens = try addedTokens(description)
        description.notices = guesses(model: model) + tokenIdNotices(count: tokens.count)
        try addTemplate(to: &description, model: model)
        return description
    }

    /// BOS before and EOS (for BERT SEP) after a text, by the file's flags or the habit of the model.
    private func addTemplate(to description: inout TokenizerDescription, model: String) throws(ModelFileError) {
        let addsBOSByDefault = try addsBOSByDefault(model)
        let bos = try metadata.bool("tokenizer.ggml.add_bos_token") ?? addsBOSByDefault
        let eos = try metadata.bool("tokenizer.ggml.add_eos_token") ?? (model == "t5")
        description.prefixTokens = bos ? [description.bos].compactMap { $0 } : []
        description.suffixTokens = eos ? [description.eos].compactMap { $0 } : []
        if model == "bert" {
            let count = description.tokens.count
            // The key is misspelt in the format itself.
            let separator = try token("seperator", count: count).or(token("separator", count: count)) ?? 102
            description.suffixTokens = separator < count ? [separator] : []
        }
    }

    private func bytePairs(_ tokens: [String]) throws(ModelFileError) -> TokenizerDescription {
        let key = "tokenizer.ggml.merges"
        let texts = try metadata.required(key, metadata.strings(key))
        var merges = TokenizerDescription.MergeList()
        merges.reserveCapacity(texts.count)
        for text in texts {
            guard let merge = TokenizerDescription.Merge(text) else {
                throw ModelFileError(
                    .malformed, file: mainFile, field: key, value: text, "must be two texts with one space between")
            }
            merges.append(merge)
        }
        var description = TokenizerDescription(
            .bytePairs(merges: merges), tokens: tokens, kinds: try kinds(tokens) ?? normal(tokens))
        if let known = GGUFPreTokenizer(try preTokenizerName()) {
            let addsSpace = try metadata.bool("tokenizer.ggml.add_space_prefix") == true
            description.preTokenizers = known.steps
            description.ignoresMerges = known.ignoresMerges
            if known.isByteLevel {
                if addsSpace { description.normalizers = [.prepend(" ")] }
                description.preTokenizers.append(.byteLevel(addsPrefixSpace: false, splits: false))
                description.decoders = [.byteLevel]
            } else {
                description.normalizers = [.replace(.literal(" "), with: "\u{2581}")]
                description.decoders = [.replace(.literal("\u{2581}"), with: " "), .bytes, .fuse]
                markBytes(&description)
            }
        } else {
            description.unsupported = GGUFPreTokenizer.unknown(try preTokenizerName())
        }
        description.bos = token("bos", count: tokens.count)
        description.eos = token("eos", count: tokens.count)
        description.unknown = token("unknown", count: tokens.count)
        return description
    }

    func preTokenizerName() throws(ModelFileError) -> String {
        if try metadata.string("tokenizer.ggml.model") == "gemma4" { return "gemma4" }
        return try metadata.string("tokenizer.ggml.pre") ?? "default"
    }

    /// Bytes written "<0xNN>" are tokens of bytes, also where the file calls them normal.
    private func markBytes(_ description: inout TokenizerDescription) {
        for (id, token) in description.tokens.enumerated() where TokenizerDescription.isByteToken(token) {
            description.kinds[id] = .byte
        }
        description.usesByteFallback = description.kinds.contains(.byte)
    }

    private func sentencePiece(_ tokens: [String]) throws(ModelFileError) -> TokenizerDescription {
        let scores = try scores(count: tokens.count)
        let kinds = try kinds(tokens) ?? guessedKinds(tokens)
        var description = TokenizerDescription(.sentencePiece(scores: scores), tokens: tokens, kinds: kinds)
        let addsSpace = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
        description.normalizers = addsSpace ? [.prepend("\u{2581}")] : []
        description.normalizers.append(.replace(.literal(" "), with: "\u{2581}"))
        description.decoders = [.replace(.literal("\u{2581}"), with: " "), .bytes, .fuse]
        if addsSpace { description.decoders?.append(.strip(content: " ", start: 1, stop: 0)) }
        description.usesByteFallback = kinds.contains(.byte)
        // The ids that SentencePiece gives when nobody says otherwise.
        description.unknown = token("unknown", count: tokens.count) ?? 0
        description.bos = token("bos", count: tokens.count) ?? (tokens.count > 1 ? 1 : nil)
        description.eos = token("eos", count: tokens.count) ?? (tokens.count > 2 ? 2 : nil)
        return description
    }

    /// T5 and its like: SentencePiece's unigram model.
    private func unigram(_ tokens: [String]) throws(ModelFileError) -> TokenizerDescription {
        let numbers = try scores(count: tokens.count)
        var scores = numbers.map(Double.init)
        let kinds = try kinds(tokens) ?? normal(tokens)
        for id in tokens.indices where kinds[id] == .userDefined { scores[id] = 0 }
        var description = TokenizerDescription(.unigram(scores: scores), tokens: tokens, kinds: kinds)
        if let map = try metadata.numbers("tokenizer.ggml.precompiled_charsmap"), map.count > 0 {
            let bytes = (0..<map.count).compactMap { index in
                map.whole(index).flatMap { UInt8(exactly: $0) ?? Int8(exactly: $0).map(UInt8.init(bitPattern:)) }
            }
            guard bytes.count == map.count else {
                throw ModelFileError(
                    .mismatch, file: mainFile, field: "tokenizer.ggml.precompiled_charsmap", value: "\(map.type)",
                    "must be a list of bytes")
            }
            description.normalizers.append(.characterMap(bytes, byGrapheme: false))
        }
        let addsSpace = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
        if try metadata.bool("tokenizer.ggml.remove_extra_whitespaces") ?? false {
            description.normalizers += [
                .replace(.expression("\\A +| +\\z"), with: ""), .replace(.expression(" {2,}"), with: " "),
                .prepend(" "),
            ]
        } else if addsSpace {  // before text that is more than spaces
            description.normalizers.append(.replace(.expression(#"\A(?= *[^ ])"#), with: " "))
        }
        description.normalizers.append(.replace(.literal(" "), with: "\u{2581}"))
        description.decoders = [.replace(.literal("\u{2581}"), with: " "), .bytes, .fuse]
        if addsSpace { description.decoders?.append(.strip(content: " ", start: 1, stop: 0)) }
        description.fusesUnknown = true
        description.bos = token("bos", count: tokens.count)
        description.eos = token("eos", count: tokens.count) ?? (tokens.count > 1 ? 1 : nil)
        description.unknown = token("unknown", count: tokens.count) ?? (tokens.count > 2 ? 2 : nil)
        return description
    }

    /// BERT: tokens that begin a word are written with "▁" before them, others without (llama.cpp's converter).
    private func wordPiece(_ tokens: [String]) throws(ModelFileError) -> TokenizerDescription {
        var description = TokenizerDescription(
            .wordPiece(continuation: "", beginning: "\u{2581}", maximumCharacters: .max), tokens: tokens,
            kinds: try kinds(tokens) ?? normal(tokens))
        let lowercases = try metadata.bool("tokenizer.ggml.normalizer.lowercase") ?? true
        let stripsAccents = try metadata.bool("tokenizer.ggml.normalizer.strip_accents") ?? lowercases
        description.normalizers = [
            .bert(cleansText: true, separatesChinese: true, stripsAccents: stripsAccents, lowercases: lowercases)
        ]
        description.preTokenizers = [
            .split(.expression(#"\s"#), .removed, inverted: false),
            .split(TokenizerSteps.punctuation, .isolated, inverted: false),
        ]
        description.decoders = [
            .replace(.literal("\u{2581}"), with: " "), .fuse, .strip(content: " ", start: 1, stop: 0),
        ]
        description.bos = try token("bos", count: tokens.count).or(token("cls", count: tokens.count)) ?? 101
        if let bos = description.bos, bos >= tokens.count { description.bos = nil }
        description.eos = token("eos", count: tokens.count)
        description.unknown = token("unknown", count: tokens.count) ?? (tokens.count > 100 ? 100 : nil)
        return description
    }

    private func check(_ tokens: [String]) throws(ModelFileError) {
        guard !tokens.isEmpty, tokens.count <= FileLimits.vocabulary else {
            throw ModelFileError(
                .invalidValue, file: mainFile, field: "tokenizer.ggml.tokens", value: tokens.count,
                "must be 1 to \(FileLimits.vocabulary) tokens")
        }
        if let token = tokens.first(where: { $0.utf8.count > FileLimits.tokenBytes }) {
            throw ModelFileError(
                .limitExceeded, file: mainFile, field: "tokenizer.ggml.tokens", value: token,
                "is longer than \(FileLimits.tokenBytes) bytes")
        }
    }

    private func scores(count: Int) throws(ModelFileError) -> [Float] {
        let key = "tokenizer.ggml.scores"
        guard let numbers = try metadata.numbers(key) else { return Array(repeating: 0, count: count) }
        guard numbers.type != .bool, numbers.count == count else {
            throw ModelFileError(
                .mismatch, file: mainFile, field: key, value: "\(numbers.count) \(numbers.type)",
                "must be \(count) numbers, one for each token")
        }
        var scores: [Float] = []
        scores.reserveCapacity(count)
        for index in 0..<count {
            guard let score = numbers.number(index), !score.isNaN else {
                throw ModelFileError(.invalidValue, file: mainFile, field: key, value: index, "this score is no number")
            }
            scores.append(Float(score))
        }
        return scores
    }

    /// The kinds of all tokens; nil where the file does not say.
    private func kinds(_ tokens: [String]) throws(ModelFileError) -> [TokenizerDescription.TokenKind]? {
        let key = "tokenizer.ggml.token_type"
        guard let numbers = try metadata.numbers(key) else { return nil }
        guard numbers.count == tokens.count else {
            throw ModelFileError(
                .mismatch, file: mainFile, field: key, value: "\(numbers.count) numbers",
                "must be as many as there are tokens, \(tokens.count)")
        }
        var kinds: [TokenizerDescription.TokenKind] = []
        kinds.reserveCapacity(tokens.count)
        for index in 0..<numbers.count {
            guard let number = numbers.whole(index), (0...6).contains(number) else {
                throw ModelFileError(
                    .invalidValue, file: mainFile, field: key, value: "\(numbers[index].kindName) for token \(index)",
                    "must be a type between 0 and 6")
            }
            kinds.append(TokenizerDescription.TokenKind(rawValue: UInt8(number)) ?? .normal)  // 0: undefined
        }
        return kinds
    }

    private func normal(_ tokens: [String]) -> [TokenizerDescription.TokenKind] {
        Array(repeating: .normal, count: tokens.count)
    }

    /// For files older than the list of kinds.
    private func guessedKinds(_ tokens: [String]) -> [TokenizerDescription.TokenKind] {
        tokens.enumerated().map { id, token in
            if TokenizerDescription.isByteToken(token) { return .byte }
            return id == 0 ? .unknown : id <= 2 ? .control : .normal
        }
    }

    /// Tokens that are found in text as a whole.
    private func addedTokens(_ description: TokenizerDescription) throws(ModelFileError)
        -> [TokenizerDescription.AddedToken]
    {
        var added: [TokenizerDescription.AddedToken] = []
        // What the format cannot say: Phi-3's special tokens swallow the white space behind them (llama.cpp too goes by
        // the name).
        let name = (self.name ?? "").lowercased()
        let isPhi3 = name.contains("phi-3") || name.contains("phi3")
        let plain: Set = ["<unk>", "<s>", "<|endoftext|>"]
        for (id, kind) in description.kinds.enumerated() where !description.tokens[id].isEmpty {
            guard kind == .control || kind == .userDefined || kind == .unknown else { continue }
            added.append(
                .init(
                    id: id, content: description.tokens[id], isSpecial: kind != .userDefined,
                    stripsRight: isPhi3 && !plain.contains(description.tokens[id]), isInModel: true))
        }
        guard added.count <= FileLimits.addedTokens else {
            throw ModelFileError(
                .limitExceeded, file: mainFile, field: "tokenizer.ggml.token_type", value: added.count,
                "more than \(FileLimits.addedTokens) control and user-defined tokens")
        }
        return added
    }

    private func addsBOSByDefault(_ model: String) throws(ModelFileError) -> Bool {
        let isKnownHabit = GGUFPreTokenizer(try preTokenizerName())?.addsBOS ?? false
        return model == "llama" || model == "bert" || isKnownHabit
    }
}

extension TokenizerDescription.Merge {
    /// From "left right"; nil unless there is exactly one space, with text on both sides.
    init?(_ text: String) {
        let utf8 = text.utf8
        guard let space = utf8.firstIndex(of: UInt8(ascii: " ")), space != utf8.startIndex else { return nil }
        let right = utf8[utf8.index(after: space)...]
        guard !right.isEmpty, !right.contains(UInt8(ascii: " ")) else { return nil }
        self.init(left: String(text[..<space]), right: String(text[utf8.index(after: space)...]))
    }
}

extension TokenizerDescription {
    /// True for "<0x00>" to "<0xFF>".
    static func isByteToken(_ token: String) -> Bool {
        token.utf8.count == 6 && token.hasPrefix("<0x") && token.hasSuffix(">")
            && token.utf8.dropFirst(3).prefix(2).allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
}
