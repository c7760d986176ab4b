// The tokenizers of Hugging Face folders as descriptions.
import Foundation
import Testing

@testable import ModelFile

@Suite struct TokenizerJSONTests {
    private func describe(
        settings: [String: Any] = [:], _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws -> TokenizerDescription {
        var document = TinyModels.byteLevelTokenizer()
        change(&document)
        let files = ["tokenizer.json": try jsonBytes(document), "tokenizer_config.json": try jsonBytes(settings)]
        return try #require(try MemoryFolder(files: files).tokenizer())
    }

    private func setModel(_ document: inout [String: Any], _ field: String, _ value: Any) {
        var model = document["model"] as? [String: Any] ?? [:]
        model[field] = value
        document["model"] = model
    }

    @Test("Vocabulary, merges, added tokens and the template are read")
    func reads() throws {
        let tokenizer = try describe(settings: ["bos_token": "<s>", "eos_token": ["content": "b"]])
        #expect(tokenizer.tokens == ["a", "b", "ab", "Ġ", "<s>", "<tool>"])
        #expect(tokenizer.kinds == [.normal, .normal, .normal, .normal, .control, .userDefined])
        guard case .bytePairs(let merges) = tokenizer.algorithm else { return #expect(Bool(false)) }
        #expect(merges == [.init(left: "a", right: "b")])
        #expect(tokenizer.preTokenizers == [.byteLevel(addsPrefixSpace: false, splits: true)])
        #expect(tokenizer.normalizers == [.nfc])
        #expect(tokenizer.decoders == [.byteLevel])
        #expect(tokenizer.ignoresMerges)
        #expect(tokenizer.prefixTokens == [4])
        #expect(tokenizer.suffixTokens == [])
        #expect(tokenizer.bos == 4)
        #expect(tokenizer.eos == 1)
        #expect(tokenizer.addedTokens[0] == .init(id: 4, content: "<s>", isSpecial: true, stripsRight: true))
        #expect(
            tokenizer.addedTokens[1]
                == .init(id: 5, content: "<tool>", isSpecial: false, isSingleWord: true, isNormalized: true))
    }

    @Test("Merges may be lists, and may then hold spaces")
    func mergesAsLists() throws {
        let tokenizer = try describe { setModel(&$0, "merges", [["a ", " b"]]) }
        guard case .bytePairs(let merges) = tokenizer.algorithm else { return #expect(Bool(false)) }
        #expect(merges == [.init(left: "a ", right: " b")])
        for bad in [["a"], ["a", "b", "c"], ["a", 1], "ab", 1] as [Any] {
            #expect(refusal { try describe { setModel(&$0, "merges", [bad]) } }?.field == "model.merges")
        }
    }

    @Test("Canonically equivalent tokens stay apart")
    func equivalentTokens() throws {
        let document = #"{"model": {"vocab": {"\u00e9": 0, "e\u0301": 1}, "merges": []}}"#
        let folder = MemoryFolder(files: ["tokenizer.json": Array(document.utf8)])
        let tokenizer = try #require(try folder.tokenizer())
        #expect(tokenizer.tokens[0].utf8.count == 2)
        #expect(tokenizer.tokens[1].utf8.count == 3)
    }

    @Test("The Llama normalizer and Metaspace become steps with their own prefix rules")
    func spaceMarks() throws {
        let prepend: [String: Any] = ["type": "Prepend", "prepend": "\u{2581}"]
        let replace: [String: Any] = ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"]
        let llama = try describe { document in
            document["normalizer"] = ["type": "Sequence", "normalizers": [prepend, replace]] as [String: Any]
            document["pre_tokenizer"] = NSNull()
            setModel(&document, "byte_fallback", true)
            setModel(&document, "fuse_unk", true)
            setModel(&document, "unk_token", "a")
            setModel(&document, "vocab", ["a": 0, "<0x0A>": 1, "<0x0G>": 2, "b": 3])
        }
        #expect(llama.normalizers == [.prepend("\u{2581}"), .replace(.literal(" "), with: "\u{2581}")])
        #expect(llama.preTokenizers == [])
        #expect(llama.usesByteFallback)
        #expect(llama.fusesUnknown)
        #expect(llama.unknown == 0)
        #expect(llama.kinds[..<4] == [.unknown, .byte, .normal, .normal])

        let schemes: [(String, Bool, TokenizerDescription.SpacePrefix)] = [
            ("first", false, .first), ("always", true, .always), ("never", false, .never),
        ]
        for (scheme, splits, prefix) in schemes {
            let metaspace = try describe { document in
                document["normalizer"] = NSNull()
                document["pre_tokenizer"] =
                    ["type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": scheme, "split": splits]
                    as [String: Any]
            }
            #expect(metaspace.preTokenizers == [.metaspace(mark: "\u{2581}", prefix: prefix, splits: splits)])
        }
    }

    @Test("Steps are read in their order, with their options")
    func steps() throws {
        let tokenizer = try describe { document in
            let strip: [String: Any] = ["type": "Strip", "strip_left": true, "strip_right": false]
            let map: [String: Any] = ["type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAABh"]
            document["normalizer"] =
                ["type": "Sequence", "normalizers": [["type": "NFKD"], strip, map]] as [String: Any]
            let split: [String: Any] = [
                "type": "Split", "pattern": ["Regex": "a+"], "behavior": "MergedWithNext", "invert": true,
            ]
            document["pre_tokenizer"] =
                ["type": "Sequence", "pretokenizers": [split, ["type": "CharDelimiterSplit", "delimiter": "x"]]]
                as [String: Any]
            document["decoder"] =
                ["type": "Sequence", "decoders": [["type": "Fuse"], ["type": "BPEDecoder", "suffix": "@@"]]]
                as [String: Any]
        }
        #expect(
            tokenizer.normalizers == [
                .nfkd, .strip(left: true, right: false), .characterMap([4, 0, 0, 0, 0, 0, 0, 0, 97], byGrapheme: true),
            ])
        #expect(
            tokenizer.preTokenizers == [
                .split(.expression("a+"), .mergedWithNext, inverted: true),
                .split(.literal("x"), .removed, inverted: false),
            ])
        #expect(tokenizer.decoders == [.fuse, .wordSuffix("@@")])
    }

    @Test("Each kind of model is read")
    func models() throws {
        let unigram = try describe {
            $0["model"] = ["type": "Unigram", "unk_id": 0, "vocab": [["a", 0], ["b", -1.5]]] as [String: Any]
        }
        guard case .unigram(let scores) = unigram.algorithm else { return #expect(Bool(false)) }
        #expect(scores == [0, -1.5, 0, 0, 0, 0])
        #expect(unigram.unknown == 0 && unigram.tokens[4] == "<s>")
        let wordPiece = try describe {
            $0["model"] = ["type": "WordPiece", "unk_token": "a", "vocab": ["a": 0, "##b": 1]] as [String: Any]
        }
        guard case .wordPiece("##", "", 100) = wordPiece.algorithm else { return #expect(Bool(false)) }
        let wordLevel = try describe {
            $0["model"] = ["type": "WordLevel", "unk_token": "a", "vocab": ["a": 0]] as [String: Any]
        }
        guard case .wordLevel = wordLevel.algorithm else { return #expect(Bool(false)) }
        #expect(wordLevel.unknown == 0)
    }

    @Test("What is unknown leaves a tokenizer that says so, not a model that does not open")
    func unsupported() throws {
        let changes: [((inout [String: Any]) -> Void, String)] = [
            ({ $0["normalizer"] = ["type": "Strange"] }, "normalizer Strange"),
            ({ $0["pre_tokenizer"] = ["type": "UnicodeScripts"] }, "pre-tokenizer UnicodeScripts"),
            ({ $0["decoder"] = ["type": "Strange"] }, "decoder Strange"),
            ({ $0["post_processor"] = ["type": "Strange"] }, "post-processor Strange"),
            ({ setModel(&$0, "type", "Strange") }, "tokenizer model Strange"),
            ({ setModel(&$0, "dropout", 0.1) }, "tokenizer with dropout"),
        ]
        for (change, name) in changes {
            #expect(try describe(change).unsupported == name)
        }
    }

    @Test("Without a template, tokenizer_config.json or the class decides about BOS and EOS")
    func specialTokensWithoutTemplate() throws {
        func tokens(_ settings: [String: Any]) throws -> [[Int]] {
            let all = settings.merging(["bos_token": "<s>", "eos_token": "b"]) { $1 }
            let tokenizer = try describe(settings: all) { $0["post_processor"] = ["type": "ByteLevel"] }
            return [tokenizer.prefixTokens, tokenizer.suffixTokens]
        }
        #expect(try tokens([:]) == [[], []])
        #expect(try tokens(["add_bos_token": true, "add_eos_token": true]) == [[4], [1]])
        #expect(try tokens(["tokenizer_class": "LlamaTokenizer"]) == [[4], []])
        #expect(try tokens(["tokenizer_class": "LlamaTokenizer", "add_bos_token": false]) == [[], []])
        let withTemplate = try describe(settings: ["bos_token": "<s>", "add_bos_token": false])
        #expect(withTemplate.prefixTokens == [4])
    }

    @Test("A template with an unknown token or an id outside of the vocabulary is refused")
    func badTemplates() {
        for ids in [[6], [-1], []] {
            let error = refusal {
                try describe { document in
                    document["post_processor"] =
                        [
                            "type": "TemplateProcessing", "single": [["SpecialToken": ["id": "<s>"]]],
                            "special_tokens": ["<s>": ["ids": ids]],
                        ] as [String: Any]
                }
            }
            #expect(error?.field?.hasPrefix("post_processor") == true)
        }
    }

    @Test("A template of absurd length is refused")
    func longTemplate() {
        let error = refusal {
            try describe { document in
                let piece = ["SpecialToken": ["id": "<s>"]]
                document["post_processor"] =
                    ["type": "TemplateProcessing", "single": Array(repeating: piece, count: 1000)] as [String: Any]
            }
        }
        #expect(error?.code == .limitExceeded)
    }

    @Test("Ids that are taken, negative or far beyond the vocabulary are refused; holes are unused tokens")
    func ids() throws {
        for vocabulary in [["a": 0, "b": 0], ["a": -1], ["a": 1 << 40], ["a": 1_000_000], ["a": Int.max]] {
            #expect(refusal { try describe { setModel(&$0, "vocab", vocabulary) } }?.value != nil)
        }
        let tokenizer = try describe { setModel(&$0, "vocab", ["a": 0, "b": 9]) }
        #expect(tokenizer.tokens.count == 10)
        #expect(tokenizer.kinds[8] == .unused)
        #expect(tokenizer.tokens[8] == "")
    }

    @Test("An unknown token that is not in the vocabulary is refused")
    func unknownToken() {
        #expect(refusal { try describe { setModel(&$0, "unk_token", "<none>") } }?.field == "model.unk_token")
    }

    @Test("vocab.json and merges.txt serve where there is no tokenizer.json")
    func olderFiles() throws {
        let added = #"{"3": {"content": "<e>", "special": true}}"#
        let settings =
            #"{"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<e>", "added_tokens_decoder": "# + added + "}"
        var folder = MemoryFolder(files: [
            "vocab.json": Array(#"{"a": 0, "b": 1, "ab": 2}"#.utf8),
            "merges.txt": Array("#version: 0.2\na b\n".utf8),
            "tokenizer_config.json": Array(settings.utf8),
        ])
        let tokenizer = try #require(try folder.tokenizer())
        #expect(tokenizer.tokens == ["a", "b", "ab", "<e>"])
        #expect(tokenizer.normalizers == [.nfc])
        #expect(tokenizer.preTokenizers.count == 2)
        #expect(tokenizer.eos == 3)
        folder.files["merges.txt"] = Array("#version: 0.2\r\na b\r\n".utf8)
        guard case .bytePairs([.init(left: "a", right: "b")])? = try folder.tokenizer()?.algorithm else {
            return #expect(Bool(false))
        }
        folder.files["merges.txt"] = Array("a\n".utf8)
        #expect(refusal { try folder.tokenizer() }?.field == "line 1")
        folder.files["merges.txt"] = nil
        #expect(try folder.tokenizer() == nil)
    }

    @Test("Of one text under two ids the first entry counts, and the model's own id before all")
    func addedTwice() throws {
        func added(_ tokens: [(id: Int, content: String, strips: Bool)]) throws -> [TokenizerDescription.AddedToken] {
            try describe { document in
                document["post_processor"] = NSNull()
                document["added_tokens"] = tokens.map {
                    ["id": $0.id, "content": $0.content, "special": true, "rstrip": $0.strips] as [String: Any]
                }
            }.addedTokens
        }
        let twice = try added([(4, "<e>", true), (9, "<e>", false), (5, "<f>", false)])
        #expect(twice.map(\.id) == [4, 5] && twice.map(\.stripsRight) == [true, false])
        #expect(try added([(2, "ab", false), (9, "ab", false)]).map(\.id) == [2])
        #expect(try added([(9, "ab", false)]).map(\.id) == [2])
    }

    @Test("The texts that GPT-2's class, or a settings file, makes special are special in vocab.json")
    func olderSpecialTokens() throws {
        var folder = MemoryFolder(files: [
            "vocab.json": Array(#"{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3, "<p>": 4}"#.utf8),
            "merges.txt": Array("a b\n".utf8),
        ])
        var tokenizer = try #require(try folder.tokenizer())
        #expect(tokenizer.addedTokens.map(\.id) == [3] && tokenizer.addedTokens[0].isSpecial)
        #expect(tokenizer.bos == 3 && tokenizer.eos == 3 && tokenizer.kinds[3] == .control)
        #expect(tokenizer.prefixTokens == [] && tokenizer.notices == [])
        folder.files["special_tokens_map.json"] = Array(#"{"pad_token": {"content": "<p>"}, "eos_token": "ab"}"#.utf8)
        tokenizer = try #require(try folder.tokenizer())
        #expect(Set(tokenizer.addedTokens.map(\.id)) == [2, 3, 4] && tokenizer.eos == 2)
        folder.files["tokenizer_config.json"] = Array("{}".utf8)
        #expect(try folder.tokenizer()?.notices.count == 1)
        folder.files["config.json"] = Array(#"{"model_type": "qwen2"}"#.utf8)
        tokenizer = try #require(try folder.tokenizer())
        #expect(tokenizer.normalizers == [.nfc] && tokenizer.notices == [])
    }
}
