// What a tokenizer prepares from its description. Knows nothing of texts to come.

import Foundation
import ModelFile

extension TokenizerDescription {
    /// Checks all that tables are later indexed with.
    func validate() throws(TokenizationError) {
        if kinds.count != tokens.count {
            throw .wrongCount(field: "token kinds", count: kinds.count, tokens: tokens.count)
        }
        if case .sentencePiece(let scores) = model, scores.count != tokens.count {
            throw .wrongCount(field: "token scores", count: scores.count, tokens: tokens.count)
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

    /// Whether SentencePiece would merge text into this token: control and byte tokens never come from text.
    func isMergeable(_ id: Int) -> Bool {
        switch kinds[id] {
        case .normal, .userDefined, .unused: true
        case .unknown, .control, .byte: false
        }
    }

    /// Whether some token has a "▁" behind another character, so that merging can cross the beginning of a word.
    var hasMarkersInsideTokens: Bool {
        tokens.indices.contains { id in
            guard isMergeable(id) else { return false }
            var previousIsMarker = true
            for scalar in tokens[id].unicodeScalars {
                let isMarker = scalar == "\u{2581}"
                if isMarker, !previousIsMarker { return true }
                previousIsMarker = isMarker
            }
            return false
        }
    }

    /// The token "<0xNN>" of each byte, -1 for none; [256].
    func fallbackTokens() -> [Int32] {
        var result = [Int32](repeating: -1, count: 256)
        for id in tokens.indices where kinds[id] == .byte {
            if let byte = Self.byte(named: tokens[id]) { result[Int(byte)] = Int32(id) }
        }
        return result
    }

    /// The byte of "<0xNN>".
    static func byte(named text: String) -> UInt8? {
        let text = Array(text.utf8)
        guard text.count == 6, text.starts(with: "<0x".utf8), text[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: text[3...4], as: UTF8.self), radix: 16)
    }

    func roles() -> [TokenRole] {
        var roles: [TokenRole] = kinds.map { kind in
            switch kind {
            case .normal, .unused: .text
            case .userDefined: .literal
            case .control, .unknown: .special
            case .byte: .byte
            }
        }
        for token in addedTokens { roles[token.id] = token.isSpecial ? .special : .literal }
        return roles
    }

    /// The matchers for raw and for normalized text.
    func addedTokenMatchers() -> (raw: AddedTokenMatcher, normalized: AddedTokenMatcher) {
        let raw = addedTokens.filter { !$0.isNormalized }
        let normalized = addedTokens.filter(\.isNormalized)
        let normalizedContents = normalized.map { token in
            Array(token.content.utf8).withUnsafeBytes { self.normalized(UTF8Text(bytes: $0)) }
        }
        return (
            AddedTokenMatcher(raw, contents: raw.map { Array($0.content.utf8) }),
            AddedTokenMatcher(normalized, contents: normalizedContents)
        )
    }

    /// A stretch of text as the vocabulary spells it, and with a space before it where every stretch has one.
    func normalized(_ text: UTF8Text) -> [UInt8] {
        var bytes = Array(text.bytes)
        if bytes.isEmpty { return bytes }
        if normalizesToNFC, bytes.contains(where: { $0 >= 0x80 }) {
            bytes = Array(String(decoding: bytes, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
        }
        if textForm == .byteLevel { return spacePrefix == .always ? space + bytes : bytes }
        var result = spacePrefix == .always ? space : []
        result.reserveCapacity(bytes.count + bytes.count / 2)
        for byte in bytes {
            if byte == UInt8(ascii: " ") { result += UTF8Text.marker } else { result.append(byte) }
        }
        return result
    }

    /// Whether a space is put before a normalized stretch that has none.
    func needsSpace(before text: UTF8Text, isFirst: Bool) -> Bool {
        switch spacePrefix {
        case .never, .always: false
        case .alwaysUnlessSpace: !text.bytes.starts(with: space)
        case .firstUnlessSpace: isFirst && !text.bytes.starts(with: space)
        }
    }

    /// A space as the vocabulary spells it.
    var space: [UInt8] {
        textForm == .byteLevel ? [UInt8(ascii: " ")] : UTF8Text.marker
    }
}

extension Vocabulary {
    init(_ description: TokenizerDescription) {
        let added = Dictionary(
            description.addedTokens.map { ($0.id, $0.content) }, uniquingKeysWith: { first, _ in first })
        let isByteLevel = description.textForm == .byteLevel
        self.init(
            count: description.tokens.count,
            write: { id, bytes in
                if isByteLevel, added[id] == nil {
                    ByteAlphabet.append(description.tokens[id], to: &bytes)
                } else {
                    bytes += Array((added[id] ?? description.tokens[id]).utf8)
                }
            })
    }
}

extension MergeRule {
    init(_ description: TokenizerDescription, vocabulary: Vocabulary) throws(TokenizationError) {
        switch description.model {
        case .bytePairs(let merges):
            self = .table(try MergeTable(merges, textForm: description.textForm, vocabulary: vocabulary))
        case .sentencePiece(let scores):
            self = .ranks(Self.ranks(scores, description), vocabulary)
        }
    }

    /// Ranks in the order of falling scores; equal scores have equal ranks.
    private static func ranks(_ scores: [Float], _ description: TokenizerDescription) -> [UInt32] {
        let scores = scores.map { $0.isNaN ? -Float.infinity : $0 }
        var ranks = [UInt32](repeating: .max, count: scores.count)
        var rank: UInt32 = 0
        var previous: Float?
        let ids = scores.indices.filter(description.isMergeable).sorted { scores[$0] > scores[$1] }
        for id in ids {
            if let previous, previous != scores[id] { rank += 1 }
            previous = scores[id]
            ranks[id] = rank
        }
        return ranks
    }
}

extension MergeTable {
    init(
        _ merges: [TokenizerDescription.Merge], textForm: TokenizerDescription.TextForm, vocabulary: Vocabulary
    ) throws(TokenizationError) {
        self.init(capacity: merges.count)
        var joined: [UInt8] = []
        for (index, merge) in merges.enumerated() {
            joined.removeAll(keepingCapacity: true)
            Self.append(merge.left, in: textForm, to: &joined)
            let leftLength = joined.count
            Self.append(merge.right, in: textForm, to: &joined)
            let ids = joined.withUnsafeBytes { bytes in
                (
                    vocabulary.token(for: UnsafeRawBufferPointer(rebasing: bytes[..<leftLength])),
                    vocabulary.token(for: UnsafeRawBufferPointer(rebasing: bytes[leftLength...])),
                    vocabulary.token(for: bytes)
                )
            }
            guard let left = ids.0, let right = ids.1, let token = ids.2 else {
                throw .unknownMerge(index: index, left: merge.left, right: merge.right)
            }
            insert(left, right, Pair(rank: UInt32(index), token: token))
        }
    }

    private static func append(
        _ text: String, in textForm: TokenizerDescription.TextForm, to bytes: inout [UInt8]
    ) {
        if textForm == .byteLevel { ByteAlphabet.append(text, to: &bytes) } else { bytes += Array(text.utf8) }
    }
}
