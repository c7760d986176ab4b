// Token ids to text, whole and one by one.

import ModelFile
import Testing

@testable import Tokenization

@Suite("Decoding")
struct DetokenizerTests {
    private func tokenizers() throws -> [Tokenizer] {
        let end = TokenizerDescription.AddedToken(id: 0, content: "<|end|>", isSpecial: true)
        let pieces = ["▁", "a", "b", "▁a", "ab", "▁ab", "日", "▁日"]
        return [
            try Tokenizer(Vocabularies.byteLevel(merges: ["h e", "l l", "he ll", "Ġ w"], added: [end])),
            try Tokenizer(Vocabularies.sentencePiece(pieces, added: [end])),
            try Tokenizer(Vocabularies.sentencePiece(pieces, added: [end], addsSpacePrefix: false)),
        ]
    }

    /// All parts of a sequence, fed one token at a time.
    private func parts(_ tokens: [Int32], _ tokenizer: Tokenizer, skipSpecial: Bool = true) -> [String] {
        var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: skipSpecial)
        return tokens.map { detokenizer.append($0) } + [detokenizer.finish()]
    }

    @Test("Random ids decode to the same text one by one as at once")
    func incrementalEqualsWhole() throws {
        var random = SeededGenerator(state: 1)
        for tokenizer in try tokenizers() {
            for _ in 0..<150 {
                let tokens = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    // Mostly bytes above 0x7F, of which few sequences are characters.
                    Int32.random(in: Bool.random(using: &random) ? 128...258 : -2...300, using: &random)
                }
                for skip in [true, false] {
                    let whole = tokenizer.decode(tokens, skipSpecial: skip)
                    #expect(parts(tokens, tokenizer, skipSpecial: skip).joined() == whole, "\(tokens)")
                }
            }
        }
    }

    @Test("A text comes back from its ids, and at every cut of them no part ends inside a character")
    func roundTrip() throws {
        var random = SeededGenerator(state: 2)
        for tokenizer in try tokenizers() {
            for _ in 0..<100 {
                // A "▁" in the text comes back as a space.
                let text = String(random.text(parts: 10).unicodeScalars.filter { $0 != "\u{2581}" })
                let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: false)
                #expect(
                    tokenizer.decode(tokens, skipSpecial: true).utf8.elementsEqual(text.utf8),
                    "\(text.debugDescription)")
                let parts = parts(tokens, tokenizer)
                #expect(parts.joined().utf8.elementsEqual(text.utf8))
                if !text.unicodeScalars.contains("\u{FFFD}") {
                    #expect(!parts.joined().unicodeScalars.contains("\u{FFFD}"))
                }
            }
        }
    }

    @Test("A character of several byte tokens comes with its last one")
    func holdsHalfCharacters() throws {
        let tokenizer = try Tokenizer(Vocabularies.byteLevel())
        #expect(parts([0xF0, 0x9F, 0x98, 0x80, 0x21], tokenizer) == ["", "", "", "😀", "!", ""])
        let pieces = try Tokenizer(Vocabularies.sentencePiece([]))
        #expect(parts([0xE2 + 3, 0x82 + 3, 0xAC + 3], pieces) == ["", "", "€", ""])
    }

    @Test("Bytes that cannot become a character are U+FFFD as soon as that is certain")
    func replacesBrokenBytes() throws {
        let tokenizer = try Tokenizer(Vocabularies.byteLevel())
        #expect(parts([0xFF, 0x61], tokenizer) == ["\u{FFFD}", "a", ""])
        #expect(parts([0xE2, 0x61], tokenizer) == ["", "\u{FFFD}a", ""])
        #expect(parts([0xE2, 0x82], tokenizer) == ["", "", "\u{FFFD}"])
        // A surrogate, an overlong form and a scalar above U+10FFFF have no valid beginning of two bytes.
        #expect(parts([0xED, 0xA0], tokenizer) == ["", "\u{FFFD}\u{FFFD}", ""])
        #expect(parts([0xE0, 0x80], tokenizer) == ["", "\u{FFFD}\u{FFFD}", ""])
        #expect(parts([0xF4, 0x90], tokenizer) == ["", "\u{FFFD}\u{FFFD}", ""])
    }

    @Test("The space before a text is taken away once, and not from what continues a prompt")
    func leadingSpace() throws {
        let tokenizer = try Tokenizer(Vocabularies.sentencePiece(["▁", "a", "▁a"]))
        let a = try #require(tokenizer.encode("a", addSpecial: false, parseSpecial: false).first)
        #expect(tokenizer.decode([1, a, a], skipSpecial: true) == "a a")
        #expect(tokenizer.decode([1, a, a], skipSpecial: false) == "<s> a a")
        var first = IncrementalDetokenizer(tokenizer, after: [1])
        #expect(first.append(a) == "a")
        #expect(first.append(a) == " a")
        var later = IncrementalDetokenizer(tokenizer, after: [1, a])
        #expect(later.append(a) == " a")
    }

    @Test("Special tokens are shown or left out, and ids that are no tokens have no text")
    func specialTokens() throws {
        let end = TokenizerDescription.AddedToken(id: 0, content: "<|end|>", isSpecial: true)
        let call = TokenizerDescription.AddedToken(id: 0, content: "<tool é>", isSpecial: false)
        let tokenizer = try Tokenizer(Vocabularies.byteLevel(added: [end, call]))
        #expect(tokenizer.decode([0x61, 256, 257, -1, 9999], skipSpecial: true) == "a<tool é>")
        #expect(tokenizer.decode([0x61, 256, 257], skipSpecial: false) == "a<|end|><tool é>")
        #expect(tokenizer.bytes(of: 256) == Array("<|end|>".utf8))
        #expect(tokenizer.isSpecial(256) && !tokenizer.isSpecial(257) && !tokenizer.isSpecial(-1))
    }
}
