// Added and special tokens in text; the behaviour is that of Hugging Face's tokenizers (0.23).

import ModelFile
import Testing

@testable import Tokenization

@Suite("Added tokens")
struct AddedTokenTests {
    private typealias Token = TokenizerDescription.AddedToken

    private func tokenizer(_ added: Token...) throws -> Tokenizer {
        try Tokenizer(Vocabularies.byteLevel(merges: ["a b"], added: added))
    }

    @Test("The longest added token at the leftmost place is taken")
    func longestFirst() throws {
        let tokenizer = try tokenizer(
            Token(id: 0, content: "<tool>", isSpecial: false), Token(id: 0, content: "<tool>_call", isSpecial: false),
            Token(id: 0, content: "ol>_callab", isSpecial: false))
        #expect(
            tokenizer.spell("a<tool>_callab<tool><tool") == [
                "a", "<tool>_call", "ab", "<tool>", "<", "t", "o", "o", "l",
            ])
    }

    @Test("The text of a special token is a token only where that is wanted")
    func parseSpecial() throws {
        let tokenizer = try tokenizer(
            Token(id: 0, content: "<s>", isSpecial: true), Token(id: 0, content: "<t>", isSpecial: false))
        #expect(tokenizer.spell("<s>ab<t>") == ["<s>", "ab", "<t>"])
        #expect(tokenizer.spell("<s>ab<t>", parseSpecial: false) == ["<", "s", ">", "ab", "<t>"])
    }

    @Test("A token swallows the white space that its flags name")
    func strips() throws {
        let tokenizer = try tokenizer(
            Token(id: 0, content: "<l>", isSpecial: false, stripsLeft: true),
            Token(id: 0, content: "<r>", isSpecial: false, stripsRight: true))
        #expect(tokenizer.spell("a \n\u{3000}<l> b") == ["a", "<l>", "Ġ", "b"])
        #expect(tokenizer.spell("a <r> \t<l>b") == ["a", "Ġ", "<r>", "<l>", "b"])
        #expect(tokenizer.spell(" <l>") == ["<l>"])
    }

    @Test("A single word is not found inside another word")
    func singleWord() throws {
        let tokenizer = try tokenizer(Token(id: 0, content: "no", isSpecial: false, isSingleWord: true))
        let added = Int32(tokenizer.vocabularySize - 1)
        let texts = [
            "no": true, "no.": true, "-no": true, " no ": true, "xno": false, "no1": false, "no_": false, "éno": false,
            "no\u{301}": false, "no\u{B2}": true,
        ]
        for (text, isFound) in texts {
            let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
            #expect(ids.contains(added) == isFound, "\(text)")
        }
    }

    @Test("With a space mark before each stretch, a normalized token is found with the mark only")
    func normalizedTokens() throws {
        let description = Vocabularies.sentencePiece(
            ["▁", "a", "t"],
            added: [
                Token(id: 0, content: "<t>", isSpecial: false, isNormalized: true),
                Token(id: 0, content: "<u>", isSpecial: false),
            ])
        let tokenizer = try Tokenizer(description)
        #expect(tokenizer.spell("a <t>a<u>a") == ["▁", "a", "<t>", "a", "<u>", "▁", "a"])
        #expect(tokenizer.spell("a<t>") == ["▁", "a", "<0x3C>", "t", "<0x3E>"])
    }

    @Test("The added tokens of any text and what stands between them are the text")
    func partsAreTheText() throws {
        let contents = ["<s>", "</s>", "<|end|>", "ab", "aba", "日"]
        let tokens = contents.enumerated().map { Token(id: $0.offset, content: $0.element, isSpecial: $0.offset < 3) }
        let matcher = AddedTokenMatcher(tokens, contents: contents.map { Array($0.utf8) })
        var random = SeededGenerator(state: 8)
        for _ in 0..<200 {
            let text = Array(random.text(parts: 12).utf8)
            var joined: [UInt8] = []
            text.withUnsafeBytes { bytes in
                for part in matcher.split(UTF8Text(bytes: bytes), parseSpecial: Bool.random(using: &random)) {
                    switch part {
                    case .token(let id): joined += Array(contents[Int(id)].utf8)
                    case .text(let range): joined += bytes[range]
                    }
                }
            }
            #expect(joined == text)
        }
    }
}
