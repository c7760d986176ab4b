// How text is cut into words.

import ModelFile
import Testing

@testable import Tokenization

@Suite("Words")
struct WordTests {
    private func words(_ text: String, _ cuts: WordCuts) -> [String] {
        Array(text.utf8).withUnsafeBytes { bytes in
            var words: [String] = []
            var iterator = WordIterator(UTF8Text(bytes: bytes), cuts: cuts)
            while let word = iterator.next() { words.append(String(decoding: bytes[word], as: UTF8.self)) }
            return words
        }
    }

    private func check(_ expected: [[String]], _ cuts: WordCuts) {
        for row in expected {
            // Arrays of bytes: `==` on strings would take canonically equivalent ones for equal.
            #expect(words(row.joined(), cuts).map { Array($0.utf8) } == row.map { Array($0.utf8) }, "\(row)")
        }
    }

    @Test("Text is cut as GPT-2's expression does")
    func gpt2() { check(ExpectedWords.gpt2, .pattern(.gpt2)) }

    @Test("Text is cut as Llama 3's expression does")
    func llama3() { check(ExpectedWords.llama3, .pattern(.llama3)) }

    @Test("Text is cut as Qwen 2's expression does")
    func qwen2() { check(ExpectedWords.qwen2, .pattern(.qwen2)) }

    @Test("Digits are cut out first where the model wants it")
    func digits() { check(ExpectedWords.digits, .digitsThenPattern(.gpt2)) }

    @Test("Marked text is cut before each mark, or before each run of marks")
    func markers() {
        #expect(words("▁▁ab▁c▁", .beforeMarkers) == ["▁", "▁ab", "▁c", "▁"])
        #expect(words("ab▁▁▁c▁d", .beforeMarkerRuns) == ["ab", "▁▁▁c", "▁d"])
        #expect(words("▂▀ ab", .beforeMarkerRuns) == ["▂▀ ab"])
        #expect(words("a▁b", .none) == ["a▁b"])
    }

    @Test("The words of any text are the text")
    func wordsAreTheText() {
        var random = SeededGenerator(state: 6)
        let all: [WordCuts] = [
            .none, .beforeMarkers, .beforeMarkerRuns, .pattern(.gpt2), .pattern(.llama3), .digitsThenPattern(.gpt2),
        ]
        for _ in 0..<150 {
            let text = random.text(parts: 12)
            for cuts in all {
                let words = words(text, cuts)
                #expect(words.allSatisfy { !$0.utf8.isEmpty })
                #expect(words.joined().utf8.elementsEqual(text.utf8))
            }
        }
    }

    @Test("Every scalar is read from UTF-8 as it is")
    func scalars() {
        for value in stride(from: UInt32(0), through: 0x10FFFF, by: 61) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let bytes = Array(String(scalar).utf8)
            bytes.withUnsafeBytes { bytes in
                let text = UTF8Text(bytes: bytes)
                #expect(text.scalar(at: 0) == (scalar, bytes.count))
                #expect(text.end(of: 0) == bytes.count)
                #expect(text.start(before: bytes.count) == 0)
                #expect(text.character(at: 0).class == CharacterClass(scalar).union(isLineBreak(scalar)))
            }
        }
    }

    private func isLineBreak(_ scalar: Unicode.Scalar) -> CharacterClass {
        scalar == "\n" || scalar == "\r" ? .lineBreak : []
    }
}
