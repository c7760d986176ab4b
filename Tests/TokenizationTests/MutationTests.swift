// Spoiled tokenizers: each must be refused or make something of any text, in little time.

import Foundation
import Testing

@testable import ModelFile
@testable import Tokenization

/// A file in memory.
private struct SpoiledFile: ByteSource {
    let name = "tokenizer.json"
    let content: [UInt8]

    var size: Int { content.count }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
        try checkRange(at: offset, count: buffer.count)
        content.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count])) }
    }
}

/// A folder without files.
private struct EmptyFolder: ModelFolder {
    let path = "folder"
    func names() throws(ModelFileError) -> [String] { [] }
    func open(_ name: String) throws(ModelFileError) -> (any ByteSource)? { nil }
}

@Suite("Spoiled tokenizers")
struct MutationTests {
    private static let fragments: [[UInt8]] = [
        "0", "-1", "1e300", "65537", "null", "true", "\"\"", "[]", "{}", "(", ")", "[^", "*", "+?", "{2,5}", "\\\\p{L}",
        "(?!", "(?i:", "|", "\u{2581}", "<0x41>", "<0x4G>", "é", "\\u0000", "##", "Ġ",
    ].map { Array($0.utf8) }

    private func spoil(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            // Mostly in the steps before and behind the vocabulary.
            let near = Bool.random(using: &random) ? min(bytes.count, 1500) : bytes.count
            let place = Int.random(in: 0..<near, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
            let fragment = Self.fragments.randomElement(using: &random) ?? []
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes.replaceSubrange(place..<end, with: fragment)
            case 1: bytes.insert(contentsOf: fragment, at: place)
            default: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
            }
        }
        return bytes
    }

    @Test("2,000 spoiled tokenizers are refused or make something of any text")
    func spoiled() throws {
        let folder = SharedData.fixtures.deletingLastPathComponent().appending(path: "tokenizer-steps")
        let names = [
            "split-merged-with-next", "unigram-precompiled", "unigram-replace", "bert", "word-level", "suffix",
            "prepend-replace", "template", "unigram-bytes", "continuing-prefix",
        ]
        let bases = try names.map { try Array(Data(contentsOf: folder.appending(path: $0 + ".json"))) }
        var random = SeededGenerator(state: 77)
        var usable = 0
        for round in 0..<2000 {
            let file = SpoiledFile(content: spoil(bases[round % bases.count], &random))
            do {
                let description = try TokenizerJSON.description(ofFile: file.name, file, in: EmptyFolder())
                let tokenizer = try Tokenizer(try #require(description))
                usable += 1
                let text = random.text(parts: 10)
                let ids = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
                #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
                _ = tokenizer.decode(ids, skipSpecial: false)
                _ = tokenizer.decode(ids.reversed(), skipSpecial: true)
            } catch is ModelFileError {} catch is TokenizationError {}
        }
        #expect(usable > 200)
    }

    @Test("Expressions that backtrack without end on other engines come to an end")
    func hostileExpressions() throws {
        let text = String(repeating: "a", count: 1500) + "!"
        let digits = String(repeating: "7", count: 3000)
        for expression in [
            "(a+)+b", "(a|a)+b", "(a|aa)+$", "(?:a+a+)+b", "(a{1,20}){1,20}b", #"\d{1,3}(?=(?:\d{3})*\b)"#,
            "(?=(a+)+b)a",
        ] {
            var words = Words(bytes: Array(text.utf8), ranges: [0..<text.utf8.count], beginsText: true)
            WordStep.split(try TextPattern(.expression(expression)), .isolated, inverted: false).apply(to: &words)
            #expect(words.ranges.reduce(0) { $0 + $1.count } == text.utf8.count, "\(expression)")
            words = Words(bytes: Array(digits.utf8), ranges: [0..<digits.utf8.count], beginsText: true)
            WordStep.split(try TextPattern(.expression(expression)), .isolated, inverted: false).apply(to: &words)
            #expect(words.ranges.reduce(0) { $0 + $1.count } == digits.utf8.count, "\(expression)")
        }
    }

    @Test("What an expression may not hold is refused with a reason")
    func refusedExpressions() {
        for expression in [
            "(", ")", "[", "[z-a]", "*a", "a{2,1}", "a{1,5000}", #"\1"#, #"\p{Klingon}"#, "(?<=a+)b", "(a*)*", #"\"#,
            "[[:x:]]",
            String(repeating: "(", count: 100) + String(repeating: ")", count: 100), "((((a{1,999}){1,999}){1,999}))",
        ] {
            #expect(throws: TokenizationError.self, "\(expression)") { try TextPattern(.expression(expression)) }
        }
    }
}
