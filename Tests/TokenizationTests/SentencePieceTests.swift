// SentencePiece files against the ids that the sentencepiece library gives: white space at the ends, control pieces in
// plain text. The fixtures are made by Tests/Reference/make_sentencepiece_fixtures.py.
import Foundation
import ModelFile
import Testing

@testable import Tokenization

@Suite("SentencePiece files")
struct SentencePieceTests {
    private struct Case: Decodable {
        let text: String
        let ids: [Int32]
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/sentencepiece")

    @Test(
        "The ids are those of the sentencepiece library",
        arguments: ["unigram", "unigram-bytes", "unigram-all-spaces", "bpe"])
    func ids(name: String) throws {
        let data = try Data(contentsOf: Self.folder.appendingPathComponent("cases.json"))
        let cases = try #require(try JSONDecoder().decode([String: [Case]].self, from: data)[name])
        let path = Self.folder.appendingPathComponent(name + ".model").path
        let tokenizer = try Tokenizer(try #require(try Model.openTokenizer(path: path)))
        for one in cases {
            #expect(
                tokenizer.encode(one.text, addSpecial: false, parseSpecial: false) == one.ids,
                "\(name): \(one.text.debugDescription)")
        }
    }
}
