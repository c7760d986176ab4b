// Merging of the pieces of a word.

import ModelFile
import Testing

@testable import Tokenization

@Suite("Merging")
struct MergingTests {
    /// The definition: join the pair of least rank, leftmost first, until there is none.
    private func naive(_ word: [String], rank: (String, String) -> Int?) -> [String] {
        var word = word
        while true {
            let candidates = word.indices.dropLast().compactMap { index in
                rank(word[index], word[index + 1]).map { (rank: $0, index: index) }
            }
            guard let best = candidates.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { return word }
            word[best.index] += word.remove(at: best.index + 1)
        }
    }

    private func letters(_ count: Int, of alphabet: String, _ random: inout SeededGenerator) -> String {
        String((0..<count).map { _ in alphabet.randomElement(using: &random) ?? "a" })
    }

    @Test("Short and long words merge by a list as its definition says")
    func mergesByList() throws {
        let merges = ["b a", "a b", "ab ab", "a a", "aa a", "c ab", "abab c", "aa aa", "ba ba", "c c"]
        let tokenizer = try Tokenizer(Vocabularies.byteLevel(merges: merges))
        var random = SeededGenerator(state: 3)
        for length in [0, 1, 2, 3, 7, 20, 47, 48, 49, 50, 90, 160] {
            for _ in 0..<12 {
                let word = letters(length, of: "abc", &random)
                let expected = naive(word.map(String.init)) { merges.firstIndex(of: "\($0) \($1)") }
                #expect(tokenizer.spell(word) == expected, "\(word)")
            }
        }
    }

    @Test("Short and long texts merge by score as its definition says, leftmost first among equal scores")
    func mergesByScore() throws {
        let pieces = ["a", "b", "▁", "aa", "ab", "ba", "aaa", "▁a", "b▁", "abab", "aaaa", "a▁a"]
        let scores: [Float] = [0, 0, 0, -3, -1, -1, -3, -2, -2, -7, .nan, -5]
        for withMarkersInside in [true, false] {
            var description = Vocabularies.sentencePiece(pieces, addsSpacePrefix: false)
            description.algorithm = .sentencePiece(scores: Array(repeating: 0, count: 259) + scores)
            if !withMarkersInside {  // A control token never comes from text.
                for id in [267, 270] { description.kinds[id] = .control }
            }
            let tokenizer = try Tokenizer(description)
            var random = SeededGenerator(state: 4)
            for length in [1, 2, 5, 30, 48, 49, 120] {
                for _ in 0..<12 {
                    let text = letters(length, of: "aab▁", &random)
                    let expected = naive(text.map(String.init)) { left, right in
                        guard let index = pieces.firstIndex(of: left + right) else { return nil }
                        if !withMarkersInside, index == 8 || index == 11 { return nil }
                        return scores[index].isNaN ? 100 : Int(-scores[index])
                    }
                    #expect(tokenizer.spell(text) == expected, "\(text)")
                }
            }
        }
    }

    @Test("A long run of one letter is tokenized, by a list and by scores")
    func repeatedLetter() throws {
        // Searching from end to end for each merge would take hours. (A mebibyte takes 0.4 s in release mode.)
        let count = 1 << 18
        let text = String(repeating: "a", count: count)
        let bytes = try Tokenizer(Vocabularies.byteLevel(merges: ["a a", "aa aa", "aaaa aaaa"]))
        #expect(bytes.encode(text, addSpecial: false, parseSpecial: false).count == count / 8)
        let pieces = try Tokenizer(Vocabularies.sentencePiece(["a", "▁", "aa", "aaaa"]))
        #expect(pieces.encode(text, addSpecial: false, parseSpecial: false).count == count / 4 + 1)
    }

    @Test("A word that is a token is taken whole where merges are ignored")
    func ignoresMerges() throws {
        var description = Vocabularies.byteLevel(merges: ["b c", "a b", "ab c"])
        #expect(try Tokenizer(description).spell("abc abc") == ["a", "bc", "Ġ", "a", "bc"])
        description.ignoresMerges = true
        #expect(try Tokenizer(description).spell("abc abc") == ["abc", "Ġ", "a", "bc"])
    }

    @Test("Repeated words get the ids of their first occurrence, also when many words share a slot")
    func cachedWords() throws {
        let tokenizer = try Tokenizer(Vocabularies.byteLevel(merges: ["a b", "Ġ ab", "ab c"]))
        var random = SeededGenerator(state: 5)
        let words = (0..<300).map { _ in " " + letters(Int.random(in: 1...5, using: &random), of: "abc", &random) }
        let apart = words.flatMap { tokenizer.encode($0, addSpecial: false, parseSpecial: false) }
        #expect(tokenizer.encode(words.joined(), addSpecial: false, parseSpecial: false) == apart)
    }

    @Test("A byte without a token leaves no trace, and its neighbours merge")
    func dropsUnknownBytes() throws {
        var description = Vocabularies.byteLevel(merges: ["a b"])
        description.tokens[0x63] = ""
        #expect(try Tokenizer(description).spell("acb") == ["ab"])
    }
}
