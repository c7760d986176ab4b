// Which control tokens end an answer although a GGUF file does not say so.
import Testing

@testable import ModelFile

@Suite("End tokens")
struct EndTokenTests {
    private func ends(_ added: [(String, isSpecial: Bool)], named: [Int] = []) -> [Int] {
        let texts = added.map(\.0)
        var description = TokenizerDescription(
            .sentencePiece(scores: texts.map { _ in 0 }), tokens: texts, kinds: texts.map { _ in .control })
        description.addedTokens = added.enumerated().map {
            .init(id: $0.offset, content: $0.element.0, isSpecial: $0.element.isSpecial)
        }
        var defaults = GenerationDefaults()
        defaults.eosTokens = named
        return defaults.addingEndTokens(of: description, vocabularySize: texts.count).eosTokens
    }

    @Test("Control tokens that end a turn end an answer; the file's own come first")
    func endsOfTurns() {
        #expect(ends([("<|endoftext|>", true), ("<|user|>", true), ("<|end|>", true)], named: [0]) == [0, 2])
        #expect(ends([("<|im_end|>", true), ("<|im_start|>", true)]) == [0])
        #expect(ends([("<|im_end|>", false)]) == [])
    }

    @Test("In gpt-oss' format the end of a message does not end the answer")
    func messages() {
        #expect(ends([("<|end|>", true), ("<|return|>", true), ("<|call|>", true)], named: [1]) == [1, 2])
    }
}
