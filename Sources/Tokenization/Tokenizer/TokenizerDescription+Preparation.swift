// What a tokenizer prepares from its description. Knows nothing of texts to come.

import ModelFile

extension TokenizerDescription {
    /// Checks all that tables are later indexed with.
    func validate() throws(TokenizationError) {
        if kinds.count != tokens.count {
            throw .wrongCount(field: "token kinds", count: kinds.count, tokens: tokens.count)
        }
        switch algorithm {
        case .sentencePiece(let scores) where scores.count != tokens.count:
            throw .wrongCount(field: "token scores", count: scores.count, tokens: tokens.count)
        case .unigram(let scores) where scores.count != tokens.count:
            throw .wrongCount(field: "token scores", count: scores.count, tokens: tokens.count)
        default: break
        }
        let ids: [(String, [Int])] = [
            ("beginning-of-text token", bos.map { [$0] } ?? []), ("end-of-text token", eos.map { [$0] } ?? []),
            ("unknown token", unknown.map { [$0] } ?? []), ("added token", addedTokens.map(\.id)),
            ("token before each text", prefixTokens), ("token after each text", suffixTokens),
        ]
        for (field, ids) in ids {
            for id in ids where !tokens.indices.contains(id) {
                throw .tokenOutOfRange(field: field, token: id, tokens: tokens.count)
            }
        }
    }

    /// Whether words are bytes: the last step makes characters of bytes, and nothing but merging comes after it.
    var isByteLevel: Bool {
        guard case .bytePairs = algorithm, case .byteLevel = preTokenizers.last, !normalizers.contains(.byteLevel),
            continuationPrefix.isEmpty, wordSuffix.isEmpty, !usesByteFallback
        else { return false }
        return !preTokenizers.dropLast().contains {
            if case .byteLevel = $0 { true } else { false }
        }
    }

    /// Whether the model's rules can make each token of text; [tokens.count]. (Control and byte tokens of GGUF files
    /// never come from text; in Hugging Face's files all tokens of the model do.)
    var canComeFromText: [Bool] {
        var result = tokens.map { !$0.isEmpty }
        if keepsAddedTokensInText {
            for (id, kind) in kinds.enumerated() where [.unknown, .control, .byte].contains(kind) { result[id] = false }
        } else {
            for token in addedTokens where !token.isInModel { result[token.id] = false }
        }
        if hidesControlTokens {
            for (id, kind) in kinds.enumerated() where [.unknown, .control, .byte, .unused].contains(kind) {
                result[id] = false
            }
        }
        return result
    }

    /// Whether some token has a "▁" behind another character, so that merging can cross the beginning of a word, or
    /// "▁" is no token at all.
    func hasMarkersInsideTokens(_ vocabulary: Vocabulary) -> Bool {
        if vocabulary.token(for: UTF8Text.marker) == nil { return true }
        for id in tokens.indices {
            let text = Array(vocabulary.bytes(of: Int32(id)))
            guard text.count > 3, text.contains(UTF8Text.marker[0]) else { continue }
            let found = text.withUnsafeBytes { buffer in
                let text = UTF8Text(bytes: buffer)
                var index = 0
                while text.isMarker(at: index) { index += UTF8Text.marker.count }
                return text.firstIndex(of: UTF8Text.marker, from: index) != nil
            }
            if found { return true }
        }
        return false
    }

    /// The token "<0xNN>" of each byte, -1 for none; [256].
    func fallbackTokens() -> [Int32] {
        var result = [Int32](repeating: -1, count: 256)
        for id in tokens.indices where kinds[id] == .byte {
            if let byte = Self.byte(named: Array(tokens[id].utf8)) { result[Int(byte)] = Int32(id) }
        }
        return result
    }

    /// The byte of "<0xNN>".
    static func byte(named text: [UInt8]) -> UInt8? {
        guard text.count == 6, text.starts(with: "<0x".utf8), text[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: text[3...4], as: UTF8.self), radix: 16)
    }

    func preparedNormalizers() throws(TokenizationError) -> [TextNormalizer] {
        var result: [TextNormalizer] = []
        for normalizer in normalizers { result.append(try TextNormalizer(normalizer)) }
        return result
    }

    /// The steps of cutting, and at their end one that makes long stretches of marked words shorter.
    func preparedSteps(_ vocabulary: Vocabulary) throws(TokenizationError) -> [WordStep] {
        var steps: [WordStep] = []
        for preTokenizer in preTokenizers {
            switch preTokenizer {
            case .split(let pattern, let behavior, let inverted):
                steps.append(.split(try TextPattern(pattern), behavior, inverted: inverted))
            case .metaspace(let mark, let prefix, let splits):
                steps.append(.metaspace(mark: Array(String(mark).utf8), prefix: prefix, splits: splits))
            case .byteLevel(let addsPrefixSpace, let splits):
                if addsPrefixSpace { steps.append(.prefixSpace) }
                if splits { steps.append(.split(try TextPattern(Self.gpt2), .isolated, inverted: false)) }
                if !isByteLevel { steps.append(.spellBytes) }
            }
        }
        if wordsCanBeCutAtMarkers, !hasMarkersInsideTokens(vocabulary) { steps.append(.beforeMarkerRuns) }
        return steps
    }

    /// Whether it makes no difference to the model if words are cut where no token crosses.
    private var wordsCanBeCutAtMarkers: Bool {
        switch algorithm {
        case .bytePairs: !isByteLevel && !ignoresMerges && continuationPrefix.isEmpty && wordSuffix.isEmpty
        case .sentencePiece, .unigram: true
        case .wordPiece, .wordLevel: false
        }
    }

    private static let gpt2 = Pattern.expression(
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#)

    /// The matchers for raw and for normalized text.
    func addedTokenMatchers(
        _ normalizers: [TextNormalizer]
    ) -> (raw: AddedTokenMatcher, normalized: AddedTokenMatcher) {
        let raw = addedTokens.filter { !$0.isNormalized }
        let normalized = addedTokens.filter(\.isNormalized)
        return (
            AddedTokenMatcher(raw, contents: raw.map { Array($0.content.utf8) }),
            AddedTokenMatcher(normalized, contents: normalized.map { normalizers.apply(to: Array($0.content.utf8)) })
        )
    }
}

extension [TextNormalizer] {
    /// A stretch of text after all of them.
    func apply(to bytes: [UInt8]) -> [UInt8] {
        var beginsText = false
        return apply(to: bytes, beginsText: &beginsText)
    }

    func apply(to bytes: [UInt8], beginsText: inout Bool) -> [UInt8] {
        var bytes = bytes
        for normalizer in self { bytes = normalizer.apply(to: bytes, beginsText: &beginsText) }
        return bytes
    }
}

extension Vocabulary {
    /// The texts of the tokens that text can become, and of no others.
    init(_ description: TokenizerDescription) {
        var isExcluded = [Bool](repeating: false, count: description.tokens.count)
        for token in description.addedTokens where !token.isInModel { isExcluded[token.id] = true }
        let isByteLevel = description.isByteLevel
        self.init(
            count: description.tokens.count,
            write: { id, bytes in
                if isExcluded[id] { return }
                if !isByteLevel {
                    bytes += Array(description.tokens[id].utf8)
                } else {
                    let start = bytes.count
                    if !ByteAlphabet.append(description.tokens[id], to: &bytes) { bytes.removeSubrange(start...) }
                }
            })
    }
}
