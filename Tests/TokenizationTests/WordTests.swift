// How text is cut into words.

import FoundationEssentials
import Testing

@testable import ModelFile
@testable import Tokenization

@Suite("Words")
struct WordTests {
    private func words(_ text: String, _ steps: [WordStep]) -> [String] {
        let whole = text.isEmpty ? [] : [0..<text.utf8.count]
        var words = Words(bytes: Array(text.utf8), ranges: whole, beginsText: true)
        for step in steps { step.apply(to: &words) }
        return words.ranges.map { String(decoding: words.bytes[$0], as: UTF8.self) }
    }

    /// The steps of a name under "tokenizer.ggml.pre" without the last one, which changes how bytes are written.
    private func steps(_ name: String) throws -> [WordStep] {
        try #require(GGUFPreTokenizer(name)?.steps).map { step in
            guard case .split(let pattern, let behavior, let inverted) = step else {
                throw TokenizationError.unsupported("step")
            }
            return .split(try TextPattern(pattern), behavior, inverted: inverted)
        }
    }

    private func check(_ expected: [[String]], _ name: String) throws {
        let steps = try steps(name)
        for row in expected {
            // Arrays of bytes: `==` on strings would take canonically equivalent ones for equal.
            #expect(words(row.joined(), steps).map { Array($0.utf8) } == row.map { Array($0.utf8) }, "\(row)")
        }
    }

    @Test("Text is cut as GPT-2's expression does")
    func gpt2() throws { try check(ExpectedWords.gpt2, "gpt-2") }

    @Test("Text is cut as Llama 3's expression does")
    func llama3() throws { try check(ExpectedWords.llama3, "llama-bpe") }

    @Test("Text is cut as Qwen 2's expression does")
    func qwen2() throws { try check(ExpectedWords.qwen2, "qwen2") }

    @Test("Digits are cut out first where the model wants it")
    func digits() throws { try check(ExpectedWords.digits, "smollm") }

    @Test("Marked text is cut before each mark, or before each run of marks")
    func markers() {
        let mark: Unicode.Scalar = "\u{2581}"
        let marks = WordStep.metaspace(mark: Array(String(mark).utf8), prefix: .never, splits: true)
        #expect(words("▁▁ab▁c▁", [marks]) == ["▁", "▁ab", "▁c", "▁"])
        #expect(words("ab▁▁▁c▁d", [.beforeMarkerRuns]) == ["ab", "▁▁▁c", "▁d"])
        #expect(words("▂▀ ab", [.beforeMarkerRuns]) == ["▂▀ ab"])
        #expect(words("a▁b", []) == ["a▁b"])
    }

    @Test("Every name of a pre-tokenizer cuts hard texts as the model's expressions do in Oniguruma")
    func names() throws {
        let folder = SharedData.fixtures.deletingLastPathComponent().appending(path: "tokenizer-steps")
        let texts = try SharedData.json([String].self, at: folder.appending(path: "texts.json"))
        let expected = try SharedData.json([String: String].self, at: folder.appending(path: "words.json"))
        #expect(expected.count > 50)
        for (name, digests) in expected {
            let steps = try steps(name)
            let found = texts.map { text in
                Digest.hexadecimal(
                    words(text, steps).reduce(Digest.start) { Digest.extend($0, Array(($1 + "\0").utf8)) })
            }
            let wanted = digests.split(separator: " ").map(String.init)
            #expect(found.count == wanted.count)
            for (text, pair) in zip(texts, zip(found, wanted)) where pair.0 != pair.1 {
                Issue.record("\(name): \(text.debugDescription) becomes \(words(text, steps))")
                break
            }
        }
    }

    @Test(
        "Long rows of one kind of character are cut in linear time, from the right where the expression looks ahead",
        arguments: ["superbpe", "afmoe", "tiny_aya"])
    func longRows(name: String) throws {
        let steps = try steps(name)
        for count in [99_999, 100_000, 100_001] {
            let digits = String(repeating: "7", count: count)
            let started = ContinuousClock.now
            let found = words(digits, steps)
            #expect(started.duration(to: .now) < .seconds(20))
            #expect(found.count == (count + 2) / 3)
            #expect(found.first?.utf8.count == (count % 3 == 0 ? 3 : count % 3))
            #expect(found.dropFirst().allSatisfy { $0.utf8.count == 3 })
        }
        // What follows the digits changes how they are cut, whatever was found out about them before.
        for text in ["1234567 1234567x 12345", "12345678x1234", "1234\n12345678901", "0123456789٣٤٥٦٧٨"] {
            let long = String(repeating: "1", count: 3_001) + " "
            #expect(words(text, steps) == Array(words(long + text, steps).suffix(words(text, steps).count)))
        }
    }

    @Test("The words of any text are the text")
    func wordsAreTheText() throws {
        var random = SeededGenerator(state: 6)
        let all: [[WordStep]] = [
            [], [.beforeMarkerRuns], try steps("gpt-2"), try steps("llama-bpe"), try steps("smollm"),
            try steps("gpt-4o"), try steps("deepseek-llm"), try steps("superbpe"),
        ]
        for _ in 0..<150 {
            let text = random.text(parts: 12)
            for steps in all {
                let words = words(text, steps)
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
                #expect(text.scalar(at: 0) == (value, bytes.count))
                #expect(text.end(of: 0) == bytes.count)
                #expect(text.start(before: bytes.count) == 0)
            }
        }
    }
}
