// Ids that reference implementations give for real vocabularies and for the fixtures of this project.

import Foundation
import ModelFile
import Testing

@testable import Tokenization

@Suite("Conformance")
struct ConformanceTests {
    private func open(_ path: String) throws -> Tokenizer {
        let url = SharedData.data.appending(path: path)
        return try Tokenizer(try #require(try Model.openTokenizer(path: url.path)))
    }

    /// Texts separated by a line `__ggml_vocab_test__`, and for each a line of ids.
    @Test(
        "The texts of llama.cpp's vocabulary tests get its ids", .enabled(if: SharedData.isPresent),
        arguments: ["gpt-2", "llama-spm", "starcoder", "falcon", "deepseek-coder"])
    func llamaCppVectors(name: String) throws {
        let path = "ggml-vocab/ggml-vocab-\(name).gguf"
        let tokenizer = try open(path)
        let file = SharedData.data.appending(path: path).path
        let texts = try String(contentsOfFile: file + ".inp", encoding: .utf8)
            .components(separatedBy: "\n__ggml_vocab_test__\n").dropLast()
        let lines = try String(contentsOfFile: file + ".out", encoding: .utf8).components(separatedBy: "\n").dropLast()
        try #require(texts.count == lines.count && texts.count == 46)
        for (text, line) in zip(texts, lines) {
            let expected = line.split(separator: " ").compactMap { Int32($0) }
            #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: false) == expected, "\(text)")
            #expect(tokenizer.decode(expected, skipSpecial: true) == text)
        }
    }

    private struct EncodedText: Decodable {
        let text: String
        let token_ids: [Int32]
    }

    private struct LibraryTest: Decodable {
        struct Encoded: Decodable { let input_ids: [Int32] }
        let input: String
        let encoded: Encoded
        let decoded_without_special: String
    }

    private struct Multilingual: Decodable {
        struct Input: Decodable {
            let id: String
            let text: String
        }
        struct Entry: Decodable {
            let id: String
            let input_ids: [Int32]
            let decoded_skip_special: String
        }
        let entries: [Entry]
    }

    /// The sets without texts: what they decode to is the text.
    private struct Decoded: Decodable {
        struct Entry: Decodable {
            let input_ids: [Int32]
            let decoded_skip_special: String
        }
        let entries: [String: Entry]
    }

    /// Hugging Face's ids; the Llama cases begin with its BOS, and decoding leaves special tokens out.
    private func checkCases(_ tokenizer: Tokenizer, encoded: String, library: String) throws {
        let cases = SharedData.data.appending(path: "tokenizers/cases")
        let text = try SharedData.json(EncodedText.self, at: cases.appending(path: encoded))
        #expect(tokenizer.encode(text.text, addSpecial: true, parseSpecial: true) == text.token_ids)

        let tests = try SharedData.json(
            [String: [LibraryTest]].self, at: cases.appending(path: "tokenizer_tests.json"))
        for test in try #require(tests[library]) {
            let ids = test.encoded.input_ids
            #expect(tokenizer.encode(test.input, addSpecial: true, parseSpecial: true) == ids, "\(test.input)")
            // transformers takes the space before "!!" away ("clean_up_tokenization_spaces"), llama.cpp does not.
            if test.input.contains(" !!") { continue }
            #expect(tokenizer.decode(ids, skipSpecial: true) == test.decoded_without_special)
        }
    }

    private func checkMultilingual(_ tokenizer: Tokenizer, _ multilingual: String, decoded: String) throws {
        let cases = SharedData.data.appending(path: "tokenizers/cases")
        for (name, entry) in try SharedData.json(Decoded.self, at: cases.appending(path: decoded)).entries {
            let text = entry.decoded_skip_special
            #expect(tokenizer.decode(entry.input_ids, skipSpecial: true) == text, "\(name)")
            #expect(tokenizer.encode(text, addSpecial: true, parseSpecial: true) == entry.input_ids, "\(name)")
        }
        let inputs = try SharedData.json(
            [Multilingual.Input].self, at: cases.appending(path: "multilingual/inputs.json"))
        let texts = Dictionary(inputs.map { ($0.id, $0.text) }, uniquingKeysWith: { first, _ in first })
        for entry in try SharedData.json(Multilingual.self, at: cases.appending(path: multilingual)).entries {
            let text = try #require(texts[entry.id])
            #expect(tokenizer.encode(text, addSpecial: true, parseSpecial: true) == entry.input_ids, "\(entry.id)")
            let decoded = tokenizer.decode(entry.input_ids, skipSpecial: true)
            #expect(decoded.utf8.elementsEqual(entry.decoded_skip_special.utf8), "\(entry.id)")
        }
    }

    @Test("GPT-2 gives the ids of Hugging Face", .enabled(if: SharedData.isPresent))
    func gpt2Cases() throws {
        let tokenizer = try open("tokenizers/gpt2")
        try checkCases(tokenizer, encoded: "gpt2_encoded_tokens.json", library: "distilgpt2")
        try checkMultilingual(
            tokenizer, "multilingual/gpt2_multilingual.json", decoded: "multilingual/openai-community__gpt2.json")
    }

    @Test("Llama 2 gives the ids of Hugging Face", .enabled(if: SharedData.isPresent))
    func llamaCases() throws {
        let tokenizer = try open("ggml-vocab/ggml-vocab-llama-spm.gguf")
        try checkCases(
            tokenizer, encoded: "llama_encoded.json", library: "coreml-projects/Llama-2-7b-chat-coreml")
        try checkMultilingual(
            tokenizer, "multilingual/tinyllama_multilingual.json",
            decoded: "multilingual/TinyLlama__TinyLlama-1.1B-Chat-v1.0.json")
    }

    @Test("Falcon gives the ids of Hugging Face", .enabled(if: SharedData.isPresent))
    func falconCases() throws {
        try checkCases(
            try open("ggml-vocab/ggml-vocab-falcon.gguf"), encoded: "falcon_encoded.json",
            library: "tiiuae/falcon-7b")
    }

    /// Qwen 2.5 has the vocabulary and merges of Qwen 2.
    @Test("Qwen 2 gives the ids of Hugging Face", .enabled(if: SharedData.isPresent))
    func qwenCases() throws {
        try checkMultilingual(
            try open("tokenizers/qwen2"), "multilingual/qwen2_5_multilingual.json",
            decoded: "multilingual/Qwen__Qwen2.5-0.5B.json")
    }

    /// Digests for pieces of 65,536 bytes of the mixed text; only some of them, for debug builds are slow.
    @Test(
        "Mixed text of all kinds gets the ids that Hugging Face's tokenizers give",
        .enabled(if: SharedData.isPresent),
        arguments: [
            "gpt2", "smollm-135m", "qwen2", "mistral/tokenizer.model.v1",
            "mistral/mistral_instruct_tokenizer_241114.model.v7",
        ])
    func mixedText(name: String) throws {
        let folder = SharedData.fixtures.deletingLastPathComponent().appending(path: "tokenizer-steps")
        let digests = try SharedData.json([String: String].self, at: folder.appending(path: "mixed.json"))
        let expected = try #require(digests[name]).split(separator: " ").map(String.init)
        let tokenizer = try open("tokenizers/" + name)
        for (number, bytes) in MixedText.pieces(4).enumerated() {
            let ids = tokenizer.encode(bytes, addSpecial: false, parseSpecial: true)
            #expect(Digest.hexadecimal(Digest.extend(Digest.start, ids)) == expected[number], "piece \(number)")
        }
    }

    @Test("Tokenizers of every kind give the ids and texts of Hugging Face for hard texts")
    func steps() throws {
        let folder = SharedData.fixtures.deletingLastPathComponent().appending(path: "tokenizer-steps")
        let texts = try SharedData.json([String].self, at: folder.appending(path: "texts.json"))
        let expected = try SharedData.json([String: String].self, at: folder.appending(path: "digests.json"))
        #expect(expected.count > 40)
        for (name, digests) in expected {
            let path = folder.appending(path: name + ".json").path
            let tokenizer = try Tokenizer(try #require(try Model.openTokenizer(path: path)))
            let wanted = digests.split(separator: " ").map(String.init)
            try #require(wanted.count == texts.count)
            var differences = 0
            for (text, digest) in zip(texts, wanted) {
                let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
                var value = Digest.extend(Digest.start, ids)
                value = Digest.extend(value, tokenizer.encode(text, addSpecial: true, parseSpecial: true))
                if !ids.isEmpty {
                    value = Digest.extend(value, Array(tokenizer.decode(ids, skipSpecial: false).utf8))
                }
                if !ids.allSatisfy(tokenizer.isSpecial) {
                    value = Digest.extend(value, Array(tokenizer.decode(ids, skipSpecial: true).utf8))
                }
                if Digest.hexadecimal(value) != digest { differences += 1 }
                if ids.count % 4 != 0 { continue }
                var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecial: false)
                let parts = ids.map { detokenizer.append($0) } + [detokenizer.finish()]
                #expect(
                    parts.joined().utf8.elementsEqual(tokenizer.decode(ids, skipSpecial: false).utf8), "\(name)")
            }
            #expect(differences == 0, "\(name)")
        }
    }

    private struct Fixture: Decodable {
        let text: String
        let ids: [Int32]
        let ids_with_special: [Int32]
        let decoded: String
        let decoded_without_special: String
    }

    @Test(
        "A folder's tokenizer.json gives the ids and texts of Hugging Face",
        arguments: ["byte-bpe-gpt2", "byte-bpe-llama3", "spm-bpe", "spm-bpe-metaspace"])
    func fixtures(name: String) throws {
        let folder = SharedData.fixtures.appending(path: name)
        let tokenizer = try Tokenizer(try #require(try Model.openTokenizer(path: folder.path)))
        let cases = try SharedData.json([Fixture].self, at: folder.appending(path: "cases.json"))
        #expect(cases.count > 20)
        for item in cases {
            let ids = tokenizer.encode(item.text, addSpecial: false, parseSpecial: true)
            #expect(ids == item.ids, "\(item.text.debugDescription)")
            let withSpecial = tokenizer.encode(item.text, addSpecial: true, parseSpecial: true)
            #expect(withSpecial == item.ids_with_special)
            #expect(tokenizer.decode(item.ids, skipSpecial: false).utf8.elementsEqual(item.decoded.utf8))
            let decoded = tokenizer.decode(item.ids, skipSpecial: true)
            #expect(decoded.utf8.elementsEqual(item.decoded_without_special.utf8), "\(item.text.debugDescription)")
        }
    }
}
