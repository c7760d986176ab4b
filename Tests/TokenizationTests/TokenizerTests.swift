// The rules around words: spaces, unknown characters, BOS and EOS, broken input, damaged descriptions.

import ModelFile
import Testing

@testable import Tokenization

@Suite("Tokenizer")
struct TokenizerTests {
    @Test("The space before a text follows the model's rule")
    func spacePrefix() throws {
        let call = TokenizerDescription.AddedToken(id: 0, content: "<c>", isSpecial: false)
        func metaspace(_ prefix: TokenizerDescription.SpacePrefix) throws -> Tokenizer {
            var description = Vocabularies.sentencePiece(["▁", "a"], added: [call])
            description.normalizers = []
            description.preTokenizers = [.metaspace(mark: "\u{2581}", prefix: prefix, splits: false)]
            return try Tokenizer(description)
        }
        let rules: [(Tokenizer, [String], [String])] = [
            (try metaspace(.never), ["a", "<c>", "a"], ["▁", "a"]),
            (
                try Tokenizer(Vocabularies.sentencePiece(["▁", "a"], added: [call])), ["▁", "a", "<c>", "▁", "a"],
                ["▁", "▁", "a"]
            ),
            (try metaspace(.always), ["▁", "a", "<c>", "▁", "a"], ["▁", "a"]),
            (try metaspace(.first), ["▁", "a", "<c>", "a"], ["▁", "a"]),
        ]
        for (tokenizer, expected, expectedWithSpace) in rules {
            #expect(tokenizer.spell("a<c>a") == expected)
            #expect(tokenizer.spell(" a") == expectedWithSpace)
            #expect(tokenizer.spell("") == [])
        }
        let description = Vocabularies.byteLevel(addsPrefixSpace: true)
        #expect(try Tokenizer(description).spell("a") == ["Ġ", "a"])
        #expect(try Tokenizer(description).spell(" a") == ["Ġ", "a"])
    }

    @Test("A character without a token becomes its bytes, or the unknown token, or nothing")
    func unknownCharacters() throws {
        var description = Vocabularies.sentencePiece(["▁", "a"], addsSpacePrefix: false)
        #expect(
            try Tokenizer(description).spell("aé€") == [
                "a", "<0xC3>", "<0xA9>", "<0xE2>", "<0x82>", "<0xAC>",
            ])
        description.usesByteFallback = false
        #expect(try Tokenizer(description).spell("aé€a€") == ["a", "<unk>", "<unk>", "a", "<unk>"])
        description.fusesUnknown = true
        #expect(try Tokenizer(description).spell("aé€a€") == ["a", "<unk>", "a", "<unk>"])
        description.unknown = nil
        #expect(try Tokenizer(description).spell("aé€a€") == ["a", "a"])
    }

    @Test("BOS and EOS stand around the text where they are asked for")
    func addSpecial() throws {
        var description = Vocabularies.sentencePiece(["▁", "a"])
        description.suffixTokens = [2]
        let tokenizer = try Tokenizer(description)
        #expect(tokenizer.encode("a", addSpecial: true, parseSpecial: false) == [1, 259, 260, 2])
        #expect(tokenizer.encode("a", addSpecial: false, parseSpecial: false) == [259, 260])
        #expect(tokenizer.encode("", addSpecial: true, parseSpecial: false) == [1, 2])
        #expect(tokenizer.bosToken == 1 && tokenizer.description.eos == 2 && tokenizer.vocabularySize == 261)
    }

    @Test("Text is never read as a byte token or a control token")
    func neverFromText() throws {
        var description = Vocabularies.sentencePiece(["▁", "<", ">", "s", "<s", "s>", "0x41", "<0x41", "<0"])
        description.normalizers.removeFirst()
        #expect(try Tokenizer(description).spell("<s>", parseSpecial: false) == ["<s", ">"])
    }

    @Test("Broken UTF-8 is read as U+FFFD, one for each maximal broken part")
    func brokenInput() throws {
        let tokenizer = try Tokenizer(Vocabularies.byteLevel())
        let replacement: [Int32] = [0xEF, 0xBF, 0xBD]
        let ids = tokenizer.encode([0x61, 0xE2, 0x82, 0x62, 0xFF, 0xFE], addSpecial: false, parseSpecial: false)
        #expect(ids == [0x61] + replacement + [0x62] + replacement + replacement)
    }

    @Test("Text is composed first where the model wants normalization form C")
    func normalizationFormC() throws {
        var description = Vocabularies.byteLevel()
        description.normalizers = [.nfc]
        let composed = try Tokenizer(description).encode("e\u{301}", addSpecial: false, parseSpecial: false)
        #expect(composed == [0xC3, 0xA9])
        let raw = try Tokenizer(Vocabularies.byteLevel()).encode("e\u{301}", addSpecial: false, parseSpecial: false)
        #expect(raw == [0x65, 0xCC, 0x81])
    }

    @Test("Hard sequences are normalized as the `tokenizers` library does, also where Foundation alone does not")
    func normalizationForms() {
        let cases: [(NormalizationForm, [UInt32], [UInt32])] = [
            (.nfc, [0x65, 0x301], [0xE9]), (.nfc, [0x1113, 0x1169], [0x1113, 0x1169]),
            (.nfc, [0x1100, 0x1161], [0xAC00]),
            (.nfc, [0x110C, 0x1176], [0x110C, 0x1176]), (.nfc, [0xC138, 0x11C3], [0xC138, 0x11C3]),
            (.nfc, [0xE0062, 0x331], [0xE0062, 0x331]), (.nfc, [0x8F3, 0xF75], [0xF71, 0xF74, 0x8F3]),
            (.nfd, [0x156, 0x5A1, 0xF75], [0x52, 0xF71, 0xF74, 0x327, 0x5A1]), (.nfc, [0x212B], [0xC5]),
            (.nfkd, [0x317, 0x1FED], [0x317, 0x20, 0x308, 0x300]),
            (.nfkc, [0xFB01, 0x1D41E, 0x301], [0x66, 0x69, 0xE9]),
            // Later than Unicode 9: no mapping there.
            (.nfkc, [0x32FF], [0x32FF]), (.nfd, [0x11938], [0x11938]),
        ]
        for (form, text, expected) in cases {
            var bytes: [UInt8] = []
            for scalar in text { appendUTF8(scalar, to: &bytes) }
            let result = String(decoding: form.apply(to: bytes), as: UTF8.self).unicodeScalars.map(\.value)
            #expect(result == expected, "\(form) of \(text.map { String($0, radix: 16) })")
        }
    }

    @Test("Canonically equivalent token texts are different tokens")
    func comparesBytes() throws {
        let tokenizer = try Tokenizer(
            Vocabularies.sentencePiece(["e", "\u{301}", "\u{E9}", "e\u{301}"], addsSpacePrefix: false))
        #expect(tokenizer.encode("\u{E9}e\u{301}", addSpecial: false, parseSpecial: false) == [261, 262])
    }

    @Test("A damaged description is refused with the field's name")
    func damagedDescriptions() throws {
        func refused(
            _ change: (inout TokenizerDescription) -> Void, with expected: TokenizationError,
            _ location: SourceLocation = #_sourceLocation
        ) {
            var description = Vocabularies.byteLevel(merges: ["a b"])
            change(&description)
            #expect(throws: expected, sourceLocation: location) { try Tokenizer(description) }
        }
        refused({ $0.kinds.removeLast() }, with: .wrongCount(field: "token kinds", count: 256, tokens: 257))
        refused(
            { $0.algorithm = .sentencePiece(scores: []) },
            with: .wrongCount(field: "token scores", count: 0, tokens: 257))
        refused({ $0.bos = 257 }, with: .tokenOutOfRange(field: "beginning-of-text token", token: 257, tokens: 257))
        refused({ $0.eos = -1 }, with: .tokenOutOfRange(field: "end-of-text token", token: -1, tokens: 257))
        refused({ $0.unknown = .max }, with: .tokenOutOfRange(field: "unknown token", token: .max, tokens: 257))
        refused(
            { $0.addedTokens = [.init(id: 300, content: "x", isSpecial: true)] },
            with: .tokenOutOfRange(field: "added token", token: 300, tokens: 257))
        refused(
            { $0.prefixTokens = [999] },
            with: .tokenOutOfRange(field: "token before each text", token: 999, tokens: 257))
        refused(
            { $0.suffixTokens = [999] },
            with: .tokenOutOfRange(field: "token after each text", token: 999, tokens: 257))
        refused({ $0.tokens[256] = "" }, with: .unknownMerge(index: 0, left: "a", right: "b"))
        refused({ $0.unsupported = "pre-tokenizer klingon" }, with: .unsupported("pre-tokenizer klingon"))
        refused(
            { $0.algorithm = .unigram(scores: [0]) }, with: .wrongCount(field: "token scores", count: 1, tokens: 257))
        refused({ $0.normalizers = [.characterMap([1, 0, 0], byGrapheme: true)] }, with: .damagedCharacterMap)
        refused(
            { $0.preTokenizers = [.isolated("(a")] },
            with: .unsupportedExpression("(a", reason: "a group does not end"))
        #expect(TokenizationError.unsupported("pre-tokenizer klingon").description.contains("klingon"))
    }

    @Test("A vocabulary without any token makes nothing of a text")
    func emptyVocabulary() throws {
        let description = TokenizerDescription(
            .bytePairs(merges: []), tokens: [], kinds: [])
        let tokenizer = try Tokenizer(description)
        #expect(tokenizer.encode("text", addSpecial: true, parseSpecial: true) == [])
        #expect(tokenizer.decode([0, 1], skipSpecial: true) == "")
    }
}
