// Small tokenizers for tests, written by hand.

import ModelFile

@testable import Tokenization

enum Vocabularies {
    /// Byte level: ids 0..<256 are the bytes, then what each merge makes, then the added tokens.
    static func byteLevel(
        merges: [String] = [], added: [TokenizerDescription.AddedToken] = [],
        addsPrefixSpace: Bool = false
    ) -> TokenizerDescription {
        var tokens = (0..<256).map { String(Character(Unicode.Scalar(ByteAlphabet.scalars[$0])!)) }
        var list = TokenizerDescription.MergeList()
        for merge in merges {
            let sides = merge.split(separator: " ").map(String.init)
            list.append(.init(left: sides[0], right: sides[1]))
            tokens.append(sides[0] + sides[1])
        }
        var description = TokenizerDescription(
            .bytePairs(merges: list), tokens: tokens, kinds: tokens.map { _ in .normal })
        description.preTokenizers = [.byteLevel(addsPrefixSpace: addsPrefixSpace, splits: true)]
        description.decoders = [.byteLevel]
        add(added, to: &description)
        return description
    }

    /// SentencePiece: `<unk>`, `<s>`, `</s>`, 256 byte tokens, then `pieces` with falling scores, then the added tokens.
    static func sentencePiece(
        _ pieces: [String], added: [TokenizerDescription.AddedToken] = [],
        addsSpacePrefix: Bool = true
    ) -> TokenizerDescription {
        let bytes = (0..<256).map { "<0x" + (($0 < 16 ? "0" : "") + String($0, radix: 16)).uppercased() + ">" }
        let tokens = ["<unk>", "<s>", "</s>"] + bytes + pieces
        var description = TokenizerDescription(
            .sentencePiece(scores: tokens.indices.map { -Float($0) }), tokens: tokens,
            kinds: [.unknown, .control, .control] + bytes.map { _ in .byte } + pieces.map { _ in .normal })
        description.keepsAddedTokensInText = true
        description.normalizers = addsSpacePrefix ? [.prepend("\u{2581}")] : []
        description.normalizers.append(.replace(.literal(" "), with: "\u{2581}"))
        description.decoders = [.replace(.literal("\u{2581}"), with: " "), .bytes, .fuse]
        if addsSpacePrefix { description.decoders?.append(.strip(content: " ", start: 1, stop: 0)) }
        description.usesByteFallback = true
        description.unknown = 0
        description.bos = 1
        description.eos = 2
        description.prefixTokens = [1]
        description.addedTokens = [
            .init(id: 1, content: "<s>", isSpecial: true), .init(id: 2, content: "</s>", isSpecial: true),
        ]
        add(added, to: &description)
        return description
    }

    /// The added tokens get the next ids.
    private static func add(_ added: [TokenizerDescription.AddedToken], to description: inout TokenizerDescription) {
        for var token in added {
            token.id = description.tokens.count
            description.tokens.append(token.content)
            description.kinds.append(token.isSpecial ? .control : .userDefined)
            if case .sentencePiece(let scores) = description.algorithm {
                description.algorithm = .sentencePiece(scores: scores + [0])
            }
            description.addedTokens.append(token)
        }
    }
}

extension Tokenizer {
    /// The texts of the tokens of a text, as the vocabulary spells them.
    func spell(_ text: String, parseSpecial: Bool = true) -> [String] {
        encode(text, addSpecial: false, parseSpecial: parseSpecial).map { description.tokens[Int($0)] }
    }
}

/// A generator whose numbers are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Text that tokenizers find hard: spaces of all kinds, scripts, marks, emoji of several scalars, control
    /// characters, contractions, the texts of added tokens.
    mutating func text(parts: Int) -> String {
        let pieces = [
            " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u{85}", "\u{A0}", "\u{3000}", "\u{200B}", "\u{1C}",
            "hello", " world", "The", "'s", "'S", "'\u{17F}", "'ll", "'LL", "don't", "1", "12", "12345", "٣", "½", "Ⅻ",
            "!", "?!", "...", "_", "日本語", "한국어", "é", "e\u{301}", "\u{300}", "ǅ", "ʰ", "Привет", "नमस्ते", "😀",
            "👨‍👩‍👧", "🏳️‍🌈", "🇩🇪", "\u{0}", "\u{7F}", "\u{FFFD}", "\u{FFFE}", "\u{10FFFF}", "▁", "𝟘", "𠀀",
            "<s>", "</s>", "<0x41>", "<|end|>", "aaaaaaaaaaaaaaaaaaaaaaaa", "abab",
        ]
        return (0..<Int.random(in: 0...parts, using: &self)).map { _ in pieces.randomElement(using: &self) ?? "" }
            .joined()
    }
}
