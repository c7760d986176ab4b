// Writes small SentencePiece models, and other tokenizers of every kind, to be spoiled by tests.
import Foundation

@testable import ModelFile

enum SentencePieceBuilder {
    /// `<unk>`, `<s>`, `</s>`, two bytes and some pieces with falling scores.
    static func bytes(modelType: UInt8, pieces: [String] = ["a", "b", "ab", "\u{2581}", "\u{2581}a", "abab"]) -> [UInt8]
    {
        let all: [(String, UInt8)] =
            [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("<0x0A>", 6), ("<0xE2>", 6)] + pieces.map { ($0, 1) }
        var bytes: [UInt8] = []
        for (index, (text, kind)) in all.enumerated() {
            let score = littleEndian((-Float(index)).bitPattern)
            bytes += message(1, message(1, Array(text.utf8)) + [0x15] + score + [0x18, kind])
        }
        // model_type, byte_fallback (field 35) and unk_id, bos_id, eos_id (fields 40 to 42).
        bytes += message(2, [0x18, modelType, 0x98, 0x02, 1, 0xC0, 0x02, 0, 0xC8, 0x02, 1, 0xD0, 0x02, 2])
        bytes += message(3, message(2, TinyModels.characterMap) + [0x18, 1, 0x20, 0, 0x28, 1])
        return bytes
    }

    private static func message(_ field: UInt8, _ content: [UInt8]) -> [UInt8] {
        [field << 3 | 2, UInt8(content.count)] + content
    }
}

extension TinyModels {
    /// A map with one node and one replacement.
    static let characterMap: [UInt8] = [4, 0, 0, 0, 0, 4, 0, 0, 97, 0]

    /// The same as a list of bytes in GGUF.
    static let characterMapList = littleEndian(UInt32(0)) + littleEndian(UInt64(characterMap.count)) + characterMap

    /// One tokenizer.json for each kind of model, with most kinds of steps.
    static func tokenizersOfEveryKind() -> [[String: Any]] {
        var unigram = byteLevelTokenizer()
        unigram["normalizer"] =
            [
                "type": "Sequence",
                "normalizers": [
                    ["type": "Precompiled", "precompiled_charsmap": "BAAAAAAEAABhAA=="], ["type": "Nmt"],
                    ["type": "Replace", "pattern": ["Regex": " {2,}"], "content": "x"],
                    ["type": "Strip", "strip_left": true, "strip_right": false], ["type": "Prepend", "prepend": "_"],
                ],
            ] as [String: Any]
        unigram["model"] =
            [
                "type": "Unigram", "unk_id": 0, "byte_fallback": true,
                "vocab": [["a", 0], ["b", -1.5], ["ab", -2.25], ["c", -3]],
            ]
            as [String: Any]
        var wordPiece = byteLevelTokenizer()
        wordPiece["normalizer"] = ["type": "BertNormalizer", "clean_text": true, "lowercase": true]
        wordPiece["pre_tokenizer"] = ["type": "BertPreTokenizer"]
        wordPiece["decoder"] = ["type": "WordPiece", "prefix": "##", "cleanup": true]
        wordPiece["model"] =
            [
                "type": "WordPiece", "unk_token": "a", "max_input_chars_per_word": 9,
                "vocab": ["a": 0, "##b": 1, "c": 2, "d": 3],
            ]
            as [String: Any]
        var wordLevel = byteLevelTokenizer()
        wordLevel["pre_tokenizer"] =
            [
                "type": "Sequence",
                "pretokenizers": [
                    [
                        "type": "Split", "pattern": ["Regex": "a+|[^b-d]{1,3}"], "behavior": "Contiguous",
                        "invert": true,
                    ],
                    ["type": "Digits", "individual_digits": true], ["type": "FixedLength", "length": 4],
                ],
            ] as [String: Any]
        wordLevel["decoder"] =
            [
                "type": "Sequence",
                "decoders": [
                    ["type": "ByteFallback"], ["type": "Fuse"],
                    ["type": "Strip", "content": " ", "start": 1, "stop": 0],
                ],
            ] as [String: Any]
        wordLevel["model"] =
            ["type": "WordLevel", "unk_token": "a", "vocab": ["a": 0, "b": 1, "c": 2, "d": 3]] as [String: Any]
        return [unigram, wordPiece, wordLevel]
    }
}
